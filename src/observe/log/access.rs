//! Log records that carry HTTP attributes: an access log in semantic conventions, seen from the gateway.
//!
//! In: a record that states an exchange with a model. Out: a count, or an observation where it failed.

use super::{Visitor, ids, time};
use crate::observe::detail::Detail;
use crate::observe::mapper::{Keys, Request, RowKey};
use crate::observe::{Ending, Observation, Outcome, Status, Vantage, intern, target};
use crate::otlp::wire::LogRecord;
use std::sync::Arc;

impl<'a> Visitor<'_, 'a> {
    /// One exchange with the model behind `known`.
    pub(super) fn access(&mut self, record: &LogRecord<'a>, known: u32) {
        if self.picks.status >= 400 { self.failed(record, known) } else { self.fine(record, known) }
    }

    fn fine(&mut self, record: &LogRecord<'a>, known: u32) {
        let (caller, outcome) = (self.mapper.interner.caller(""), Outcome::Success);
        let status = Status::Http(self.picks.status);
        let ending = self.picks.event_stream.then_some(Ending::Unknown);
        let key = RowKey { known, caller, vantage: Vantage::Gateway, status, outcome, ending };
        let (trace_id, span_id) = ids(record);
        let seconds = Some(self.picks.seconds).filter(|s| *s > 0.0);
        let weight = self.observer.weights.gateway;
        let request = Request { key, weight, seconds, trace_id, span_id, time_ns: time(record) };
        self.mapper.count(self.tally, &request, Keys([self.request, 0, 0]));
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
        let path = target::split_url(self.picks.url).map_or(self.picks.path, |(_, path)| path);
        self.tally.failures.push(Observation {
            vantage: Vantage::Gateway,
            target: known.target,
            api: known.api,
            caller: Arc::clone(self.mapper.interner.caller_name(caller)),
            status: Status::Http(self.picks.status),
            transport: None,
            ending: None,
            path: intern::without_query(path).to_owned(),
            text,
            request_id: self.observer.knowledge.request_id(&detail.headers),
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

/// A stated duration in ns; at most a day, so that nonsense cannot overflow.
fn nanoseconds(seconds: f64) -> u64 {
    u64::try_from(std::time::Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0)).as_nanos()).unwrap_or(0)
}
