//! The series of one target.
//!
//! In: what the fold says about it. Out: plain numbers that `walk` puts on the page.

use super::histogram::{Histogram, Mark};
use super::label;
use super::limits::{ALERTED, ALERTED_ENDINGS, ALERTED_STATUSES, DEPLOYMENTS, STATUSES};
use super::own::Overflow;
use crate::judge::taxonomy::{Blame, Cause, Class};
use crate::observe::{Channel, Ending, Outcome, Row, Status, Vantage};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What tells one target's series from another's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) platform: Box<str>,
    pub(super) model_id: Box<str>,
    pub(super) environment: Box<str>,
}

/// Why a target has series, which decides the limit it counts towards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It answered something that only a model answers.
    Verified,
    /// It only ever answered 401, 403 or 404.
    Unverified,
    /// It stands for all that went past a limit.
    Overflow,
}

/// What tells one target's failures apart.
type Failure = (Class, Cause, Blame);
/// What tells its clients' failures apart; the caller comes first.
type ClientFailure = (Arc<str>, Class, Cause);
/// What tells its evidence apart: deployment and kind.
type Testimony = (Box<str>, &'static str);

/// A counter with the latest trace that raised it.
#[derive(Clone, Debug, Default)]
pub(super) struct Marked {
    pub(super) count: f64,
    pub(super) mark: Option<Mark>,
}

/// Every series of one target. Counts are weighted by sampling.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) name: Name,
    pub(super) standing: Standing,
    pub(super) team: Box<str>,
    pub(super) thresholds: Vec<(Box<str>, f64)>,
    /// When the series began, ns since 1970.
    pub(super) born_ns: u64,
    /// When the target was last spoken of, ns since 1970.
    pub(super) seen_ns: u64,
    pub(super) primary: Option<Vantage>,
    pub(super) requests: BTreeMap<Status, f64>,
    /// Requests with a status past the limit.
    pub(super) other_statuses: f64,
    pub(super) failures: BTreeMap<Failure, Marked>,
    pub(super) client_failures: BTreeMap<ClientFailure, f64>,
    pub(super) observations: BTreeMap<Vantage, BTreeMap<Outcome, f64>>,
    pub(super) durations: BTreeMap<Outcome, Histogram>,
    pub(super) streams: BTreeMap<Ending, f64>,
    pub(super) evidence: BTreeMap<Testimony, f64>,
    /// When each channel last spoke of its containers, ns since 1970.
    pub(super) channels: BTreeMap<Channel, u64>,
}

impl Series {
    /// The series of a target at the moment when it is first seen: what alerts name is there, at 0.
    pub(super) fn new(name: Name, standing: Standing, now_ns: u64) -> Self {
        Self {
            name,
            standing,
            team: Box::default(),
            thresholds: Vec::new(),
            born_ns: now_ns,
            seen_ns: now_ns,
            primary: None,
            requests: ALERTED_STATUSES.iter().map(|status| (*status, 0.0)).collect(),
            other_statuses: 0.0,
            failures: ALERTED.iter().map(|failure| (*failure, Marked::default())).collect(),
            client_failures: BTreeMap::new(),
            observations: BTreeMap::new(),
            durations: BTreeMap::new(),
            streams: ALERTED_ENDINGS.iter().map(|ending| (*ending, 0.0)).collect(),
            evidence: BTreeMap::new(),
            channels: BTreeMap::new(),
        }
    }

    pub(super) fn observe(&mut self, row: &Row) {
        let outcomes = self.observations.entry(row.vantage).or_insert_with(|| {
            [Outcome::Success, Outcome::Error, Outcome::Cancelled].into_iter().map(|outcome| (outcome, 0.0)).collect()
        });
        *outcomes.entry(row.outcome).or_default() += row.requests;
    }

    pub(super) fn request(&mut self, row: &Row, overflow: &Overflow) {
        self.primary.get_or_insert(row.vantage);
        if self.requests.len() < STATUSES || self.requests.contains_key(&row.status) {
            *self.requests.entry(row.status).or_default() += row.requests;
        } else {
            self.other_statuses += row.requests;
            overflow.statuses.add(row.requests);
        }
        if let Some(ending) = row.ending {
            *self.streams.entry(ending).or_default() += row.requests;
        }
    }

    pub(super) fn fail(&mut self, failure: Failure, count: f64, mark: Option<Mark>) {
        let failures = self.failures.entry(failure).or_default();
        failures.count += count;
        if let Some(mark) = mark
            && failures.mark.is_none_or(|held| held.time_ns <= mark.time_ns)
        {
            failures.mark = Some(mark);
        }
    }

    pub(super) fn testify(&mut self, deployment_id: &str, kind: &'static str, count: f64, overflow: &Overflow) {
        let mut key = (Box::<str>::from(label::clean(deployment_id)), kind);
        let known = |deployment: &str| self.evidence.keys().any(|(held, _)| **held == *deployment);
        if !known(&key.0) && self.evidence.len() >= DEPLOYMENTS {
            key.0 = Box::from(label::OTHER);
            overflow.deployments.add(count);
        }
        *self.evidence.entry(key).or_default() += count;
    }
}
