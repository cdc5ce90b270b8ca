//! Whether what is held decides a case.
//!
//! In: a case and the archive. Out: the strongest finding: by how it is matched, then by the place of its kind in the rule's list, then by
//! nearness in time, then by the fact itself. A pure function of what is held, so the order of arrival changes nothing.

use super::archive::Archive;
use super::bearing::{Needs, Reach, bearing};
use super::case::Case;
use super::place::{Fact, Place};
use super::settings::Spans;
use super::source::{Source, fits};
use crate::judge::Decision;
use crate::judge::taxonomy::{Confidence, EvidenceKind, Match};
use std::cmp::Ordering;
use std::sync::Arc;

/// A request may look as if it began this much after what happened in it: clocks are read at two places.
const SLACK_NS: u64 = 2_000_000_000;

/// What decides a case.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// How it is matched.
    pub(super) level: Match,
    /// Its place in the rule's `decide`.
    pub(super) position: usize,
    /// Nanoseconds between it and the request's end.
    distance: u64,
    pub(super) kind: EvidenceKind,
    pub(super) time_ns: u64,
    pub(super) replica: Arc<str>,
    pub(super) text: Arc<str>,
    pub(super) confidence: Confidence,
}

impl Finding {
    fn rank(&self, other: &Self) -> Ordering {
        let key = |it: &Self| (it.level, it.position, it.distance, it.time_ns);
        key(self).cmp(&key(other)).then_with(|| (&self.replica, &self.text).cmp(&(&other.replica, &other.text)))
    }
}

/// One case before the archive.
#[derive(Debug)]
pub(super) struct Scales<'a> {
    case: &'a Case,
    decide: &'a [Decision],
    archive: &'a Archive,
    spans: &'a Spans,
    /// The replicas that worked on the request; empty where unknown.
    replicas: &'a [Arc<str>],
}

impl<'a> Scales<'a> {
    pub(super) fn new(case: &'a Case, decide: &'a [Decision], archive: &'a Archive, spans: &'a Spans) -> Self {
        let track = (case.request() != 0).then(|| archive.tracks.of(case.request())).flatten();
        Self { case, decide, archive, spans, replicas: track.map_or(&[], |track| &track.replicas) }
    }

    /// The strongest fact that decides, of those that are held.
    pub(super) fn strongest(&self) -> Option<Finding> {
        let request = self.archive.of_request(self.case.request()).iter();
        let named = request.filter_map(|fact| self.finding(fact, Match::Request, None));
        let near = self.near().filter_map(|(place, fact)| {
            self.position(fact.kind)?;
            let level = self.covers(place, fact)?;
            self.finding(fact, level, place.shifted_source_of(fact))
        });
        named.chain(near).chain(self.progress()).min_by(Finding::rank)
    }

    /// Whether a line of the request says where it ran.
    pub(super) const fn knows_the_replica(&self) -> bool {
        !self.replicas.is_empty()
    }

    /// Whether one of these facts explains the request, of those that may decide by time.
    pub(super) fn stirred(&self, facts: &[Arc<Fact>]) -> bool {
        let target = &*self.case.failure.target;
        let explains = |place: &Place, fact: &Fact| fits(&fact.target, target) && self.covers(place, fact).is_some();
        facts
            .iter()
            .filter(|fact| self.position(fact.kind).is_some())
            .any(|fact| self.archive.places(&fact.target).any(|place| explains(place, fact)))
    }

    /// What may settle the case before its window ends: the first kind of the list, matched as closely as its ids allow. Of what
    /// happened before the request began, a sign of life in between may still be on its way.
    pub(super) fn early(&self) -> Option<Finding> {
        let closest = match (self.case.request(), self.replicas) {
            (0, []) => Match::Target,
            (0, _) => Match::Replica,
            _ => Match::Request,
        };
        if closest == Match::Request && self.archive.of_request(self.case.request()).is_empty() {
            return None;
        }
        let during = |finding: &Finding| finding.level == Match::Request || finding.time_ns >= self.case.start_ns();
        self.strongest().filter(|finding| finding.position == 0 && finding.level == closest && during(finding))
    }

    /// At the end of the window: the strongest fact, else what its absence proves.
    pub(super) fn last(&self) -> Option<Finding> {
        self.strongest().or_else(|| self.absence())
    }

    fn near(&self) -> impl Iterator<Item = (&'a Place, &'a Fact)> {
        let target = &*self.case.failure.target;
        self.archive.places(target).flat_map(move |place| place.facts(target).map(move |fact| (place, &**fact)))
    }

    fn position(&self, kind: EvidenceKind) -> Option<usize> {
        self.decide.iter().position(|decision| decision.evidence == kind)
    }

    fn finding(&self, fact: &Fact, level: Match, source: Option<&Source>) -> Option<Finding> {
        let time_ns = source.map_or(fact.time_ns, |source| source.clock.ours(fact.time_ns));
        let sure = if level == Match::Target { Confidence::Likely } else { Confidence::Correlated };
        let shifted = level != Match::Request && source.is_some_and(|source| source.clock.shifts());
        Some(Finding {
            level,
            position: self.position(fact.kind)?,
            distance: time_ns.abs_diff(self.case.failure.end_ns),
            kind: fact.kind,
            time_ns,
            replica: Arc::clone(&fact.replica),
            text: Arc::clone(&fact.text),
            confidence: if shifted { one_step_down(sure) } else { sure },
        })
    }

