//! Mutants against tests. In: the suite and the mutants to try. Out: those that no test sees, found by promtool on every core.

use super::mutant::Mutant;
use super::suite::Suite;
use crate::pack::part;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Mutants of one rule that one worker takes at a time.
const PORTION: usize = 16;

/// A folder of one worker, with the tests that it has written.
struct Bench<'s> {
    suite: &'s Suite,
    folder: PathBuf,
}

impl<'s> Bench<'s> {
    fn new(suite: &'s Suite, name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants").join(name);
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        for case in &suite.cases {
            std::fs::write(folder.join(format!("{}.json", case.id)), case.file.to_string()).unwrap();
        }
        Self { suite, folder }
    }

    /// Runs tests with one rule changed; the first that fails, and what promtool says.
    fn fails(&self, cases: &[usize], mutant: Option<&Mutant>) -> Option<(usize, String)> {
        let changed = mutant.map(|mutant| (mutant.place, &mutant.changed));
        let mut command = Command::new(part("promtool2"));
        command.args(["test", "rules"]).current_dir(&self.folder);
        for &n in cases {
            let case = &self.suite.cases[n];
            let rules = self.suite.rules_of(case, changed);
            std::fs::write(self.folder.join(format!("{}.rules.json", case.id)), rules.to_string()).unwrap();
            command.arg(format!("{}.json", case.id));
        }
        let output = command.output().unwrap();
        if output.status.success() {
            return None;
        }
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // One block a file, in the order of the arguments.
        let blocks = text.split("Unit Testing:").skip(1);
        let first = blocks.zip(cases).find(|(block, _)| block.contains("FAILED")).map(|(_, &n)| n);
        Some((first.unwrap_or(cases[0]), text))
    }
}

/// Runs `job` on every core until the list is empty.
fn share<T: Send>(jobs: Vec<T>, job: impl Fn(usize, T) + Sync) {
    let jobs = Mutex::new(jobs);
    std::thread::scope(|scope| {
        for worker in 0..std::thread::available_parallelism().unwrap().get() {
            let (jobs, job) = (&jobs, &job);
            scope.spawn(move || {
                loop {
                    let Some(one) = jobs.lock().unwrap().pop() else { break };
                    job(worker, one);
                }
            });
        }
    });
}

/// The tests that fail on the rules as they are.
pub(super) fn baseline(suite: &Suite) -> Vec<String> {
    let failing = Mutex::new(Vec::new());
    let all: Vec<usize> = (0..suite.cases.len()).collect();
    let jobs: Vec<Vec<usize>> = all.chunks(8).map(<[usize]>::to_vec).collect();
    share(jobs, |worker, cases| {
        let bench = Bench::new(suite, &format!("baseline-{worker}"));
        if let Some((first, text)) = bench.fails(&cases, None) {
            failing.lock().unwrap().push(format!("{}:\n{text}", suite.cases[first].title));
        }
    });
    failing.into_inner().unwrap()
}

/// The mutants that no test sees.
pub(super) fn survivors(suite: &Suite, mutants: &[Mutant]) -> Vec<Mutant> {
    let mut jobs: Vec<&[Mutant]> = Vec::new();
    for of_one_rule in mutants.chunk_by(|one, next| one.place == next.place) {
        jobs.extend(of_one_rule.chunks(PORTION));
    }
    let found = Mutex::new(Vec::new());
    share(jobs, |worker, portion| {
        let bench = Bench::new(suite, &format!("worker-{worker}"));
        let mut order = suite.reached(portion[0].place);
        for mutant in portion {
            if !is_seen(&bench, &mut order, mutant) {
                found.lock().unwrap().push(mutant.clone());
            }
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort_by(|one, other| (one.place, &one.what).cmp(&(other.place, &other.what)));
    found
}

/// Tries one test, then ever more at once. The one that fails goes to the front: the next mutant is like this one.
fn is_seen(bench: &Bench, order: &mut Vec<usize>, mutant: &Mutant) -> bool {
    let (mut from, mut size) = (0, 1);
    while from < order.len() {
        let to = (from + size).min(order.len());
        if let Some((seen_by, _)) = bench.fails(&order[from..to], Some(mutant)) {
            order.retain(|&n| n != seen_by);
            order.insert(0, seen_by);
            return true;
        }
        (from, size) = (to, size * 2);
    }
    false
}
