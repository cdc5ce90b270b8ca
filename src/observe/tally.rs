//! What the map hands to the fold for one export request: counts per series and the few records that matter.
//!
//! A tally is reused: [`Tally::clear`] keeps its memory, so that the steady state allocates nothing.

use super::{Activity, Ending, Evidence, Heard, Observation, Outcome, Reading, Status, Success, Target, Vantage};
use std::sync::Arc;

/// Requests of one export that did not fail and share all their labels.
#[derive(Clone, Debug)]
pub struct Row {
    /// Who was called.
    pub target: Arc<Target>,
    /// `service.name` of the caller; empty where unknown.
    pub caller: Arc<str>,
    /// Where it was seen from.
    pub vantage: Vantage,
    /// The answer's status.
    pub status: Status,
    /// Outcome as seen on arrival.
    pub outcome: Outcome,
    /// How the stream ended; `None` where this is not known to be a stream.
    pub ending: Option<Ending>,
    /// How many requests (weighted by sampling).
    pub requests: f64,
    /// The slowest request of the row, for the histogram's exemplar.
    pub exemplar: Option<Exemplar>,
}

/// Which trace stands for a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar {
    /// Trace id.
    pub trace_id: [u8; 16],
    /// Span id.
    pub span_id: [u8; 8],
    /// The observed value, seconds.
    pub seconds: f64,
    /// When, ns since 1970.
    pub time_ns: u64,
}

/// One request's duration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Index into [`Tally::rows`].
    pub row: u32,
    /// Seconds.
    pub seconds: f64,
    /// How many requests it stands for.
    pub weight: f64,
}

/// How many records of each kind an export held; `coroner_records_total{kind}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// Spans and log records that are requests to models.
    pub inference: u64,
    /// Records that are no calls to models: passed on, not counted.
    pub not_inference: u64,
    /// `GenAI` or enclosing spans that only enriched an HTTP span of the same export.
    pub enriching: u64,
    /// Spans with an invalid trace or span id.
    pub invalid: u64,
}

/// What one export request came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// Counts per series of the requests that are **not** in `failures`: a request is in exactly one of the two, so that
    /// the fold can leave out a failure that was delivered twice.
    pub rows: Vec<Row>,
    /// Durations of the requests in `rows`.
    pub timings: Vec<Timing>,
    /// Failed requests, each with its own status, duration and weight; none of them is counted in `rows`.
    pub failures: Vec<Observation>,
    /// Requests in `rows` that a later log may prove broken.
    pub successes: Vec<Success>,
    /// Facts about containers.
    pub evidence: Vec<Evidence>,
    /// What metric points say about containers.
    pub readings: Vec<Reading>,
    /// Which sources of which containers spoke.
    pub heard: Vec<Heard>,
    /// Lines of model logs that carry a request id.
    pub activity: Vec<Activity>,
    /// Records by kind.
    pub records: Records,
}

impl Tally {
    /// Empties the tally and keeps its memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.timings.clear();
        self.failures.clear();
        self.successes.clear();
        self.evidence.clear();
        self.readings.clear();
        self.heard.clear();
        self.activity.clear();
        self.records = Records::default();
    }
}
