//! Spans of one export joined by parent id, and the requests they come to.
//!
//! In: an HTTP or `GenAI` span and those around it: a `GenAI` parent, or an enclosing span with an exception. Out: a
//! count, or an observation with the parent's model, text and stream ending. Where a client retried, all attempts take
//! the parent's model, and only the last one its text and ending.

use super::detail::Detail;
use super::failing::Failing;
use super::intern::{Known, NO_TARGET, without_query};
use super::mapper::{Mapper, OTHER_PLATFORM, Observer};
use super::span::{Entry, count_as, fine_ending, scope_rule};
use super::target::split_url;
use super::transport::Transports;
use super::{Api, Ending, Observation, Outcome, Status, Tally, Target, Transport, Vantage};
use crate::otlp::wire::Span;
use std::collections::HashMap;
use std::sync::Arc;

/// How many enclosing spans are looked at above a request.
const LEVELS: usize = 8;

/// Trace and span id.
type SpanKey = ([u8; 16], [u8; 8]);

/// A span that may lend something to a request below it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lender {
    pub(super) kind: LenderKind,
    pub(super) client: bool,
    pub(super) at: (u32, u32),
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) parent: [u8; 8],
    pub(super) caller: u32,
    pub(super) scope: u16,
    pub(super) weight: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LenderKind {
    /// Carries `gen_ai.*` attributes.
    GenAi,
    /// Any other span with an exception.
    App,
}

/// Who encloses one request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links<'l> {
    gen_ai: Option<&'l Lender>,
    app: Option<&'l Lender>,
    /// The enclosing spans' text and ending speak of this request: it is their last.
    last: bool,
}

/// The joins of one export.
#[derive(Debug, Default)]
pub(super) struct Lenders<'l> {
    by_entry: Vec<Links<'l>>,
    above: Vec<Option<&'l Lender>>,
    has_children: Vec<bool>,
}

impl<'l> Lenders<'l> {
    /// Joins entries and lenders by trace and parent id.
    pub(super) fn join(lenders: &'l [Lender], entries: &[Entry]) -> Self {
        let index: HashMap<SpanKey, usize> =
            lenders.iter().enumerate().map(|(n, l)| ((l.trace_id, l.span_id), n)).collect();
        let up = |trace, parent| index.get(&(trace, parent)).copied();
        let mut last_child: HashMap<usize, usize> = HashMap::new();
        let mut joined = Self { has_children: vec![false; lenders.len()], ..Self::default() };
        let chains: Vec<Vec<usize>> = entries.iter().map(|e| chain(e.trace_id, e.parent, lenders, up)).collect();
        for (n, above) in chains.iter().enumerate() {
            for lender in above {
                joined.has_children[*lender] = true;
                let last = last_child.entry(*lender).or_insert(n);
                if entries[n].end_ns >= entries[*last].end_ns {
                    *last = n;
                }
            }
        }
        for (n, above) in chains.iter().enumerate() {
            let first = |kind| above.iter().map(|l| &lenders[*l]).find(|l| l.kind == kind);
            let last = above.first().is_some_and(|l| last_child.get(l) == Some(&n));
            joined.by_entry.push(Links { gen_ai: first(LenderKind::GenAi), app: first(LenderKind::App), last });
        }
        for (n, lender) in lenders.iter().enumerate() {
            let above = chain(lender.trace_id, lender.parent, lenders, up);
            for outer in above.iter().filter(|outer| **outer != n && lender.kind == LenderKind::GenAi && lender.client)
            {
                joined.has_children[*outer] = true;
            }
            joined.above.push(above.iter().map(|l| &lenders[*l]).find(|l| l.kind == LenderKind::App));
        }
        joined
    }

    /// Who encloses entry `n`.
    pub(super) fn of(&self, n: usize) -> Links<'l> {
        self.by_entry.get(n).copied().unwrap_or_default()
    }

    /// The `GenAI` span around entry `n`.
    pub(super) fn model_of(&self, n: usize) -> Option<&'l Lender> {
        self.of(n).gen_ai
    }

    /// Whether lender `n` encloses a request of its own kind or an HTTP call.
    pub(super) fn has_children(&self, n: usize) -> bool {
        self.has_children.get(n).copied().unwrap_or(false)
    }

    /// The enclosing span with an exception above lender `n`.
    pub(super) fn parent_of(&self, n: usize) -> Option<&'l Lender> {
        self.above.get(n).copied().flatten()
    }
}

/// The lenders above a span, nearest first.
fn chain(
    trace: [u8; 16],
    parent: [u8; 8],
    lenders: &[Lender],
    up: impl Fn([u8; 16], [u8; 8]) -> Option<usize>,
) -> Vec<usize> {
    let mut found = Vec::new();
    let mut next = up(trace, parent);
    while let Some(n) = next.filter(|n| found.len() < LEVELS && !found.contains(n)) {
        found.push(n);
        next = up(trace, lenders[n].parent);
    }
    found
}