    /// Whether a fact about containers explains this request by place and time, and how closely it is matched.
    fn covers(&self, place: &Place, fact: &Fact) -> Option<Match> {
        let bearing = bearing(fact.kind);
        let of_another = fact.request != 0 && fact.request != self.case.request();
        if bearing.needs == Needs::Request || (bearing.reach == Reach::Moment && of_another) {
            return None;
        }
        let level = match (self.replicas, &*fact.replica) {
            ([], _) | (_, "") => Match::Target,
            (known, named) => known.iter().any(|replica| **replica == *named).then_some(Match::Replica)?,
        };
        let time_ns = place.shifted_source_of(fact).map_or(fact.time_ns, |source| source.clock.ours(fact.time_ns));
        let (start_ns, end_ns) = (self.case.start_ns(), self.case.failure.end_ns);
        let in_time = end_ns.saturating_add(self.spans.after) >= time_ns;
        let reached = || match bearing.reach {
            Reach::Outage => {
                let served = place.served_after(&fact.target, &fact.replica, time_ns);
                start_ns <= served.unwrap_or(time_ns.saturating_add(self.spans.before))
            }
            Reach::Moment => start_ns <= time_ns.saturating_add(SLACK_NS),
            Reach::Never => false,
        };
        (in_time && reached()).then_some(level)
    }

    /// What the lines of this request show about its progress.
    fn progress(&self) -> impl Iterator<Item = Finding> {
        let key = self.case.request();
        let track = (key != 0).then(|| self.archive.tracks.of(key)).flatten();
        let kinds = [EvidenceKind::StillRunning, EvidenceKind::FinishedLate];
        kinds.into_iter().filter_map(move |kind| {
            let time_ns = track?.shows(kind, self.case.failure.end_ns)?;
            self.derived(kind, Match::Request, time_ns, Confidence::Correlated)
        })
    }

    fn derived(&self, kind: EvidenceKind, level: Match, time_ns: u64, confidence: Confidence) -> Option<Finding> {
        Some(Finding {
            level,
            position: self.position(kind)?,
            distance: time_ns.abs_diff(self.case.failure.end_ns),
            kind,
            time_ns,
            replica: self.replicas.first().cloned().unwrap_or_default(),
            text: Arc::from(kind.meaning()),
            confidence,
        })
    }

    /// What the absence of any fact proves: a request that never returned, or logs that are clean.
    fn absence(&self) -> Option<Finding> {
        let asked = |kind| self.position(kind).is_some();
        let (hung, clean) = (asked(EvidenceKind::NeverReturned), asked(EvidenceKind::ProvedClean));
        if !(hung || clean) || self.trouble() {
            return None;
        }
        let complete = |source: &Source| source.watermark() >= self.complete_at();
        if hung
            && let Some(track) = self.archive.tracks.of(self.case.request())
            && let Some(time_ns) = track.unfinished(self.case.failure.end_ns)
            && self.sources().any(|source| source.finishes && self.on_its_replica(source) && complete(source))
        {
            return self.derived(EvidenceKind::NeverReturned, Match::Request, time_ns, Confidence::Correlated);
        }
        let (time_ns, shifted) = self.clean().filter(|_| clean)?;
        let level = if self.replicas.is_empty() { Match::Target } else { Match::Replica };
        let sure = if shifted { one_step_down(Confidence::Likely) } else { Confidence::Likely };
        self.derived(EvidenceKind::ProvedClean, level, time_ns, sure)
    }

    /// Whether any fact, asked for or not, shows that something was wrong.
    fn trouble(&self) -> bool {
        !self.archive.of_request(self.case.request()).is_empty()
            || self.near().any(|(place, fact)| bearing(fact.kind).trouble && self.covers(place, fact).is_some())
    }

    /// The event time from which on a record proves that nothing about the failure is still on its way.
    fn complete_at(&self) -> u64 {
        self.case.failure.end_ns.saturating_add(self.spans.margin)
    }

    fn sources(&self) -> impl Iterator<Item = &'a Source> {
        let target = &*self.case.failure.target;
        self.archive.places(target).flat_map(Place::sources).filter(move |source| fits(&source.target, target))
    }

    fn on_its_replica(&self, source: &Source) -> bool {
        self.replicas.is_empty() || self.replicas.contains(&source.replica)
    }

    /// The watermark up to which the logs are whole, and whether a shifted clock says so: of the request's replicas, else of every
    /// replica seen lately. Each needs a source that can report a death; one that fell silent is never clean.
    fn clean(&self) -> Option<(u64, bool)> {
        let from_ns = self.case.start_ns().saturating_sub(self.spans.lately);
        let end_ns = self.case.failure.end_ns;
        let lately = |source: &&Source| source.spoke(from_ns, end_ns) && self.on_its_replica(source);
        let mut replicas: Vec<&Arc<str>> = self.sources().filter(lately).map(|source| &source.replica).collect();
        replicas.extend(self.replicas);
        replicas.sort_unstable();
        replicas.dedup();
        let proof = |replica: &Arc<str>| {
            let able = self.sources().filter(|s| s.replica == *replica && s.reports_death);
            able.filter(|s| s.watermark() >= self.complete_at()).max_by_key(|s| (!s.clock.shifts(), s.watermark()))
        };
        let proofs: Option<Vec<&Source>> = replicas.into_iter().map(proof).collect();
        let proofs = proofs?;
        let first = proofs.iter().map(|source| source.watermark()).min()?;
        Some((first, proofs.iter().any(|source| source.clock.shifts())))
    }
}

/// A verdict that rests on a shifted clock is one step less sure.
const fn one_step_down(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::Observed | Confidence::Correlated => Confidence::Likely,
        Confidence::Likely | Confidence::Assumed => Confidence::Assumed,
    }
}
