//! How long the oldest export request has waited for the fold.
//!
//! In: how many were sent and how many are folded, counted without locks; looks at both, with the time. Out: the age of the oldest that waits,
//! to within the time between two looks.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far map and fold have got, in export requests since the start.
#[derive(Debug, Default)]
pub(super) struct Progress {
    sent: AtomicU64,
    folded: AtomicU64,
}

impl Progress {
    /// One more is about to be queued.
    pub(super) fn send(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// So many more are folded.
    pub(super) fn fold(&self, requests: usize) {
        self.folded.fetch_add(requests as u64, Ordering::Relaxed);
    }

    /// How many are folded and how many were sent.
    pub(super) fn now(&self) -> (u64, u64) {
        // In this order, so that what is sent in between is not taken for folded.
        let folded = self.folded.load(Ordering::Relaxed);
        (folded, self.sent.load(Ordering::Relaxed))
    }
}

/// When how many had been sent. Holds at most one look for each request that waits.
#[derive(Debug, Default)]
pub(super) struct Looks(VecDeque<(u64, u64)>);

impl Looks {
    /// Looks at `now_ns` (ns since 1970); the age of the oldest that waits, seconds.
    pub(super) fn oldest(&mut self, now_ns: u64, (folded, sent): (u64, u64)) -> f64 {
        if sent > self.0.back().map_or(folded, |(_, before)| (*before).max(folded)) {
            self.0.push_back((now_ns, sent));
        }
        while self.0.front().is_some_and(|(_, sent)| *sent <= folded) {
            self.0.pop_front();
        }
        self.0.front().map_or(0.0, |(seen_ns, _)| now_ns.saturating_sub(*seen_ns) as f64 / 1e9)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole seconds are exact")]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_oldest_that_waits_is_as_old_as_the_look_that_first_saw_it() {
        let mut looks = Looks::default();
        let mut at = |second: u64, folded, sent| looks.oldest(second * SECOND, (folded, sent));
        assert_eq!(at(100, 0, 0), 0.0, "nothing was ever sent");
        assert_eq!(at(101, 5, 5), 0.0, "all is folded");
        assert_eq!(at(102, 5, 7), 0.0, "two came since the last look");
        assert_eq!(at(103, 5, 9), 1.0);
        assert_eq!(at(105, 6, 9), 3.0, "the second of the two still waits");
        assert_eq!(at(106, 8, 9), 3.0, "one of those that came by 103");
        assert_eq!(at(107, 9, 9), 0.0);
        assert_eq!(at(200, 9, 10), 0.0, "a long pause is no age");
        assert_eq!(at(500, 9, 10), 300.0, "a fold that stands still");
    }

    #[test]
    fn looks_do_not_pile_up() {
        let (mut looks, progress) = (Looks::default(), Progress::default());
        (0..10).for_each(|_| progress.send());
        (0..1000).for_each(|second| {
            looks.oldest(second * SECOND, progress.now());
        });
        assert_eq!(looks.0.len(), 1, "nothing new was sent");
        progress.fold(10);
        assert_eq!((looks.oldest(2000 * SECOND, progress.now()), looks.0.len()), (0.0, 0));
    }
}
