//! What the store says about itself and about the fold.
//!
//! In: the fold's remarks and the limits that were reached. Out: own metrics, whose values are looked up once.

use crate::correlate::Held;
use crate::observe::Vantage;
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
    held: [Value; 3],
}

/// Every vantage, in the order of declaration.
const VANTAGES: [Vantage; 5] = [Vantage::Client, Vantage::Sdk, Vantage::App, Vantage::Gateway, Vantage::Model];

impl Own {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let by_vantage = |metric| VANTAGES.map(|vantage| metrics.value(metric, &[vantage.as_str()]));
        Self {
            overflow: Overflow::new(metrics),
            targets: metrics.value(&catalogue::TARGETS, &[]),
            unjoined: by_vantage(&catalogue::UNJOINED),
            repeated: by_vantage(&catalogue::REPEATED_FAILURES),
            held: ["callers", "targets", "failures"].map(|kind| metrics.value(&catalogue::HELD, &[kind])),
        }
    }

    pub(super) fn unjoined(&self, vantage: Vantage) -> &Value {
        &self.unjoined[vantage as usize]
    }

    pub(super) fn repeated(&self, vantage: Vantage) -> &Value {
        &self.repeated[vantage as usize]
    }

    pub(super) fn hold(&self, held: Held) {
        for (value, count) in self.held.iter().zip([held.callers, held.targets, held.failures]) {
            value.set(count as f64);
        }
    }
}
