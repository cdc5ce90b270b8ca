//! Whether a source's clock can be believed.
//!
//! In: event and arrival times of its records. Out: by how much its times are shifted. Only a clock ahead is proved by one record: an
//! event cannot arrive before it happened. A lag is delay (batching, retries, backfill) until many records over a long time are
//! all late.

/// Event time this much after arrival proves a clock ahead.
const AHEAD_NS: u64 = 2_000_000_000;
/// A lead above this is no clock but a broken time; the record is taken to have happened when it arrived.
const ABSURD_NS: u64 = 24 * 3_600_000_000_000;
/// A lag counts as a slow clock only if its minimum stays above this ...
const SLOW_NS: u64 = 30_000_000_000;
/// ... over at least this many records ...
const SLOW_RECORDS: u64 = 100;
/// ... and this long.
const SLOW_SPAN_NS: u64 = 600_000_000_000;

/// What is known about one source's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// Largest proved lead, ns.
    ahead: u64,
    /// Proved lag, ns.
    behind: u64,
    /// Smallest lag of the period that is being watched, ns; and its records and begin.
    least: u64,
    records: u64,
    began: u64,
}

impl Clock {
    /// Takes in one export: its latest event time and how many records it held.
    pub(super) fn hear(&mut self, event_ns: u64, records: u32, now_ns: u64) {
        let lead = event_ns.saturating_sub(now_ns);
        if lead > AHEAD_NS && lead <= ABSURD_NS {
            self.ahead = self.ahead.max(lead);
        }
        let lag = now_ns.saturating_sub(event_ns);
        if self.records == 0 {
            (self.began, self.least) = (now_ns, lag);
        }
        self.least = self.least.min(lag);
        self.records += u64::from(records);
        if self.records >= SLOW_RECORDS && now_ns.saturating_sub(self.began) >= SLOW_SPAN_NS {
            self.behind = if self.least > SLOW_NS { self.least } else { 0 };
            self.records = 0;
        }
    }

    /// Whether its times are shifted.
    pub(super) const fn shifts(&self) -> bool {
        self.ahead > 0 || self.behind > 0
    }

    /// A time of this source on our clock.
    pub(super) const fn ours(&self, time_ns: u64) -> u64 {
        if self.ahead > 0 { time_ns.saturating_sub(self.ahead) } else { time_ns.saturating_add(self.behind) }
    }

    /// How far it is ahead, seconds; negative where it lags, whether or not that is proved.
    pub(super) fn skew_seconds(&self) -> f64 {
        if self.ahead > 0 { self.ahead as f64 / 1e9 } else { -(self.behind.max(self.least) as f64 / 1e9) }
    }
}

/// The time of a record, or of its arrival where no clock can have written it.
pub(super) const fn believable(time_ns: u64, now_ns: u64) -> u64 {
    if time_ns.saturating_sub(now_ns) > ABSURD_NS { now_ns } else { time_ns }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const NOW: u64 = 1_795_000_000 * SECOND;

    fn heard(steps: &[(u64, i64)]) -> Clock {
        let mut clock = Clock::default();
        for (second, lead) in steps {
            let now = NOW + second * SECOND;
            clock.hear(now.saturating_add_signed(lead * 1_000_000_000), 1, now);
        }
        clock
    }

    #[test]
    fn only_more_than_two_seconds_after_arrival_prove_a_clock_ahead() {
        assert!(!heard(&[(0, 2)]).shifts(), "two seconds may be rounding");
        let clock = heard(&[(0, 3), (1, 90), (2, 5)]);
        assert_eq!(clock.ours(NOW), NOW - 90 * SECOND, "the largest lead counts");
        assert!(!heard(&[(0, 400 * 86_400)]).shifts(), "a broken time stamp says nothing about the clock");
    }

    #[test]
    fn a_lag_is_a_slow_clock_only_after_many_records_over_a_long_time() {
        let late = |records: u64, every: u64, lag: i64| (0..records).map(|n| (n * every, -lag)).collect::<Vec<_>>();
        assert!(!heard(&late(50, 20, 60)).shifts(), "too few records");
        assert!(!heard(&late(500, 1, 60)).shifts(), "not long enough");
        assert!(!heard(&late(200, 10, 30)).shifts(), "thirty seconds are delay");
        let slow = heard(&late(200, 10, 60));
        assert_eq!(slow.ours(NOW), NOW + 60 * SECOND);
        let mut once = late(200, 10, 60);
        (once[30].1, once[130].1) = (-1, -1);
        assert!(!heard(&once).shifts(), "one record in time proves that the others were only delayed");
    }
}
