//! Log records that carry HTTP attributes: an access log in semantic conventions, seen from the gateway.
//!
//! In: the walk's calls. Out: a count for every record that states an exchange with a model, an observation for each that
//! failed. Events that repeat a span's exception, application logs and model logs are no requests of their own.

use super::detail::Detail;
use super::intern::NO_TARGET;
use super::mapper::{Mapper, Observer, Request, RowKey};
use super::semconv::Picks;
use super::{Observation, Outcome, Status, Tally, Vantage};
use crate::otlp::wire::{LogRecord, LogVisitor, Value};
use std::sync::Arc;

/// Receives the walk's calls for one export of logs.
pub(super) struct Visitor<'m, 'a> {
    observer: &'m Observer,
    mapper: &'m mut Mapper,
    tally: &'m mut Tally,
    picks: Picks<'a>,
}

impl<'m> Visitor<'m, '_> {
    pub(super) fn new(observer: &'m Observer, mapper: &'m mut Mapper, tally: &'m mut Tally) -> Self {
        Self { observer, mapper, tally, picks: Picks::default() }
    }
}

impl<'a> LogVisitor<'a> for Visitor<'_, 'a> {
    fn log_begin(&mut self) {
        self.picks = Picks::default();
    }

    fn log_attribute(&mut self, key: &'a str, value: Value<'a>) {
        self.picks.pick(key, value);
    }

    fn log(&mut self, record: &LogRecord<'a>) {
        let p = self.picks;
        // An access log states the answer; a client's exception event repeats what its span says.
        if p.status == 0 || record.event_name.ends_with(".exception") {
            self.tally.records.not_inference += 1;
            return;
        }
        let known = self.mapper.interner.target(&self.observer.patterns, p.url, p.host, p.path);
        if known == NO_TARGET {
            self.tally.records.not_inference += 1;
            return;
        }
        self.tally.records.inference += 1;
        if p.status >= 400 { self.failed(record, known) } else { self.fine(record, known) }
    }
}

impl<'a> Visitor<'_, 'a> {
    fn fine(&mut self, record: &LogRecord<'a>, known: u32) {
        let (caller, outcome) = (self.mapper.interner.caller(""), Outcome::Success);
        let status = Status::Http(self.picks.status);
        let ending = self.picks.event_stream.then_some(super::Ending::Unknown);
        let key = RowKey { known, caller, vantage: Vantage::Gateway, status, outcome, ending };
        let (trace_id, span_id) = ids(record);
        let seconds = Some(self.picks.seconds).filter(|s| *s > 0.0);
        let weight = self.observer.weights.gateway;
        self.mapper.count(self.tally, &Request { key, weight, seconds, trace_id, span_id, time_ns: time(record) });
    }

    fn failed(&mut self, record: &LogRecord<'a>, known: u32) {
        let mut detail = Detail::default();
        detail.take(record.attributes());
        let mut text = String::new();
        detail.texts(&mut text);
        let known = self.mapper.interner.known(known).clone();
        let caller = self.mapper.interner.caller("");
        let (trace_id, span_id) = ids(record);
        let end_ns = time(record);
        let path = super::target::split_url(self.picks.url).map_or(self.picks.path, |(_, path)| path);
        self.tally.failures.push(Observation {
            vantage: Vantage::Gateway,
            target: known.target,
            api: known.api,
            caller: Arc::clone(self.mapper.interner.caller_name(caller)),
            status: Status::Http(self.picks.status),
            transport: None,
            ending: None,
            path: super::intern::without_query(path).to_owned(),
            text,
            request_id: detail.header("x-baseten-request-id").unwrap_or("").to_owned(),
            headers: detail.headers,
            start_ns: end_ns.saturating_sub(nanoseconds(self.picks.seconds)),
            end_ns,
            trace_id,
            span_id,
            parent_span_id: [0; 8],
            weight: self.observer.weights.gateway,
            outcome: Outcome::Error,
        });
    }
}

/// Ids of a log record; an invalid one means "not associated", never an error.
fn ids(record: &LogRecord<'_>) -> ([u8; 16], [u8; 8]) {
    (record.trace_id.try_into().unwrap_or_default(), record.span_id.try_into().unwrap_or_default())
}

/// When it happened; where that is unknown, when it was observed (OTLP `logs.proto`).
fn time(record: &LogRecord<'_>) -> u64 {
    if record.time_ns == 0 { record.observed_ns } else { record.time_ns }
}

/// A stated duration in ns; at most a day, so that nonsense cannot overflow.
fn nanoseconds(seconds: f64) -> u64 {
    u64::try_from(std::time::Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0)).as_nanos()).unwrap_or(0)
}
