//! Knows bodies that came before: OTLP delivers at least once, and a sender whose answer was lost sends the same body
//! again. In: a body's hash and the time. Out: whether it is the first time. Bounded by age and by count.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::otlp::signal::Signal;

/// Bodies that were taken lately.
pub struct Repeats {
    seed: u64,
    expiry: Duration,
    capacity: usize,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    known: HashSet<u128, foldhash::fast::RandomState>,
    by_age: VecDeque<(Duration, u128)>,
}

impl Repeats {
    /// Remembers each body for `expiry`, and at most `capacity` of them (about 100 bytes each), the latest. An
    /// `expiry` of zero remembers nothing.
    pub fn new(expiry: Duration, capacity: usize) -> Self {
        // Seeded, so that nobody can make a body that is taken for another one's repeat.
        let seed = RandomState::new().hash_one(());
        Self { seed, expiry, capacity, ring: Mutex::default() }
    }

    /// Hash of a request; the same for the same bytes of the same signal.
    pub fn hash(&self, signal: Signal, body: &[u8]) -> u128 {
        xxh3_128_with_seed(body, self.seed) ^ signal as u128
    }

    /// Whether this is the first time, and remembers that it was. To be called when nothing can refuse the request any
    /// more: of two that come at once, one is the first. `now` is the time since the start of the service.
    pub fn first_time(&self, hash: u128, now: Duration) -> bool {
        if self.expiry.is_zero() || self.capacity == 0 {
            return true;
        }
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        while ring.by_age.front().is_some_and(|(seen, _)| now.saturating_sub(*seen) >= self.expiry) {
            ring.forget_oldest();
        }
        if !ring.known.insert(hash) {
            return false;
        }
        if ring.by_age.len() == self.capacity {
            ring.forget_oldest();
        }
        ring.by_age.push_back((now, hash));
        true
    }
}

impl Ring {
    fn forget_oldest(&mut self) {
        if let Some((_, hash)) = self.by_age.pop_front() {
            self.known.remove(&hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::Repeats;
    use crate::otlp::signal::Signal;

    const EXPIRY: Duration = Duration::from_mins(5);

    #[test]
    fn a_body_counts_once_until_it_expires() {
        let repeats = Repeats::new(EXPIRY, 10);
        let hash = repeats.hash(Signal::Traces, b"body");
        assert!(repeats.first_time(hash, Duration::ZERO));
        assert!(!repeats.first_time(hash, EXPIRY.mul_f64(0.99)));
        assert!(repeats.first_time(hash, EXPIRY));
        assert!(!repeats.first_time(hash, EXPIRY));
    }

    #[test]
    fn signals_and_bodies_are_told_apart() {
        let repeats = Repeats::new(EXPIRY, 10);
        for (signal, body) in [(Signal::Traces, "a"), (Signal::Traces, "b"), (Signal::Logs, "a"), (Signal::Metrics, "")]
        {
            assert!(repeats.first_time(repeats.hash(signal, body.as_bytes()), Duration::ZERO));
        }
    }

    #[test]
    fn the_oldest_is_forgotten_when_full() {
        let repeats = Repeats::new(EXPIRY, 2);
        assert!([1, 2, 3].into_iter().all(|hash| repeats.first_time(hash, Duration::ZERO)));
        assert!(!repeats.first_time(3, Duration::ZERO) && !repeats.first_time(2, Duration::ZERO));
        assert!(repeats.first_time(1, Duration::ZERO));
    }

    #[test]
    fn no_expiry_remembers_nothing() {
        let repeats = Repeats::new(Duration::ZERO, 10);
        assert!(repeats.first_time(1, Duration::ZERO) && repeats.first_time(1, Duration::ZERO));
    }

    #[test]
    fn of_many_at_once_exactly_one_is_the_first() {
        let (repeats, firsts) = (Repeats::new(EXPIRY, 10_000), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let first = (0..1000).filter(|hash| repeats.first_time(*hash, Duration::ZERO)).count();
                    firsts.fetch_add(first, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(firsts.into_inner(), 1000);
    }
}
