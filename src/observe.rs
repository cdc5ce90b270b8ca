//! Stage 2: what one record says about one request.
//!
//! In: the bytes of one export request and its arrival time. Out: a [`Tally`]: counts per series, and one
//! [`Observation`] for every request that failed. Pure: no I/O, no clock.

mod observation;
mod tally;
pub mod target;

pub use observation::{Api, Ending, Observation, Outcome, Status, Target, Transport, Vantage};
pub use tally::{Exemplar, Records, Row, Tally, Timing};
