//! One failed request that was not told yet, or that something may still join.
//!
//! In: the record that opened it, and those that joined. Out: where records of the same request meet it. Small: a million may be open.

use super::Failure;
use crate::judge::taxonomy::{Blame, Cause, Class, Confidence, EvidenceKind, Match};
use crate::judge::{Rule, Verdict};
use crate::observe::{Observation, Status, Vantage, join_key, request_key, span_key};
use std::sync::Arc;

/// What another vantage says about the request of a case.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) vantage: Vantage,
    pub(super) end_ns: u64,
    /// The rule that decided its record.
    pub(super) rule: Arc<Rule>,
    /// The rule for the case that the answer had begun well, as another vantage saw; `None` where this record proves no broken answer.
    pub(super) over: Option<Arc<Rule>>,
    /// Its keys; 0 for none.
    pub(super) keys: Keys,
}

/// Keys under which records of one request meet: of the request id, of the span of the call, of the span that encloses it, of the
/// whole trace. 0 = none.
pub(super) type Keys = [u64; 4];

/// The keys of a record.
pub(super) fn keys(seen: &Observation) -> Keys {
    // An application's record is no call of its own: its span id is the enclosing span's, and only that joins.
    let own = if seen.vantage == Vantage::App { 0 } else { span_key(&seen.trace_id, &seen.span_id) };
    let enclosing = if seen.vantage == Vantage::App && seen.parent_span_id == [0; 8] {
        span_key(&seen.trace_id, &seen.span_id)
    } else {
        span_key(&seen.trace_id, &seen.parent_span_id)
    };
    // A gateway continues the caller's trace in a span of its own, which only the trace tells.
    let traced = seen.trace_id != [0; 16] && seen.vantage != Vantage::App;
    let trace = if traced { join_key(&[&seen.trace_id]) } else { 0 };
    [request_key(&seen.request_id), own, enclosing, trace]
}

/// How a case stands.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// No vantage that counts has seen it: it waits for one to join.
    Waiting,
    /// Counted as a request, not yet as a failure.
    Open,
    /// Told.
    Settled(Ruling),
}

/// The verdict that was told, without its texts.
#[derive(Clone, Debug)]
pub(super) struct Ruling {
    pub(super) rule: Arc<Rule>,
    pub(super) class: Class,
    pub(super) cause: Cause,
    pub(super) blame: Blame,
    pub(super) confidence: Confidence,
    pub(super) matched: Match,
    /// What decided.
    pub(super) kind: Option<EvidenceKind>,
}

impl Ruling {
    /// The same with its texts.
    pub(super) fn verdict(&self) -> Verdict {
        Verdict {
            class: self.class,
            cause: self.cause,
            blame: self.blame,
            confidence: self.confidence,
            matched: self.matched,
            ..self.rule.verdict.clone()
        }
    }
}

/// What few cases have.
#[derive(Debug, Default)]
pub(super) struct More {
    pub(super) views: Vec<View>,
    /// Keys for which `Case::keys` had no room.
    pub(super) keys: Vec<u64>,
}

/// One failed request.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) failure: Failure,
    pub(super) rule: Arc<Rule>,
    pub(super) over: Option<Arc<Rule>>,
    pub(super) keys: Keys,
    pub(super) more: Option<Box<More>>,
    /// When it settles at the latest, or, once settled, when it is forgotten; ns since 1970.
    pub(super) due_ns: u64,
    /// Its number in the queue that it waits in.
    pub(super) ticket: u32,
    /// One bit a vantage that has seen it.
    pub(super) vantages: u8,
    /// The class under which it was told to be open.
    pub(super) opened_as: Class,
    pub(super) state: State,
}

impl Case {
    pub(super) fn new(failure: Failure, view: View, state: State) -> Self {
        let opened_as = view.rule.verdict.class;
        Self {
            vantages: 1 << (failure.vantage as u8) | 1 << (view.vantage as u8),
            failure,
            rule: view.rule,
            over: view.over,
            keys: view.keys,
            more: None,
            due_ns: 0,
            ticket: 0,
            opened_as,
            state,
        }
    }

    /// Other vantages' views.
    pub(super) fn views(&self) -> &[View] {
        self.more.as_ref().map_or(&[], |more| &more.views)
    }

    /// Whether this vantage has seen it.
    pub(super) fn seen_by(&self, vantage: Vantage) -> bool {
        self.vantages & (1 << vantage as u8) != 0
    }

    /// The key of the request id; 0 where none is known.
    pub(super) fn request(&self) -> u64 {
        self.keys[0]
    }

    /// Whether the answer had begun well.
    pub(super) fn answered(&self) -> bool {
        matches!(self.failure.status, Status::Http(200..=299) | Status::Grpc(0))
    }

    /// Whether the answer's own status says that it failed.
    pub(super) fn refused(&self) -> bool {
        matches!(self.failure.status, Status::Http(400..) | Status::Grpc(1..) | Status::WebSocket(_))
    }

    /// When the request began, as far as it is known.
    pub(super) fn start_ns(&self) -> u64 {
        if self.failure.start_ns == 0 { self.failure.end_ns } else { self.failure.start_ns.min(self.failure.end_ns) }
    }

    /// Bytes that it takes, keys included.
    pub(super) fn bytes(&self) -> usize {
        let views = self.more.as_ref().map_or(0, |more| size_of::<More>() + more.views.len() * size_of::<View>());
        size_of::<Self>() + self.failure.request_id.len() + views + 48
    }
}
