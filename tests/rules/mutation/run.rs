//! Mutants against tests. In: the suite and the mutants to try. Out: those that no test sees, found by promtool on every core.

use super::batch::{self, Reach};
use super::mutant::Mutant;
use super::suite::{Case, Suite};
use crate::pack::part;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Mutants of one rule that one worker takes at a time.
const PORTION: usize = 64;

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
        if cases.is_empty() {
            return None;
        }
        let mut command = promtool(&self.folder);
        for &n in cases {
            let case = &self.suite.cases[n];
            let rules = self.suite.rules_of(case, changed);
            std::fs::write(self.folder.join(format!("{}.rules.json", case.id)), rules.to_string()).unwrap();
            command.arg(format!("{}.json", case.id));
        }
        let text = said(&mut command)?;
        // One block a file, in the order of the arguments.
        let blocks = text.split("Unit Testing:").skip(1);
        let first = blocks.zip(cases).find(|(block, _)| block.contains("FAILED")).map(|(_, &n)| n);
        Some((first.unwrap_or(cases[0]), text))
    }
}

impl Bench<'_> {
    /// Tries mutants of one rule together, test by test. Returns those that none saw, and the tests that cannot be asked together.
    fn together<'m>(&self, portion: &'m [Mutant]) -> (Vec<&'m Mutant>, Vec<usize>) {
        let mut live: Vec<&Mutant> = portion.iter().collect();
        let mut alone = Vec::new();
        for n in self.suite.reached(portion[0].place) {
            if !self.ask(&self.suite.cases[n], &mut live) {
                alone.push(n);
            }
        }
        (live, alone)
    }

    /// Asks one test about all these mutants; those that it sees are gone. False where the rules themselves do not pass under other names.
    fn ask(&self, case: &Case, live: &mut Vec<&Mutant>) -> bool {
        let Some(place) = live.first().map(|mutant| mutant.place) else { return true };
        let reach = Reach::new(self.suite, case, place);
        while !live.is_empty() {
            let Some(batch) = batch::batch(self.suite, case, &reach, place, live) else { return true };
            let Some(output) = self.run(&case.id, &batch.rules, &batch.test) else { return true };
            let verdict = reach.read(&output);
            if verdict.unsound {
                return false;
            }
            let mut n = 0..;
            live.retain(|_| n.next().is_some_and(|n| !verdict.seen.contains(&n)));
            if !verdict.stopped {
                return true;
            }
        }
        true
    }

    /// Runs one file; what promtool says where a test fails.
    fn run(&self, id: &str, rules: &Value, test: &Value) -> Option<String> {
        std::fs::write(self.folder.join(format!("{id}.rules.json")), rules.to_string()).unwrap();
        let path = self.folder.join(format!("{id}.batch.json"));
        std::fs::write(&path, test.to_string()).unwrap();
        said(promtool(&self.folder).arg(path))
    }

    /// Tries one test, then ever more at once. The one that fails goes to the front: the next mutant is like this one.
    fn is_seen(&self, order: &mut Vec<usize>, mutant: &Mutant) -> bool {
        let (mut from, mut size) = (0, 1);
        while from < order.len() {
            let to = (from + size).min(order.len());
            if let Some((seen_by, _)) = self.fails(&order[from..to], Some(mutant)) {
                order.retain(|&n| n != seen_by);
                order.insert(0, seen_by);
                return true;
            }
            (from, size) = (to, size * 2);
        }
        false
    }
}

/// Debian's promtool: the quicker of the two to start. Its runs are too short to collect garbage.
fn promtool(folder: &Path) -> Command {
    let mut command = Command::new(part("promtool2"));
    command.args(["test", "rules"]).current_dir(folder).env("GOGC", "400");
    command
}

/// What promtool says where it fails.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().unwrap();
    let text = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (!output.status.success()).then(text)
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

/// The mutants that no test sees.
pub(super) fn survivors(suite: &Suite, mutants: &[Mutant]) -> Vec<Mutant> {
    let mut jobs: Vec<&[Mutant]> = Vec::new();
    for of_one_rule in mutants.chunk_by(|one, next| one.place == next.place) {
        jobs.extend(of_one_rule.chunks(PORTION));
    }
    // The dearest are taken first: they come from the end.
    jobs.sort_by_key(|mutants| suite.cost(mutants[0].place, mutants.len()));
    let found = Mutex::new(Vec::new());
    share(jobs, |worker, portion| {
        let bench = Bench::new(suite, &format!("worker-{worker}"));
        let (live, mut order) = bench.together(portion);
        if !live.is_empty() {
            // Only tests that pass on the rules as they are can tell anything; that the others fail is said elsewhere.
            while let Some((broken, _)) = bench.fails(&order, None) {
                order.retain(|&n| n != broken);
            }
        }
        for mutant in live {
            if !bench.is_seen(&mut order, mutant) {
                found.lock().unwrap().push(mutant.clone());
            }
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort_by(|one, other| (one.place, &one.what).cmp(&(other.place, &other.what)));
    found
}
