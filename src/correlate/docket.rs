//! All cases that are open or were told lately.
//!
//! In: cases and keys. Out: the case that a record joins, and the one whose time is over. Cases lie in blocks, so that a million of them
//! never move; a key costs five bytes, because the table holds only where the case is.

use super::case::{Case, Keys, State};
use hashbrown::HashTable;
use std::collections::VecDeque;

/// Cases in a block.
const BLOCK: usize = 1024;
/// Slots in the table of keys: the four in the case, and one for all that had no room.
const SLOTS: u32 = 5;

/// Most cases that share a key.
const CROWD: usize = 64;

/// A queue in the order of arrival; cases that left it early leave a hole.
#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<u32>,
    /// Ticket of the first in the line.
    first: u32,
    /// How many are really there.
    count: usize,
}

impl Line {
    fn join(&mut self, at: u32) -> u32 {
        self.waiting.push_back(at);
        self.count += 1;
        self.first.wrapping_add(u32::try_from(self.waiting.len() - 1).unwrap_or(u32::MAX))
    }

    fn step(&mut self) {
        self.waiting.pop_front();
        self.first = self.first.wrapping_add(1);
    }
}

/// All cases.
#[derive(Debug, Default)]
pub(super) struct Docket {
    blocks: Vec<Vec<Option<Case>>>,
    free: Vec<u32>,
    /// `case * SLOTS + slot`.
    keys: HashTable<u32>,
    open: Line,
    settled: Line,
    bytes: usize,
}

impl Docket {
    pub(super) fn get(&self, at: u32) -> Option<&Case> {
        self.blocks.get(at as usize / BLOCK)?.get(at as usize % BLOCK)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut Case> {
        self.blocks.get_mut(at as usize / BLOCK)?.get_mut(at as usize % BLOCK)?.as_mut()
    }

    /// Puts a case on the docket.
    pub(super) fn insert(&mut self, mut case: Case) -> u32 {
        let at = self.free.pop().unwrap_or_else(|| self.grow());
        let line = if matches!(case.state, State::Settled(_)) { &mut self.settled } else { &mut self.open };
        case.ticket = line.join(at);
        self.bytes += case.bytes();
        let keys = case.keys;
        self.blocks[at as usize / BLOCK][at as usize % BLOCK] = Some(case);
        for (slot, key) in (0..).zip(keys) {
            self.index(at, slot, key);
        }
        at
    }

    /// Places are handed out from the last of `free`, so the lowest is put there last.
    fn grow(&mut self) -> u32 {
        let number = |cases: usize| u32::try_from(cases).expect("the limit of cases is far below");
        let (base, end) = (number(self.blocks.len() * BLOCK), number((self.blocks.len() + 1) * BLOCK));
        self.blocks.push(std::iter::repeat_with(|| None).take(BLOCK).collect());
        self.free.extend((base + 1..end).rev());
        base
    }

    /// A job of a hundred thousand calls in one trace must not make one bucket of them all: past [`CROWD`] a case is found by its
    /// other keys only.
    fn index(&mut self, at: u32, slot: u32, key: u64) {
        if key != 0 && self.keys.iter_hash(key).take(CROWD).count() < CROWD {
            let blocks = &self.blocks;
            self.keys.insert_unique(key, at * SLOTS + slot, |entry| hash_of(blocks, *entry));
        }
    }

    /// Adds keys to a case, in its own slots where these are free.
    pub(super) fn add_keys(&mut self, at: u32, keys: Keys) {
        for (slot, key) in (0..).zip(keys) {
            let Some(case) = self.get_mut(at) else { return };
            // A request id that was known as one key of many is now known to be the request's.
            let told = slot == 0 && case.keys[0] == 0;
            if key == 0 || (holds(case, key) && !told) {
                continue;
            }
            if case.keys[slot as usize] == 0 {
                case.keys[slot as usize] = key;
                self.index(at, slot, key);
            } else {
                let more = case.more.get_or_insert_default();
                // The table finds one of them; a second one is rare enough to be looked for nowhere else.
                if more.keys.is_empty() {
                    more.keys.push(key);
                    self.index(at, SLOTS - 1, key);
                }
            }
        }
    }

    /// Cases that have this key.
    pub(super) fn with_key(&self, key: u64) -> impl Iterator<Item = u32> {
        let found = (key != 0).then(|| self.keys.iter_hash(key)).into_iter().flatten();
        found.map(|entry| *entry / SLOTS).filter(move |at| self.get(*at).is_some_and(|case| holds(case, key)))
    }

    /// Moves a case from the open to the settled ones.
    pub(super) fn settle(&mut self, at: u32) {
        let ticket = self.settled.join(at);
        self.open.count -= 1;
        if let Some(case) = self.get_mut(at) {
            case.ticket = ticket;
        }
    }

    /// The open case that waits longest.
    pub(super) fn oldest_open(&mut self) -> Option<u32> {
        Self::head(&self.blocks, &mut self.open, false)
    }

    /// The case that was settled first.
    pub(super) fn oldest_settled(&mut self) -> Option<u32> {
        Self::head(&self.blocks, &mut self.settled, true)
    }

    fn head(blocks: &[Vec<Option<Case>>], line: &mut Line, settled: bool) -> Option<u32> {
        while let Some(at) = line.waiting.front().copied() {
            let case = blocks.get(at as usize / BLOCK).and_then(|block| block.get(at as usize % BLOCK)?.as_ref());
            if case.is_some_and(|c| c.ticket == line.first && matches!(c.state, State::Settled(_)) == settled) {
                return Some(at);
            }
            line.step();
        }
        None
    }

    /// Takes a case off the docket.
    pub(super) fn remove(&mut self, at: u32) -> Option<Case> {
        let slot = self.blocks.get_mut(at as usize / BLOCK)?.get_mut(at as usize % BLOCK)?;
        let case = slot.as_ref()?;
        let extra = case.more.as_ref().and_then(|more| more.keys.first().copied()).unwrap_or(0);
        for (number, key) in (0..).zip(case.keys.into_iter().chain([extra])) {
            if let Ok(entry) = self.keys.find_entry(key, |entry| *entry == at * SLOTS + number) {
                entry.remove();
            }
        }
        let case = slot.take()?;
        let line = if matches!(case.state, State::Settled(_)) { &mut self.settled } else { &mut self.open };
        line.count -= 1;
        self.bytes = self.bytes.saturating_sub(case.bytes());
        self.free.push(at);
        if self.open.count + self.settled.count == 0 {
            // Idle memory is given back.
            *self = Self::default();
        }
        Some(case)
    }

    /// Says that a case grew by so many bytes.
    pub(super) fn grew(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// How many are open, how many settled, and their bytes.
    pub(super) fn len(&self) -> (usize, usize, usize) {
        (self.open.count, self.settled.count, self.bytes)
    }
}

fn holds(case: &Case, key: u64) -> bool {
    case.keys.contains(&key) || case.more.as_ref().is_some_and(|more| more.keys.contains(&key))
}

fn hash_of(blocks: &[Vec<Option<Case>>], entry: u32) -> u64 {
    let (at, slot) = ((entry / SLOTS) as usize, (entry % SLOTS) as usize);
    let case = blocks.get(at / BLOCK).and_then(|block| block.get(at % BLOCK)?.as_ref());
    case.map_or(0, |case| match case.keys.get(slot) {
        Some(key) => *key,
        None => case.more.as_ref().and_then(|more| more.keys.first().copied()).unwrap_or(0),
    })
}
