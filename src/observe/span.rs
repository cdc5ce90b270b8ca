//! Spans: which are requests to models, and which of those need a closer look.
//!
//! In: the walk's calls. Out: compact entries for every client span, with the span's place in the body; when the whole
//! export has been seen (a parent often comes after its child), each becomes a count in a row or, by a second look at its
//! bytes, an observation.

use super::intern::NO_TARGET;
use super::join::{self, Lender, LenderKind, Lenders};
use super::mapper::{Keys, Mapper, Observer, Request, RowKey};
use super::semconv::{Picks, captured_header, first_text, text};
use super::stream::{Ends, ScopeRule};
use super::{Ending, Outcome, Status, Tally, Vantage, request_key, sampling, span_key};
use crate::otlp::wire::{Span, SpanVisitor, Value};

const KIND_CLIENT: i32 = 3;
const STATUS_ERROR: i32 = 2;

/// A client span, as the light walk saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Where the span's bytes begin and end in the body.
    pub(super) at: (u32, u32),
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) parent: [u8; 8],
    /// [`NO_TARGET`] where no pattern knows the URL.
    pub(super) known: u32,
    pub(super) caller: u32,
    pub(super) scope: u16,
    pub(super) status: u16,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) weight: f64,
    pub(super) failed: bool,
    pub(super) event_stream: bool,
    /// [`request_key`] of the captured request id; 0 = none.
    pub(super) request: u64,
    /// The span that encloses the call where its parent is part of the call; zero = the parent.
    pub(super) outer: [u8; 8],
}

/// Memory for one export, reused.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) entries: Vec<Entry>,
    pub(super) lenders: Vec<Lender>,
}

impl Scratch {
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.lenders.clear();
    }
}

/// The rule of a scope by its index.
pub(super) fn scope_rule(observer: &Observer, index: u16) -> &ScopeRule {
    &observer.transports.scopes[usize::from(index)]
}

/// The rule without a prefix, which fits scopes that nobody named.
fn last_scope(observer: &Observer) -> u16 {
    u16::try_from(observer.transports.scopes.len().saturating_sub(1)).unwrap_or(0)
}

/// Receives the walk's calls for one export.
pub(super) struct Visitor<'m, 'a> {
    observer: &'m Observer,
    mapper: &'m mut Mapper,
    tally: &'m mut Tally,
    body: &'a [u8],
    caller: u32,
    service: &'a str,
    scope: u16,
    picks: Picks<'a>,
    exception: bool,
    request: u64,
}

impl<'m, 'a> Visitor<'m, 'a> {
    pub(super) fn new(observer: &'m Observer, mapper: &'m mut Mapper, body: &'a [u8], tally: &'m mut Tally) -> Self {
        let caller = mapper.interner.caller("");
        let (service, scope) = ("", last_scope(observer));
        let (picks, exception, request) = (Picks::default(), false, 0);
        Self { observer, mapper, tally, body, caller, service, scope, picks, exception, request }
    }

    /// A client span over HTTP: remembered whether or not its host is known; a `GenAI` parent may still make it a request.
    fn http(&mut self, span: &Span<'a>, ids: Ids) {
        let p = &self.picks;
        let known = self.mapper.interner.target(&self.observer.patterns, p.url, p.host, p.path);
        let failed =
            span.status_code == STATUS_ERROR || p.error_type || p.status >= 400 || (p.status == 0 && self.exception);
        let weight = weight(span.trace_state, self.observer.weights.client);
        self.mapper.spans.entries.push(Entry {
            at: place(self.body, span.bytes()),
            trace_id: ids.trace_id,
            span_id: ids.span_id,
            parent: ids.parent,
            known,
            caller: self.caller,
            scope: self.scope,
            status: p.status,
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            weight,
            failed,
            event_stream: p.event_stream,
            request: self.request,
            outer: [0; 8],
        });
    }

    fn lender(&mut self, kind: LenderKind, span: &Span<'a>, ids: Ids) {
        self.mapper.spans.lenders.push(Lender {
            kind,
            client: span.kind == KIND_CLIENT,
            at: place(self.body, span.bytes()),
            trace_id: ids.trace_id,
            span_id: ids.span_id,
            parent: ids.parent,
            caller: self.caller,
            scope: self.scope,
            weight: weight(span.trace_state, self.observer.weights.sdk),
        });
    }
}

impl<'a> SpanVisitor<'a> for Visitor<'_, 'a> {
    fn resource_begin(&mut self) {
        self.service = "";
    }

    fn resource_attribute(&mut self, key: &'a str, value: Value<'a>) {
        if key == "service.name" {
            self.service = text(value);
        }
    }

    fn resource_end(&mut self) {
        self.caller = self.mapper.interner.caller(self.service);
    }

    fn scope(&mut self, name: &'a str, _: &'a str) {
        let scopes = &self.observer.transports.scopes;
        let found = scopes.iter().position(|s| name.starts_with(s.scope.as_str()));
        self.scope = found.and_then(|n| u16::try_from(n).ok()).unwrap_or(last_scope(self.observer));
    }

    #[inline]
    fn span_begin(&mut self) {
        self.picks = Picks::default();
        self.exception = false;
        self.request = 0;
    }

    #[inline]
    fn span_attribute(&mut self, key: &'a str, value: Value<'a>) {
        self.picks.pick(key, value);
        if let Some(header) = captured_header(key)
            && self.observer.knowledge.is_request_id(header)
        {
            self.request = request_key(first_text(value));
        }
    }

