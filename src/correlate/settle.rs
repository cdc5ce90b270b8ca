//! When a case gets its verdict, and what happens to one that has it.
//!
//! In: cases, what is held, the time. Out: verdicts to the ledger, each once; corrections to the case feed for what came too late.

use super::case::{Case, Ruling, State};
use super::fold::{Correlator, Touched};
use super::merge::{Base, base};
use super::place::Fact;
use super::weigh::{Finding, Scales};
use super::{Failure, Ledger, Part, Proof, Settled};
use crate::judge::taxonomy::{Confidence, EvidenceKind, Match};
use crate::observe::{Ending, Outcome, Row, Vantage};
use std::sync::Arc;

/// A failure that ended this close to a model's log line is taken to be the same, where nothing but time and target can join them.
const SAME_TIME_NS: u64 = 5_000_000_000;

impl Correlator {
    /// Opens a counted case, or settles it where nothing can change its verdict.
    pub(super) fn open<L: Ledger>(&mut self, mut case: Case, now_ns: u64, ledger: &mut L) {
        self.draw_nearer(&mut case);
        let known = base(&case);
        let (class, decided) = (known.class, known.decide.is_empty());
        if decided {
            let ruling = rule_on(&known, None);
            tell(&case.failure, &ruling, None, ledger);
            case.state = State::Settled(ruling);
            case.due_ns = now_ns.saturating_add(self.spans.join_for);
            if case.keys.iter().any(|key| *key != 0) {
                self.docket.insert(case);
                self.bound(ledger);
            }
            return;
        }
        case.opened_as = class;
        ledger.opened(&case.failure.target.platform, class, 1);
        let model = case.failure.target.model_id.clone();
        let at = self.shelve(case, now_ns, ledger);
        self.archive.place(&model).cases.push(at);
        self.settle_early(at, now_ns, ledger);
    }

    /// Puts a case among those that wait, and keeps their number within the limits.
    pub(super) fn shelve<L: Ledger>(&mut self, mut case: Case, now_ns: u64, ledger: &mut L) -> u32 {
        case.due_ns = now_ns.saturating_add(self.spans.settle);
        let at = self.docket.insert(case);
        let (mut dropped, settings) = (0, &self.settings);
        let (most, most_bytes) = (settings.open, settings.case_bytes);
        while {
            let (open, settled, bytes) = self.docket.len();
            open > most || (bytes > most_bytes && settled == 0)
        } {
            let Some(oldest) = self.docket.oldest_open().filter(|oldest| *oldest != at) else { break };
            self.end(oldest, None, now_ns, ledger);
            dropped += 1;
        }
        if dropped > 0 {
            ledger.dropped(Part::Cases, dropped);
        }
        self.bound(ledger);
        at
    }

    /// Takes a waiting case back.
    pub(super) fn unshelve(&mut self, at: u32) -> Option<Case> {
        let case = self.docket.remove(at)?;
        for key in case.keys {
            if self.broken.get(&key) == Some(&at) {
                self.broken.remove(&key);
            }
        }
        Some(case)
    }

    /// Keeps the settled cases within the limits.
    fn bound<L: Ledger>(&mut self, ledger: &mut L) {
        let mut dropped = 0;
        while {
            let (_, settled, bytes) = self.docket.len();
            settled > self.settings.settled || (settled > 0 && bytes > self.settings.case_bytes)
        } {
            let Some(oldest) = self.docket.oldest_settled() else { break };
            self.docket.remove(oldest);
            dropped += 1;
        }
        if dropped > 0 {
            ledger.dropped(Part::Joins, dropped);
        }
    }

    /// Settles what has waited long enough by `until_ns`, and forgets what was settled long enough ago.
    pub(super) fn settle_due<L: Ledger>(&mut self, until_ns: u64, now_ns: u64, ledger: &mut L) {
        while let Some(at) = self.docket.oldest_open() {
            let Some(case) = self.docket.get(at).filter(|case| case.due_ns <= until_ns) else { break };
            let finding = match case.state {
                State::Waiting => None,
                _ => Scales::new(case, base(case).decide, &self.archive, &self.spans).last(),
            };
            self.end(at, finding.as_ref(), now_ns, ledger);
        }
        while let Some(at) = self.docket.oldest_settled() {
            if self.docket.get(at).is_none_or(|case| case.due_ns > now_ns) {
                break;
            }
            self.docket.remove(at);
        }
    }

    /// The end of a case's wait.
    fn end<L: Ledger>(&mut self, at: u32, finding: Option<&Finding>, now_ns: u64, ledger: &mut L) {
        match self.docket.get(at).map(|case| &case.state) {
            Some(State::Waiting) => self.give_up(at, now_ns, ledger),
            Some(State::Open) => self.settle(at, finding, now_ns, ledger),
            _ => {}
        }
    }

