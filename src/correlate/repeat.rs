//! Which failures were counted before.
//!
//! In: failures. Out: whether this one came before. OTLP is at least once, and a sender may pack the same span into another
//! batch, which the ring of body hashes at the door cannot see.

use super::generations::Generations;
use crate::observe::{Observation, Vantage};

/// What makes two records the same failure.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    vantage: Vantage,
    /// A span has an id of its own. A log line carries the id of its caller's span, which may cover several attempts:
    /// those are told apart by their start. Zero for spans.
    start_ns: u64,
}

impl Key {
    /// `None` where the record has no ids: nothing then tells a repeat from a second failure, and both count.
    fn of(failure: &Observation) -> Option<Self> {
        if failure.trace_id == [0; 16] || failure.span_id == [0; 8] {
            return None;
        }
        let span = matches!(failure.vantage, Vantage::Client | Vantage::Sdk);
        Some(Self {
            trace_id: failure.trace_id,
            span_id: failure.span_id,
            vantage: failure.vantage,
            start_ns: if span { 0 } else { failure.start_ns },
        })
    }
}

/// The failures that were counted lately.
#[derive(Debug)]
pub(super) struct Repeats {
    seen: Generations<Key, bool>,
}

impl Repeats {
    /// Remembers at most `capacity` failures.
    pub(super) fn new(capacity: usize) -> Self {
        Self { seen: Generations::new(capacity) }
    }

    /// True where this failure came before; remembers it.
    pub(super) fn again(&mut self, failure: &Observation) -> bool {
        Key::of(failure).is_some_and(|key| std::mem::replace(self.seen.meet(key, || false), true))
    }

    /// Forgets what did not come for two spans of this length.
    pub(super) fn age(&mut self, now_ns: u64, span_ns: u64) {
        self.seen.age(now_ns, span_ns);
    }

    /// How many failures are remembered.
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }
}
