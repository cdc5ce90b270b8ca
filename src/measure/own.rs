//! What the store says about itself and about the fold.
//!
//! In: the fold's remarks and the limits that were reached. Out: own metrics, whose values are looked up once.

use crate::correlate::{Held, Part};
use crate::judge::taxonomy::EvidenceKind;
use crate::observe::{Ending, Vantage};
use crate::telemetry::{Metrics, Value, catalogue};

/// Requests that were counted under a name that is not their own, by the limit that was reached.
#[derive(Debug)]
pub(super) struct Overflow {
    pub(super) models: Value,
    pub(super) unverified: Value,
    pub(super) callers: Value,
    pub(super) statuses: Value,
    pub(super) deployments: Value,
}

impl Overflow {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let value = |limit| metrics.value(&catalogue::OVERFLOW, &[limit]);
        Self {
            models: value("models"),
            unverified: value("unverified"),
            callers: value("callers"),
            statuses: value("statuses"),
            deployments: value("deployments"),
        }
    }
}

/// The own metrics that the store sets.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) overflow: Overflow,
    /// Targets that have series of their own.
    pub(super) targets: Value,
    unjoined: [Value; VANTAGES.len()],
    repeated: [Value; VANTAGES.len()],
    held: [Value; HELD.len()],
    held_bytes: Value,
    dropped: [Value; PARTS.len()],
    /// By kind, in the order of declaration.
    unplaced: Vec<Value>,
    late: Vec<Value>,
    /// By ending, in the order of declaration; the last is for requests that were not known to be streams.
    streams_corrected: [Value; ENDINGS.len() + 1],
    metrics: Metrics,
}

/// Label values of what the fold remembers.
const HELD: [&str; 7] = ["callers", "targets", "failures", "open", "settled", "evidence", "successes"];

/// What may be let go, in the order of declaration.
const PARTS: [Part; 3] = [Part::Cases, Part::Evidence, Part::Joins];

/// Every ending, in the order of declaration.
const ENDINGS: [Ending; 4] = [Ending::Complete, Ending::Truncated, Ending::Cancelled, Ending::Unknown];

/// Every vantage, in the order of declaration.
const VANTAGES: [Vantage; 5] = [Vantage::Client, Vantage::Sdk, Vantage::App, Vantage::Gateway, Vantage::Model];

impl Own {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let by_vantage = |metric| VANTAGES.map(|vantage| metrics.value(metric, &[vantage.as_str()]));
        let by_kind =
            |metric| EvidenceKind::ALL.iter().map(|kind| metrics.value(metric, &[kind.as_str()])).collect::<Vec<_>>();
        Self {
            overflow: Overflow::new(metrics),
            targets: metrics.value(&catalogue::TARGETS, &[]),
            unjoined: by_vantage(&catalogue::UNJOINED),
            repeated: by_vantage(&catalogue::REPEATED_FAILURES),
            held: HELD.map(|kind| metrics.value(&catalogue::HELD, &[kind])),
            held_bytes: metrics.value(&catalogue::HELD_BYTES, &[]),
            dropped: PARTS.map(|part| metrics.value(&catalogue::DROPPED, &[part.as_str()])),
            unplaced: by_kind(&catalogue::UNPLACED),
            late: by_kind(&catalogue::LATE),
            streams_corrected: [0, 1, 2, 3, 4].map(|n| {
                let from = ENDINGS.get(n).map_or("none", |ending| ending.as_str());
                metrics.value(&catalogue::STREAMS_CORRECTED, &[from])
            }),
            metrics: metrics.clone(),
        }
    }

    pub(super) fn unjoined(&self, vantage: Vantage) -> &Value {
        &self.unjoined[vantage as usize]
    }

    pub(super) fn repeated(&self, vantage: Vantage) -> &Value {
        &self.repeated[vantage as usize]
    }

    pub(super) fn hold(&self, held: Held) {
        let Held { callers, targets, failures, open, settled, evidence, successes, bytes } = held;
        for (value, count) in self.held.iter().zip([callers, targets, failures, open, settled, evidence, successes]) {
            value.set(count as f64);
        }
        self.held_bytes.set(bytes as f64);
    }

    pub(super) fn dropped(&self, part: Part) -> &Value {
        &self.dropped[part as usize]
    }

    pub(super) fn unplaced(&self, kind: EvidenceKind) -> &Value {
        &self.unplaced[kind as usize]
    }

    pub(super) fn late(&self, kind: EvidenceKind) -> &Value {
        &self.late[kind as usize]
    }

    pub(super) fn streams_corrected(&self, from: Option<Ending>) -> &Value {
        &self.streams_corrected[from.map_or(ENDINGS.len(), |ending| ending as usize)]
    }

    /// The furthest clock of a channel. Channels are a closed set; one that never spoke has no series.
    pub(super) fn skew(&self, channel: &str, seconds: f64) {
        self.metrics.value(&catalogue::CLOCK_SKEW, &[channel]).set(seconds);
    }
}
