//! What the fold writes to: the store, and beside it whoever watches the cases.
//!
//! In: the fold's calls on its ledger. Out: the same calls on the store, all of them; settled and corrected cases to the feed as
//! well.

use crate::correlate::{Held, Ledger, Part, Settled};
use crate::feed::Publisher;
use crate::judge::Verdict;
use crate::judge::taxonomy::{Class, EvidenceKind};
use crate::observe::{Channel, Ending, Row, Target, Timing, Vantage};
use std::sync::Arc;

/// A ledger that also feeds those who watch.
pub(super) struct Tee<'a, L> {
    ledger: &'a mut L,
    feed: &'a Publisher,
    now_ns: u64,
}

impl<'a, L: Ledger> Tee<'a, L> {
    /// Passes everything on to `ledger`; what settles, settles at `now_ns`.
    pub(super) fn new(ledger: &'a mut L, feed: &'a Publisher, now_ns: u64) -> Self {
        Self { ledger, feed, now_ns }
    }
}

impl<L: Ledger> Ledger for Tee<'_, L> {
    fn observed(&mut self, row: &Row) {
        self.ledger.observed(row);
    }

    fn requested(&mut self, row: &Row, timings: &mut dyn Iterator<Item = Timing>) {
        self.ledger.requested(row, timings);
    }

    fn settled(&mut self, case: &Settled<'_>) {
        self.ledger.settled(case);
        self.feed.settled(case, self.now_ns);
    }

    fn primary(&mut self, row: &Row, vantage: Vantage) {
        self.ledger.primary(row, vantage);
    }

    fn unjoined(&mut self, vantage: Vantage, requests: f64) {
        self.ledger.unjoined(vantage, requests);
    }

    fn repeated(&mut self, vantage: Vantage, requests: f64) {
        self.ledger.repeated(vantage, requests);
    }

    fn held(&mut self, held: Held) {
        self.ledger.held(held);
    }

    fn opened(&mut self, platform: &str, class: Class, cases: i64) {
        self.ledger.opened(platform, class, cases);
    }

    fn testified(&mut self, target: &Arc<Target>, kind: EvidenceKind, facts: f64) {
        self.ledger.testified(target, kind, facts);
    }

    fn unplaced(&mut self, kind: EvidenceKind, facts: f64) {
        self.ledger.unplaced(kind, facts);
    }

    fn corrected(&mut self, case: &Settled<'_>, before: &Verdict, kind: EvidenceKind) {
        self.ledger.corrected(case, before, kind);
        self.feed.corrected(case, before, self.now_ns);
    }

    fn refined(&mut self, case: &Settled<'_>, before: &Verdict, by: Vantage) {
        self.ledger.refined(case, before, by);
        self.feed.corrected(case, before, self.now_ns);
    }

    fn stream_corrected(&mut self, target: &Arc<Target>, from: Option<Ending>, requests: f64) {
        self.ledger.stream_corrected(target, from, requests);
    }

    fn dropped(&mut self, what: Part, count: u64) {
        self.ledger.dropped(what, count);
    }

    fn skewed(&mut self, source: &str, seconds: f64, shifted: bool) {
        self.ledger.skewed(source, seconds, shifted);
    }

    fn heard(&mut self, target: &Arc<Target>, channel: Channel, arrival_ns: u64) {
        self.ledger.heard(target, channel, arrival_ns);
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    /// Most calls of a ledger have an empty body by default, so the compiler does not miss one that is not passed on.
    #[test]
    fn every_call_is_passed_on() {
        let calls = include_str!("../correlate.rs");
        let calls = calls.split("pub trait Ledger {").nth(1).unwrap().split("\n}\n").next().unwrap();
        let names: Vec<&str> =
            Regex::new(r"    fn (\w+)").unwrap().captures_iter(calls).map(|c| c.get(1).unwrap().as_str()).collect();
        assert!(names.len() > 10, "{names:?}");
        for name in names {
            assert!(include_str!("tee.rs").contains(&format!("self.ledger.{name}(")), "`{name}` gets lost here");
        }
    }
}
