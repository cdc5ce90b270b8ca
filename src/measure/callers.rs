//! Who called, within a limit.
//!
//! In: `service.name`s. Out: the label value each is counted under.

use super::label;
use super::owners::Owners;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// A caller that has series of its own.
#[derive(Debug)]
struct Caller {
    label: Arc<str>,
    team: Box<str>,
    seen_ns: u64,
}

/// All callers that have series of their own.
#[derive(Debug)]
pub(super) struct Callers {
    limit: usize,
    known: HashMap<Arc<str>, Caller, RandomState>,
    unknown: Arc<str>,
    other: Arc<str>,
    /// Whether anything was counted under `_other`.
    overflown: bool,
}

impl Callers {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            known: HashMap::default(),
            unknown: Arc::from(label::UNKNOWN),
            other: Arc::from(label::OTHER),
            overflown: false,
        }
    }

    /// The label value of a caller; `None` where the limit was reached, which is [`Self::other`].
    pub(super) fn admit(&mut self, name: &Arc<str>, owners: &Owners, now_ns: u64) -> Option<Arc<str>> {
        if name.is_empty() {
            return Some(Arc::clone(&self.unknown));
        }
        if let Some(caller) = self.known.get_mut(name) {
            caller.seen_ns = now_ns;
            return Some(Arc::clone(&caller.label));
        }
        if self.known.len() >= self.limit {
            self.overflown = true;
            return None;
        }
        let label: Arc<str> = Arc::from(label::clean(name));
        let caller = Caller { label: Arc::clone(&label), team: Box::from(owners.of_caller(&label)), seen_ns: now_ns };
        self.known.insert(Arc::clone(name), caller);
        Some(label)
    }

    /// The label value of callers past the limit.
    pub(super) fn other(&self) -> Arc<str> {
        Arc::clone(&self.other)
    }

    /// Forgets callers that were last seen before `ns`; their label values come back.
    pub(super) fn expire(&mut self, ns: u64) -> Vec<Arc<str>> {
        self.known.extract_if(|_, caller| caller.seen_ns < ns).map(|(_, caller)| caller.label).collect()
    }

    /// Every caller on the page with its team. `_unknown` is always there: rules read from it who owns what nobody claims.
    pub(super) fn each<'a>(&'a self, owners: &'a Owners) -> impl Iterator<Item = (&'a str, &'a str)> {
        let unknown = (label::UNKNOWN, owners.default.as_str());
        let other = self.overflown.then_some((label::OTHER, owners.default.as_str()));
        let mut known: Vec<(&str, &str)> = self.known.values().map(|caller| (&*caller.label, &*caller.team)).collect();
        // Names that differ only in what is cleaned away are one label value.
        known.sort_unstable();
        known.dedup_by_key(|(label, _)| *label);
        known.into_iter().chain([unknown]).chain(other)
    }
}
