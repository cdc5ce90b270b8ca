//! How fast the fold is: one failure from its opening to its verdict, evidence beside many open cases, one remembered success.
//!
//! One element is one failure, one fact or one success. `settle at once` opens cases that nothing can change; `wait` opens cases that
//! wait for evidence, until they settle without any; `evidence` opens them, and one OOM kill a hundred cases settles them early;
//! `late look` is one fact that decides none of 100,000 open cases of its model; `remember` marks successes. What an open case costs
//! in memory is a test (`tests/case_memory.rs`).

use coroner::correlate::{Correlator, Ledger, Settings, Settled};
use coroner::judge::taxonomy::EvidenceKind;
use coroner::judge::{Rule, Rulebooks};
use coroner::observe::{
    Api, Channel, Evidence, Observation, Outcome, Row, Status, Success, Tally, Target, Timing, Vantage,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Arc;

// The service's own allocator, so that the figures are those of the service.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW_NS: u64 = 1_795_000_000_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;
/// Failures of an export.
const FAILURES: u64 = 1000;
/// Models that fail.
const MODELS: u64 = 10;

#[derive(Default)]
struct Settlements(u64);

impl Ledger for Settlements {
    fn observed(&mut self, _: &Row) {}
    fn requested(&mut self, _: &Row, _: &mut dyn Iterator<Item = Timing>) {}
    fn settled(&mut self, _: &Settled<'_>) {
        self.0 += 1;
    }
    fn primary(&mut self, _: &Row, _: Vantage) {}
    fn unjoined(&mut self, _: Vantage, _: f64) {}
}

fn target(model: u64) -> Arc<Target> {
    Arc::new(Target { platform: "baseten".into(), model_id: format!("m{model}"), ..Target::default() })
}

fn failure(id: u64, code: u16, now_ns: u64) -> Observation {
    Observation {
        vantage: Vantage::Client,
        target: target(id % MODELS),
        api: Api::Dedicated,
        caller: "checkout".into(),
        status: Status::Http(code),
        transport: None,
        ending: None,
        path: String::new(),
        text: String::new(),
        headers: Vec::new(),
        request_id: String::new(),
        start_ns: now_ns - SECOND_NS,
        end_ns: now_ns,
        trace_id: u128::from(id + 1).to_be_bytes(),
        span_id: (2 * id + 1).to_be_bytes(),
        parent_span_id: (2 * id + 2).to_be_bytes(),
        weight: 1.0,
        outcome: Outcome::Error,
    }
}

fn kill(model: u64, time_ns: u64) -> Evidence {
    Evidence {
        kind: EvidenceKind::OomKilled,
        channel: Channel::PlatformLogs,
        target: Some(target(model)),
        replica: "r1".into(),
        process: 0,
        request_id: String::new(),
        trace_id: [0; 16],
        time_ns,
        event_ns: time_ns,
        rule: "bench".into(),
        text: "Exit code: 137, reason: OOMKilled, restart count: 1".into(),
    }
}

/// The service's state, with a clock that goes on.
struct Bench {
    correlator: Correlator,
    ledger: Settlements,
    books: Arc<Rulebooks>,
    next: u64,
    now_ns: u64,
}

impl Bench {
    fn new() -> Self {
        let books = Arc::new(Rulebooks::builtin());
        let correlator = Correlator::new(&Settings::default(), Arc::clone(&books));
        Self { correlator, ledger: Settlements::default(), books, next: 0, now_ns: NOW_NS }
    }

    /// An export of failures that were never seen, ten seconds after the last one.
    fn export(&mut self, code: u16) -> (Tally, Vec<Arc<Rule>>, u64) {
        self.now_ns += 10 * SECOND_NS;
        let ids = self.next..self.next + FAILURES;
        self.next += FAILURES;
        let failures: Vec<_> = ids.map(|id| failure(id, code, self.now_ns)).collect();
        let rules = failures.iter().map(|seen| Arc::clone(self.books.decide(seen))).collect();
        (Tally { failures, ..Tally::default() }, rules, self.now_ns)
    }

    fn fold(&mut self, (tally, rules, now_ns): &(Tally, Vec<Arc<Rule>>, u64)) {
        self.correlator.fold(tally, rules, *now_ns, &mut self.ledger);
    }
}

fn failures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Elements(FAILURES));
    for (name, code) in [("settle at once", 401), ("wait", 502)] {
        let bench = std::cell::RefCell::new(Bench::new());
        group.bench_function(name, |bencher| {
            let setup = || bench.borrow_mut().export(code);
            bencher.iter_batched(setup, |export| bench.borrow_mut().fold(&export), BatchSize::PerIteration);
        });
    }
    let bench = std::cell::RefCell::new(Bench::new());
    group.bench_function("evidence", |bencher| {
        let setup = || {
            let export = bench.borrow_mut().export(502);
            let evidence = (0..MODELS).map(|model| kill(model, export.2)).collect();
            (export, (Tally { evidence, ..Tally::default() }, Vec::new(), bench.borrow().now_ns))
        };
        let routine = |(export, kills)| {
            let mut bench = bench.borrow_mut();
            bench.fold(&export);
            bench.fold(&kills);
        };
        bencher.iter_batched(setup, routine, BatchSize::PerIteration);
    });
    group.finish();
}

fn one_fact(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fold");
    group.sample_size(20);
    let mut bench = Bench::new();
    for _ in 0..1000 {
        let export = bench.export(502);
        bench.now_ns -= 10 * SECOND_NS;
        bench.fold(&export);
    }
    let mut second = 0;
    group.bench_function("late look", |bencher| {
        bencher.iter(|| {
            second += 1;
            // Hours before any of the cases, each at another time.
            let evidence = vec![kill(0, NOW_NS - 9_000 * SECOND_NS - second * SECOND_NS)];
            let now_ns = bench.now_ns;
            bench.fold(&(Tally { evidence, ..Tally::default() }, Vec::new(), now_ns));
        });
    });
    assert_eq!(bench.ledger.0, 0, "none was decided");
    group.finish();
}

fn successes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Elements(FAILURES));
    let mut bench = Bench::new();
    let row = Row {
        target: target(1),
        caller: "checkout".into(),
        vantage: Vantage::Client,
        status: Status::Http(200),
        outcome: Outcome::Success,
        ending: None,
        requests: FAILURES as f64,
        exemplar: None,
    };
    let mut key = 1_u64;
    group.bench_function("remember", |bencher| {
        let setup = || {
            let mut next = || {
                // Keys are hashes: any walk over the whole range will do.
                key = key.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                Success { key: key >> 16 | 1, also: 0, row: 0, end_ns: NOW_NS, weight: 1.0 }
            };
            let successes = (0..FAILURES).map(|_| next()).collect();
            (Tally { rows: vec![row.clone()], successes, ..Tally::default() }, Vec::new(), NOW_NS)
        };
        bencher.iter_batched(setup, |export| bench.fold(&export), BatchSize::LargeInput);
    });
    group.finish();
}

criterion_group!(benches, failures, one_fact, successes);
criterion_main!(benches);
