//! Lines about containers: a model's log, its platform's export, a kernel's lines, Kubernetes events as log records.
//!
//! In: a record that is no access log. Out: that its source was heard; where its request goes on; the evidence that a book
//! recognises; for an error inside a stream a failure of its own. An innocent line costs no allocation.

use super::{Visitor, ids, shape, stamp, time};
use crate::judge::taxonomy::EvidenceKind;
use crate::observe::intern::front;
use crate::observe::knowledge::{Line, Said, Scalar, TIMES, View};
use crate::observe::place::Place;
use crate::observe::{Activity, Api, Channel, Ending, Evidence, Observation, Outcome, Status, Vantage, request_key};
use crate::otlp::wire::LogRecord;
use std::sync::Arc;

/// Longest text kept of a line, bytes.
const TEXT_LIMIT: usize = 300;
/// Longest request id, bytes.
const REQUEST_LIMIT: usize = 128;

/// The named group of an expression that takes the number of the process that ended.
const PROCESS: &str = "process";

/// The field by which a Kubernetes event is known.
pub(super) const EVENT_REASON: &str = "k8s.event.reason";

impl<'a> Visitor<'_, 'a> {
    /// Whether the record speaks of a container.
    pub(super) fn container(&mut self, record: &LogRecord<'a>) -> bool {
        let knowledge = &self.observer.knowledge;
        let words = shape::read(record.body, &knowledge.names, &mut self.record, &mut self.mapper.name);
        let event = knowledge.names.find(EVENT_REASON).is_some_and(|index| self.view().get(index).is_some());
        self.statement(record, [&words.message, &words.trace], event.then_some(Channel::Kubernetes), None)
    }

    /// One statement: a line, or one fact of an object. `nature` is what the record itself shows of its source, `stated_ns` the
    /// time that an object states. Says whether it speaks of a container.
    pub(super) fn statement(
        &mut self,
        record: &LogRecord<'a>,
        texts: [&str; 2],
        nature: Option<Channel>,
        stated_ns: Option<u64>,
    ) -> bool {
        let (knowledge, event_ns) = (&self.observer.knowledge, time(record));
        let view = View { record: &self.record, resource: &self.resource };
        let place = self.mapper.places.find(&knowledge.resources, view, false);
        let placed = place.and_then(|index| self.mapper.places.get(index));
        let channel = nature.or(placed.and_then(|p| p.channel)).unwrap_or(Channel::ContainerLogs);
        let platform = placed.map_or("", |p| p.target.platform.as_str());
        let line = knowledge.lines.recognise(&Said { texts, view, channel, platform }, &mut self.mapper.hits);
        if let Some(index) = place {
            let heard = self.mapper.places.hear(index, channel, event_ns, self.tally);
            let key = request_key(request_id(&knowledge.request_ids, view));
            if let Some(heard) = heard.and_then(|at| u32::try_from(at).ok()).filter(|_| key != 0) {
                let finished = line.is_some_and(|line| line.finishes);
                self.tally.activity.push(Activity { key, heard, time_ns: event_ns, finished });
            }
        }
        let Some((line, kind)) = line.and_then(|line| Some((line, line.kind?))) else { return place.is_some() };
        if place.is_none() && (is_sign_of_life(kind) || ids(record).0 != [0; 16]) {
            // Any web server answers, and an application that is traced speaks of itself.
            return false;
        }
        let stated_ns = stated_ns.or_else(|| self.stated(line));
        let fact = Fact { line, kind, channel: line.from.unwrap_or(channel), time_ns: stated_ns.unwrap_or(event_ns) };
        self.testify(record, texts, place, &fact);
        true
    }

    /// The time that the record states besides its own.
    fn stated(&self, line: &Line) -> Option<u64> {
        let mut fields = line.time.into_iter().chain(TIMES);
        fields.find_map(|index| self.view().get(index).and_then(stamp::read))
    }

    /// Adds evidence, and for an error inside a stream the failure that it is.
    fn testify(&mut self, record: &LogRecord<'a>, texts: [&str; 2], place: Option<usize>, fact: &Fact<'_>) {
        let knowledge = &self.observer.knowledge;
        // What the expression's named groups took may say whose container it is: a kernel names a control group.
        let (mut place, mut process) = (place, 0);
        for (name, index, value) in fact.groups(texts) {
            if name == PROCESS {
                process = value.parse().unwrap_or(0);
            }
            self.record.set(index, Scalar::Text(value.into()));
            let view = View { record: &self.record, resource: &self.resource };
            place = place.or_else(|| self.mapper.places.find(&knowledge.resources, view, false));
        }
        let placed = place.and_then(|index| self.mapper.places.get(index)).cloned();
        let view = View { record: &self.record, resource: &self.resource };
        let serving = fact.kind == EvidenceKind::Serving;
        let request_id = if serving { "" } else { request_id(&knowledge.request_ids, view) };
        let evidence = Evidence {
            kind: fact.kind,
            channel: fact.channel,
            target: placed.as_ref().map(|p| Arc::clone(&p.target)),
            replica: placed.as_ref().map_or_else(|| Arc::clone(&self.mapper.nobody), |p| Arc::clone(&p.replica)),
            process,
            request_id: request_id.to_owned(),
            trace_id: ids(record).0,
            time_ns: fact.time_ns,
            event_ns: time(record),
            rule: Arc::clone(&fact.line.id),
            // A sign of life is one of thousands; nobody reads it.
            text: if serving { String::new() } else { told(texts) },
        };
        if let (Some(placed), EvidenceKind::StreamException) = (&placed, fact.kind) {
            let failure = broken_stream(placed, &evidence, ids(record).1, Arc::clone(&self.mapper.nobody));
            self.tally.failures.push(failure);
        }
        match place {
            Some(index) => self.mapper.places.testify(index, evidence, self.tally),
            None => self.tally.evidence.push(evidence),
        }
    }
}

