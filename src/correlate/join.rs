//! One request, one case: what a failed record joins.
//!
//! In: a failed record and its keys. Out: a case that it joins, opens, or takes over from one that only waited; or a success that it
//! proves broken.
//!
//! A request id joins any two records. The ids of spans join records of different vantages only, because attempts of one client share
//! their enclosing span; an application's own log is no attempt and may come several times. A trace id alone joins a caller's record
//! with a log's, where they end together.

use super::case::{Case, Keys, More, State, View, keys};
use super::fold::{Correlator, count, only_proves, row_of};
use super::merge::over_success;
use super::successes::Found;
use super::{Failure, Ledger};
use crate::judge::Rule;
use crate::observe::{Observation, Success, Target, Timing, Vantage};
use std::sync::Arc;

/// A trace may hold several calls: a gateway's line belongs to one that ended with it, give or take what clocks differ by.
const SAME_CALL_NS: u64 = 5_000_000_000;
/// An application logs an error after it happened; clocks of one process differ by less.
const SAME_CLOCK_NS: u64 = 100_000_000;

impl Correlator {
    /// Takes in one failed record.
    pub(super) fn take<L: Ledger>(&mut self, seen: &Observation, rule: &Arc<Rule>, now_ns: u64, ledger: &mut L) {
        if self.repeats.again(seen) {
            ledger.repeated(seen.vantage, seen.weight);
            return;
        }
        let over = over_success(&self.books, seen);
        let view = View { vantage: seen.vantage, end_ns: seen.end_ns, rule: Arc::clone(rule), over, keys: keys(seen) };
        let met = self.meets(seen, &view.keys);
        if let Some(at) = met
            && !self.waits(at)
        {
            ledger.observed(&row_of(seen));
            self.join(at, view, seen, ledger);
            self.settle_early(at, now_ns, ledger);
            return;
        }
        let counts = if only_proves(seen) {
            ledger.observed(&row_of(seen));
            false
        } else {
            let timing = seen.elapsed().map(|seconds| Timing { row: 0, seconds, weight: seen.weight });
            count(&mut self.vantages, &row_of(seen), timing.into_iter(), (now_ns, ledger))
        };
        match met {
            Some(at) if counts => {
                let waited = self.docket.remove(at);
                let mut case = Case::new(Failure::from(seen), view, State::Open);
                if let Some(waited) = waited {
                    absorb(&mut case, waited);
                }
                self.open(case, now_ns, ledger);
            }
            Some(at) => self.join(at, view, seen, ledger),
            None if counts => self.open(Case::new(Failure::from(seen), view, State::Open), now_ns, ledger),
            None => self.wait(seen, view, now_ns, ledger),
        }
    }

    /// A record that no vantage counts and that meets no case: it proves a success broken, or waits for what it may join.
    fn wait<L: Ledger>(&mut self, seen: &Observation, view: View, now_ns: u64, ledger: &mut L) {
        if let Some(found) = view.over.as_ref().and_then(|_| self.success(seen, &view.keys)) {
            self.open_broken((found.0, &found.1), Failure::from(seen), view, (now_ns, ledger));
        } else if view.keys == Keys::default() {
            ledger.unjoined(seen.vantage, seen.weight);
        } else {
            let (keys, proves) = (view.keys, view.over.is_some());
            let at = self.shelve(Case::new(Failure::from(seen), view, State::Waiting), now_ns, ledger);
            if proves {
                self.broken.extend(keys.into_iter().filter(|key| *key != 0).map(|key| (key, at)));
            }
        }
    }

    /// The success whose answer this record proves broken, and the key that leads to it.
    fn success(&self, seen: &Observation, keys: &Keys) -> Option<(u64, Found)> {
        // A request id names one request; what a span encloses may be several, and the log speaks of the last one before it.
        let until = |slot| if slot == 0 { u64::MAX } else { seen.end_ns.saturating_add(SAME_CLOCK_NS) };
        (0..).zip(keys).find_map(|(slot, key)| Some((*key, self.successes.find(*key, until(slot))?)))
    }

