//! Log records: access logs, what containers and Kubernetes say, an application's own errors.
//!
//! In: the walk's calls. Out: for an access log that states an exchange with a model, a count or an observation; for a record
//! about a container, what `evidence:` and `resources:` of the books make of it; for an application's error about a call, an
//! observation that joins the call's.
//!
//! ```text
//!   access      an exchange, in HTTP attributes
//!   shape       what a record says, whatever its shipper made of it; stamp: when
//!   container   lines of a container, its platform, a kernel
//!   kubernetes  watched objects and events
//!   app         the calling application's error
//! ```

mod access;
mod app;
mod container;
mod kubernetes;
mod shape;
mod stamp;

use super::Tally;
use super::intern::NO_TARGET;
use super::knowledge::{Scalar, Slots, View};
use super::mapper::{Mapper, Observer};
use super::semconv::{Picks, captured_header, first_text, text};
use crate::otlp::wire::{LogRecord, LogVisitor, Value};

/// Receives the walk's calls for one export of logs.
pub(super) struct Visitor<'m, 'a> {
    observer: &'m Observer,
    mapper: &'m mut Mapper,
    tally: &'m mut Tally,
    service: &'a str,
    resource: Slots<'a>,
    record: Slots<'a>,
    picks: Picks<'a>,
    exception: bool,
    /// Key of the captured request id; 0 = none.
    request: u64,
}

impl<'m> Visitor<'m, '_> {
    pub(super) fn new(observer: &'m Observer, mapper: &'m mut Mapper, tally: &'m mut Tally) -> Self {
        let slots = || Slots::of(&observer.knowledge.names);
        let (resource, record) = (slots(), slots());
        let (service, picks, exception, request) = ("", Picks::default(), false, 0);
        Self { observer, mapper, tally, service, resource, record, picks, exception, request }
    }
}

impl<'a> LogVisitor<'a> for Visitor<'_, 'a> {
    fn resource_begin(&mut self) {
        self.service = "";
        self.resource.clear();
    }

    fn resource_attribute(&mut self, key: &'a str, value: Value<'a>) {
        if key == "service.name" {
            self.service = text(value);
        }
        if let (Some(index), Some(value)) = (self.observer.knowledge.names.find(key), Scalar::of(value)) {
            self.resource.set(index, value);
        }
    }

    fn log_begin(&mut self) {
        self.picks = Picks::default();
        self.exception = false;
        self.request = 0;
        self.record.clear();
    }

    fn log_attribute(&mut self, key: &'a str, value: Value<'a>) {
        self.picks.pick(key, value);
        self.exception |= key.starts_with("exception.");
        let knowledge = &self.observer.knowledge;
        if let Value::Map(members) = value {
            let name = &mut self.mapper.name;
            name.clear();
            name.push_str(key);
            shape::take_map(members, &knowledge.names, &mut self.record, name, 2);
        } else if let (Some(index), Some(value)) = (knowledge.names.find(key), Scalar::of(value)) {
            self.record.set(index, value);
        }
        if captured_header(key).is_some_and(|header| knowledge.is_request_id(header)) {
            self.request = super::request_key(first_text(value));
        }
    }

    fn log(&mut self, record: &LogRecord<'a>) {
        // A client's exception event repeats what its span says.
        if record.event_name.ends_with(".exception") {
            self.tally.records.not_inference += 1;
            return;
        }
        // An access log states the answer.
        let p = &self.picks;
        if p.status != 0 {
            let known = self.mapper.interner.target(&self.observer.patterns, p.url, p.host, p.path);
            if known != NO_TARGET {
                self.tally.records.inference += 1;
                self.access(record, known);
                return;
            }
        }
        if self.kubernetes(record) || self.container(record) || self.app(record) {
            self.tally.records.enriching += 1;
        } else {
            self.tally.records.not_inference += 1;
        }
    }
}

impl<'a> Visitor<'_, 'a> {
    /// All fields that the record states.
    fn view(&self) -> View<'_, 'a> {
        View { record: &self.record, resource: &self.resource }
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
