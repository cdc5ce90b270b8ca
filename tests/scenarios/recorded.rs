//! A ledger that remembers everything that it is told, by the names of the scenario.

use super::format::Count;
use super::words::{Clock, Failed};
use coroner::correlate::{Failure, Ledger, Part, Settled};
use coroner::judge::Verdict;
use coroner::judge::taxonomy::{Class, EvidenceKind};
use coroner::observe::{Ending, Row, Target, Timing, Vantage};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Whose record a failure was opened by.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) spans: HashMap<[u8; 8], String>,
    pub(crate) request_ids: HashMap<String, String>,
    pub(crate) traces: HashMap<[u8; 16], String>,
    /// By the time at which it ended, ns since 1970: of access logs, which may have no id at all.
    pub(crate) ends: HashMap<u64, String>,
}

impl Names {
    /// The name of the request that failed; what is known of it where no record of the scenario has a name for it.
    fn of(&self, failure: &Failure) -> String {
        self.spans
            .get(&failure.span_id)
            .or_else(|| self.request_ids.get(&*failure.request_id))
            .or_else(|| self.traces.get(&failure.trace_id))
            .or_else(|| self.ends.get(&failure.end_ns).filter(|_| failure.vantage == Vantage::Gateway))
            .cloned()
            .unwrap_or_else(|| match &*failure.request_id {
                "" => format!("({}, ended {})", failure.vantage.as_str(), Clock(failure.end_ns)),
                id => id.to_owned(),
            })
    }
}

/// One verdict, as it was told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) verdict: Failed,
    /// Id of the rule, and what proved it: for the reader of a diff.
    pub(crate) because: String,
}

/// All that was told.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) names: Names,
    /// The virtual time, ns since 1970.
    pub(crate) now_ns: u64,
    pub(crate) settled: Vec<Told>,
    pub(crate) corrected: Vec<Told>,
    pub(crate) counts: BTreeMap<Count, f64>,
    pub(crate) open: i64,
    pub(crate) shifted: HashSet<String>,
}

impl Recorded {
    fn add(&mut self, count: Count, number: f64) {
        *self.counts.entry(count).or_default() += number;
    }

    fn told(&self, case: &Settled<'_>) -> Told {
        let v: &Verdict = case.verdict;
        let proof = case.proof.map_or_else(String::new, |proof| {
            format!(", {} of {} on `{}`: {}", proof.kind, Clock(proof.time_ns), proof.replica, proof.text)
        });
        Told {
            name: self.names.of(case.failure),
            verdict: Failed {
                class: v.class.to_string(),
                cause: v.cause.to_string(),
                blame: v.blame.to_string(),
                confidence: Some(v.confidence.to_string()),
                matched: Some(v.matched.to_string()),
                at: Some(Clock(self.now_ns)),
            },
            because: format!("by {}{proof}", v.rule),
        }
    }
}

impl Ledger for Recorded {
    fn observed(&mut self, _: &Row) {}
    fn requested(&mut self, row: &Row, _: &mut dyn Iterator<Item = Timing>) {
        self.add(Count::Requests, row.requests);
    }
    fn settled(&mut self, case: &Settled<'_>) {
        self.add(Count::Failures, case.failure.weight);
        let told = self.told(case);
        self.settled.push(told);
    }
    fn primary(&mut self, _: &Row, _: Vantage) {}
    fn unjoined(&mut self, _: Vantage, requests: f64) {
        self.add(Count::Unjoined, requests);
    }
    fn repeated(&mut self, _: Vantage, requests: f64) {
        self.add(Count::Repeated, requests);
    }
    fn opened(&mut self, _: &str, _: Class, cases: i64) {
        self.open += cases;
    }
    fn testified(&mut self, _: &Arc<Target>, _: EvidenceKind, facts: f64) {
        self.add(Count::Evidence, facts);
    }
    fn unplaced(&mut self, _: EvidenceKind, facts: f64) {
        self.add(Count::Unplaced, facts);
    }
    fn corrected(&mut self, case: &Settled<'_>, _: &Verdict, _: EvidenceKind) {
        self.add(Count::Late, 1.0);
        let told = self.told(case);
        self.corrected.push(told);
    }
    fn refined(&mut self, case: &Settled<'_>, _: &Verdict, _: Vantage) {
        let told = self.told(case);
        self.corrected.push(told);
    }
    fn stream_corrected(&mut self, _: &Arc<Target>, _: Option<Ending>, requests: f64) {
        self.add(Count::StreamsCorrected, requests);
    }
    fn dropped(&mut self, what: Part, count: u64) {
        match what {
            Part::Cases => self.add(Count::DroppedCases, count as f64),
            Part::Evidence => self.add(Count::DroppedFacts, count as f64),
            Part::Joins => {}
        }
    }
    fn skewed(&mut self, source: &str, _: f64, shifted: bool) {
        if shifted && self.shifted.insert(source.to_owned()) {
            self.add(Count::Shifted, 1.0);
        }
    }
}
