//! What the fold tells its ledger: tables of who counts, and random sequences of exports.

use super::{Correlator, Ledger, Settings, Settled};
use crate::judge::{Rule, Rulebooks};
use crate::observe::{Api, Observation, Outcome, Row, Status, Tally, Target, Timing, Vantage};
use Vantage::{Client, Gateway, Model, Sdk};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

mod counting;
mod deciding;
mod joining;
mod properties;
mod scene;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_795_000_000 * SECOND;

/// Everything the fold said, by target.
#[derive(Debug, Default, PartialEq)]
struct Book {
    observed: f64,
    requested: BTreeMap<(String, Vantage), f64>,
    durations: f64,
    settled: BTreeMap<(String, Vantage), f64>,
    ids: Vec<[u8; 8]>,
    primary: Vec<(String, String, Vantage)>,
    unjoined: f64,
    repeated: f64,
}

impl Ledger for Book {
    fn observed(&mut self, row: &Row) {
        self.observed += row.requests;
    }
    fn requested(&mut self, row: &Row, timings: &mut dyn Iterator<Item = Timing>) {
        *self.requested.entry((row.target.model_id.clone(), row.vantage)).or_default() += row.requests;
        self.durations += timings.map(|timing| timing.seconds * timing.weight).sum::<f64>();
    }
    fn settled(&mut self, case: &Settled<'_>) {
        let seen = case.failure;
        *self.settled.entry((seen.target.model_id.clone(), seen.vantage)).or_default() += seen.weight;
        self.ids.push(seen.span_id);
    }
    fn primary(&mut self, row: &Row, vantage: Vantage) {
        self.primary.push((row.target.model_id.clone(), row.caller.to_string(), vantage));
    }
    fn unjoined(&mut self, _vantage: Vantage, requests: f64) {
        self.unjoined += requests;
    }
    fn repeated(&mut self, _vantage: Vantage, requests: f64) {
        self.repeated += requests;
    }
}

impl Book {
    fn counted(&self) -> Vec<(&str, Vantage, f64)> {
        self.requested.iter().map(|((model, vantage), n)| (model.as_str(), *vantage, *n)).collect()
    }
    fn per_model(counts: &BTreeMap<(String, Vantage), f64>) -> BTreeMap<&str, f64> {
        let mut models = BTreeMap::new();
        for ((model, _), n) in counts {
            *models.entry(model.as_str()).or_default() += n;
        }
        models
    }
}

fn target(model: &str) -> Arc<Target> {
    Arc::new(Target { platform: "baseten".into(), model_id: model.into(), ..Target::default() })
}

fn row(vantage: Vantage, caller: &str, model: &str) -> Row {
    Row {
        target: target(model),
        caller: caller.into(),
        vantage,
        status: Status::Http(200),
        outcome: Outcome::Success,
        ending: None,
        requests: 1.0,
        exemplar: None,
    }
}

fn failure(vantage: Vantage, caller: &str, model: &str, id: u64) -> Observation {
    Observation {
        vantage,
        target: target(model),
        api: Api::Dedicated,
        caller: caller.into(),
        status: Status::Http(502),
        transport: None,
        ending: None,
        path: String::new(),
        text: String::new(),
        headers: Vec::new(),
        request_id: String::new(),
        start_ns: START,
        end_ns: START + SECOND,
        trace_id: trace(id),
        span_id: id.to_be_bytes(),
        parent_span_id: [0; 8],
        weight: 1.0,
        outcome: Outcome::Error,
    }
}

/// Every failure has a trace of its own; 0 has none.
fn trace(id: u64) -> [u8; 16] {
    let mut trace = [0; 16];
    trace[8..].copy_from_slice(&id.to_be_bytes());
    trace
}

/// A correlator with the built-in books, which are compiled once.
fn correlator(settings: &Settings) -> Correlator {
    static BOOKS: LazyLock<Arc<Rulebooks>> = LazyLock::new(|| Arc::new(Rulebooks::builtin()));
    Correlator::new(settings, Arc::clone(&BOOKS))
}