/// What turning one record into a request needs.
pub(super) struct Desk<'d> {
    pub(super) observer: &'d Observer,
    pub(super) mapper: &'d mut Mapper,
    pub(super) body: &'d [u8],
    pub(super) tally: &'d mut Tally,
}

impl<'d> Desk<'d> {
    fn span(&self, at: (u32, u32)) -> Option<Span<'d>> {
        Span::parse(self.body.get(at.0 as usize..at.1 as usize)?).ok()
    }

    fn detail(&self, lender: Option<&Lender>) -> Option<Detail<'d>> {
        lender.and_then(|l| self.span(l.at)).map(|span| Detail::of_span(&span))
    }

    /// The target, with the model's name where the URL named none.
    fn known(&mut self, known: u32, model: &str) -> u32 {
        if known == NO_TARGET {
            let target = Target { platform: OTHER_PLATFORM.into(), model_id: model.into(), ..Target::default() };
            return self.mapper.interner.known_index(Known {
                target: Arc::new(target),
                api: Api::ModelApi,
                stream: false,
            });
        }
        let found = self.mapper.interner.known(known);
        if model.is_empty() || !found.target.model_id.is_empty() {
            return known;
        }
        let target = Arc::new(Target { model_id: model.into(), ..(*found.target).clone() });
        let (api, stream) = (found.api, found.stream);
        self.mapper.interner.known_index(Known { target, api, stream })
    }
}

/// One HTTP client span with those around it.
pub(super) fn http(desk: &mut Desk<'_>, entry: &Entry, links: &Links<'_>) {
    let gen_ai = desk.detail(links.gen_ai);
    let app = desk.detail(links.app.filter(|_| links.last));
    let known = desk.known(entry.known, gen_ai.as_ref().map_or("", |g| g.model));
    let lent_ending =
        links.gen_ai.zip(gen_ai.as_ref()).and_then(|(l, g)| scope_rule(desk.observer, l.scope).ending(g.stream));
    let lent_ending = lent_ending.filter(|_| links.last);
    let gen_ai = gen_ai.filter(|_| links.last);
    let Some(span) = desk.span(entry.at) else { return };
    let own = Detail::of_span(&span);
    let lent = [gen_ai.as_ref(), app.as_ref()];
    let failing = if entry.failed {
        Some(own_failure(desk, entry, &own, &lent))
    } else {
        proved_broken(desk, entry, &lent, lent_ending)
    };
    let Some(failing) = failing else {
        let ending = lent_ending.or_else(|| fine_ending(desk.observer, desk.mapper, entry));
        let outer = links.gen_ai.map_or([0; 8], |l| l.parent);
        count_as(desk.mapper, desk.tally, &Entry { outer, ..*entry }, known, ending);
        return;
    };
    // A `GenAI` span is part of the call: what encloses the call is what encloses it.
    let enclosing = links.gen_ai.map_or(entry.parent, |l| l.parent);
    let seen = Seen { vantage: Vantage::Client, known, caller: entry.caller, weight: entry.weight, enclosing };
    observe(desk, &span, &seen, failing, &[Some(&own), lent[0], lent[1]]);
}

