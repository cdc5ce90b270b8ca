//! How far each request got, as the lines of model logs show.
//!
//! In: lines that carry a request id. Out: the replicas that worked on it, and whether and when it finished. Bounded by count.

use super::generations::Generations;
use crate::judge::taxonomy::EvidenceKind;
use std::sync::Arc;

/// A line this much after the request's end shows work; an earlier one may only note that the caller has gone.
const WORK_NS: u64 = 1_000_000_000;

/// Most replicas that one request is remembered to have been on.
const REPLICAS: usize = 8;

/// What is known about one request; times on our clock, 0 for never.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// The replicas that worked on it, by name: a router may try several.
    pub(super) replicas: Vec<Arc<str>>,
    first_ns: u64,
    last_ns: u64,
    finished_ns: u64,
}

impl Track {
    /// Takes in a line.
    fn line(&mut self, time_ns: u64, finished: bool) {
        self.first_ns = if self.first_ns == 0 { time_ns } else { self.first_ns.min(time_ns) };
        self.last_ns = self.last_ns.max(time_ns);
        if finished {
            self.finished_ns = self.finished_ns.max(time_ns);
        }
    }

    /// When the lines show this about a request that ended at `end_ns`.
    pub(super) fn shows(&self, kind: EvidenceKind, end_ns: u64) -> Option<u64> {
        let (shown, time_ns) = match kind {
            EvidenceKind::StillRunning => (self.last_ns > end_ns.saturating_add(WORK_NS), self.last_ns),
            EvidenceKind::FinishedLate => (self.finished_ns > end_ns, self.finished_ns),
            _ => (false, 0),
        };
        shown.then_some(time_ns)
    }

    /// When the request's last line was written, where it had begun before its end and never finished.
    pub(super) fn unfinished(&self, end_ns: u64) -> Option<u64> {
        (self.first_ns != 0 && self.first_ns <= end_ns && self.finished_ns == 0).then_some(self.last_ns)
    }
}

/// The requests of late, by the key of their id.
#[derive(Debug)]
pub(super) struct Tracks(Generations<u64, Track>);

impl Tracks {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Generations::new(capacity))
    }

    pub(super) fn line(&mut self, key: u64, replica: Option<&Arc<str>>, time_ns: u64, finished: bool) {
        let track = self.0.meet(key, Track::default);
        if let Some(replica) = replica {
            Self::name(track, replica);
        }
        track.line(time_ns, finished);
    }

    /// A record of this request names the replica.
    pub(super) fn names(&mut self, key: u64, replica: &Arc<str>) {
        if !replica.is_empty() {
            Self::name(self.0.meet(key, Track::default), replica);
        }
    }

    fn name(track: &mut Track, replica: &Arc<str>) {
        if let Err(at) = track.replicas.binary_search(replica)
            && !replica.is_empty()
            && track.replicas.len() < REPLICAS
        {
            track.replicas.insert(at, Arc::clone(replica));
        }
    }

    pub(super) fn of(&self, key: u64) -> Option<&Track> {
        self.0.get(&key)
    }

    pub(super) fn age(&mut self, now_ns: u64, span_ns: u64) {
        self.0.age(now_ns, span_ns);
    }
}
