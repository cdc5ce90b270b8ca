//! Whose container speaks, remembered: the same few containers write almost all lines.
//!
//! In: a record's fields. Out: the index of a [`Place`], and in the tally one [`Heard`] for each that spoke. A known place
//! costs one hash of the attributes that `resources:` asks for, and no allocation. Bounded: full, the memory starts anew.

use super::knowledge::{Resources, View};
use super::{Channel, Evidence, Heard, Tally, Target};
use crate::judge::taxonomy::EvidenceKind;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Places after which the memory starts anew: some MiB.
const LIMIT: usize = 16_384;
/// Longest key that is remembered, bytes.
const KEY_LIMIT: usize = 2048;
/// One sign of life a second and place is enough: it only says when a death is over.
const SIGN_OF_LIFE_NS: u64 = 1_000_000_000;

/// A container, as a source speaks of it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) target: Arc<Target>,
    pub(super) replica: Arc<str>,
    /// What kind of source the entry of `resources:` says it is.
    pub(super) channel: Option<Channel>,
    declared: bool,
    /// Where in this export's tally it was heard, by channel.
    heard: [Option<usize>; Channel::ALL.len()],
    /// When this export last saw it serve; 0 = not yet, or it died since.
    serving_ns: u64,
}

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Places {
    known: Vec<Place>,
    by_key: HashMap<Box<str>, Option<usize>, RandomState>,
    key: String,
    /// Places that this export heard.
    touched: Vec<usize>,
}

impl Places {
    /// Begins an export.
    pub(super) fn begin(&mut self) {
        if self.known.len() > LIMIT || self.by_key.len() > LIMIT {
            *self = Self::default();
        }
        for index in self.touched.drain(..) {
            if let Some(place) = self.known.get_mut(index) {
                place.heard = <[_; Channel::ALL.len()]>::default();
                place.serving_ns = 0;
            }
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&Place> {
        self.known.get(index)
    }

    /// The place that a record (or a metric's point) speaks of; `None` where no entry fits.
    pub(super) fn find(&mut self, resources: &Resources, view: View<'_, '_>, point: bool) -> Option<usize> {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        key.push(if point { 'p' } else { 'r' });
        let mut any = false;
        for index in &resources.asked {
            // A unit separator ends each value, so that two records share a key only where they share all values.
            if let Some(value) = view.get(*index) {
                any = true;
                key.push('=');
                value.write(&mut key);
            }
            key.push('\u{1f}');
        }
        let found = if any { self.by_key(&key, resources, view, point) } else { None };
        self.key = key;
        found
    }

    fn by_key(&mut self, key: &str, resources: &Resources, view: View<'_, '_>, point: bool) -> Option<usize> {
        if let Some(found) = self.by_key.get(key) {
            return *found;
        }
        let index = resources.place(view, point).map(|placed| {
            self.known.push(Place {
                target: Arc::new(placed.target),
                replica: placed.replica.into(),
                channel: placed.channel,
                declared: placed.declared,
                heard: <[_; Channel::ALL.len()]>::default(),
                serving_ns: 0,
            });
            self.known.len() - 1
        });
        if key.len() <= KEY_LIMIT {
            self.by_key.insert(key.into(), index);
        }
        index
    }

    /// Notes that a place spoke through a channel; says where in `tally.heard`.
    pub(super) fn hear(&mut self, index: usize, channel: Channel, time_ns: u64, tally: &mut Tally) -> Option<usize> {
        let place = self.known.get_mut(index)?;
        let slot = place.heard.get_mut(channel as usize)?;
        if let Some(heard) = slot.and_then(|at| tally.heard.get_mut(at)) {
            heard.first_ns = heard.first_ns.min(time_ns);
            heard.last_ns = heard.last_ns.max(time_ns);
            heard.records = heard.records.saturating_add(1);
            return *slot;
        }
        *slot = Some(tally.heard.len());
        self.touched.push(index);
        tally.heard.push(Heard {
            target: Arc::clone(&place.target),
            replica: Arc::clone(&place.replica),
            channel,
            reports_death: place.declared || channel.reports_death(),
            first_ns: time_ns,
            last_ns: time_ns,
            records: 1,
        });
        Some(tally.heard.len() - 1)
    }

    /// Adds a fact about a place. Of its signs of life one a second is kept, and the first one after anything else.
    pub(super) fn testify(&mut self, index: usize, evidence: Evidence, tally: &mut Tally) {
        let Some(place) = self.known.get_mut(index) else { return };
        if evidence.kind == EvidenceKind::Serving {
            let since = evidence.time_ns.abs_diff(place.serving_ns);
            if place.serving_ns != 0 && since < SIGN_OF_LIFE_NS {
                return;
            }
            place.serving_ns = evidence.time_ns;
        } else {
            place.serving_ns = 0;
        }
        self.touched.push(index);
        tally.evidence.push(evidence);
    }
}
