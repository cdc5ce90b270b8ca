//! Which vantage counts a request, so that none is counted by two.
//!
//! In: which vantages an export holds, per caller and per target. Out: whether a record of this vantage is counted.
//!
//! Two questions, in this order. *Of the caller:* where a caller's HTTP spans to models are seen, its `GenAI` spans only
//! enrich them; that holds from the first HTTP span on, for what a caller's process emits does not compete, it nests.
//! *Of the target:* the caller's side, the gateway or the model, the first of that order seen in the last
//! [`Settings::present_for`]; a higher one takes over only after it was there for [`Settings::take_over_after`], so that one
//! instrumented try by hand does not silence the gateway that sees all callers.
//!
//! [`Settings::present_for`]: super::Settings::present_for
//! [`Settings::take_over_after`]: super::Settings::take_over_after

use super::generations::Generations;
use super::settings::{Settings, nanos};
use crate::observe::{Observation, Row, Target, Vantage};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A target as the metrics tell it apart. The deployment is left out: a caller's URL rarely names it and a model's log
/// always does, and the two must meet.
#[derive(Clone, Debug)]
struct Place(Arc<Target>);

impl Place {
    fn key(&self) -> (&str, &str, &str) {
        (&self.0.platform, &self.0.model_id, &self.0.environment)
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Place {}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Since when and until when one vantage was seen without a long gap, ns since 1970.
#[derive(Clone, Copy, Debug)]
struct Presence {
    since_ns: u64,
    last_ns: u64,
}

impl Presence {
    /// Seen within the span; the difference is absolute so that a clock that steps back cannot hold a vantage for ever.
    fn holds(self, now_ns: u64, present_ns: u64) -> bool {
        now_ns.abs_diff(self.last_ns) <= present_ns
    }

    fn lasts(self, span_ns: u64) -> bool {
        self.last_ns.saturating_sub(self.since_ns) >= span_ns
    }
}

/// The vantages that may count, in their order.
const RANKS: [Vantage; 4] = [Vantage::Client, Vantage::Sdk, Vantage::Gateway, Vantage::Model];

/// Client and SDK are one side: which of them counts was asked of the caller, not of the target.
fn side(vantage: Vantage) -> Vantage {
    if vantage == Vantage::Sdk { Vantage::Client } else { vantage }
}

/// What is known about one caller or one target.
#[derive(Debug, Default)]
struct Sightings {
    seen: [Option<Presence>; RANKS.len()],
    /// The vantage that counts. For a caller it is told once and then only remembered.
    primary: Option<Vantage>,
}

/// The two lengths of time that decide, ns.
#[derive(Clone, Copy, Debug)]
struct Spans {
    present: u64,
    take_over: u64,
}

impl Sightings {
    fn see(&mut self, rank: usize, now_ns: u64, spans: Spans) {
        let since_ns = self.present(rank, now_ns, spans).map_or(now_ns, |before| before.since_ns);
        self.seen[rank] = Some(Presence { since_ns, last_ns: now_ns });
    }

    fn present(&self, rank: usize, now_ns: u64, spans: Spans) -> Option<Presence> {
        self.seen[rank].filter(|presence| presence.holds(now_ns, spans.present))
    }

    /// Decides anew who counts: the vantage, and whether it is another one than before.
    fn elect(&mut self, now_ns: u64, spans: Spans) -> Option<(Vantage, bool)> {
        let present = |rank: usize| self.present(rank, now_ns, spans);
        let holds = |rank: &usize| {
            self.primary.is_some_and(|primary| side(primary) == side(RANKS[*rank])) && present(*rank).is_some()
        };
        let holder = (0..RANKS.len()).find(holds);
        let higher = (0..holder.unwrap_or(RANKS.len()))
            .find(|rank| present(*rank).is_some_and(|it| holder.is_none() || it.lasts(spans.take_over)));
        let elected = RANKS[higher.or(holder)?];
        let changed = self.primary.replace(elected) != Some(elected);
        Some((elected, changed))
    }
}

/// Who saw whom, from where: what a row and a failure have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight<'a> {
    caller: &'a Arc<str>,
    target: &'a Arc<Target>,
    vantage: Vantage,
}

impl<'a> From<&'a Row> for Sight<'a> {
    fn from(row: &'a Row) -> Self {
        Self { caller: &row.caller, target: &row.target, vantage: row.vantage }
    }
}

