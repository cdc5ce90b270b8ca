//! Everything that is known about the containers of one model.
//!
//! In: facts and sources, filed under the model's id. Out: the facts that lie near a request, and whether its logs are complete.

use super::bearing::{Reach, bearing};
use super::source::{Source, fits};
use crate::judge::taxonomy::EvidenceKind;
use crate::observe::{Channel, Heard, Target};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Most facts that one model holds: a container that dies again and again says no more with each time.
const FACTS: usize = 512;
/// Most sources of one model.
const SOURCES: usize = 1024;
/// Nanoseconds within which a container ends or changes its state once: the first pause before a restart is 10 s, the next are longer.
const MINUTE: u64 = 60_000_000_000;

/// One fact about a container or a request, as it is held.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) kind: EvidenceKind,
    pub(super) channel: Channel,
    pub(super) target: Arc<Target>,
    pub(super) replica: Arc<str>,
    /// Number of the process that ended; 0 where unknown.
    pub(super) process: u32,
    /// Key of the request that it speaks of; 0 for none.
    pub(super) request: u64,
    /// When, by the source's clock.
    pub(super) time_ns: u64,
    pub(super) arrival_ns: u64,
    pub(super) text: Arc<str>,
}

impl Fact {
    /// The same thing, said again by the same source. States are told again and again, in words that change; a line is its text,
    /// since many loggers stamp whole seconds.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        let state = matches!(self.channel, Channel::Kubernetes | Channel::Metrics);
        (self.kind, self.channel, self.time_ns, self.request)
            == (other.kind, other.channel, other.time_ns, other.request)
            && self.replica == other.replica
            && self.target == other.target
            && (state || self.text == other.text)
    }

    /// An end or state of the same kind and container in the same minute.
    fn accompanies(&self, other: &Self) -> bool {
        bearing(self.kind).reach == Reach::Outage
            && (self.kind, self.time_ns / MINUTE) == (other.kind, other.time_ns / MINUTE)
            && self.replica == other.replica
            && self.target == other.target
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + 64 + self.text.len()
    }
}

/// What a fact adds to those that are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// All of it.
    New,
    /// Details of what is counted already.
    Echo,
    /// Nothing.
    Known,
}

/// What is known about one model's containers, and the cases that it may still change.
#[derive(Debug, Default)]
pub(super) struct Place {
    facts: Vec<Arc<Fact>>,
    /// By replica; the empty name is that of unknown ones.
    sources: HashMap<Arc<str>, Vec<Source>, RandomState>,
    count: usize,
    /// Some source's clock is not believed.
    shifts: bool,
    /// Cases that wait for facts of this place, and settled ones that a late fact may correct. May name cases that are gone.
    pub(super) cases: Vec<u32>,
}

impl Place {
    pub(super) fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.sources.is_empty() && self.cases.is_empty()
    }

    /// Holds a fact; says what was known of it. The oldest gives way, as the second value says.
    pub(super) fn hold(&mut self, fact: &Arc<Fact>) -> (News, Option<Arc<Fact>>) {
        if self.facts.iter().any(|held| held.repeats(fact)) {
            return (News::Known, None);
        }
        let echo = self.echoed(fact);
        let oldest = (self.facts.len() >= FACTS).then(|| self.facts.remove(0));
        self.facts.push(Arc::clone(fact));
        (if echo { News::Echo } else { News::New }, oldest)
    }

    /// Whether the end or state is held, in other words or from elsewhere: an engine that dies fills its log, and the orchestrator tells of
    /// it too. It may still decide about another request, but counts no second time. A server may lose several workers in one minute: of
    /// ends that name their process, each process counts.
    fn echoed(&self, fact: &Fact) -> bool {
        let held = || self.facts.iter().filter(|held| held.accompanies(fact));
        if fact.process != 0 && held().any(|held| held.process != 0) {
            held().any(|held| held.process == fact.process)
        } else {
            held().next().is_some()
        }
    }

    pub(super) fn remove(&mut self, fact: &Arc<Fact>) {
        self.facts.retain(|held| !Arc::ptr_eq(held, fact));
    }

    /// Facts about containers of this target.
    pub(super) fn facts<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a Arc<Fact>> {
        self.facts.iter().filter(move |fact| fits(&fact.target, target))
    }

    /// The source, made where it is new and there is room.
    pub(super) fn source(&mut self, target: &Arc<Target>, replica: &Arc<str>, channel: Channel) -> Option<&mut Source> {
        let of_replica = self.sources.entry(Arc::clone(replica)).or_default();
        let known = of_replica.iter().position(|source| source.channel == channel && source.target == *target);
        if known.is_none() {
            if self.count >= SOURCES {
                return None;
            }
            self.count += 1;
            of_replica.push(Source::new(Arc::clone(target), Arc::clone(replica), channel));
        }
        known.map_or_else(|| of_replica.len().checked_sub(1), Some).and_then(|at| of_replica.get_mut(at))
    }

    /// The source that a fact came from, where its clock is not believed; there is hardly ever one.
    pub(super) fn shifted_source_of(&self, fact: &Fact) -> Option<&Source> {
        if !self.shifts {
            return None;
        }
        let mut of_replica = self.sources.get(&fact.replica)?.iter();
        of_replica.find(|source| source.channel == fact.channel && source.target == fact.target)
    }

    /// Takes in that a source spoke.
    pub(super) fn hear(&mut self, heard: &Heard, now_ns: u64) {
        let Some(source) = self.source(&heard.target, &heard.replica, heard.channel) else { return };
        source.hear(heard, now_ns);
        self.shifts |= source.clock.shifts();
    }

    /// Every source.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values().flatten()
    }

    /// Sources that speak of one replica.
    pub(super) fn sources_of(&self, replica: &str) -> impl Iterator<Item = &Source> {
        self.sources.get(replica).into_iter().flatten()
    }

    /// When the replica, or any of the target where it is unknown, first served after this time.
    pub(super) fn served_after(&self, target: &Target, replica: &str, time_ns: u64) -> Option<u64> {
        let sign = |source: &Source| fits(&source.target, target).then(|| source.served_after(time_ns)).flatten();
        if replica.is_empty() {
            self.sources().filter_map(sign).min()
        } else {
            self.sources_of(replica).filter_map(sign).min()
        }
    }

    /// Forgets sources that were not heard since this time, and their older signs.
    pub(super) fn forget(&mut self, before_ns: u64) {
        for of_replica in self.sources.values_mut() {
            of_replica.retain_mut(|source| {
                source.forget(before_ns);
                source.arrival_ns >= before_ns
            });
        }
        self.sources.retain(|_, of_replica| !of_replica.is_empty());
        self.count = self.sources.values().map(Vec::len).sum();
    }
}
