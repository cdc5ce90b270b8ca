//! What is held about containers and requests until it may decide.
//!
//! In: evidence, what was heard of sources, lines of requests. Out: facts by model and by request id. Bounded by count and bytes; the
//! oldest give way, and what gives way is counted.

use super::bearing::{Needs, bearing};
use super::clock::believable;
use super::place::{Fact, News, Place};
use super::settings::{Settings, Spans};
use super::source::fits;
use super::tracks::Tracks;
use crate::judge::taxonomy::EvidenceKind;
use crate::observe::{Activity, Channel, Evidence, Heard, Target, request_key};
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// Everything that may decide.
#[derive(Debug)]
pub(super) struct Archive {
    places: HashMap<Box<str>, Place, RandomState>,
    by_request: HashMap<u64, Vec<Arc<Fact>>, RandomState>,
    /// In the order of arrival.
    queue: VecDeque<Arc<Fact>>,
    pub(super) tracks: Tracks,
    bytes: usize,
    most: usize,
    most_bytes: usize,
    /// Facts that were let go before their time, since this was last asked.
    dropped: u64,
}

impl Archive {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            places: HashMap::default(),
            by_request: HashMap::default(),
            queue: VecDeque::new(),
            tracks: Tracks::new(settings.tracks),
            bytes: 0,
            most: settings.evidence,
            most_bytes: settings.evidence_bytes,
            dropped: 0,
        }
    }

    /// Files a piece of evidence; None where it names no target and so matches nothing.
    pub(super) fn file(&mut self, evidence: &Evidence, now_ns: u64) -> Option<(Arc<Fact>, News)> {
        let target = evidence.target.as_ref()?;
        let fact = Arc::new(Fact {
            kind: evidence.kind,
            channel: evidence.channel,
            target: Arc::clone(target),
            replica: Arc::clone(&evidence.replica),
            process: evidence.process,
            request: request_key(&evidence.request_id),
            time_ns: believable(evidence.time_ns, now_ns),
            arrival_ns: now_ns,
            text: Arc::from(evidence.text.as_str()),
        });
        if fact.request != 0 {
            self.tracks.names(fact.request, &fact.replica);
        }
        if fact.kind == EvidenceKind::Serving {
            if let Some(source) = self.place(&target.model_id).source(target, &fact.replica, fact.channel) {
                source.serve(fact.time_ns, now_ns);
            }
            return Some((fact, News::New));
        }
        let news = self.hold(&fact);
        Some((fact, news))
    }

    /// Holds a fact where those look that it may speak of.
    fn hold(&mut self, fact: &Arc<Fact>) -> News {
        let by_time = bearing(fact.kind).needs == Needs::Target;
        let mut news = News::New;
        if !by_time && fact.request == 0 {
            return news;
        }
        if fact.request != 0 {
            let of_request = self.by_request.entry(fact.request).or_default();
            if of_request.iter().any(|held| held.repeats(fact)) {
                return News::Known;
            }
            of_request.push(Arc::clone(fact));
        }
        if by_time {
            let (held, oldest) = self.place(&fact.target.model_id).hold(fact);
            if held == News::Known {
                return held;
            }
            news = held;
            self.dropped += u64::from(oldest.is_some());
        }
        self.bytes += fact.bytes();
        self.queue.push_back(Arc::clone(fact));
        while self.queue.len() > self.most || self.bytes > self.most_bytes {
            self.dropped += 1;
            self.let_go();
        }
        news
    }

    /// Takes in that a source spoke.
    pub(super) fn hear(&mut self, heard: &Heard, now_ns: u64) {
        self.place(&heard.target.model_id).hear(heard, now_ns);
    }

    /// Takes in a line that carries a request id.
    pub(super) fn follow(&mut self, line: &Activity, heard: Option<&Heard>, now_ns: u64) {
        let mut time_ns = believable(line.time_ns, now_ns);
        if let Some(heard) = heard
            && let Some(source) =
                self.place(&heard.target.model_id).source(&heard.target, &heard.replica, heard.channel)
        {
            source.finishes |= line.finished;
            time_ns = source.clock.ours(time_ns);
        }
        self.tracks.line(line.key, heard.map(|heard| &heard.replica), time_ns, line.finished);
    }

    /// The place of a model, made where it is new.
    pub(super) fn place(&mut self, model_id: &str) -> &mut Place {
        if !self.places.contains_key(model_id) {
            self.places.insert(model_id.into(), Place::default());
        }
        self.places.get_mut(model_id).expect("it was put there")
    }

    /// Places where facts about this target may lie: its model's, and that of facts which do not say whose model.
    pub(super) fn places(&self, target: &Target) -> impl Iterator<Item = &Place> {
        let unnamed = if target.model_id.is_empty() { None } else { self.places.get("") };
        self.places.get(&*target.model_id).into_iter().chain(unnamed)
    }

    /// Facts that name this request.
    pub(super) fn of_request(&self, key: u64) -> &[Arc<Fact>] {
        self.by_request.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Lets time pass.
    pub(super) fn age(&mut self, now_ns: u64, spans: &Spans) {
        let before_ns = now_ns.saturating_sub(spans.keep);
        while self.queue.front().is_some_and(|fact| fact.arrival_ns < before_ns) {
            self.let_go();
        }
        self.tracks.age(now_ns, spans.keep);
    }

    /// Forgets silent sources, cases that are gone and empty places; dear, so once a minute is enough.
    pub(super) fn tidy(&mut self, now_ns: u64, spans: &Spans, is_there: impl Fn(&str, u32) -> bool) {
        let before_ns = now_ns.saturating_sub(spans.keep);
        self.places.retain(|model, place| {
            place.forget(before_ns);
            place.cases.retain(|at| is_there(model, *at));
            place.cases.shrink_to(2 * place.cases.len());
            !place.is_empty()
        });
    }

    fn let_go(&mut self) {
        let Some(fact) = self.queue.pop_front() else { return };
        self.bytes = self.bytes.saturating_sub(fact.bytes());
        if let Some(place) = self.places.get_mut(&*fact.target.model_id) {
            place.remove(&fact);
        }
        if let Some(of_request) = self.by_request.get_mut(&fact.request) {
            of_request.retain(|held| !Arc::ptr_eq(held, &fact));
            if of_request.is_empty() {
                self.by_request.remove(&fact.request);
            }
        }
    }

    /// Facts let go before their time since this was last asked.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// How many facts are held, and their bytes.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.queue.len(), self.bytes)
    }

    /// When each channel last spoke of containers of this target: arrival, ns since 1970.
    pub(super) fn last_heard(&self, target: &Target) -> BTreeMap<Channel, u64> {
        let mut last = BTreeMap::new();
        for source in self.places(target).flat_map(Place::sources).filter(|source| fits(&source.target, target)) {
            let held: &mut u64 = last.entry(source.channel).or_default();
            *held = (*held).max(source.arrival_ns);
        }
        last
    }

    /// The furthest clock of each channel, seconds, and whether it shifts times.
    pub(super) fn skews(&self) -> BTreeMap<Channel, (f64, bool)> {
        let mut worst: BTreeMap<Channel, (f64, bool)> = BTreeMap::new();
        for source in self.places.values().flat_map(Place::sources) {
            let (seconds, shifts) = (source.clock.skew_seconds(), source.clock.shifts());
            let held = worst.entry(source.channel).or_insert((seconds, shifts));
            if (shifts, seconds.abs()) > (held.1, held.0.abs()) {
                *held = (seconds, shifts);
            }
        }
        worst
    }
}
