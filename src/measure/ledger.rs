//! What the fold may say to the store.
//!
//! In: the calls of [`Ledger`]. Out: numbers in [`Store`].

use super::Store;
use super::histogram::Mark;
use super::label;
use super::target::Standing;
use crate::correlate::{Held, Ledger, Part, Settled};
use crate::judge::Verdict;
use crate::judge::taxonomy::{Blame, Class, EvidenceKind};
use crate::observe::{Channel, Ending, Row, Status, Target, Timing, Vantage};
use std::sync::Arc;

impl Ledger for Store {
    fn observed(&mut self, row: &Row) {
        let place = self.place(&row.target, row.status);
        if let Some(series) = &mut self.targets[place] {
            series.observe(row);
            match (series.standing, &*series.name.model_id) {
                (Standing::Overflow, label::UNVERIFIED) => self.own.overflow.unverified.add(row.requests),
                (Standing::Overflow, _) => self.own.overflow.models.add(row.requests),
                (Standing::Verified | Standing::Unverified, _) => {}
            }
        }
        if self.callers.admit(&row.caller, &self.settings.owners, self.now_ns).is_none() {
            self.own.overflow.callers.add(row.requests);
        }
    }

    fn requested(&mut self, row: &Row, timings: &mut dyn Iterator<Item = Timing>) {
        let place = self.place(&row.target, row.status);
        let mark = row.exemplar.and_then(|e| self.mark(e.trace_id, e.span_id, e.seconds, e.time_ns));
        let Some(series) = &mut self.targets[place] else { return };
        series.request(row, &self.own.overflow);
        let durations = series.durations.entry(row.outcome).or_default();
        for timing in timings {
            durations.observe(timing.seconds, timing.weight);
        }
        if let Some(mark) = mark {
            durations.mark(mark);
        }
    }

    fn settled(&mut self, case: &Settled<'_>) {
        let (seen, verdict) = (case.failure, case.verdict);
        let place = self.place(&seen.target, seen.status);
        let mark = self.mark(seen.trace_id, seen.span_id, seen.weight, seen.end_ns);
        let caller = (verdict.blame == Blame::Client).then(|| {
            let admitted = self.callers.admit(&seen.caller, &self.settings.owners, self.now_ns);
            admitted.unwrap_or_else(|| self.callers.other())
        });
        let Some(series) = &mut self.targets[place] else { return };
        series.fail((verdict.class, verdict.cause, verdict.blame), seen.weight, mark);
        if let Some(caller) = caller {
            *series.client_failures.entry((caller, verdict.class, verdict.cause)).or_default() += seen.weight;
        }
        let sureness = (series.name.platform.clone(), verdict.class, verdict.confidence, verdict.matched);
        *self.verdicts.entry(sureness).or_default() += seen.weight;
    }

    fn primary(&mut self, row: &Row, vantage: Vantage) {
        let place = self.place(&row.target, row.status);
        if let Some(series) = &mut self.targets[place] {
            series.primary = Some(vantage);
        }
    }

    fn unjoined(&mut self, vantage: Vantage, requests: f64) {
        self.own.unjoined(vantage).add(requests);
    }

    fn repeated(&mut self, vantage: Vantage, requests: f64) {
        self.own.repeated(vantage).add(requests);
    }

    fn held(&mut self, held: Held) {
        self.own.hold(held);
    }

    fn opened(&mut self, platform: &str, class: Class, cases: i64) {
        let open = self.open.entry((label::clean(platform).into(), class)).or_default();
        *open = (*open + cases as f64).max(0.0);
    }

    fn testified(&mut self, target: &Arc<Target>, kind: EvidenceKind, facts: f64) {
        // Only a container that runs gives evidence, so the target exists; `None` proves that it does.
        let place = self.place(target, Status::None);
        if let Some(series) = &mut self.targets[place] {
            series.testify(&target.deployment_id, kind.as_str(), facts, &self.own.overflow);
        }
    }

    fn unplaced(&mut self, kind: EvidenceKind, facts: f64) {
        self.own.unplaced(kind).add(facts);
    }

    fn corrected(&mut self, case: &Settled<'_>, before: &Verdict, kind: EvidenceKind) {
        let after = case.verdict;
        // What only makes sure of the verdict that was told decides nothing otherwise.
        if (after.class, after.cause, after.blame) != (before.class, before.cause, before.blame) {
            self.own.late(kind).add(1.0);
        }
    }

    fn stream_corrected(&mut self, target: &Arc<Target>, from: Option<Ending>, requests: f64) {
        self.own.streams_corrected(from).add(requests);
        // The success that is corrected proves that the target exists.
        let place = self.place(target, Status::None);
        if let Some(series) = &mut self.targets[place] {
            *series.streams.entry(Ending::Truncated).or_default() += requests;
        }
    }

    fn dropped(&mut self, what: Part, count: u64) {
        self.own.dropped(what).add(count as f64);
    }

    fn skewed(&mut self, source: &str, seconds: f64, _: bool) {
        self.own.skew(source, seconds);
    }

    fn heard(&mut self, target: &Arc<Target>, channel: Channel, arrival_ns: u64) {
        // Whose container speaks exists, as in `testified`.
        let place = self.place(target, Status::None);
        if let Some(series) = &mut self.targets[place] {
            let last = series.channels.entry(channel).or_default();
            *last = (*last).max(arrival_ns);
        }
    }
}

impl Store {
    /// The exemplar of a value, where a trace is known. Its time is never ahead of ours: a later one would then never replace it.
    fn mark(&self, trace_id: [u8; 16], span_id: [u8; 8], value: f64, time_ns: u64) -> Option<Mark> {
        let time_ns = if time_ns == 0 { self.now_ns } else { time_ns.min(self.now_ns) };
        (trace_id != [0; 16]).then_some(Mark { trace_id, span_id, value, time_ns })
    }
}
