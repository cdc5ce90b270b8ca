//! One source that speaks of one replica: what it can prove, and how far it has got.
//!
//! In: what was heard of it. Out: its watermark, its clock and its signs of life, all on our clock.

use super::clock::{Clock, believable};
use super::signs::Signs;
use crate::observe::{Channel, Heard, Target};
use std::sync::Arc;

/// A source: a channel that speaks of one replica of one target. An empty replica is an unknown one.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) target: Arc<Target>,
    pub(super) replica: Arc<str>,
    pub(super) channel: Channel,
    /// Whether it can report a container's death.
    pub(super) reports_death: bool,
    /// It writes a line when it has answered a request.
    pub(super) finishes: bool,
    pub(super) clock: Clock,
    first_ns: u64,
    last_ns: u64,
    /// When it was last heard, ns since 1970, on our clock.
    pub(super) arrival_ns: u64,
    signs: Signs,
}

impl Source {
    pub(super) fn new(target: Arc<Target>, replica: Arc<str>, channel: Channel) -> Self {
        Self {
            target,
            replica,
            channel,
            reports_death: false,
            finishes: false,
            clock: Clock::default(),
            first_ns: u64::MAX,
            last_ns: 0,
            arrival_ns: 0,
            signs: Signs::default(),
        }
    }

    pub(super) fn hear(&mut self, heard: &Heard, now_ns: u64) {
        self.clock.hear(heard.last_ns, heard.records, now_ns);
        self.reports_death |= heard.reports_death;
        self.first_ns = self.first_ns.min(believable(heard.first_ns, now_ns));
        self.last_ns = self.last_ns.max(believable(heard.last_ns, now_ns));
        self.arrival_ns = self.arrival_ns.max(now_ns);
    }

    /// Takes in that the replica served at this time of the source's clock.
    pub(super) fn serve(&mut self, time_ns: u64, now_ns: u64) {
        self.signs.add(believable(time_ns, now_ns));
        self.arrival_ns = self.arrival_ns.max(now_ns);
    }

    /// Everything up to this time has arrived, as far as order within one source holds.
    pub(super) fn watermark(&self) -> u64 {
        self.clock.ours(self.last_ns)
    }

    /// Whether it spoke between these times.
    pub(super) fn spoke(&self, from_ns: u64, to_ns: u64) -> bool {
        self.last_ns > 0 && self.clock.ours(self.first_ns) <= to_ns && self.watermark() >= from_ns
    }

    /// When it first showed that the replica serves, after this time.
    pub(super) fn served_after(&self, time_ns: u64) -> Option<u64> {
        // The clock's shift is the same for all times, so it is taken from the question and added to the answer.
        let shift = self.clock.ours(SHIFT_BASE);
        let theirs = if shift <= SHIFT_BASE {
            time_ns + (SHIFT_BASE - shift)
        } else {
            time_ns.saturating_sub(shift - SHIFT_BASE)
        };
        self.signs.after(theirs).map(|sign| self.clock.ours(sign))
    }

    pub(super) fn forget(&mut self, before_ns: u64) {
        self.signs.forget(before_ns);
    }
}

/// Any time that is large enough not to meet 0 when a clock's shift is taken from it.
const SHIFT_BASE: u64 = 1 << 60;

/// Whether two descriptions can mean the same container or model: what both state is equal, and they name the model, or at least the
/// deployment, alike. An empty field is one that was not stated.
pub(super) fn fits(a: &Target, b: &Target) -> bool {
    let same = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
    let named = |a: &str, b: &str| !a.is_empty() && a == b;
    (named(&a.model_id, &b.model_id) || named(&a.deployment_id, &b.deployment_id))
        && same(&a.model_id, &b.model_id)
        && same(&a.platform, &b.platform)
        && same(&a.environment, &b.environment)
        && same(&a.deployment_id, &b.deployment_id)
}
