//! A map that forgets: bounded by count, and by time where its owner asks for it.
//!
//! In: keys as they are met. Out: their values, for at least one and at most two generations after they were last met.
//! Two plain maps, young and old: a key that is met moves to the young one; when that is full, or its time is over, it
//! becomes the old one and the old one is dropped. Constant time, and, unlike an approximate LRU, what is kept depends
//! on nothing but the keys and their order.

use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::Hash;

type Map<K, V> = HashMap<K, V, RandomState>;

/// At most `capacity` keys in two maps of half that size.
#[derive(Debug)]
pub(super) struct Generations<K, V> {
    young: Map<K, V>,
    old: Map<K, V>,
    /// Keys per generation.
    half: usize,
    /// When the young generation began, ns since 1970; nothing is known before the first [`Self::age`].
    began_ns: Option<u64>,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// Remembers at most `capacity` keys (at least two).
    pub(super) fn new(capacity: usize) -> Self {
        Self { young: Map::default(), old: Map::default(), half: (capacity / 2).max(1), began_ns: None }
    }

    /// The value of this key, which is thereby young again; made by `fresh` where the key is not known.
    pub(super) fn meet(&mut self, key: K, fresh: impl FnOnce() -> V) -> &mut V {
        let known = self.young.contains_key(&key);
        if !known && self.young.len() >= self.half {
            self.turn();
        }
        let kept = if known { None } else { self.old.remove(&key) };
        self.young.entry(key).or_insert_with(|| kept.unwrap_or_else(fresh))
    }

    /// The value of this key, which does not become young by that.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Every key that is known.
    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.young.keys().chain(self.old.keys())
    }

    /// Begins a new generation when the young one is `span_ns` old.
    pub(super) fn age(&mut self, now_ns: u64, span_ns: u64) {
        let began = *self.began_ns.get_or_insert(now_ns);
        if now_ns.abs_diff(began) >= span_ns {
            self.turn();
            self.began_ns = Some(now_ns);
        }
    }

    /// How many keys are known.
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// The young become the old; the old are forgotten, with their memory.
    fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_holds_more_than_its_capacity_and_keeps_what_is_met() {
        let mut map = Generations::new(100);
        for key in 0..10_000_u32 {
            *map.meet(7_000_000, || 0) += 1;
            map.meet(key, || 0);
            assert!(map.len() <= 100, "{} keys", map.len());
        }
        assert_eq!(*map.meet(7_000_000, || 0), 10_000, "a key that is met all the time is never forgotten");
        assert_eq!(*map.meet(0, || -1), -1, "a key that was not met for long is");
    }

    #[test]
    fn keeps_a_key_for_one_to_two_spans() {
        let mut map = Generations::new(100);
        map.age(1_000, 10);
        map.meet('a', || 1);
        map.age(1_009, 10);
        map.age(1_010, 10);
        assert_eq!(*map.meet('a', || 2), 1, "one span later it is known, and young again");
        map.age(1_020, 10);
        map.age(1_030, 10);
        assert_eq!((map.len(), *map.meet('a', || 2)), (0, 2), "two spans later it is not");
    }

    #[test]
    fn a_clock_that_steps_back_does_not_keep_keys_for_ever() {
        let mut map = Generations::new(100);
        map.age(1_000_000, 10);
        map.meet('a', || 1);
        for now in [5, 15] {
            map.age(now, 10);
        }
        assert_eq!(map.len(), 0);
    }
}
