//! Random incidents: those whose truth is known must come to it, and the order of arrival must change nothing.

use super::scene::*;
use super::{SECOND, START, target};
use crate::judge::taxonomy::EvidenceKind::{self, *};
use crate::observe::{Heard, Observation, Tally, Vantage};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeMap;

/// Everything happens in the first minute, and arrives in the hundred seconds after it: inside every case's window.
const HAPPENS: u64 = 60;
const ARRIVES: usize = 100;

/// What happened to one request, as only the teller knows.
#[derive(Clone, Copy, Debug)]
enum Truth {
    /// Its container was killed under it.
    Killed,
    /// Its container was killed under it; the request's lines name the replica.
    KilledByName,
    /// Model code raised an error for this request.
    Raised,
    /// Its caller hung up.
    HungUp,
    /// The logs of its replica go on and show nothing.
    Clean,
    /// Its replica falls silent and nobody says why.
    Silent,
    /// A restart long ago, and signs of life since.
    Recovered,
}

impl Truth {
    fn verdict(self) -> &'static str {
        match self {
            Self::Killed => "bad_gateway oom_killed model likely target",
            Self::KilledByName => "bad_gateway oom_killed model correlated replica",
            Self::Raised => "model_error user_exception model correlated request",
            Self::HungUp => "client_closed client_disconnect client correlated request",
            Self::Clean => "bad_gateway platform_fault platform likely target",
            Self::Silent | Self::Recovered => "bad_gateway unknown undetermined assumed none",
        }
    }

    /// All records of the incident, about a model of its own.
    fn records(self, id: u64) -> Vec<Tally> {
        let (model, request_id) = (format!("m{id}"), format!("Q-{id}"));
        let call = Observation { target: target(&model), ..bad_gateway(id, 20, 30) };
        let named = |code| status(code, named(&request_id, call.clone()));
        let alive = |first, last| heard(0, "r1", first, last);
        let (call, others) = match self {
            Self::Killed => (call, vec![fact(0, OomKilled, 25, "r1"), fact(0, ContainerExit, 25, "r1"), alive(5, 24)]),
            Self::KilledByName => (
                named(502),
                vec![fact(0, OomKilled, 25, "r1"), fact(0, OomKilled, 26, "r2"), line(0, "r1", &request_id, 22, false)],
            ),
            Self::Raised => {
                (named(500), vec![fact_of(0, UserException, 29, "r1", &request_id), fact(0, ContainerExit, 28, "r1")])
            }
            Self::HungUp => {
                (named(502), vec![fact_of(0, ClientDisconnect, 29, "r1", &request_id), fact(0, OomKilled, 28, "r1")])
            }
            Self::Clean => (call, vec![alive(5, 24), alive(30, 40)]),
            Self::Silent => (call, vec![alive(5, 24), heard(0, "r2", 5, 59)]),
            Self::Recovered => (call, vec![fact(0, OomKilled, 5, "r1"), fact(0, Serving, 12, "r1"), alive(5, 24)]),
        };
        let mut tallies: Vec<Tally> = others.into_iter().map(|(_, tally)| tally).collect();
        for tally in &mut tallies {
            tally.evidence.iter_mut().for_each(|piece| piece.target = Some(target(&model)));
            tally.heard.iter_mut().for_each(|source| source.target = target(&model));
        }
        tallies.push(Tally { failures: vec![call], ..Tally::default() });
        tallies
    }
}

fn truths() -> impl Strategy<Value = Vec<Truth>> {
    use Truth::*;
    proptest::collection::vec(select(vec![Killed, KilledByName, Raised, HungUp, Clean, Silent, Recovered]), 1..12)
}

/// The records, each at one of the arrival times.
fn arriving(records: &[Tally], order: &[Index]) -> Vec<Step> {
    let copy = |tally: &Tally| Tally {
        rows: tally.rows.clone(),
        failures: tally.failures.clone(),
        evidence: tally.evidence.clone(),
        heard: tally.heard.clone(),
        activity: tally.activity.clone(),
        ..Tally::default()
    };
    let second = |n: usize| HAPPENS + 1 + order[n % order.len()].index(ARRIVES) as u64;
    records.iter().enumerate().map(|(n, tally)| (second(n), copy(tally))).collect()
}

/// The verdict on each request, by its span id.
fn by_request(told: &Told) -> BTreeMap<u64, String> {
    let each = told.failures.iter().zip(&told.verdicts);
    each.map(|(failure, verdict)| (u64::from_be_bytes(failure.span_id), verdict.clone())).collect()
}

