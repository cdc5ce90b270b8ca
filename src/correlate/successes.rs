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
    /// The other key of the same request; 0 for none.
    pub(super) also: u64,
    pub(super) end_ns: u64,
    pub(super) weight: f64,
}

/// The last successes.
#[derive(Debug)]
pub(super) struct Successes {
    /// Key, other key, end, and label with weight.
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

    /// Remembers a success under each of its keys.
    pub(super) fn remember(&mut self, success: &Success, label: u32) {
        #[expect(clippy::cast_possible_truncation, reason = "weights need no more than seven digits")]
        let weight = (success.weight as f32).to_bits();
        let rest = [success.end_ns, u64::from(label) << 32 | u64::from(weight)];
        for (key, also) in [(success.key, success.also), (success.also, success.key)] {
            if key != 0 {
                self.write([key, also, rest[0], rest[1]]);
            }
        }
    }

    fn write(&mut self, entry: [u64; 4]) {
        let ring = entry[0] as usize % RINGS;
        let length = self.entries.len() / RINGS;
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
        let begin = key as usize % RINGS * length;
        let ring = self.entries.get(begin..begin + length)?;
        let fits = |entry: &&[u64; 4]| entry[0] == key && key != 0 && entry[2] <= until_ns;
        let entry = ring.iter().filter(fits).max_by_key(|entry| entry[2])?;
        let label = self.labels.get((entry[3] >> 32) as usize)?.clone();
        let weight = f64::from(f32::from_bits(entry[3] as u32));
        Some(Found { label, also: entry[1], end_ns: entry[2], weight })
    }

    /// How many entries are remembered.
    pub(super) fn len(&self) -> usize {
        self.count
    }
}
