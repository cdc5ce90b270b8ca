//! What metric points prove when they are laid side by side.
//!
//! In: readings, each of which proves nothing alone: a restart counter says how often, not when. Out: evidence, where a reading differs
//! from the one before. A change happened somewhere between the two; the middle is wrong by at most half the interval.

use super::generations::Generations;
use crate::judge::taxonomy::EvidenceKind;
use crate::observe::{Channel, Evidence, Reading, ReadingKind, Target};
use std::sync::Arc;

/// Containers whose readings are remembered.
const CONTAINERS: usize = 50_000;
/// Share of its limit from which on a container's memory is short.
const PRESSURE: f64 = 0.9;
/// Memory that stays short is told this often, ns.
const TELL_EVERY_NS: u64 = 60_000_000_000;

/// Whose readings.
type Container = (Arc<Target>, Arc<str>, u64);

/// A value and when it was read, ns since 1970.
type Last = Option<(f64, u64)>;

/// What was read last of one container.
#[derive(Debug, Default)]
struct Gauges {
    restarts: Last,
    used: Last,
    limit: Last,
    ready: Last,
    /// The end that the last point with one told, and when.
    end: Option<(EvidenceKind, u64)>,
    /// Since when a point could have told an end.
    watched_ns: Option<u64>,
    pressed_ns: u64,
}

/// The last readings of all containers.
#[derive(Debug)]
pub(super) struct Readings(Generations<Container, Gauges>);

impl Default for Readings {
    fn default() -> Self {
        Self(Generations::new(CONTAINERS))
    }
}

impl Readings {
    /// Takes in the readings of one export; says what they prove. Ends come before restarts, whatever their order in the export: the
    /// end's word tells what the restart was for.
    pub(super) fn take(&mut self, readings: &[Reading]) -> Vec<Evidence> {
        let mut proved = Vec::new();
        for restarts in [false, true] {
            for reading in readings.iter().filter(|reading| (reading.kind == ReadingKind::Restarts) == restarts) {
                let container = (Arc::clone(&reading.target), Arc::clone(&reading.replica), reading.container);
                let gauges = self.0.meet(container, Gauges::default);
                proved.extend(gauges.news(reading).map(|(kind, time_ns)| evidence(reading, kind, time_ns)));
            }
        }
        proved
    }

    pub(super) fn age(&mut self, now_ns: u64, span_ns: u64) {
        self.0.age(now_ns, span_ns);
    }
}

impl Gauges {
    /// What a reading proves next to the one before, and when that happened.
    fn news(&mut self, reading: &Reading) -> Option<(EvidenceKind, u64)> {
        let (value, time_ns) = (reading.value, reading.time_ns);
        match reading.kind {
            ReadingKind::Restarts => {
                if let Some(kind) = reading.last_end {
                    self.end = Some((kind, time_ns));
                }
                let (before, then_ns) = step(&mut self.restarts, value, time_ns)?;
                let kind = self.end.map_or(EvidenceKind::ContainerExit, |(kind, _)| kind);
                (value > before).then(|| (kind, middle(then_ns, time_ns)))
            }
            ReadingKind::LastEnd => self.ended(reading),
            ReadingKind::Ready => {
                let (before, then_ns) = step(&mut self.ready, value, time_ns)?;
                match (before > 0.5, value > 0.5) {
                    // It serves when it was seen to; it was unhealthy from some time before that.
                    (false, true) => Some((EvidenceKind::Serving, time_ns)),
                    (true, false) => Some((EvidenceKind::Unhealthy, middle(then_ns, time_ns))),
                    _ => None,
                }
            }
            ReadingKind::MemoryUsed => {
                step(&mut self.used, value, time_ns);
                self.pressed()
            }
            ReadingKind::MemoryLimit => {
                step(&mut self.limit, value, time_ns);
                self.pressed()
            }
            ReadingKind::Replicas => None,
        }
    }

    /// A point says how the container's last end was. It says so for ever after: news only where it was another word before.
    fn ended(&mut self, reading: &Reading) -> Option<(EvidenceKind, u64)> {
        let kind = reading.last_end.filter(|_| reading.value > 0.5);
        let (held, then_ns) = (self.end.map(|(kind, _)| kind), self.watched_ns.replace(reading.time_ns));
        let kind = kind?;
        self.end = Some((kind, reading.time_ns));
        let then_ns = then_ns.filter(|then_ns| *then_ns < reading.time_ns)?;
        (held != Some(kind)).then(|| (kind, middle(then_ns, reading.time_ns)))
    }

