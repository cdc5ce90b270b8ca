//! How the service watches itself.
//!
//! In: what the stages set and log. Out: own metrics from one [`catalogue`], and structured logs.

pub mod catalogue;
pub mod logging;
mod metrics;

pub use metrics::{Metrics, Value};