/// One record of a busy model with two replicas, whose truth nobody knows.
fn record() -> impl Strategy<Value = Tally> {
    let time = 0..HAPPENS;
    let replica = select(vec!["", "r1", "r2"]);
    let kind = select(vec![OomKilled, ContainerExit, LoadFailed, Serving, NodeOom, GpuOom, Draining]);
    let request = select(vec!["", "q1", "q2", "q3"]);
    let of_request = select(vec![UserException, ClientDisconnect, OomKilled]);
    let facts = (kind, time.clone(), replica.clone()).prop_map(|(kind, time, replica)| fact(0, kind, time, replica).1);
    let named_facts = (of_request, time.clone(), replica.clone(), request.clone())
        .prop_map(|(kind, time, replica, request)| fact_of(0, kind, time, replica, request).1);
    let lines = (time.clone(), replica.clone(), request.clone(), any::<bool>())
        .prop_filter("a line of a request names it", |(_, _, request, _)| !request.is_empty())
        .prop_map(|(time, replica, request, finished)| line(0, replica, request, time, finished).1);
    let sources =
        (time.clone(), 0..HAPPENS, replica, any::<bool>()).prop_map(|(first, long, replica, reports_death)| {
            let mut tally = heard(0, replica, first, (first + long).min(HAPPENS)).1;
            tally.heard.iter_mut().for_each(|source: &mut Heard| source.reports_death = reports_death);
            tally
        });
    let calls = (1..40_u64, time, 0..30_u64, request, select(vec![500, 502, 503, 504])).prop_map(
        |(id, start, long, request, code)| {
            let seen =
                Observation { trace_id: super::trace(id), ..bad_gateway(id, start, (start + long).min(HAPPENS)) };
            failed(0, status(code, named(if request.is_empty() { "" } else { request }, seen))).1
        },
    );
    prop_oneof![3 => facts, 2 => named_facts, 2 => lines, 2 => sources, 4 => calls]
}

/// Calls that share a span id or a request id are one request in one order and two in another: each keeps its own.
fn distinct(mut records: Vec<Tally>) -> Vec<Tally> {
    let (mut spans, mut requests) = (Vec::new(), Vec::new());
    records.retain(|tally| {
        tally.failures.iter().all(|seen| {
            let new =
                !spans.contains(&seen.span_id) && (seen.request_id.is_empty() || !requests.contains(&seen.request_id));
            spans.push(seen.span_id);
            requests.push(seen.request_id.clone());
            new
        })
    });
    records
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn incidents_come_to_their_truth_in_any_order_of_arrival(
        truths in truths(), order in proptest::collection::vec(any::<Index>(), 64), twice in any::<bool>()
    ) {
        let incidents: Vec<Tally> = (1..).zip(&truths).flat_map(|(id, truth)| truth.records(id)).collect();
        let mut steps = arriving(&incidents, &order);
        if twice {
            // The gateway saw the same calls, and everything is sent again.
            let gateway = |seen: &Observation| Observation { vantage: Vantage::Gateway, ..seen.clone() };
            let lines = incidents.iter().filter(|tally| !tally.failures.is_empty());
            let lines: Vec<Tally> = lines
                .map(|tally| Tally { failures: tally.failures.iter().map(gateway).collect(), ..Tally::default() })
                .collect();
            // After the calls, so that the client is the one that counts.
            let last = HAPPENS + ARRIVES as u64 + 1;
            steps.extend(arriving(&lines, &order).into_iter().map(|(_, tally)| (last, tally)));
            steps.extend(arriving(&incidents, &order).into_iter().map(|(_, tally)| (last, tally)));
        }
        let told = play(steps);
        let expected: BTreeMap<u64, String> = (1..).zip(&truths).map(|(id, truth)| (id, truth.verdict().to_owned())).collect();
        prop_assert_eq!(by_request(&told), expected);
        prop_assert_eq!(told.verdicts.len(), truths.len(), "no failure is counted twice");
        prop_assert!((told.requests - truths.len() as f64).abs() < 1e-9);
        prop_assert_eq!(usize::try_from(told.opened), Ok(told.verdicts.len()), "opened = settled, and nothing stays open");
    }

    #[test]
    fn whatever_happened_the_order_of_arrival_changes_nothing(
        records in proptest::collection::vec(record(), 1..24),
        one in proptest::collection::vec(any::<Index>(), 64), other in proptest::collection::vec(any::<Index>(), 64)
    ) {
        let records = distinct(records);
        let (one, other) = (play(arriving(&records, &one)), play(arriving(&records, &other)));
        prop_assert_eq!(by_request(&one), by_request(&other));
        let calls: usize = records.iter().map(|tally| tally.failures.len()).sum();
        prop_assert_eq!((one.verdicts.len(), other.verdicts.len()), (calls, calls));
        prop_assert!((one.facts - other.facts).abs() < 1e-9);
    }
}

#[test]
fn the_truths_are_told_apart() {
    let kinds: [(EvidenceKind, u64); 2] = [(OomKilled, 25), (ContainerExit, 25)];
    let cause = |kinds: &[(EvidenceKind, u64)]| {
        let facts = kinds.iter().map(|(kind, time)| fact(61, *kind, *time, "r1"));
        play(facts.chain([failed(61, bad_gateway(1, 20, 30))]).collect()).verdicts
    };
    assert_ne!(cause(&kinds), cause(&kinds[1..]), "a property that any verdict fulfils would prove nothing");
    assert!(START.is_multiple_of(SECOND));
}
