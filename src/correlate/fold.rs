//! The fold: one state, one task, one export after the other.
//!
//! In: a [`Tally`], the rule that decided each of its failures, the arrival time. Out: what the [`Ledger`] is told: requests on arrival,
//! failures when they settle. What a failure joins is decided in `join`, when and how it settles in `settle`.

use super::archive::Archive;
use super::bearing::{Needs, bearing};
use super::docket::Docket;
use super::place::{Fact, News};
use super::readings::Readings;
use super::repeat::Repeats;
use super::settings::{Settings, Spans, nanos};
use super::successes::Successes;
use super::vantage::{Sight, Standing, Vantages};
use super::{Held, Ledger, Part};
use crate::judge::{Rule, Rulebooks};
use crate::observe::{Ending, Evidence, Exemplar, Observation, Row, Status, Tally, Timing, Vantage};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// How often sources and places that nobody speaks of any more are looked for, ns.
const TIDY_EVERY_NS: u64 = 60_000_000_000;

/// Counts each request once and settles each failure once.
#[derive(Debug)]
pub struct Correlator {
    pub(super) books: Arc<Rulebooks>,
    pub(super) vantages: Vantages,
    pub(super) repeats: Repeats,
    pub(super) docket: Docket,
    pub(super) archive: Archive,
    readings: Readings,
    pub(super) successes: Successes,
    /// Waiting cases whose record proves a broken answer, by the keys under which the success may come.
    pub(super) broken: HashMap<u64, u32, foldhash::fast::RandomState>,
    pub(super) settings: Settings,
    pub(super) spans: Spans,
    tidied_ns: u64,
    /// The timings of one export, ordered by row; kept for its memory.
    sorted: Vec<Timing>,
    /// Where the timings of each row end in `sorted`; kept for its memory.
    ends: Vec<usize>,
    /// Which rows of one export were counted; kept for its memory.
    counted: Vec<bool>,
}

impl Correlator {
    /// A correlator that has seen nothing. It asks the books what an error means when another vantage saw a good answer begin.
    pub fn new(settings: &Settings, books: Arc<Rulebooks>) -> Self {
        Self {
            books,
            vantages: Vantages::new(settings),
            repeats: Repeats::new(settings.failures),
            docket: Docket::default(),
            archive: Archive::new(settings),
            readings: Readings::default(),
            successes: Successes::new(settings.remember_successes),
            broken: HashMap::default(),
            spans: Spans::from(settings),
            settings: settings.clone(),
            tidied_ns: 0,
            sorted: Vec::new(),
            ends: Vec::new(),
            counted: Vec::new(),
        }
    }

    /// Takes in one export that arrived at `now_ns` (ns since 1970); `rules[i]` decided `tally.failures[i]`.
    pub fn fold<L: Ledger>(&mut self, tally: &Tally, rules: &[Arc<Rule>], now_ns: u64, ledger: &mut L) {
        debug_assert_eq!(tally.failures.len(), rules.len(), "one rule for each failure");
        self.age(now_ns, ledger);
        let rows = tally.rows.iter().map(Sight::from);
        let requests = tally.failures.iter().filter(|failure| !only_proves(failure));
        self.vantages.see(rows.chain(requests.map(Sight::from)), now_ns);
        self.count_rows(tally, now_ns, ledger);
        tally.heard.iter().for_each(|heard| self.archive.hear(heard, now_ns));
        let mut touched = Touched::default();
        for line in &tally.activity {
            self.archive.follow(line, tally.heard.get(line.heard as usize), now_ns);
            if self.docket.with_key(line.key).next().is_some() {
                touched.requests.insert(line.key);
            }
        }
        self.file(&tally.evidence, &mut touched, now_ns, ledger);
        let proved = self.readings.take(&tally.readings);
        self.file(&proved, &mut touched, now_ns, ledger);
        self.remember(tally, now_ns, ledger);
        for (failure, rule) in tally.failures.iter().zip(rules) {
            self.take(failure, rule, now_ns, ledger);
        }
        self.reconsider(&touched, now_ns, ledger);
        let dropped = self.archive.take_dropped();
        if dropped > 0 {
            ledger.dropped(Part::Evidence, dropped);
        }
    }

    /// Lets time pass: settles what waited long enough, and forgets what was not seen for long.
    pub fn tick<L: Ledger>(&mut self, now_ns: u64, ledger: &mut L) {
        self.age(now_ns, ledger);
        if now_ns.abs_diff(self.tidied_ns) >= TIDY_EVERY_NS {
            self.tidied_ns = now_ns;
            self.tidy(now_ns);
            for (channel, (seconds, shifted)) in self.archive.skews() {
                ledger.skewed(channel.as_str(), seconds, shifted);
            }
            for target in self.vantages.targets() {
                for (channel, arrival_ns) in self.archive.last_heard(target) {
                    ledger.heard(target, channel, arrival_ns);
                }
            }
        }
        let (callers, targets) = self.vantages.len();
        let (open, settled, case_bytes) = self.docket.len();
        let (evidence, evidence_bytes) = self.archive.len();
        ledger.held(Held {
            callers,
            targets,
            failures: self.repeats.len(),
            open,
            settled,
            evidence,
            successes: self.successes.len(),
            bytes: case_bytes + evidence_bytes,
        });
    }

    /// The end: settles what is open, with what is held.
    pub fn drain<L: Ledger>(&mut self, now_ns: u64, ledger: &mut L) {
        self.settle_due(u64::MAX, now_ns, ledger);
        self.tick(now_ns, ledger);
    }

