//! Scenes: what arrives at which second, and what the ledger is told.
//!
//! Times are seconds after [`START`]. Arrival and event time are given apart, because that is what most rules are about.

use super::{SECOND, START, failure, target};
use crate::correlate::{Correlator, Failure, Ledger, Part, Settings, Settled};
use crate::judge::taxonomy::{Class, EvidenceKind};
use crate::judge::{Rulebooks, Verdict};
use crate::observe::{
    Activity, Channel, Ending, Evidence, Heard, Observation, Row, Status, Success, Tally, Target, Timing, Transport,
    Vantage, request_key, span_key,
};
use std::sync::{Arc, LazyLock};

/// Everything that was told, in words.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) second: u64,
    /// `class cause blame confidence match`, in the order of settling.
    pub(super) verdicts: Vec<String>,
    /// When each of them was told.
    pub(super) at: Vec<u64>,
    /// The failures, as told.
    pub(super) failures: Vec<Failure>,
    pub(super) corrected: Vec<String>,
    pub(super) refined: Vec<String>,
    pub(super) streams: f64,
    pub(super) requests: f64,
    pub(super) opened: i64,
    pub(super) open: i64,
    pub(super) unjoined: f64,
    pub(super) unplaced: f64,
    pub(super) facts: f64,
    pub(super) dropped: Vec<(Part, u64)>,
    pub(super) skews: Vec<(String, f64, bool)>,
    /// `model environment channel`, and when it last spoke, seconds after [`START`].
    pub(super) heard: Vec<(String, u64)>,
    pub(super) unproved: usize,
}

fn words(verdict: &Verdict) -> String {
    let Verdict { class, cause, blame, confidence, matched, .. } = verdict;
    format!("{class} {cause} {blame} {confidence} {matched}")
}

impl Ledger for Told {
    fn observed(&mut self, _: &Row) {}
    fn requested(&mut self, row: &Row, _: &mut dyn Iterator<Item = Timing>) {
        self.requests += row.requests;
    }
    fn settled(&mut self, case: &Settled<'_>) {
        let sure = matches!(case.verdict.confidence.as_str(), "correlated" | "likely");
        self.unproved += usize::from(sure && case.proof.is_none());
        self.verdicts.push(words(case.verdict));
        self.at.push(self.second);
        self.failures.push(case.failure.clone());
    }
    fn primary(&mut self, _: &Row, _: Vantage) {}
    fn unjoined(&mut self, _: Vantage, requests: f64) {
        self.unjoined += requests;
    }
    fn opened(&mut self, _: &str, _: Class, cases: i64) {
        self.opened += cases.max(0);
        self.open += cases;
    }
    fn testified(&mut self, _: &Arc<Target>, _: EvidenceKind, facts: f64) {
        self.facts += facts;
    }
    fn unplaced(&mut self, _: EvidenceKind, facts: f64) {
        self.unplaced += facts;
    }
    fn corrected(&mut self, case: &Settled<'_>, before: &Verdict, kind: EvidenceKind) {
        assert!(case.proof.is_some());
        self.corrected.push(format!("{} -> {} by {kind}", before.cause, words(case.verdict)));
    }
    fn refined(&mut self, case: &Settled<'_>, before: &Verdict, by: Vantage) {
        self.refined.push(format!("{} -> {} by {}", words(before), words(case.verdict), by.as_str()));
    }
    fn stream_corrected(&mut self, _: &Arc<Target>, _: Option<Ending>, requests: f64) {
        self.streams += requests;
    }
    fn dropped(&mut self, what: Part, count: u64) {
        self.dropped.push((what, count));
    }
    fn skewed(&mut self, source: &str, seconds: f64, shifted: bool) {
        self.skews.push((source.to_owned(), seconds, shifted));
    }
    fn heard(&mut self, target: &Arc<Target>, channel: Channel, arrival_ns: u64) {
        let words = format!("{} {} {}", target.model_id, target.environment, channel.as_str());
        self.heard.push((words, (arrival_ns - START) / SECOND));
    }
}

pub(super) fn books() -> &'static Arc<Rulebooks> {
    static BOOKS: LazyLock<Arc<Rulebooks>> = LazyLock::new(|| Arc::new(Rulebooks::builtin()));
    &BOOKS
}

/// What arrives at one second.
pub(super) type Step = (u64, Tally);

/// Plays the steps in the order of their seconds, a tick every second, until all windows are over.
pub(super) fn play(steps: Vec<Step>) -> Told {
    play_with(&Settings { remember_successes: 10_000, ..Settings::default() }, steps)
}

