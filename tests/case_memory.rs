//! What an open case costs.
//!
//! Scenario: failures that wait for evidence, each with a request id, a trace and an enclosing span, in exports of 1000.
//! Guarantee: a million of them stay under 300 MiB, all keys and queues included.

use allocation_counter::measure;
use coroner::correlate::{Correlator, Ledger, Settings, Settled};
use coroner::judge::Rulebooks;
use coroner::observe::{Api, Observation, Outcome, Row, Status, Tally, Target, Timing, Vantage};
use std::sync::Arc;

/// A quarter of a million; the tables grow by powers of two, so the bytes per case are those of a million.
const CASES: u64 = 250_000;
/// 300 MiB over a million.
const MOST: u64 = (300 << 20) / 1_000_000;
const NOW_NS: u64 = 1_795_000_000_000_000_000;

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

fn failure(id: u64, target: &Arc<Target>, caller: &Arc<str>) -> Observation {
    Observation {
        vantage: Vantage::Client,
        target: Arc::clone(target),
        api: Api::Dedicated,
        caller: Arc::clone(caller),
        status: Status::Http(502),
        transport: None,
        ending: None,
        path: String::new(),
        text: String::new(),
        headers: Vec::new(),
        request_id: format!("{id:037x}"),
        start_ns: NOW_NS - 1_000_000_000,
        end_ns: NOW_NS,
        trace_id: u128::from(id).to_be_bytes(),
        span_id: (2 * id).to_be_bytes(),
        parent_span_id: (2 * id + 1).to_be_bytes(),
        weight: 1.0,
        outcome: Outcome::Error,
    }
}

#[test]
fn a_million_open_cases_stay_under_300_mib() {
    let books = Arc::new(Rulebooks::builtin());
    let targets: Vec<_> = (0..100)
        .map(|n| Target { platform: "baseten".into(), model_id: format!("m{n}"), ..Target::default() })
        .map(Arc::new)
        .collect();
    let caller: Arc<str> = "checkout".into();
    let settings = Settings { remember_successes: 0, failures: 2, ..Settings::default() };
    let (mut correlator, mut ledger) = (Correlator::new(&settings, Arc::clone(&books)), Settlements::default());
    let held = measure(|| {
        for export in 0..CASES / 1000 {
            let ids = export * 1000 + 1..=export * 1000 + 1000;
            let failures: Vec<_> =
                ids.zip(targets.iter().cycle()).map(|(id, target)| failure(id, target, &caller)).collect();
            let rules: Vec<_> = failures.iter().map(|seen| Arc::clone(books.decide(seen))).collect();
            correlator.fold(&Tally { failures, ..Tally::default() }, &rules, NOW_NS, &mut ledger);
        }
    });
    assert_eq!(ledger.0, 0, "all of them wait");
    let (kept, peak) = (held.bytes_current.unsigned_abs() / CASES, held.bytes_max / CASES);
    assert!(peak <= MOST, "{peak} bytes a case at the peak, {kept} kept, not {MOST}");
    assert!(kept >= 150, "the case itself is larger: {kept} bytes");
    correlator.drain(NOW_NS, &mut ledger);
    assert_eq!(ledger.0, CASES);
    println!("{kept} bytes a case, {peak} at the peak");
}

#[test]
fn a_job_with_all_its_calls_in_one_span_costs_no_more() {
    let books = Arc::new(Rulebooks::builtin());
    let (target, caller) = (Arc::new(Target { model_id: "m".into(), ..Target::default() }), Arc::from("job"));
    let settings = Settings { remember_successes: 0, ..Settings::default() };
    let (mut correlator, mut ledger) = (Correlator::new(&settings, Arc::clone(&books)), Settlements::default());
    for id in 1..=CASES / 10 {
        let seen = Observation { trace_id: [7; 16], parent_span_id: [9; 8], ..failure(id, &target, &caller) };
        let rules = [Arc::clone(books.decide(&seen))];
        correlator.fold(&Tally { failures: vec![seen], ..Tally::default() }, &rules, NOW_NS, &mut ledger);
    }
    // Quadratic work would take minutes.
    correlator.drain(NOW_NS, &mut ledger);
    assert_eq!(ledger.0, CASES / 10, "each is a failure of its own");
}