    fn age<L: Ledger>(&mut self, now_ns: u64, ledger: &mut L) {
        self.settle_due(now_ns, now_ns, ledger);
        self.vantages.age(now_ns);
        self.repeats.age(now_ns, nanos(self.settings.remember_failures));
        self.archive.age(now_ns, &self.spans);
        self.readings.age(now_ns, self.spans.keep);
    }

    /// Counts the requests that did not fail.
    fn count_rows<L: Ledger>(&mut self, tally: &Tally, now_ns: u64, ledger: &mut L) {
        self.sort_timings(tally);
        self.counted.clear();
        let mut begin = 0;
        for (row, end) in tally.rows.iter().zip(&self.ends) {
            let timings = self.sorted[begin..*end].iter().copied();
            begin = *end;
            self.counted.push(count(&mut self.vantages, row, timings, (now_ns, ledger)));
        }
    }

    /// Remembers the successes that were counted, and opens those that a log has already proved broken.
    fn remember<L: Ledger>(&mut self, tally: &Tally, now_ns: u64, ledger: &mut L) {
        let mut last = (u32::MAX, None);
        for success in &tally.successes {
            if last.0 != success.row {
                let row = tally.rows.get(success.row as usize);
                let counts = self.counted.get(success.row as usize).is_some_and(|counted| *counted);
                last = (success.row, row.filter(|_| counts).and_then(|row| self.successes.label(row)));
            }
            if let Some(label) = last.1 {
                self.successes.remember(success, label);
            }
        }
        if !self.broken.is_empty() {
            tally.successes.iter().for_each(|success| self.prove_broken(success, now_ns, ledger));
        }
    }

    /// Files evidence; notes which models and requests it speaks of.
    fn file<L: Ledger>(&mut self, evidence: &[Evidence], touched: &mut Touched, now_ns: u64, ledger: &mut L) {
        for piece in evidence {
            match self.archive.file(piece, now_ns) {
                None => ledger.unplaced(piece.kind, 1.0),
                Some((_, News::Known)) => {}
                Some((fact, news)) => {
                    if news == News::New {
                        ledger.testified(&fact.target, fact.kind, 1.0);
                    }
                    touched.add(&fact);
                }
            }
        }
    }

    fn tidy(&mut self, now_ns: u64) {
        let docket = &self.docket;
        self.archive.tidy(now_ns, &self.spans, |model, at| {
            docket.get(at).is_some_and(|case| case.failure.target.model_id == *model)
        });
    }

    /// Orders the timings by row in linear time (they come in the order of the records).
    fn sort_timings(&mut self, tally: &Tally) {
        let Self { sorted, ends, .. } = self;
        ends.clear();
        ends.resize(tally.rows.len(), 0);
        for timing in &tally.timings {
            if let Some(count) = ends.get_mut(timing.row as usize) {
                *count += 1;
            }
        }
        let mut total = 0;
        for end in ends.iter_mut() {
            total += std::mem::replace(end, total);
        }
        sorted.clear();
        sorted.resize(total, Timing { row: 0, seconds: 0.0, weight: 0.0 });
        // Each entry of `ends` is where its row begins, and becomes where it ends.
        for timing in &tally.timings {
            if let Some(next) = ends.get_mut(timing.row as usize) {
                sorted[*next] = *timing;
                *next += 1;
            }
        }
    }
}

/// What the evidence of one export speaks of.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Facts that may decide by time, under the model that they name.
    pub(super) models: BTreeMap<String, Vec<Arc<Fact>>>,
    /// Keys of requests that facts name, or of failed ones that lines name.
    pub(super) requests: BTreeSet<u64>,
}

impl Touched {
    fn add(&mut self, fact: &Arc<Fact>) {
        if fact.request != 0 {
            self.requests.insert(fact.request);
        }
        if bearing(fact.kind).needs == Needs::Target {
            self.models.entry(fact.target.model_id.clone()).or_default().push(Arc::clone(fact));
        }
    }
}

/// Tells the ledger of the requests of one row; true where this vantage counts them.
pub(super) fn count<L: Ledger>(
    vantages: &mut Vantages,
    row: &Row,
    mut timings: impl Iterator<Item = Timing>,
    (now_ns, ledger): (u64, &mut L),
) -> bool {
    ledger.observed(row);
    let Standing::Primary { news } = vantages.standing(Sight::from(row), now_ns) else { return false };
    if let Some(primary) = news {
        ledger.primary(row, primary);
    }
    ledger.requested(row, &mut timings);
    true
}

/// A model's error in the middle of a stream: it proves a request broken that some other record counts, its own access line not least.
pub(super) fn only_proves(seen: &Observation) -> bool {
    seen.vantage == Vantage::Model && seen.status == Status::None && seen.ending == Some(Ending::Truncated)
}

/// A failed request as a row of its own.
pub(super) fn row_of(failure: &Observation) -> Row {
    let known = failure.trace_id != [0; 16];
    Row {
        target: Arc::clone(&failure.target),
        caller: Arc::clone(&failure.caller),
        vantage: failure.vantage,
        status: failure.status,
        outcome: failure.outcome,
        ending: failure.ending,
        requests: failure.weight,
        exemplar: failure.elapsed().filter(|_| known).map(|seconds| Exemplar {
            trace_id: failure.trace_id,
            span_id: failure.span_id,
            seconds,
            time_ns: failure.end_ns,
        }),
    }
}