    /// Nothing joined a record that no vantage counts. A model's own stream error is a failure all the same: whoever counts its
    /// requests has counted this one as fine, and where nobody does it is a request too. Unless a failure of that target ended just
    /// then, which no id could join.
    fn give_up<L: Ledger>(&mut self, at: u32, now_ns: u64, ledger: &mut L) {
        let Some(mut case) = self.unshelve(at) else { return };
        let over = case.over.take().filter(|_| case.failure.vantage == Vantage::Model);
        let Some(rule) = over.filter(|_| !self.claimed(&case)) else {
            ledger.unjoined(case.failure.vantage, case.failure.weight);
            return;
        };
        if self.vantages.counts(&case.failure.target, now_ns) {
            ledger.stream_corrected(&case.failure.target, None, case.failure.weight);
        } else {
            ledger.requested(&row_alone(&case.failure), &mut std::iter::empty());
        }
        (case.rule, case.state) = (rule, State::Open);
        let known = base(&case);
        let finding = Scales::new(&case, known.decide, &self.archive, &self.spans).last();
        let ruling = rule_on(&known, finding.as_ref());
        tell(&case.failure, &ruling, finding.as_ref(), ledger);
        case.state = State::Settled(ruling);
        case.due_ns = now_ns.saturating_add(self.spans.join_for);
        self.docket.insert(case);
        self.bound(ledger);
    }

    /// Whether a failure without a request id ended when this record was written; it is then taken by this record.
    fn claimed(&mut self, record: &Case) -> bool {
        let (target, end_ns) = (&record.failure.target, record.failure.end_ns);
        let candidates = self.archive.place(&target.model_id).cases.clone();
        let fits = |case: &Case| {
            case.request() == 0
                && !case.seen_by(Vantage::Model)
                && super::source::fits(&case.failure.target, target)
                && case.start_ns() <= end_ns.saturating_add(SAME_TIME_NS)
                && end_ns <= case.failure.end_ns.saturating_add(SAME_TIME_NS)
        };
        let fitting =
            candidates.into_iter().filter_map(|at| Some((at, self.docket.get(at).filter(|case| fits(case))?)));
        let nearest = fitting.min_by_key(|(at, case)| (case.failure.end_ns.abs_diff(end_ns), *at)).map(|(at, _)| at);
        let Some(case) = nearest.and_then(|at| self.docket.get_mut(at)) else { return false };
        case.vantages |= 1 << Vantage::Model as u8;
        true
    }

    /// Tells the verdict of an open case.
    fn settle<L: Ledger>(&mut self, at: u32, finding: Option<&Finding>, now_ns: u64, ledger: &mut L) {
        let due_ns = now_ns.saturating_add(self.spans.join_for);
        let Some(case) = self.docket.get_mut(at) else { return };
        let ruling = rule_on(&base(case), finding);
        tell(&case.failure, &ruling, finding, ledger);
        ledger.opened(&case.failure.target.platform, case.opened_as, -1);
        (case.state, case.due_ns) = (State::Settled(ruling), due_ns);
        self.docket.settle(at);
        self.bound(ledger);
    }

    /// Settles a case whose strongest evidence is here.
    pub(super) fn settle_early<L: Ledger>(&mut self, at: u32, now_ns: u64, ledger: &mut L) {
        let Some(case) = self.docket.get(at).filter(|case| matches!(case.state, State::Open)) else { return };
        if let Some(finding) = Scales::new(case, base(case).decide, &self.archive, &self.spans).early() {
            self.settle(at, Some(&finding), now_ns, ledger);
        }
    }

    /// New evidence: settles the open cases that it decides, and corrects settled ones.
    pub(super) fn reconsider<L: Ledger>(&mut self, touched: &Touched, now_ns: u64, ledger: &mut L) {
        for key in &touched.requests {
            let named: Vec<u32> = self.docket.with_key(*key).collect();
            for at in named {
                self.settle_early(at, now_ns, ledger);
                self.correct(at, ledger);
                self.refine(at, Vantage::Model, ledger);
            }
        }
        for (model, facts) in &touched.models {
            let mut cases = std::mem::take(&mut self.archive.place(model).cases);
            cases.sort_unstable();
            cases.dedup();
            for at in &cases {
                if self.stirred(*at, model, facts) {
                    self.settle_early(*at, now_ns, ledger);
                    self.correct(*at, ledger);
                }
            }
            cases.retain(|at| self.docket.get(*at).is_some_and(|case| is_open_to(case, model)));
            self.archive.place(model).cases = cases;
        }
    }

    /// Whether one of these facts may decide a case; most do not, and all that is held need not be weighed for them.
    fn stirred(&self, at: u32, model: &str, facts: &[Arc<Fact>]) -> bool {
        let Some(case) = self.docket.get(at).filter(|case| is_open_to(case, model)) else { return false };
        Scales::new(case, base(case).decide, &self.archive, &self.spans).stirred(facts)
    }