    /// A success came whose answer a waiting record proves broken.
    pub(super) fn prove_broken<L: Ledger>(&mut self, success: &Success, now_ns: u64, ledger: &mut L) {
        let key = success.key;
        let Some(at) = self.broken.get(&key).copied() else { return };
        let in_time = self.docket.get(at).is_some_and(|case| {
            matches!(case.state, State::Waiting)
                && (case.request() == key || success.end_ns <= case.failure.end_ns.saturating_add(SAME_CLOCK_NS))
        });
        let Some(found) = self.successes.find(key, success.end_ns).filter(|_| in_time) else { return };
        let Some(case) = self.unshelve(at) else { return };
        let view = View {
            vantage: case.failure.vantage,
            end_ns: case.failure.end_ns,
            rule: case.rule,
            over: case.over,
            keys: case.keys,
        };
        self.open_broken((key, &found), case.failure, view, (now_ns, ledger));
    }

    /// Opens the failure of a request that had been counted as fine.
    fn open_broken<L: Ledger>(
        &mut self,
        (key, found): (u64, &Found),
        proof: Failure,
        mut view: View,
        (now_ns, ledger): (u64, &mut L),
    ) {
        let label = found.label.clone();
        ledger.stream_corrected(&label.target, label.ending, found.weight);
        let failure = Failure {
            target: label.target,
            caller: if label.caller.is_empty() { proof.caller } else { label.caller },
            vantage: label.vantage,
            status: label.status,
            // It began no later than its good answer did.
            start_ns: found.end_ns.min(proof.end_ns),
            end_ns: proof.end_ns.max(found.end_ns),
            weight: found.weight,
            ..proof
        };
        if let Some(over) = &view.over {
            view.rule = Arc::clone(over);
        }
        // All keys of the success, so that another log of the same request finds the case and not the success again.
        let keys = self.successes.keys(key, found);
        for other in &keys {
            let free = view.keys.iter().skip(1).position(|key| *key == 0).map(|at| at + 1);
            if let Some(slot) = free.filter(|_| !view.keys.contains(other)) {
                view.keys[slot] = *other;
            }
        }
        let mut case = Case::new(failure, view, State::Open);
        for key in keys {
            let waiting = self.broken.get(&key).copied();
            if let Some(waited) = waiting.and_then(|at| self.unshelve(at)) {
                absorb(&mut case, waited);
            }
        }
        self.open(case, now_ns, ledger);
    }

    fn waits(&self, at: u32) -> bool {
        self.docket.get(at).is_some_and(|case| matches!(case.state, State::Waiting))
    }

    /// The case that a record belongs to: by request id, else by span, else by trace; then the nearest in time.
    fn meets(&self, seen: &Observation, keys: &Keys) -> Option<u32> {
        // The tie, the distance in time, the case.
        let mut best: Option<(u8, u64, u32)> = None;
        for (slot, key) in keys.iter().enumerate() {
            for at in self.docket.with_key(*key) {
                let Some(case) = self.docket.get(at).filter(|case| !differ(case.request(), keys[0])) else { continue };
                let Some(tie) = tie(case, seen, (slot, *key)) else { continue };
                let candidate = (tie, case.failure.end_ns.abs_diff(seen.end_ns), at);
                best = Some(best.map_or(candidate, |held| held.min(candidate)));
            }
        }
        let (_, _, at) = best?;
        self.later_success(seen, keys, at).then_some(at)
    }

    /// False where an application's log speaks of a later, good answer under the same enclosing span.
    fn later_success(&self, seen: &Observation, keys: &Keys, at: u32) -> bool {
        let Some(case) = self.docket.get(at) else { return false };
        if seen.vantage != Vantage::App || matches!(case.state, State::Waiting) || case.answered() {
            return true;
        }
        self.success(seen, keys).is_none_or(|(_, found)| found.end_ns <= case.failure.end_ns)
    }