/// A rule whose verdict nothing changes here.
fn rule() -> Arc<Rule> {
    static RULE: LazyLock<Arc<Rule>> = LazyLock::new(|| {
        let (books, seen) = (Rulebooks::builtin(), failure(Client, "", "m", 1));
        Arc::clone(books.decide(&Observation { status: Status::Http(401), ..seen }))
    });
    Arc::clone(&RULE)
}

/// One export of the given rows (a timing each) and failures.
fn export(rows: Vec<Row>, failures: Vec<Observation>) -> Tally {
    let timings = (0..rows.len()).map(|row| Timing { row: u32::try_from(row).unwrap(), seconds: 2.0, weight: 1.0 });
    Tally { timings: timings.collect(), rows, failures, ..Tally::default() }
}

fn fold(correlator: &mut Correlator, tally: &Tally, second: u64, book: &mut Book) {
    let rules = vec![rule(); tally.failures.len()];
    correlator.fold(tally, &rules, START + second * SECOND, book);
}

/// One successful request of model `m` per step, at that second from that vantage and caller.
fn play(steps: &[(u64, Vantage, &str)]) -> Book {
    let (mut correlator, mut book) = (correlator(&Settings::default()), Book::default());
    for (second, vantage, caller) in steps {
        fold(&mut correlator, &export(vec![row(*vantage, caller, "m")], vec![]), *second, &mut book);
    }
    book
}

#[test]
fn a_higher_vantage_takes_over_after_a_minute_and_a_lower_one_after_ten_minutes_of_silence() {
    type Case<'a> = (&'a str, &'a [(u64, Vantage, &'a str)], &'a [(&'a str, Vantage, f64)]);
    let table: [Case<'_>; 8] = [
        ("59 s are not enough", &[(0, Gateway, ""), (1, Client, "a"), (60, Client, "a")], &[("m", Gateway, 1.0)]),
        (
            "a minute is: from then on the gateway is silent",
            &[(0, Gateway, ""), (1, Client, "a"), (61, Client, "a"), (62, Gateway, "")],
            &[("m", Client, 1.0), ("m", Gateway, 1.0)],
        ),
        (
            "one try by hand does not take over, however long ago",
            &[(0, Gateway, ""), (1, Client, "a"), (300, Gateway, "")],
            &[("m", Gateway, 2.0)],
        ),
        (
            "a lower one never takes over",
            &[(0, Client, "a"), (300, Model, ""), (600, Model, "")],
            &[("m", Client, 1.0)],
        ),
        (
            "unless the higher one was silent for more than ten minutes",
            &[(0, Client, "a"), (600, Gateway, ""), (601, Gateway, ""), (602, Model, "")],
            &[("m", Client, 1.0), ("m", Gateway, 1.0)],
        ),
        (
            "a presence that broke off begins anew",
            &[
                (0, Client, "a"),
                (300, Gateway, ""),
                (650, Gateway, ""),
                (700, Client, "a"),
                (750, Client, "a"),
                (760, Client, "a"),
            ],
            &[("m", Client, 2.0), ("m", Gateway, 1.0)],
        ),
        (
            "a GenAI span after the caller's HTTP spans enriches",
            &[(0, Client, "a"), (9, Sdk, "a")],
            &[("m", Client, 1.0)],
        ),
        (
            "HTTP spans count from the first one on; another caller's GenAI spans count as well",
            &[(0, Sdk, "a"), (9, Client, "a"), (10, Sdk, "a"), (11, Sdk, "b")],
            &[("m", Client, 1.0), ("m", Sdk, 2.0)],
        ),
    ];
    let misses: Vec<_> = table
        .iter()
        .map(|(what, steps, expected)| (what, play(steps), expected))
        .filter(|(_, book, expected)| book.counted() != **expected)
        .map(|(what, book, expected)| format!("{what}: {:?}, not {expected:?}", book.counted()))
        .collect();
    assert!(misses.is_empty(), "{misses:#?}");
}

