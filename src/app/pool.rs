//! Memory that is used again.
//!
//! In: what a request has finished with. Out: the same, for the next one, so that the steady state allocates nothing. Bounded:
//! what is given back past the limit is freed.

use std::sync::{Mutex, PoisonError};

/// Things that wait for their next use.
#[derive(Debug)]
pub(super) struct Pool<T> {
    free: Mutex<Vec<T>>,
    most: usize,
}

impl<T: Default> Pool<T> {
    /// Keeps at most this many.
    pub(super) fn new(most: usize) -> Self {
        Self { free: Mutex::new(Vec::with_capacity(most)), most }
    }

    /// One that was used before, else a new one.
    pub(super) fn take(&self) -> T {
        let used = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        used.unwrap_or_default()
    }

    /// Gives one back.
    pub(super) fn give(&self, thing: T) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.most {
            free.push(thing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_and_does_not_pile_up() {
        let pool = Pool::<Vec<u8>>::new(1);
        pool.give(Vec::with_capacity(100));
        pool.give(Vec::with_capacity(100));
        assert!(pool.take().capacity() >= 100);
        assert_eq!(pool.take().capacity(), 0);
    }
}
