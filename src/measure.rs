//! Stage 5a: what Prometheus sees.
//!
//! In: the calls of the fold on a [`Ledger`](crate::correlate::Ledger). Out: series in a [`Store`], and a page of them in the
//! format that the scraper asked for ([`exposition`]). One store, shared by the fold and the admin thread behind a mutex that
//! both hold only briefly.

mod callers;
pub mod exposition;
mod histogram;
mod label;
mod ledger;
mod limits;
mod own;
mod owners;
mod series;
mod target;
mod walk;

pub use limits::{ALERTED, ALERTED_ENDINGS, ALERTED_STATUSES, Limits};
pub use owners::{Owner, Owners, Subject, Threshold};
pub use series::{Settings, Shared, Store, shared};

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "counts of whole requests are exact")]
mod tests;
