//! The case feed: what settles, told to whoever watches.
//!
//! In: what the fold tells its ledger of settled and corrected cases. Out: the gRPC service `coroner.v1.Cases`, which the admin
//! port serves. Each watcher has a bounded queue of its own: one that is slow loses cases and is told how many, and the fold
//! never waits. While nobody watches, a case costs one load.

mod case;
mod filter;
pub mod json;
mod service;
#[cfg(test)]
mod tests;
pub mod v1;
mod watchers;

pub use watchers::{Feed, Publisher, Watch, channel};
