//! Stage 2: what one record says about one request.
//!
//! In: the bytes of one export request and its arrival time. Out: a [`Tally`]: counts per series, and one
//! [`Observation`] for every request that failed, the [`Evidence`] and what else logs and metrics say about containers. Pure: no I/O, no clock.

mod detail;
mod evidence;
mod failing;
mod intern;
mod join;
pub mod knowledge;
mod log;
mod mapper;
mod metric;
mod observation;
mod pattern;
mod place;
mod sampling;
mod semconv;
mod span;
mod stream;
mod tally;
pub mod target;
mod transport;

pub use evidence::{
    Activity, Channel, Evidence, Heard, Reading, ReadingKind, Success, join_key, request_key, span_key,
};
pub use mapper::{Mapper, OTHER_PLATFORM, Observer, Weights};
pub use observation::{Api, Ending, Observation, Outcome, Status, Target, Transport, Vantage};
pub use tally::{Exemplar, Records, Row, Tally, Timing};
