//! Stage 3: what an observation means.
//!
//! In: an [`Observation`](crate::observe::Observation). Out: a [`Verdict`]: class, cause, blame and how sure it is.
//! What each status or text means is data: `rulebook/*.yaml`. Pure: no I/O, no clock.

pub mod rulebook;
pub mod taxonomy;
mod verdict;

pub use rulebook::{Decision, Rule, Rulebooks};
pub use verdict::Verdict;
