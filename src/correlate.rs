//! Stage 4: one failed request, one case.
//!
//! In: what the map found in one export ([`Tally`] and the verdict on each of its failures) and the arrival time.
//! Out: calls on a [`Ledger`]: what counts, once. A pure fold: it owns its state, does no I/O and reads no clock.

use crate::judge::Verdict;
use crate::observe::{Observation, Row, Timing, Vantage};

/// A case that has got its final verdict.
#[derive(Clone, Debug)]
pub struct Settled<'a> {
    /// What was seen.
    pub observation: &'a Observation,
    /// The final verdict.
    pub verdict: &'a Verdict,
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
}