    /// Whether the memory is short; told once a minute while it is.
    fn pressed(&mut self) -> Option<(EvidenceKind, u64)> {
        let ((used, time_ns), (limit, _)) = (self.used?, self.limit?);
        let short = limit > 0.0 && used >= PRESSURE * limit;
        (short && time_ns.saturating_sub(self.pressed_ns) >= TELL_EVERY_NS).then(|| {
            self.pressed_ns = time_ns;
            (EvidenceKind::MemoryPressure, time_ns)
        })
    }
}

/// Replaces the value by a newer one; gives the one before.
fn step(held: &mut Last, value: f64, time_ns: u64) -> Last {
    if held.is_some_and(|(_, then_ns)| then_ns >= time_ns) {
        return None;
    }
    held.replace((value, time_ns))
}

const fn middle(from_ns: u64, to_ns: u64) -> u64 {
    from_ns + (to_ns - from_ns) / 2
}

fn evidence(reading: &Reading, kind: EvidenceKind, time_ns: u64) -> Evidence {
    Evidence {
        kind,
        channel: Channel::Metrics,
        target: Some(Arc::clone(&reading.target)),
        replica: Arc::clone(&reading.replica),
        process: 0,
        request_id: String::new(),
        trace_id: [0; 16],
        time_ns,
        event_ns: reading.time_ns,
        rule: Arc::from("metric"),
        text: format!("metric: {} is {}", reading.kind.as_str(), reading.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EvidenceKind::{ContainerExit, MemoryPressure, OomKilled, Serving, Unhealthy};
    use ReadingKind::{LastEnd, MemoryLimit, MemoryUsed, Ready, Restarts};

    const SECOND: u64 = 1_000_000_000;

    fn reading(kind: ReadingKind, value: f64, second: u64, last_end: Option<EvidenceKind>) -> Reading {
        Reading {
            target: Arc::new(Target { model_id: "m".into(), ..Target::default() }),
            replica: "r1".into(),
            container: 7,
            kind,
            value,
            time_ns: second * SECOND,
            last_end,
        }
    }

    /// What is proved, and at which second, by readings that arrive one by one.
    fn proved(readings: &[Reading]) -> Vec<(EvidenceKind, u64)> {
        let mut held = Readings::default();
        let each = readings.iter().flat_map(|reading| held.take(std::slice::from_ref(reading)));
        each.map(|evidence| (evidence.kind, evidence.time_ns / SECOND)).collect()
    }

    #[test]
    fn a_counter_that_rises_is_an_end_and_the_first_reading_is_none() {
        let counts = [3.0, 3.0, 4.0, 1.0].iter().zip([10, 20, 30, 40]);
        let readings: Vec<_> = counts.map(|(value, second)| reading(Restarts, *value, second, None)).collect();
        assert_eq!(proved(&readings), [(ContainerExit, 25)]);
        let known = [reading(Restarts, 0.0, 10, None), reading(Restarts, 1.0, 20, Some(OomKilled))];
        assert_eq!(proved(&known), [(OomKilled, 15)], "the point says what it was");
    }

    #[test]
    fn the_last_end_is_news_only_when_it_changes_or_the_restarts_rise() {
        let end = |value, second| reading(LastEnd, value, second, Some(OomKilled));
        assert_eq!(proved(&[end(1.0, 10), end(1.0, 20)]), [], "it may have been days ago");
        assert_eq!(proved(&[end(0.0, 10), end(1.0, 20), end(1.0, 30)]), [(OomKilled, 15)]);
        let again = [end(1.0, 10), reading(Restarts, 5.0, 10, None), reading(Restarts, 6.0, 20, None)];
        assert_eq!(proved(&again), [(OomKilled, 15)], "killed once more, with the same word");
    }

    #[test]
    fn readiness_and_memory() {
        let ready = [(1.0, 10), (0.0, 20), (0.0, 30), (1.0, 40), (1.0, 50)];
        let readings: Vec<_> = ready.iter().map(|(value, second)| reading(Ready, *value, *second, None)).collect();
        assert_eq!(proved(&readings), [(Unhealthy, 15), (Serving, 40)]);
        let used = |value, second| reading(MemoryUsed, value, second, None);
        let memory =
            [reading(MemoryLimit, 100.0, 90, None), used(89.0, 90), used(90.0, 100), used(99.0, 110), used(95.0, 160)];
        assert_eq!(proved(&memory), [(MemoryPressure, 100), (MemoryPressure, 160)], "once a minute");
        assert_eq!(proved(&[used(99.0, 100)]), [], "short of what?");
        assert_eq!(proved(&[reading(Restarts, 4.0, 30, None), reading(Restarts, 9.0, 20, None)]), [], "an old reading");
    }
}