    /// Adds a view to a case.
    fn join<L: Ledger>(&mut self, at: u32, view: View, seen: &Observation, ledger: &mut L) {
        let Some(case) = self.docket.get_mut(at) else { return };
        if matches!(case.state, State::Open) {
            if case.failure.caller.is_empty() {
                case.failure.caller = Arc::clone(&seen.caller);
            }
            if case.failure.request_id.is_empty() {
                case.failure.request_id = seen.request_id.as_str().into();
            }
        }
        let before = case.bytes();
        let (keys, vantage) = (view.keys, view.vantage);
        add(case, view);
        let grown = case.bytes() - before;
        self.docket.grew(grown);
        self.docket.add_keys(at, keys);
        self.refine(at, vantage, ledger);
    }

    /// Takes an application's log away from an earlier attempt under the same enclosing span, where the new one is nearer to it.
    pub(super) fn draw_nearer(&mut self, case: &mut Case) {
        let key = case.keys[2];
        if case.failure.vantage == Vantage::App || case.seen_by(Vantage::App) {
            return;
        }
        let end_ns = case.failure.end_ns;
        let holders: Vec<u32> = self.docket.with_key(key).collect();
        for at in holders {
            let Some(other) = self.docket.get_mut(at).filter(|other| matches!(other.state, State::Open)) else {
                continue;
            };
            let other_end_ns = other.failure.end_ns;
            let nearer = |view: &View| {
                view.vantage == Vantage::App
                    && view.keys[2] == key
                    && view.end_ns.abs_diff(end_ns) < view.end_ns.abs_diff(other_end_ns)
            };
            let Some(more) = &mut other.more else { continue };
            let moved: Vec<View> = more.views.extract_if(.., |view| nearer(view)).collect();
            if !moved.is_empty() && !more.views.iter().any(|view| view.vantage == Vantage::App) {
                other.vantages &= !(1 << Vantage::App as u8);
            }
            for view in moved {
                add(case, view);
            }
        }
    }
}

/// Whether both request ids are known and not the same.
const fn differ(a: u64, b: u64) -> bool {
    a != 0 && b != 0 && a != b
}

/// How closely a record is tied to a case that has its key in this slot; less is closer, `None` is not at all.
fn tie(case: &Case, seen: &Observation, (slot, key): (usize, u64)) -> Option<u8> {
    let logs = |vantage| matches!(vantage, Vantage::Gateway | Vantage::Model);
    let other = !case.seen_by(seen.vantage) || seen.vantage == Vantage::App;
    let in_time = case.failure.end_ns.abs_diff(seen.end_ns) <= SAME_CALL_NS;
    if !same_model(&case.failure.target, &seen.target) {
        None
    } else if case.request() == key {
        // An id that a caller chose itself may stand on all of its attempts; attempts are requests. A log may say several things of one.
        (other || logs(seen.vantage)).then_some(0)
    } else if slot == 3 || case.keys[3] == key {
        (other && in_time && logs(case.failure.vantage) != logs(seen.vantage)).then_some(2)
    } else {
        other.then_some(1)
    }
}

/// Whether two records can speak of the same model; an application's log rarely says which.
fn same_model(a: &Target, b: &Target) -> bool {
    a.model_id.is_empty() || b.model_id.is_empty() || a.model_id == b.model_id
}

fn add(case: &mut Case, view: View) {
    case.vantages |= 1 << view.vantage as u8;
    let more: &mut More = case.more.get_or_insert_default();
    // A log that says the same again adds nothing.
    let again = |held: &View| held.vantage == view.vantage && Arc::ptr_eq(&held.rule, &view.rule);
    if !more.views.iter().any(again) {
        more.views.push(view);
    }
}

/// Puts a case that waited, and what had joined it, under the one that counts.
fn absorb(case: &mut Case, waited: Case) {
    let own = View {
        vantage: waited.failure.vantage,
        end_ns: waited.failure.end_ns,
        rule: waited.rule,
        over: waited.over,
        keys: waited.keys,
    };
    if case.failure.request_id.is_empty() {
        case.failure.request_id = waited.failure.request_id;
    }
    if case.failure.caller.is_empty() {
        case.failure.caller = waited.failure.caller;
    }
    for view in std::iter::once(own).chain(waited.more.into_iter().flat_map(|more| more.views)) {
        for (held, key) in case.keys.iter_mut().zip(view.keys) {
            if *held == 0 {
                *held = key;
            }
        }
        add(case, view);
    }
}