#[test]
fn one_export_decides_as_a_whole() {
    for reverse in [false, true] {
        let mut rows = vec![row(Model, "", "m"), row(Sdk, "a", "m"), row(Gateway, "", "m"), row(Client, "a", "m")];
        if reverse {
            rows.reverse();
        }
        let (mut correlator, mut book) = (correlator(&Settings::default()), Book::default());
        fold(&mut correlator, &export(rows, vec![]), 0, &mut book);
        assert_eq!(book.counted(), [("m", Client, 1.0)], "reversed: {reverse}");
        assert_eq!((book.observed, book.durations), (4.0, 2.0));
        assert_eq!(book.primary, [("m".to_owned(), "a".to_owned(), Client)]);
    }
}

#[test]
fn an_enriching_genai_span_does_not_hide_the_gateway_of_its_target() {
    let (mut correlator, mut book) = (correlator(&Settings::default()), Book::default());
    for second in [0, 70, 140] {
        let rows = vec![row(Client, "a", "other"), row(Sdk, "a", "m"), row(Gateway, "", "m")];
        fold(&mut correlator, &export(rows, vec![]), second, &mut book);
    }
    assert_eq!(book.counted(), [("m", Gateway, 3.0), ("other", Client, 3.0)]);
}

#[test]
fn only_configured_vantages_count() {
    let settings = Settings { vantages: vec![Gateway], ..Settings::default() };
    let (mut correlator, mut book) = (correlator(&settings), Book::default());
    let tally = export(vec![row(Client, "a", "m"), row(Gateway, "", "m")], vec![failure(Client, "a", "m", 1)]);
    fold(&mut correlator, &tally, 0, &mut book);
    correlator.drain(START, &mut book);
    assert_eq!((book.counted(), book.observed, book.unjoined), (vec![("m", Gateway, 1.0)], 3.0, 1.0));
    assert!(book.settled.is_empty());
}

#[test]
fn a_failure_that_comes_again_counts_once_as_request_and_as_failure() {
    let (mut correlator, mut book) = (correlator(&Settings::default()), Book::default());
    let heavy = Observation { weight: 10.0, ..failure(Client, "a", "m", 1) };
    fold(&mut correlator, &export(vec![], vec![heavy.clone()]), 0, &mut book);
    fold(
        &mut correlator,
        &export(vec![row(Client, "a", "m")], vec![heavy, failure(Client, "a", "m", 2)]),
        9,
        &mut book,
    );
    assert_eq!(book.counted(), [("m", Client, 12.0)]);
    assert_eq!(Book::per_model(&book.settled), [("m", 11.0)].into());
    assert_eq!((book.repeated, book.observed), (10.0, 12.0));
    assert!((book.durations - 13.0).abs() < 1e-9, "10 x 1 s, 2 s and 1 s: {}", book.durations);
}

#[test]
fn records_without_ids_and_attempts_behind_one_span_all_count() {
    let (mut correlator, mut book) = (correlator(&Settings::default()), Book::default());
    let late = Observation { start_ns: START + 5, ..failure(Gateway, "", "g", 3) };
    let failures = vec![
        failure(Client, "a", "m", 0),
        failure(Client, "a", "m", 0),
        failure(Gateway, "", "g", 3),
        late.clone(),
        late,
    ];
    fold(&mut correlator, &export(vec![], failures), 0, &mut book);
    assert_eq!(Book::per_model(&book.settled), [("g", 2.0), ("m", 2.0)].into());
}