impl<'a> From<&'a Observation> for Sight<'a> {
    fn from(seen: &'a Observation) -> Self {
        Self { caller: &seen.caller, target: &seen.target, vantage: seen.vantage }
    }
}

/// What the fold does with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its vantage counts the request.
    Primary {
        /// The target's primary vantage, where that is news: it changed, or the caller is new.
        news: Option<Vantage>,
    },
    /// Another vantage counts this request, or none does.
    Secondary,
}

/// Who sees whom: the state of the whole fleet, bounded by count.
#[derive(Debug)]
pub(super) struct Vantages {
    callers: Generations<Arc<str>, Sightings>,
    targets: Generations<Place, Sightings>,
    spans: Spans,
    /// Which of [`RANKS`] the configuration lets count.
    counting: [bool; RANKS.len()],
}

impl Vantages {
    /// Knows nobody yet.
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            callers: Generations::new(settings.callers),
            targets: Generations::new(settings.targets),
            spans: Spans { present: nanos(settings.present_for), take_over: nanos(settings.take_over_after) },
            counting: RANKS.map(|vantage| settings.vantages.contains(&vantage)),
        }
    }

    /// Takes in one export, whole, before anything of it is counted: the order of records within it changes nothing.
    pub(super) fn see<'a>(&mut self, export: impl Iterator<Item = Sight<'a>> + Clone, now_ns: u64) {
        for sight in export.clone() {
            if let (Some(rank), Vantage::Client) = (self.rank(sight.vantage), side(sight.vantage)) {
                let spans = self.spans;
                self.caller(sight).see(rank, now_ns, spans);
            }
        }
        for sight in export {
            // A `GenAI` span that only enriches is no sign that the caller's side sees this target.
            if let (Some(rank), false) = (self.rank(sight.vantage), self.enriches(sight, now_ns)) {
                let spans = self.spans;
                self.target(sight).see(rank, now_ns, spans);
            }
        }
    }

    /// Whether a record of an export that was taken in counts.
    pub(super) fn standing(&mut self, sight: Sight<'_>, now_ns: u64) -> Standing {
        if self.rank(sight.vantage).is_none() || self.enriches(sight, now_ns) {
            return Standing::Secondary;
        }
        let spans = self.spans;
        // Nothing is present only where one export named more targets than are remembered: then the record counts.
        let (primary, changed) = self.target(sight).elect(now_ns, spans).unwrap_or((sight.vantage, true));
        if side(primary) != side(sight.vantage) {
            return Standing::Secondary;
        }
        let new_caller = !sight.caller.is_empty() && self.caller(sight).primary.replace(primary).is_none();
        Standing::Primary { news: (changed || new_caller).then_some(primary) }
    }

    /// Whether some vantage counts the requests of this target now.
    pub(super) fn counts(&self, target: &Arc<Target>, now_ns: u64) -> bool {
        let sightings = self.targets.get(&Place(Arc::clone(target)));
        sightings.is_some_and(|seen| (0..RANKS.len()).any(|rank| seen.present(rank, now_ns, self.spans).is_some()))
    }

    /// Forgets who was not seen for longer than a presence lasts.
    pub(super) fn age(&mut self, now_ns: u64) {
        self.callers.age(now_ns, self.spans.present);
        self.targets.age(now_ns, self.spans.present);
    }

    /// Every target that is known, each once.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Arc<Target>> {
        self.targets.keys().map(|place| &place.0)
    }

    /// How many callers and how many targets are known.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.callers.len(), self.targets.len())
    }

    fn caller(&mut self, sight: Sight<'_>) -> &mut Sightings {
        self.callers.meet(Arc::clone(sight.caller), Sightings::default)
    }

    fn target(&mut self, sight: Sight<'_>) -> &mut Sightings {
        self.targets.meet(Place(Arc::clone(sight.target)), Sightings::default)
    }

    /// The rank of a vantage that may count, by nature and by the configuration.
    fn rank(&self, vantage: Vantage) -> Option<usize> {
        RANKS.iter().zip(self.counting).position(|(ranked, counts)| *ranked == vantage && counts)
    }

    /// True for a `GenAI` span of a caller whose HTTP spans to models are seen.
    fn enriches(&mut self, sight: Sight<'_>, now_ns: u64) -> bool {
        let spans = self.spans;
        sight.vantage == Vantage::Sdk && self.caller(sight).present(0, now_ns, spans).is_some()
    }
}
