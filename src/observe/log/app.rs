//! The calling application's own error log: the only record that shows how a call ended whose span ends at the headers.
//!
//! In: a log record with trace and span id, an error's severity or an exception, that speaks of an HTTP call. Out: an
//! observation from the vantage `app`. It counts no request: the span that it names as its own encloses the call, and by that
//! the fold joins it to the call's record.

use super::{Visitor, ids, time};
use crate::observe::detail::Detail;
use crate::observe::failing::Failing;
use crate::observe::intern::{NO_TARGET, without_query};
use crate::observe::{Observation, Outcome, Status, Transport, Vantage, target};
use crate::otlp::wire::{LogRecord, Value};
use std::sync::Arc;

/// `SEVERITY_NUMBER_ERROR`.
const ERROR: i32 = 17;

impl<'a> Visitor<'_, 'a> {
    /// Whether the record is an application's error about a call to a model.
    pub(super) fn app(&mut self, record: &LogRecord<'a>) -> bool {
        let (trace_id, span_id) = ids(record);
        if trace_id == [0; 16] || span_id == [0; 8] || !(self.exception || record.severity_number >= ERROR) {
            return false;
        }
        let mut detail = Detail::default();
        detail.take(record.attributes());
        if let Value::Str(body) = record.body {
            detail.describe(body);
        }
        let Some(failing) = self.failing(&detail) else { return false };
        let message = detail.message();
        let (known, path) = match called(message) {
            Some((host, path)) => (self.mapper.interner.target(&self.observer.patterns, "", host, path), path),
            None => (NO_TARGET, ""),
        };
        if known == NO_TARGET && called(message).is_some() {
            // It names another server.
            return false;
        }
        let found = (known != NO_TARGET).then(|| self.mapper.interner.known(known));
        let (target, api) = found.map(|f| (Arc::clone(&f.target), f.api)).unwrap_or_default();
        let caller = self.mapper.interner.caller(self.service);
        let mut text = String::new();
        detail.texts(&mut text);
        let end_ns = time(record);
        let cancelled = failing.transport == Some(Transport::Cancelled);
        self.tally.failures.push(Observation {
            vantage: Vantage::App,
            target,
            api,
            caller: Arc::clone(self.mapper.interner.caller_name(caller)),
            status: failing.status.map_or(Status::None, Status::Http),
            transport: failing.transport,
            ending: failing.ending,
            path: without_query(path).to_owned(),
            text,
            request_id: self.observer.knowledge.request_id(&detail.headers),
            headers: detail.headers,
            start_ns: 0,
            end_ns,
            trace_id,
            span_id: [0; 8],
            parent_span_id: span_id,
            weight: 1.0,
            outcome: if cancelled { Outcome::Cancelled } else { Outcome::Error },
        });
        true
    }

    /// How the call failed; `None` where the error is not about one.
    fn failing(&self, detail: &Detail<'_>) -> Option<Failing> {
        let (table, message) = (&self.observer.transports, detail.message());
        let status = detail.status.filter(|code| *code >= 400).or_else(|| detail.status_in_type());
        let status = status.or_else(|| table.status_in(message)).or_else(|| table.status_of(detail.exception()));
        if let Some(code) = status {
            return Some(Failing::of(Some(code), None));
        }
        if table.is_stream_error(message) {
            return Some(Failing::truncated(None));
        }
        let kind = table.classify(&detail.clues()).filter(|kind| *kind != Transport::Unknown)?;
        Some(Failing::of(None, Some(kind)))
    }
}

/// Host and path that an error's text names: a URL, or what urllib3 writes of its pool.
fn called(message: &str) -> Option<(&str, &str)> {
    let until = |text: &'_ str, ends: &[char]| text.find(ends).unwrap_or(text.len());
    if let Some(at) = message.find("https://").or_else(|| message.find("http://")) {
        let url = message.get(at..)?;
        let url = url.get(..until(url, &['\'', '"', ' ', '\n', '\r', '\t', ')', '>', ',']))?;
        return target::split_url(url.trim_end_matches([':', '.']));
    }
    let (_, rest) = message.split_once("(host='")?;
    let (host, rest) = rest.split_once('\'')?;
    let path = rest.split_once("with url: ").map_or("", |(_, path)| path);
    Some((host, path.get(..until(path, &[' ', '\n', ')'])).unwrap_or_default()))
}
