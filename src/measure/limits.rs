//! How many series there may be, and which exist before anything happened.
//!
//! In: nothing. Out: the limits, and [`ALERTED`]: what shipped rules name, so that their first event is a step from 0 to 1
//! (a counter that is born at 1 never shows in `increase()`).

use crate::judge::taxonomy::{Blame, Cause, Class};
use crate::observe::{Ending, Status};
use std::time::Duration;

/// Failures that shipped alerts name; each exists at 0 as soon as its model is first seen.
pub const ALERTED: &[(Class, Cause, Blame)] = &[
    (Class::BadGateway, Cause::OomKilled, Blame::Model),
    (Class::BadGateway, Cause::Unknown, Blame::Undetermined),
    (Class::Timeout, Cause::SlowModel, Blame::Model),
    (Class::StreamTruncated, Cause::Unknown, Blame::Undetermined),
];

/// Statuses that shipped alerts name.
pub const ALERTED_STATUSES: &[Status] = &[Status::Http(502), Status::Http(504)];

/// Stream endings that shipped alerts name.
pub const ALERTED_ENDINGS: &[Ending] = &[Ending::Complete, Ending::Truncated];

/// Most status codes one target may show; there are about 60 in use, over all protocols.
pub(super) const STATUSES: usize = 64;

/// Most deployments one target may show in its evidence.
pub(super) const DEPLOYMENTS: usize = 50;

/// Limits on label values; the config's `measure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Targets with series of their own.
    pub models: usize,
    /// Among all targets, those that only ever answered 401, 403 or 404.
    pub unverified: usize,
    /// Callers with series of their own.
    pub callers: usize,
    /// Targets and callers that were idle this long lose their series.
    pub expire: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { models: 10_000, unverified: 200, callers: 500, expire: Duration::from_hours(7 * 24) }
    }
}

/// Whether an answer proves that its target exists: anything but "who are you", "you may not" and "no such thing". An attempt
/// without an answer proves it too: an outage at start must not push a whole fleet under the small limit.
pub(super) fn verifies(status: Status) -> bool {
    // gRPC: 5 NOT_FOUND, 7 PERMISSION_DENIED, 16 UNAUTHENTICATED.
    !matches!(status, Status::Http(401 | 403 | 404) | Status::Grpc(5 | 7 | 16))
}