pub(super) fn play_with(settings: &Settings, mut steps: Vec<Step>) -> Told {
    let (mut correlator, mut told) = (Correlator::new(settings, Arc::clone(books())), Told::default());
    steps.sort_by_key(|(second, _)| *second);
    let last = steps.last().map_or(0, |(second, _)| *second);
    let mut steps = steps.into_iter().peekable();
    for second in 0..=last + settings.settle.as_secs() + 1 {
        told.second = second;
        correlator.tick(START + second * SECOND, &mut told);
        while let Some((_, tally)) = steps.next_if(|(at, _)| *at == second) {
            let rules: Vec<_> = tally.failures.iter().map(|seen| Arc::clone(books().decide(seen))).collect();
            correlator.fold(&tally, &rules, START + second * SECOND, &mut told);
        }
    }
    correlator.drain(START + told.second * SECOND, &mut told);
    assert_eq!(told.open, 0, "every opened case is settled");
    assert_eq!(told.unproved, 0, "nothing is sure without evidence");
    told
}

/// A bare 502 of model `m` from `start` to `end`, seen by the client. The id tells requests apart.
pub(super) fn bad_gateway(id: u64, start: u64, end: u64) -> Observation {
    Observation {
        start_ns: START + start * SECOND,
        end_ns: START + end * SECOND,
        trace_id: if id == 0 { [0; 16] } else { [7; 16] },
        ..failure(Vantage::Client, "a", "m", id)
    }
}

pub(super) fn status(code: u16, seen: Observation) -> Observation {
    Observation { status: Status::Http(code), ..seen }
}

pub(super) fn named(request_id: &str, seen: Observation) -> Observation {
    Observation { request_id: request_id.to_owned(), ..seen }
}

pub(super) fn transport(kind: Transport, seen: Observation) -> Observation {
    Observation { status: Status::None, transport: Some(kind), ..seen }
}

/// An error log of the application whose call ran inside span `enclosing`, at that second.
pub(super) fn app_log(enclosing: u64, second: u64, kind: Transport) -> Observation {
    Observation {
        vantage: Vantage::App,
        target: Arc::new(Target::default()),
        start_ns: 0,
        end_ns: START + second * SECOND,
        parent_span_id: enclosing.to_be_bytes(),
        span_id: enclosing.to_be_bytes(),
        ..transport(kind, bad_gateway(1, second, second))
    }
}

pub(super) fn failed(second: u64, seen: Observation) -> Step {
    (second, Tally { failures: vec![seen], ..Tally::default() })
}

/// A success of model `m` that ended at `end`, arriving at `second`.
pub(super) fn succeeded(second: u64, end: u64, request_id: &str, enclosing: u64) -> Step {
    let row = super::row(Vantage::Client, "a", "m");
    let span = span_key(&[7; 16], &enclosing.to_be_bytes());
    let mark = |key, also| Success { key, also, row: 0, end_ns: START + end * SECOND, weight: 1.0 };
    let request = request_key(request_id);
    let successes = if request == 0 { vec![mark(span, 0)] } else { vec![mark(request, span), mark(span, request)] };
    (second, Tally { rows: vec![row], successes, ..Tally::default() })
}

pub(super) fn evidence(kind: EvidenceKind, second: u64, replica: &str) -> Evidence {
    Evidence {
        kind,
        channel: Channel::PlatformLogs,
        target: Some(target("m")),
        replica: replica.into(),
        process: 0,
        request_id: String::new(),
        trace_id: [0; 16],
        time_ns: START + second * SECOND,
        event_ns: START + second * SECOND,
        rule: "test".into(),
        text: format!("{kind} at {second}"),
    }
}

/// A fact that happened at `time` and arrives at `second`.
pub(super) fn fact(second: u64, kind: EvidenceKind, time: u64, replica: &str) -> Step {
    (second, Tally { evidence: vec![evidence(kind, time, replica)], ..Tally::default() })
}

/// The same, of one request.
pub(super) fn fact_of(second: u64, kind: EvidenceKind, time: u64, replica: &str, request_id: &str) -> Step {
    let piece = Evidence { request_id: request_id.to_owned(), ..evidence(kind, time, replica) };
    (second, Tally { evidence: vec![piece], ..Tally::default() })
}

fn source(replica: &str, first: u64, last: u64, reports_death: bool) -> Heard {
    Heard {
        target: target("m"),
        replica: replica.into(),
        channel: Channel::PlatformLogs,
        reports_death,
        first_ns: START + first * SECOND,
        last_ns: START + last * SECOND,
        records: 1,
    }
}

/// The platform's log export of a replica, with lines from `first` to `last`.
pub(super) fn heard(second: u64, replica: &str, first: u64, last: u64) -> Step {
    (second, Tally { heard: vec![source(replica, first, last, true)], ..Tally::default() })
}

/// Plain lines of a container, which end when it does.
pub(super) fn overheard(second: u64, replica: &str, first: u64, last: u64) -> Step {
    let source = Heard { channel: Channel::ContainerLogs, ..source(replica, first, last, false) };
    (second, Tally { heard: vec![source], ..Tally::default() })
}

/// A line of a request in the model's log.
pub(super) fn line(second: u64, replica: &str, request_id: &str, time: u64, finished: bool) -> Step {
    let key = request_key(request_id);
    let activity = vec![Activity { key, heard: 0, time_ns: START + time * SECOND, finished }];
    (second, Tally { heard: vec![source(replica, time, time, true)], activity, ..Tally::default() })
}