    fn span_event(&mut self, name: &'a str) {
        self.exception |= name == "exception";
    }

    fn span(&mut self, span: &Span<'a>) {
        let Some(ids) = Ids::of(span) else {
            self.tally.records.invalid += 1;
            return;
        };
        if self.picks.gen_ai && !self.picks.agent {
            self.lender(LenderKind::GenAi, span, ids);
        } else if span.kind == KIND_CLIENT && self.picks.is_http() {
            self.http(span, ids);
        } else {
            if self.exception {
                self.lender(LenderKind::App, span, ids);
            }
            self.tally.records.not_inference += 1;
        }
    }
}

/// A span's ids, checked: 16 and 8 bytes, not all zero (OTLP `trace.proto`).
#[derive(Clone, Copy)]
struct Ids {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    parent: [u8; 8],
}

impl Ids {
    fn of(span: &Span<'_>) -> Option<Self> {
        let trace_id: [u8; 16] = span.trace_id.try_into().ok()?;
        let span_id: [u8; 8] = span.span_id.try_into().ok()?;
        let parent = span.parent_span_id.try_into().unwrap_or_default();
        (trace_id != [0; 16] && span_id != [0; 8]).then_some(Self { trace_id, span_id, parent })
    }
}

fn weight(trace_state: &str, declared: f64) -> f64 {
    if trace_state.is_empty() { declared } else { sampling::weight(trace_state).unwrap_or(declared) }
}

/// Where `part` lies in `body`. A body is at most 4 GiB, so 32 bits hold any place.
fn place(body: &[u8], part: &[u8]) -> (u32, u32) {
    let start = (part.as_ptr() as usize).wrapping_sub(body.as_ptr() as usize);
    (u32::try_from(start).unwrap_or(0), u32::try_from(start.saturating_add(part.len())).unwrap_or(0))
}

/// Turns the export's entries into rows and observations.
pub(super) fn finish(observer: &Observer, mapper: &mut Mapper, body: &[u8], tally: &mut Tally) {
    let entries = std::mem::take(&mut mapper.spans.entries);
    let lenders = std::mem::take(&mut mapper.spans.lenders);
    let plain = lenders.is_empty();
    let joined = if plain { Lenders::default() } else { Lenders::join(&lenders, &entries) };
    for (n, entry) in entries.iter().enumerate() {
        if entry.known == NO_TARGET && (plain || joined.model_of(n).is_none()) {
            tally.records.not_inference += 1;
        } else if plain && !entry.failed {
            tally.records.inference += 1;
            count_fine(observer, mapper, tally, entry);
        } else {
            tally.records.inference += 1;
            join::http(&mut join::Desk { observer, mapper, body, tally }, entry, &joined.of(n));
        }
    }
    for (n, lender) in lenders.iter().enumerate().filter(|(_, l)| l.kind == LenderKind::GenAi) {
        if joined.has_children(n) {
            tally.records.enriching += 1;
        } else {
            join::gen_ai(&mut join::Desk { observer, mapper, body, tally }, lender, joined.parent_of(n));
        }
    }
    mapper.spans.entries = entries;
    mapper.spans.lenders = lenders;
}

/// An HTTP span without any sign of trouble.
fn count_fine(observer: &Observer, mapper: &mut Mapper, tally: &mut Tally, entry: &Entry) {
    let ending = fine_ending(observer, mapper, entry);
    count_as(mapper, tally, entry, entry.known, ending);
}

/// What a fine span shows of its stream, where it is known to be one.
pub(super) fn fine_ending(observer: &Observer, mapper: &Mapper, entry: &Entry) -> Option<Ending> {
    let stream = entry.event_stream || (entry.known != NO_TARGET && mapper.interner.known(entry.known).stream);
    stream.then(|| match scope_rule(observer, entry.scope).ends {
        Ends::Body => Ending::Complete,
        Ends::Headers => Ending::Unknown,
    })
}

/// Counts an entry that did not fail. Without a status the caller has hung up on purpose: since semantic conventions
/// 1.41 such spans stay unset and carry no error.
pub(super) fn count_as(mapper: &mut Mapper, tally: &mut Tally, entry: &Entry, known: u32, ending: Option<Ending>) {
    count_from(mapper, tally, &Entry { known, ..*entry }, Vantage::Client, ending);
}

/// Counts a `GenAI` span that did not fail.
pub(super) fn count_sdk(mapper: &mut Mapper, tally: &mut Tally, entry: &Entry, ending: Option<Ending>) {
    count_from(mapper, tally, entry, Vantage::Sdk, ending);
}

fn count_from(mapper: &mut Mapper, tally: &mut Tally, entry: &Entry, vantage: Vantage, ending: Option<Ending>) {
    let (status, outcome) = match entry.status {
        0 => (Status::None, Outcome::Cancelled),
        code => (Status::Http(code), Outcome::Success),
    };
    let key = RowKey { known: entry.known, caller: entry.caller, vantage, status, outcome, ending };
    let seconds = super::observation::elapsed(entry.start_ns, entry.end_ns);
    let (trace_id, span_id, time_ns) = (entry.trace_id, entry.span_id, entry.end_ns);
    let outer = span_key(&trace_id, &entry.outer);
    let keys = Keys([entry.request, span_key(&trace_id, &entry.parent), outer]);
    mapper.count(tally, &Request { key, weight: entry.weight, seconds, trace_id, span_id, time_ns }, keys);
}