/// The failure that a span shows itself; where its own words say nothing, those around it are asked.
fn own_failure(desk: &Desk<'_>, entry: &Entry, own: &Detail<'_>, lent: &[Option<&Detail<'_>>]) -> Failing {
    let table = &desk.observer.transports;
    let status = Some(entry.status).filter(|s| *s != 0).or_else(|| own.status_in_type());
    let mut transport = table.classify(&own.clues());
    if matches!(transport, None | Some(Transport::Unknown)) {
        let other = lent.iter().flatten().find_map(|d| table.classify(&d.clues()).filter(|t| *t != Transport::Unknown));
        transport = other.or(transport);
    }
    Failing::of(status, transport.or(Some(Transport::Unknown)))
}

/// A span that looks fine, and the proof around it that the answer's body broke. An enclosing span with an exception of
/// its own (a database, a parser) proves nothing: the error must come from an HTTP library, or be an engine's own words.
fn proved_broken(
    desk: &Desk<'_>,
    entry: &Entry,
    lent: &[Option<&Detail<'_>>],
    ending: Option<Ending>,
) -> Option<Failing> {
    let status = Some(entry.status).filter(|s| *s != 0);
    let table = &desk.observer.transports;
    let (gen_ai, app) = (lent.first().copied().flatten(), lent.get(1).copied().flatten());
    if let Some(d) = gen_ai.filter(|d| broke_the_stream(table, d)) {
        return Some(match table.classify(&d.clues()) {
            Some(kind @ (Transport::Timeout | Transport::Cancelled)) => Failing::of(status, Some(kind)),
            _ => Failing::truncated(status),
        });
    }
    if ending == Some(Ending::Truncated) {
        return Some(Failing::truncated(status));
    }
    let app = app?;
    if table.is_stream_error(app.message()) {
        return Some(Failing::truncated(status));
    }
    let kind = table.classify(&app.clues()).filter(|_| table.is_http_library(app.exception()))?;
    let broken = Failing::of(status, Some(kind));
    broken.ending.is_some().then_some(broken)
}

/// Whether a `GenAI` span's error says that the answer broke: a transport error, or one that the SDK raises for an error
/// in the stream. A caller's parser or a length limit fails on answers that were whole.
fn broke_the_stream(table: &Transports, detail: &Detail<'_>) -> bool {
    let known = table.classify(&detail.clues()).is_some_and(|kind| kind != Transport::Unknown);
    detail.has_error() && (known || table.ends_a_stream(detail.error_name()) || table.is_stream_error(detail.message()))
}

/// A `GenAI` span without an HTTP span below it: one call, seen from the SDK.
pub(super) fn gen_ai(desk: &mut Desk<'_>, lender: &Lender, app: Option<&Lender>) {
    let Some(span) = desk.span(lender.at).filter(|_| lender.client) else {
        desk.tally.records.not_inference += 1;
        return;
    };
    let own = Detail::of_span(&span);
    let host = if own.url.is_empty() { own.host } else { "" };
    let found = desk.mapper.interner.target(&desk.observer.patterns, own.url, host, own.path);
    let known = desk.known(found, own.model);
    let ending = scope_rule(desk.observer, lender.scope).ending(own.stream);
    let failed = span.status_code == 2 || !own.error_name().is_empty();
    desk.tally.records.inference += 1;
    let (caller, weight, enclosing) = (lender.caller, lender.weight, lender.parent);
    let seen = Seen { vantage: Vantage::Sdk, known, caller, weight, enclosing };
    if failed {
        let failing = sdk_failure(desk, &own);
        let app = desk.detail(app);
        observe(desk, &span, &seen, failing, &[Some(&own), app.as_ref(), None]);
    } else if ending == Some(Ending::Truncated) {
        observe(desk, &span, &seen, Failing::truncated(Some(200)), &[Some(&own), None, None]);
    } else {
        // The SDK got its answer: the status is not in the span, and no other status lets a call end well.
        let entry = sdk_entry(&span, lender, known, own.status.unwrap_or(200));
        super::span::count_sdk(desk.mapper, desk.tally, &entry, ending);
    }
}

/// The status is in the span, in the text, or in the error's class; an SDK error class hides the transport error.
fn sdk_failure(desk: &Desk<'_>, own: &Detail<'_>) -> Failing {
    let table = &desk.observer.transports;
    let status =
        own.status.filter(|s| *s >= 400).or_else(|| own.status_in_type()).or_else(|| table.status_in(own.message()));
    match status.or_else(|| table.status_of(own.error_name())) {
        Some(code) => Failing::of(Some(code), None),
        None => Failing::of(None, table.classify(&own.clues()).or(Some(Transport::Unknown))),
    }
}

fn sdk_entry(span: &Span<'_>, lender: &Lender, known: u32, status: u16) -> Entry {
    Entry {
        at: lender.at,
        trace_id: lender.trace_id,
        span_id: lender.span_id,
        parent: lender.parent,
        known,
        caller: lender.caller,
        scope: lender.scope,
        status,
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        weight: lender.weight,
        failed: false,
        event_stream: false,
        request: 0,
        outer: [0; 8],
    }
}

/// Who saw a request, and whose it is.
struct Seen {
    vantage: Vantage,
    known: u32,
    caller: u32,
    weight: f64,
    /// The span that encloses the call.
    enclosing: [u8; 8],
}

/// Builds the observation of a failed request from its own record and those around it.
fn observe(desk: &mut Desk<'_>, span: &Span<'_>, seen: &Seen, failing: Failing, details: &[Option<&Detail<'_>>]) {
    let known = desk.mapper.interner.known(seen.known);
    let own = details.first().copied().flatten();
    let mut text = String::new();
    details.iter().flatten().for_each(|d| d.texts(&mut text));
    let url_path = own.and_then(|d| split_url(d.url)).map(|(_, path)| path);
    let relative = own.map(|d| d.url).filter(|url| url.starts_with('/'));
    let path = url_path.or(relative.or(own.map(|d| d.path)).map(without_query)).unwrap_or("").to_owned();
    let headers = own.map(|d| d.headers.clone()).unwrap_or_default();
    let request_id = desk.observer.knowledge.request_id(&headers);
    let cancelled = failing.transport == Some(Transport::Cancelled);
    let observation = Observation {
        vantage: seen.vantage,
        target: Arc::clone(&known.target),
        api: known.api,
        caller: Arc::clone(desk.mapper.interner.caller_name(seen.caller)),
        status: failing.status.map_or(Status::None, Status::Http),
        transport: failing.transport,
        ending: failing.ending,
        path,
        text,
        headers,
        request_id,
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        trace_id: span.trace_id.try_into().unwrap_or_default(),
        span_id: span.span_id.try_into().unwrap_or_default(),
        parent_span_id: seen.enclosing,
        weight: seen.weight,
        outcome: if cancelled { Outcome::Cancelled } else { Outcome::Error },
    };
    desk.tally.failures.push(observation);
}
