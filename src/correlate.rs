//! Stage 4: one failed request, one case.
//!
//! In: what the map found in one export ([`Tally`](crate::observe::Tally) and the verdict on each of its failures) and
//! the arrival time. Out: calls on a [`Ledger`]: what counts, once. A pure fold: it owns its state, does no I/O and
//! reads no clock, so that the same exports at the same times always come to the same numbers.

mod fold;
mod generations;
mod repeat;
#[cfg(test)]
mod tests;
mod vantage;

use crate::judge::Verdict;
use crate::judge::taxonomy::Class;
use crate::observe::{Observation, Row, Target, Timing, Vantage};
use std::sync::Arc;

pub use fold::{Correlator, Settings};

/// A case that has got its final verdict.
#[derive(Clone, Debug)]
pub struct Settled<'a> {
    /// What was seen.
    pub observation: &'a Observation,
    /// The final verdict.
    pub verdict: &'a Verdict,
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
    /// Evidence of this kind was seen about a target's containers (`inference_evidence_total`).
    fn testified(&mut self, _target: &Arc<Target>, _kind: &'static str, _facts: f64) {}
}
