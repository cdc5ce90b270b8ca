//! When a source showed that its replica serves.
//!
//! In: times of signs of life, as many as there are answered requests. Out: the first one after a death, to within a second while
//! it is recent. One bucket a second keeps the first and last sign; past [`MOST`] buckets the older half is thinned by pairs.

/// Most buckets of one source.
const MOST: usize = 240;
const SECOND_NS: u64 = 1_000_000_000;

/// Signs of life, ordered by time.
#[derive(Clone, Debug, Default)]
pub(super) struct Signs(Vec<(u64, u64)>);

impl Signs {
    /// Takes in one sign.
    pub(super) fn add(&mut self, time_ns: u64) {
        let second = |time: u64| time / SECOND_NS;
        let at = self.0.partition_point(|(_, last)| second(*last) < second(time_ns));
        match self.0.get_mut(at) {
            Some((first, last)) if second(*first) <= second(time_ns) => {
                (*first, *last) = ((*first).min(time_ns), (*last).max(time_ns));
            }
            _ => self.0.insert(at, (time_ns, time_ns)),
        }
        if self.0.len() > MOST {
            self.thin();
        }
    }

    /// The first sign that is later than this time.
    pub(super) fn after(&self, time_ns: u64) -> Option<u64> {
        let at = self.0.partition_point(|(_, last)| *last <= time_ns);
        self.0.get(at).map(|(first, last)| if *first > time_ns { *first } else { *last })
    }

    /// Forgets signs before this time.
    pub(super) fn forget(&mut self, before_ns: u64) {
        let gone = self.0.partition_point(|(_, last)| *last < before_ns);
        self.0.drain(..gone);
    }

    fn thin(&mut self) {
        let (old, young) = self.0.split_at(MOST / 2);
        let pairs = old.chunks(2).filter_map(|pair| Some((pair.first()?.0, pair.last()?.1)));
        self.0 = pairs.chain(young.iter().copied()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_sign_after_a_death_in_any_order_of_arrival() {
        let times = [5_100_000_000, 1_000_000_000, 5_900_000_000, 3_000_000_000];
        for turn in 0..times.len() {
            let mut signs = Signs::default();
            times.iter().cycle().skip(turn).take(times.len()).for_each(|time| signs.add(*time));
            assert_eq!(signs.after(0), Some(1_000_000_000));
            assert_eq!(signs.after(1_000_000_000), Some(3_000_000_000));
            assert_eq!(signs.after(3_000_000_001), Some(5_100_000_000));
            assert_eq!(signs.after(5_500_000_000), Some(5_900_000_000));
            assert_eq!(signs.after(5_900_000_000), None);
        }
    }

    #[test]
    fn stays_small_and_keeps_the_recent_past_exact() {
        let mut signs = Signs::default();
        (0..5_000).for_each(|second| signs.add(second * SECOND_NS));
        assert!(signs.0.len() <= MOST);
        assert_eq!(signs.after(4_950 * SECOND_NS), Some(4_951 * SECOND_NS));
        assert!(signs.after(10 * SECOND_NS).is_some_and(|sign| sign > 10 * SECOND_NS), "the old past is coarse");
    }
}