#[test]
fn memory_is_bounded_by_the_settings() {
    #[derive(Default)]
    struct Most(super::Held);
    impl Ledger for Most {
        fn observed(&mut self, _: &Row) {}
        fn requested(&mut self, _: &Row, _: &mut dyn Iterator<Item = Timing>) {}
        fn settled(&mut self, _: &Settled<'_>) {}
        fn primary(&mut self, _: &Row, _: Vantage) {}
        fn unjoined(&mut self, _: Vantage, _: f64) {}
        fn held(&mut self, held: super::Held) {
            self.0 = held;
        }
    }
    let settings = Settings { failures: 100, callers: 10, targets: 20, ..Settings::default() };
    let (mut correlator, mut most) = (correlator(&settings), Most::default());
    for id in 1..2_000_u64 {
        let tally = export(vec![], vec![failure(Client, &format!("c{id}"), &format!("m{id}"), id)]);
        correlator.fold(&tally, &[rule()], START, &mut most);
        correlator.tick(START, &mut most);
        assert!(most.0.failures <= 100 && most.0.callers <= 10 && most.0.targets <= 20, "{:?}", most.0);
    }
    assert!(most.0.failures >= 50 && most.0.callers >= 5 && most.0.targets >= 10, "{:?}", most.0);
    for minutes in [11, 22, 33] {
        correlator.tick(START + minutes * 60 * SECOND, &mut most);
    }
    assert_eq!(most.0, super::Held::default(), "idle memory is given back");
}

/// One record: (vantage, caller, model, failure id; 0 = success).
type Record = (usize, usize, usize, u64);

fn records() -> impl Strategy<Value = Vec<Record>> {
    proptest::collection::vec((0..5_usize, 0..3_usize, 0..3_usize, 0..20_u64), 0..12)
}

fn tally_of(records: &[Record]) -> Tally {
    const VANTAGES: [Vantage; 5] = [Client, Sdk, Vantage::App, Gateway, Model];
    let (mut rows, mut failures) = (vec![], vec![]);
    for (vantage, caller, model, id) in records {
        let (caller, model) = (["", "a", "b"][*caller], ["m", "n", "o"][*model]);
        match id {
            0 => rows.push(row(VANTAGES[*vantage], caller, model)),
            id => failures.push(failure(VANTAGES[*vantage], caller, model, *id)),
        }
    }
    export(rows, failures)
}

proptest! {
    #[test]
    fn failures_never_exceed_requests_and_no_failure_settles_twice(
        exports in proptest::collection::vec((0..200_u64, records()), 0..30)
    ) {
        let (mut correlator, mut book) = (correlator(&Settings::default()), Book::default());
        let (mut now, mut offered) = (0, 0.0);
        for (pause, records) in &exports {
            now += pause;
            offered += records.len() as f64;
            fold(&mut correlator, &tally_of(records), now, &mut book);
        }
        let requested = Book::per_model(&book.requested);
        for (model, failed) in Book::per_model(&book.settled) {
            prop_assert!(requested[model] >= failed, "{model}: {failed} of {}", requested[model]);
        }
        prop_assert!((book.observed + book.repeated - offered).abs() < 1e-9, "every record is accounted for");
        prop_assert!(!book.requested.keys().any(|(_, vantage)| *vantage == Vantage::App));
        if now < 600 {
            // Log vantages tell attempts apart by start; these all start at the same time, so an id settles once a vantage.
            let mut ids = book.ids.clone();
            ids.sort_unstable();
            prop_assert!(ids.chunk_by(|a, b| a == b).all(|same| same.len() <= 4));
        }
    }

    #[test]
    fn the_order_of_exports_changes_nothing_while_the_same_vantages_are_present(
        exports in proptest::collection::vec(records(), 2..12), rotate in 0..12_usize
    ) {
        // An id names one failure, wherever it is sent again.
        let own = |(v, c, m, id): &Record| {
            (*v, *c, *m, if *id == 0 { 0 } else { id * 1_000 + (v * 100 + c * 10 + m) as u64 })
        };
        let exports: Vec<Vec<_>> = exports.iter().map(|records| records.iter().map(own).collect()).collect();
        let present: Vec<_> = exports.concat().iter().map(|(v, c, m, _)| (*v, *c, *m, 0)).collect();
        let totals = |order: Vec<&Vec<_>>| {
            let (mut correlator, mut book) = (correlator(&Settings::default()), Book::default());
            // Everybody is present from the start, and long enough to have taken over.
            for second in [0, 61] {
                fold(&mut correlator, &tally_of(&present), second, &mut Book::default());
            }
            for (second, records) in (70..).zip(order) {
                fold(&mut correlator, &tally_of(records), second, &mut book);
            }
            book.ids.sort_unstable();
            book
        };
        let mut turned: Vec<_> = exports.iter().collect();
        turned.rotate_left(rotate % exports.len());
        turned.reverse();
        prop_assert_eq!(totals(exports.iter().collect()), totals(turned));
    }
}
