//! Stage 4: one failed request, one case.
//!
//! In: what the map found in one export ([`Tally`](crate::observe::Tally) and the verdict on each of its failures) and
//! the arrival time. Out: calls on a [`Ledger`]: what counts, once. A pure fold: it owns its state, does no I/O and
//! reads no clock, so that the same exports at the same times always come to the same numbers.

mod archive;
mod bearing;
mod case;
mod clock;
mod docket;
mod fold;
mod generations;
mod join;
mod merge;
mod place;
mod readings;
mod repeat;
mod settings;
mod settle;
mod signs;
mod source;
mod successes;
#[cfg(test)]
mod tests;
mod tracks;
mod vantage;
mod weigh;

use crate::judge::Verdict;
use crate::judge::taxonomy::{Class, EvidenceKind};
use crate::observe::{Channel, Ending, Observation, Row, Status, Target, Timing, Vantage};
use std::sync::Arc;

pub use fold::Correlator;
pub use settings::Settings;

/// What is kept of a failed request while its case is open, and told when it settles: no texts, no headers.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Who was called.
    pub target: Arc<Target>,
    /// `service.name` of the caller; empty where unknown.
    pub caller: Arc<str>,
    /// The vantage it was opened under.
    pub vantage: Vantage,
    /// The answer's status.
    pub status: Status,
    /// The platform's request id; empty where it was not captured.
    pub request_id: Box<str>,
    /// Request start, ns since 1970; 0 where unknown.
    pub start_ns: u64,
    /// Request end, ns since 1970.
    pub end_ns: u64,
    /// Trace id; zero where unknown.
    pub trace_id: [u8; 16],
    /// Span id; zero where unknown.
    pub span_id: [u8; 8],
    /// How many requests it stands for.
    pub weight: f64,
}

impl From<&Observation> for Failure {
    fn from(seen: &Observation) -> Self {
        Self {
            target: Arc::clone(&seen.target),
            caller: Arc::clone(&seen.caller),
            vantage: seen.vantage,
            status: seen.status,
            request_id: seen.request_id.as_str().into(),
            start_ns: seen.start_ns,
            end_ns: seen.end_ns,
            trace_id: seen.trace_id,
            span_id: seen.span_id,
            weight: seen.weight,
        }
    }
}

/// The evidence that decided a case.
#[derive(Clone, Debug)]
pub struct Proof {
    /// What it says.
    pub kind: EvidenceKind,
    /// When it happened, ns since 1970.
    pub time_ns: u64,
    /// The replica; empty where unknown.
    pub replica: Arc<str>,
    /// The line or object, cut short.
    pub text: Arc<str>,
}

/// A case that has got its final verdict, or a better one after that.
#[derive(Clone, Debug)]
pub struct Settled<'a> {
    /// What was seen.
    pub failure: &'a Failure,
    /// The verdict.
    pub verdict: &'a Verdict,
    /// What decided it; `None` for a verdict from the record alone.
    pub proof: Option<&'a Proof>,
}

/// How much the fold remembers; every part is bounded by [`Settings`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Callers whose vantages are known.
    pub callers: usize,
    /// Targets whose vantages are known.
    pub targets: usize,
    /// Failures that would be recognised if they came again.
    pub failures: usize,
    /// Cases that wait for evidence.
    pub open: usize,
    /// Settled cases that evidence or a second vantage may still join.
    pub settled: usize,
    /// Facts about containers that may still decide.
    pub evidence: usize,
    /// Successes that a log may still prove broken.
    pub successes: usize,
    /// Bytes that cases, evidence and join keys take, as near as their sizes say.
    pub bytes: usize,
}

/// Where the fold writes what counts. Implemented by `measure`; tests implement it with plain vectors.
pub trait Ledger {
    /// A vantage saw these requests, whether or not it counts them (`inference_observations_total`).
    fn observed(&mut self, row: &Row);
    /// The primary vantage saw these requests: count them, with their durations (all belong to `row`).
    fn requested(&mut self, row: &Row, timings: &mut dyn Iterator<Item = Timing>);
    /// A failed request got its final verdict.
    fn settled(&mut self, case: &Settled<'_>);
    /// A target's or caller's primary vantage is now this one (`inference_target_info`).
    fn primary(&mut self, row: &Row, vantage: Vantage);
    /// A record that joined nothing and is not of the primary vantage (`coroner_unjoined_total{vantage}`).
    fn unjoined(&mut self, vantage: Vantage, requests: f64);
    /// A failure that had been counted before came again, in another body, and was not counted.
    fn repeated(&mut self, _vantage: Vantage, _requests: f64) {}
    /// How much the fold remembers now; told with every tick.
    fn held(&mut self, _held: Held) {}
    /// So many more cases of this class wait for deciding evidence; fewer where negative (`inference_open_cases`).
    fn opened(&mut self, _platform: &str, _class: Class, _cases: i64) {}
    /// Evidence of this kind was seen about a target's containers (`inference_evidence_total`); an end or state of one container is told of
    /// once a minute, or once for each process that lines name, however many speak of it.
    fn testified(&mut self, _target: &Arc<Target>, _kind: EvidenceKind, _facts: f64) {}
    /// Evidence of this kind names no target that is known (`coroner_evidence_unplaced_total{kind}`).
    fn unplaced(&mut self, _kind: EvidenceKind, _facts: f64) {}
    /// Evidence came after the case that it speaks of had settled; no counter changes (`coroner_evidence_late_total{kind}`).
    /// `case` carries the verdict that it would have got; `before` is the one that was counted.
    fn corrected(&mut self, _case: &Settled<'_>, _before: &Verdict, _kind: EvidenceKind) {}
    /// Another vantage of a case came after it had settled and knows better; no counter changes. `case` carries the better verdict.
    fn refined(&mut self, _case: &Settled<'_>, _before: &Verdict, _by: Vantage) {}
    /// A request that had been counted as fine is proved broken: `inference_streams_total{ending="truncated"}` and
    /// `coroner_streams_corrected_total{from}`. Its failure is settled besides, by [`Ledger::settled`].
    fn stream_corrected(&mut self, _target: &Arc<Target>, _from: Option<Ending>, _requests: f64) {}
    /// A limit was reached: so many of this kind were let go (`coroner_correlate_dropped_total{what}`).
    fn dropped(&mut self, _what: Part, _count: u64) {}
    /// How far a source's clock is ahead (positive) or behind, seconds, and whether its times are shifted by that
    /// (`coroner_clock_skew_seconds`).
    fn skewed(&mut self, _source: &str, _seconds: f64, _shifted: bool) {}
    /// When a channel last spoke of the containers of a target that is being called: arrival, ns since 1970; told about once a minute
    /// (`inference_channel_timestamp_seconds`).
    fn heard(&mut self, _target: &Arc<Target>, _channel: Channel, _arrival_ns: u64) {}
}

/// What the fold keeps in bounded numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Open cases; the oldest settle with what is known.
    Cases,
    /// Facts about containers.
    Evidence,
    /// Keys under which records of one request meet.
    Joins,
}

impl Part {
    /// The word used as label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cases => "cases",
            Self::Evidence => "evidence",
            Self::Joins => "joins",
        }
    }
}
