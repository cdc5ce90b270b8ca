//! What is remembered of requests that went well, so that a later log can prove their answer broken.
//!
//! In: successes, as many as there are. Out: the one with a given key. Preallocated and of a fixed size: 1024 small rings by key, 32 bytes
//! an entry, written at its tail and searched as a whole. Memory that was never written is never touched.

use crate::observe::{Ending, Row, Status, Success, Target, Vantage};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Rings; the low bits of the key say which.
const RINGS: usize = 1024;
/// Most keys of one request: its id, and the spans around it.
const KEYS: usize = 4;
/// Most different rows that successes may point to.
const LABELS: usize = 1 << 16;

/// What successes of one row share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Label {
    pub(super) target: Arc<Target>,
    pub(super) caller: Arc<str>,
    pub(super) vantage: Vantage,
    pub(super) status: Status,
    pub(super) ending: Option<Ending>,
}

/// A success that was found again.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) label: Label,
    /// The next key of the same request; 0 for none.
    pub(super) also: u64,
    pub(super) end_ns: u64,
    pub(super) weight: f64,
}

/// The last successes.
#[derive(Debug)]
pub(super) struct Successes {
    /// Key, next key, end, and label with weight.
    entries: Vec<[u64; 4]>,
    tails: Vec<u32>,
    labels: Vec<Label>,
    numbers: HashMap<Label, u32, RandomState>,
    count: usize,
}

impl Successes {
    /// Remembers about so many; 0 remembers none.
    pub(super) fn new(capacity: usize) -> Self {
        let rings = if capacity == 0 { 0 } else { capacity.div_ceil(RINGS) * RINGS };
        Self {
            // All zero, so that the allocator hands out pages that the system makes when they are first written.
            entries: vec![[0; 4]; rings],
            tails: vec![0; RINGS],
            labels: Vec::new(),
            numbers: HashMap::default(),
            count: 0,
        }
    }

    /// The number of a row; `None` where nothing is remembered. Asked once a row and export.
    pub(super) fn label(&mut self, row: &Row) -> Option<u32> {
        if self.entries.is_empty() {
            return None;
        }
        let label = Label {
            target: Arc::clone(&row.target),
            caller: Arc::clone(&row.caller),
            vantage: row.vantage,
            status: row.status,
            ending: row.ending,
        };
        if let Some(number) = self.numbers.get(&label) {
            return Some(*number);
        }
        if self.labels.len() >= LABELS {
            // Names that never end: begin anew rather than grow.
            *self = Self::new(self.entries.len());
        }
        let number = u32::try_from(self.labels.len()).ok()?;
        self.labels.push(label.clone());
        self.numbers.insert(label, number);
        Some(number)
    }

    /// Remembers a success under one of its keys.
    pub(super) fn remember(&mut self, success: &Success, label: u32) {
        #[expect(clippy::cast_possible_truncation, reason = "weights need no more than seven digits")]
        let weight = (success.weight as f32).to_bits();
        let rest = u64::from(label) << 32 | u64::from(weight);
        if success.key != 0 {
            self.write([success.key, success.also, success.end_ns, rest]);
        }
    }

    fn write(&mut self, entry: [u64; 4]) {
        let (ring, length) = (ring_of(entry[0]), self.entries.len() / RINGS);
        let Some(tail) = self.tails.get_mut(ring) else { return };
        if let Some(slot) = self.entries.get_mut(ring * length + *tail as usize) {
            self.count += usize::from(slot[0] == 0);
            *slot = entry;
        }
        *tail = if *tail as usize + 1 >= length { 0 } else { *tail + 1 };
    }

    /// The latest success with this key that ended by `until_ns`.
    pub(super) fn find(&self, key: u64, until_ns: u64) -> Option<Found> {
        let length = self.entries.len() / RINGS;
        let begin = ring_of(key) * length;
        let ring = self.entries.get(begin..begin + length)?;
        let fits = |entry: &&[u64; 4]| entry[0] == key && key != 0 && entry[2] <= until_ns;
        let entry = ring.iter().filter(fits).max_by_key(|entry| entry[2])?;
        let halves =
            [entry[3] >> 32, entry[3] & u64::from(u32::MAX)].map(|half| u32::try_from(half).unwrap_or_default());
        let label = self.labels.get(halves[0] as usize)?.clone();
        let weight = f64::from(f32::from_bits(halves[1]));
        Some(Found { label, also: entry[1], end_ns: entry[2], weight })
    }

    /// All keys of the request of this success.
    pub(super) fn keys(&self, key: u64, found: &Found) -> Vec<u64> {
        let (mut keys, mut next) = (vec![key], found.also);
        while next != 0 && !keys.contains(&next) && keys.len() < KEYS {
            keys.push(next);
            let other = self.find(next, found.end_ns).filter(|other| other.end_ns == found.end_ns);
            next = other.map_or(0, |other| other.also);
        }
        keys
    }

    /// How many entries are remembered.
    pub(super) fn len(&self) -> usize {
        self.count
    }
}

/// Which ring a key belongs to.
fn ring_of(key: u64) -> usize {
    usize::try_from(key % RINGS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let target = Arc::new(Target { model_id: "m".into(), ..Target::default() });
        let (caller, status) = ("a".into(), Status::Http(200));
        Row {
            target,
            caller,
            vantage: Vantage::Client,
            status,
            outcome: crate::observe::Outcome::Success,
            ending: Some(Ending::Unknown),
            requests: 1.0,
            exemplar: None,
        }
    }

    #[test]
    fn finds_by_either_key_the_latest_that_ended_in_time() {
        let mut held = Successes::new(5000);
        let label = held.label(&row()).unwrap();
        for end_ns in [10, 30, 20] {
            held.remember(&Success { key: 7 + end_ns, also: 5, row: 0, end_ns, weight: 2.5 }, label);
            held.remember(&Success { key: 5, also: 7 + end_ns, row: 0, end_ns, weight: 2.5 }, label);
        }
        let found = held.find(5, 25).unwrap();
        assert_eq!((found.end_ns, found.also, found.label.ending), (20, 27, Some(Ending::Unknown)));
        assert!((found.weight - 2.5).abs() < 1e-6);
        assert_eq!(held.keys(5, &found), [5, 27], "a key leads to the others of the same request");
        assert_eq!(held.find(37, u64::MAX).map(|found| found.end_ns), Some(30));
        assert!(held.find(5, 9).is_none() && held.find(6, u64::MAX).is_none() && held.find(0, u64::MAX).is_none());
    }

    #[test]
    fn forgets_the_oldest_of_a_ring_and_never_grows() {
        let mut held = Successes::new(2 * RINGS);
        let label = held.label(&row()).unwrap();
        for turn in 1..=3 {
            held.remember(&Success { key: turn * RINGS as u64, also: 0, row: 0, end_ns: turn, weight: 1.0 }, label);
        }
        let found = |turn: u64| held.find(turn * RINGS as u64, u64::MAX).is_some();
        assert_eq!([1, 2, 3].map(found), [false, true, true]);
        assert_eq!((held.len(), held.entries.len()), (2, 2 * RINGS));
        assert!(Successes::new(0).label(&row()).is_none(), "nothing is remembered where nothing may be");
    }
}
