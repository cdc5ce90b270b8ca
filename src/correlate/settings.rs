//! How the fold decides and how much it may remember.
//!
//! In: the config, by way of the wiring. Out: [`Settings`], and the same lengths of time in nanoseconds for the rooms inside.

use crate::observe::Vantage;
use std::time::Duration;

/// How the fold decides and how much it may remember.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which vantages may count requests (`observe.vantages`).
    pub vantages: Vec<Vantage>,
    /// How long a vantage that fell silent still counts as present; also how long a replica counts as seen lately.
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
    /// Longest wait for deciding evidence, from the arrival of the failure.
    pub settle: Duration,
    /// How long a death explains failures when nothing shows recovery.
    pub evidence_before: Duration,
    /// How much later than the request's end the death may be stamped.
    pub evidence_after: Duration,
    /// How long evidence is kept.
    pub keep_evidence: Duration,
    /// How much later than the failure a record must be that proves the logs whole.
    pub clean_margin: Duration,
    /// How long a second vantage of a settled case still joins.
    pub join_for: Duration,
    /// How many successes are remembered, 24 bytes each.
    pub remember_successes: usize,
    /// How many cases may be open at most; past it the oldest settle with what their records alone allow.
    pub open: usize,
    /// How many settled cases are remembered at most.
    pub settled: usize,
    /// How many bytes open and settled cases may take.
    pub case_bytes: usize,
    /// How many facts about containers are held at most.
    pub evidence: usize,
    /// How many bytes they may take.
    pub evidence_bytes: usize,
    /// How many requests are followed through the lines of model logs at most.
    pub tracks: usize,
}

impl Default for Settings {
    /// All vantages; 10 min and 60 s (the definition of the primary vantage); failures for the 10 min in which a second
    /// vantage would join them; twice the targets and callers that the metrics keep apart; lengths of time as the config's.
    fn default() -> Self {
        Self {
            vantages: vec![Vantage::Client, Vantage::Sdk, Vantage::Gateway, Vantage::Model],
            present_for: Duration::from_mins(10),
            take_over_after: Duration::from_mins(1),
            remember_failures: Duration::from_mins(10),
            failures: 200_000,
            callers: 10_000,
            targets: 20_000,
            settle: Duration::from_mins(2),
            evidence_before: Duration::from_mins(2),
            evidence_after: Duration::from_secs(30),
            keep_evidence: Duration::from_mins(75),
            clean_margin: Duration::from_secs(10),
            join_for: Duration::from_mins(10),
            remember_successes: 1_000_000,
            open: 1_000_000,
            settled: 200_000,
            case_bytes: 360 << 20,
            evidence: 200_000,
            evidence_bytes: 128 << 20,
            tracks: 400_000,
        }
    }
}

/// The lengths of time that decide, ns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spans {
    pub(super) settle: u64,
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) keep: u64,
    pub(super) margin: u64,
    pub(super) join_for: u64,
    pub(super) lately: u64,
}

impl From<&Settings> for Spans {
    fn from(settings: &Settings) -> Self {
        Self {
            settle: nanos(settings.settle),
            before: nanos(settings.evidence_before),
            after: nanos(settings.evidence_after),
            keep: nanos(settings.keep_evidence),
            margin: nanos(settings.clean_margin),
            join_for: nanos(settings.join_for),
            lately: nanos(settings.present_for),
        }
    }
}

/// A length of time in ns; one too long for 64 bits (584 years) is for ever.
pub(super) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
