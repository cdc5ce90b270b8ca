//! Bounds the bytes that are in flight. In: how many bytes a request is about to take. Out: a permit that gives them
//! back when the request ends, or nothing if there is no room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The room that all requests share.
#[derive(Debug)]
pub struct Admission {
    used: AtomicUsize,
    capacity: usize,
}

impl Admission {
    /// Room for `capacity` bytes.
    pub fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), capacity })
    }

    /// A permit for nothing yet.
    pub fn permit(self: &Arc<Self>) -> Permit {
        Permit { admission: Arc::clone(self), bytes: 0 }
    }

    /// Bytes taken now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes that can be taken in all.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }
}

/// The bytes that one request holds; given back on drop.
#[derive(Debug)]
pub struct Permit {
    admission: Arc<Admission>,
    bytes: usize,
}

impl Permit {
    /// Takes `bytes` more, or nothing: `false` if there is no room.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let room = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.admission.capacity);
        let taken = self.admission.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok();
        if taken {
            self.bytes += bytes;
        }
        taken
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::Admission;

    #[test]
    fn what_is_taken_comes_back_and_never_passes_the_capacity() {
        let admission = Admission::new(100);
        let mut first = admission.permit();
        assert!(first.grow(60) && first.grow(40));
        assert!(!first.grow(1) && !admission.permit().grow(usize::MAX));
        assert_eq!(admission.used(), 100);
        drop(first);
        assert_eq!(admission.used(), 0);
    }

    #[test]
    fn threads_share_the_room() {
        let admission = Admission::new(1000);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let mut permit = admission.permit();
                        assert!(!permit.grow(300) || admission.used() <= 1000);
                    }
                });
            }
        });
        assert_eq!(admission.used(), 0);
    }
}
