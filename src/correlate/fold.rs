//! The fold: one state, one task, one export after the other.
//!
//! In: a [`Tally`], the rule that decided each of its failures, the arrival time. Out: what the [`Ledger`] is told. Until evidence is
//! weighed, every case settles as it is opened, with the verdict that its record alone allows.

use super::repeat::Repeats;
use super::vantage::{Sight, Standing, Vantages, nanos};
use super::{Failure, Held, Ledger, Settled};
use crate::judge::Rule;
use crate::observe::{Exemplar, Observation, Row, Tally, Timing, Vantage};
use std::sync::Arc;
use std::time::Duration;

/// How the fold decides and how much it may remember.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which vantages may count requests (`observe.vantages`).
    pub vantages: Vec<Vantage>,
    /// How long a vantage that fell silent still counts as present.
    pub present_for: Duration,
    /// How long a higher vantage must have been present before it takes over a target.
    pub take_over_after: Duration,
    /// How long a failure that comes again is recognised, at least.
    pub remember_failures: Duration,
    /// How many failures are remembered at most, 40 bytes each.
    pub failures: usize,
    /// How many callers are remembered at most.
    pub callers: usize,
    /// How many targets are remembered at most.
    pub targets: usize,
}

impl Default for Settings {
    /// All vantages; 10 min and 60 s (the definition of the primary vantage); failures for the 10 min in which a second
    /// vantage would join them; twice the targets and callers that the metrics keep apart.
    fn default() -> Self {
        Self {
            vantages: vec![Vantage::Client, Vantage::Sdk, Vantage::Gateway, Vantage::Model],
            present_for: Duration::from_mins(10),
            take_over_after: Duration::from_mins(1),
            remember_failures: Duration::from_mins(10),
            failures: 200_000,
            callers: 10_000,
            targets: 20_000,
        }
    }
}

/// Counts each request once and settles each failure once.
#[derive(Debug)]
pub struct Correlator {
    vantages: Vantages,
    repeats: Repeats,
    remember_failures_ns: u64,
    /// The timings of one export, ordered by row; kept for its memory.
    sorted: Vec<Timing>,
    /// Where the timings of each row end in `sorted`; kept for its memory.
    ends: Vec<usize>,
}

impl Correlator {
    /// A correlator that has seen nothing.
    pub fn new(settings: &Settings) -> Self {
        Self {
            vantages: Vantages::new(settings),
            repeats: Repeats::new(settings.failures),
            remember_failures_ns: nanos(settings.remember_failures),
            sorted: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Takes in one export that arrived at `now_ns` (ns since 1970); `rules[i]` decided `tally.failures[i]`.
    pub fn fold<L: Ledger>(&mut self, tally: &Tally, rules: &[Arc<Rule>], now_ns: u64, ledger: &mut L) {
        debug_assert_eq!(tally.failures.len(), rules.len(), "one rule for each failure");
        self.age(now_ns);
        let rows = tally.rows.iter().map(Sight::from);
        self.vantages.see(rows.chain(tally.failures.iter().map(Sight::from)), now_ns);
        self.sort_timings(tally);
        let mut begin = 0;
        for (row, end) in tally.rows.iter().zip(&self.ends) {
            let timings = self.sorted[begin..*end].iter().copied();
            begin = *end;
            count(&mut self.vantages, row, timings, (now_ns, ledger));
        }
        for (failure, rule) in tally.failures.iter().zip(rules) {
            self.open(failure, rule, now_ns, ledger);
        }
    }

    /// Lets time pass: forgets callers, targets and failures that were not seen for long.
    pub fn tick<L: Ledger>(&mut self, now_ns: u64, ledger: &mut L) {
        self.age(now_ns);
        let (callers, targets) = self.vantages.len();
        ledger.held(Held { callers, targets, failures: self.repeats.len(), ..Held::default() });
    }

    /// The end: settles what is open. Nothing stays open as long as cases settle as they are opened, so this is a last tick.
    pub fn drain<L: Ledger>(&mut self, now_ns: u64, ledger: &mut L) {
        self.tick(now_ns, ledger);
    }

    /// Counts a failed request and settles it, unless it came before or another vantage counts it.
    fn open<L: Ledger>(&mut self, failure: &Observation, rule: &Rule, now_ns: u64, ledger: &mut L) {
        if self.repeats.again(failure) {
            ledger.repeated(failure.vantage, failure.weight);
            return;
        }
        let timing = failure.elapsed().map(|seconds| Timing { row: 0, seconds, weight: failure.weight });
        if count(&mut self.vantages, &row_of(failure), timing.into_iter(), (now_ns, ledger)) {
            ledger.settled(&Settled { failure: &Failure::from(failure), verdict: &rule.verdict, proof: None });
        } else {
            ledger.unjoined(failure.vantage, failure.weight);
        }
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

    fn age(&mut self, now_ns: u64) {
        self.vantages.age(now_ns);
        self.repeats.age(now_ns, self.remember_failures_ns);
    }
}

/// Tells the ledger of the requests of one row; true where this vantage counts them.
fn count<L: Ledger>(
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

/// A failed request as a row of its own.
fn row_of(failure: &Observation) -> Row {
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