    /// Evidence that came after the verdict: no counter changes, and the case feed carries what the verdict would have been.
    fn correct<L: Ledger>(&mut self, at: u32, ledger: &mut L) {
        let Some(case) = self.docket.get(at) else { return };
        let State::Settled(told) = &case.state else { return };
        let known = base(case);
        let rank = |kind: EvidenceKind| known.decide.iter().position(|decision| decision.evidence == kind);
        let held = told.kind.filter(|kind| !by_absence(*kind)).and_then(|kind| Some((told.matched, rank(kind)?)));
        let stronger = |finding: &Finding| held.is_none_or(|held| (finding.level, finding.position) < held);
        let scales = Scales::new(case, known.decide, &self.archive, &self.spans);
        let Some(finding) = scales.strongest().filter(stronger) else { return };
        let (better, before) = (rule_on(&known, Some(&finding)), told.verdict());
        let (verdict, proof) = (better.verdict(), proof(&finding));
        ledger.corrected(
            &Settled { failure: &case.failure, verdict: &verdict, proof: Some(&proof) },
            &before,
            finding.kind,
        );
        if let Some(case) = self.docket.get_mut(at) {
            case.state = State::Settled(better);
        }
    }

    /// A view or a line joined that knows better: the case was told without evidence, or by the death of some replica of its target where
    /// it is known now to have run on another. No counter changes; the case feed carries it.
    pub(super) fn refine<L: Ledger>(&mut self, at: u32, by: Vantage, ledger: &mut L) {
        let Some(case) = self.docket.get(at) else { return };
        let State::Settled(told) = &case.state else { return };
        let known = base(case);
        let scales = Scales::new(case, known.decide, &self.archive, &self.spans);
        let by_place = told.matched == Match::Target && told.kind.is_some_and(|kind| !by_absence(kind));
        let finding = match told.kind {
            None => None,
            Some(_) if by_place && scales.knows_the_replica() => scales.strongest(),
            Some(_) => return,
        };
        let (better, before) = (rule_on(&known, finding.as_ref()), told.verdict());
        if (better.class, better.cause, better.blame) != (told.class, told.cause, told.blame) {
            let (verdict, proof) = (better.verdict(), finding.as_ref().map(proof));
            ledger.refined(&Settled { failure: &case.failure, verdict: &verdict, proof: proof.as_ref() }, &before, by);
            if let Some(case) = self.docket.get_mut(at) {
                case.state = State::Settled(better);
            }
        }
    }
}

/// Whether a case is of this model, and a fact may still change what was or will be told of it: nothing is stronger than the first
/// kind of the list at the closest match.
fn is_open_to(case: &Case, model: &str) -> bool {
    let decided = match &case.state {
        State::Settled(told) => {
            let first = base(case).decide.first().map(|decision| decision.evidence);
            told.kind == first && (told.matched == Match::Request || case.request() == 0)
        }
        State::Open | State::Waiting => false,
    };
    !decided && case.failure.target.model_id == *model
}

/// A broken stream that nobody else saw, as a row.
fn row_alone(failure: &Failure) -> Row {
    Row {
        target: Arc::clone(&failure.target),
        caller: Arc::clone(&failure.caller),
        vantage: failure.vantage,
        status: failure.status,
        outcome: Outcome::Error,
        ending: Some(Ending::Truncated),
        requests: failure.weight,
        exemplar: None,
    }
}

/// Kinds that no fact shows, only the lack of one.
const fn by_absence(kind: EvidenceKind) -> bool {
    matches!(kind, EvidenceKind::ProvedClean | EvidenceKind::NeverReturned)
}

/// The verdict of all records and, where there is one, the finding.
fn rule_on(known: &Base<'_>, finding: Option<&Finding>) -> Ruling {
    let default = &known.rule.verdict;
    let decision = finding.and_then(|finding| Some((finding, known.decide.get(finding.position)?)));
    Ruling {
        rule: Arc::clone(known.rule),
        class: decision.and_then(|(_, decision)| decision.class).unwrap_or(known.class),
        cause: decision.map_or(default.cause, |(_, decision)| decision.cause),
        blame: decision.map_or(default.blame, |(_, decision)| decision.blame),
        confidence: decision.map_or(default.confidence, |(finding, _)| finding.confidence),
        matched: decision.map_or(Match::None, |(finding, _)| finding.level),
        kind: decision.map(|(finding, _)| finding.kind),
    }
}

fn proof(finding: &Finding) -> Proof {
    Proof {
        kind: finding.kind,
        time_ns: finding.time_ns,
        replica: Arc::clone(&finding.replica),
        text: Arc::clone(&finding.text),
    }
}

fn tell<L: Ledger>(failure: &Failure, ruling: &Ruling, finding: Option<&Finding>, ledger: &mut L) {
    let (verdict, proof) = (ruling.verdict(), finding.map(proof));
    debug_assert!(
        proof.is_some() || !matches!(ruling.confidence, Confidence::Correlated | Confidence::Likely),
        "nothing is sure without evidence"
    );
    ledger.settled(&Settled { failure, verdict: &verdict, proof: proof.as_ref() });
}