/// What a line says.
struct Fact<'l> {
    line: &'l Line,
    kind: EvidenceKind,
    channel: Channel,
    time_ns: u64,
}

impl Fact<'_> {
    /// What the named groups of the rule's expression took: name, field, text.
    fn groups(&self, texts: [&str; 2]) -> Vec<(&str, usize, String)> {
        let Some(regex) = self.line.regex.as_ref().filter(|_| !self.line.groups.is_empty()) else { return Vec::new() };
        let Some(found) = texts.into_iter().find_map(|text| regex.find(text)) else { return Vec::new() };
        let taken = self.line.groups.iter().filter_map(|(name, index)| {
            let text = found.group(name)?;
            Some((name.as_str(), *index, text.to_owned()))
        });
        taken.collect()
    }
}

/// Signs of life come from every server, also from those that are no models.
fn is_sign_of_life(kind: EvidenceKind) -> bool {
    matches!(kind, EvidenceKind::Serving | EvidenceKind::Loading)
}

/// The request's id; empty where there is none.
fn request_id<'v>(fields: &[usize], view: View<'v, '_>) -> &'v str {
    let found = fields.iter().map(|index| view.text(*index)).find(|id| !id.is_empty());
    found.filter(|id| id.len() <= REQUEST_LIMIT).unwrap_or("")
}

/// The line, cut short; where a trace follows, its last line names the error.
fn told([message, trace]: [&str; 2]) -> String {
    let mut text = front(message, TEXT_LIMIT).to_owned();
    let last = trace.trim_end().lines().next_back().unwrap_or_default().trim();
    if !last.is_empty() && !message.contains(last) {
        text.push_str(if text.is_empty() { "" } else { "\n" });
        text.push_str(front(last, TEXT_LIMIT));
    }
    text
}

/// The failure that an error inside a stream is: the 200 had gone out, and the rest of the answer never came.
fn broken_stream(place: &Place, evidence: &Evidence, span_id: [u8; 8], caller: Arc<str>) -> Observation {
    Observation {
        vantage: Vantage::Model,
        target: Arc::clone(&place.target),
        api: if place.target.model_id.starts_with("chain-") { Api::Chain } else { Api::Dedicated },
        caller,
        status: Status::Http(200),
        transport: None,
        ending: Some(Ending::Truncated),
        path: String::new(),
        text: evidence.text.clone(),
        headers: Vec::new(),
        request_id: evidence.request_id.clone(),
        start_ns: 0,
        end_ns: evidence.time_ns,
        trace_id: evidence.trace_id,
        span_id,
        parent_span_id: [0; 8],
        weight: 1.0,
        outcome: Outcome::Error,
    }
}
