//! Generated requests: written to JSON by the official types, they come back equal; with bytes changed at random they
//! never panic, and what is taken is valid protobuf.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    exponential_histogram_data_point::Buckets, metric::Data, number_data_point, summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;
use prost::Message;
use serde::Serialize;

use crate::otlp::json::to_protobuf;
use crate::otlp::signal::Signal;

const LIMIT: usize = 16 << 20;

/// A source of choices; zero once it is used up, so that every message ends.
struct Draw(std::vec::IntoIter<u64>);

impl Draw {
    fn long(&mut self) -> u64 {
        self.0.next().unwrap_or_default()
    }

    fn below(&mut self, end: u64) -> u64 {
        self.long() % end
    }

    fn size(&mut self, end: u64) -> usize {
        usize::try_from(self.below(end)).unwrap()
    }

    fn int(&mut self) -> u32 {
        u32::try_from(self.below(1 << 32)).unwrap()
    }

    fn signed(&mut self) -> i32 {
        self.int().cast_signed()
    }

    fn double(&mut self) -> f64 {
        let double = f64::from_bits(self.long());
        if double.is_finite() { double } else { 0.5 }
    }

    fn text(&mut self) -> String {
        ["", "a", "model \"7\"\n", "\u{1F600}\u{0}\u{7f}\\", "http.response.status_code"][self.size(5)].to_owned()
    }

    fn id(&mut self, length: usize) -> Vec<u8> {
        self.long().to_be_bytes().repeat(2)[..length].to_vec()
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.size(9);
        self.id(length)
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(3) > 0).then(|| make(self))
    }

    fn list<T>(&mut self, make: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| make(self)).collect()
    }
}

fn any_value(draw: &mut Draw) -> AnyValue {
    let value = match draw.below(8) {
        1 => Value::StringValue(draw.text()),
        2 => Value::BoolValue(draw.below(2) == 1),
        3 => Value::IntValue(draw.long().cast_signed()),
        4 => Value::DoubleValue(draw.double()),
        5 => Value::BytesValue(draw.bytes()),
        6 => Value::ArrayValue(ArrayValue { values: draw.list(any_value) }),
        7 => Value::KvlistValue(KeyValueList { values: draw.list(key_value) }),
        _ => return AnyValue { value: None },
    };
    AnyValue { value: Some(value) }
}

fn key_value(draw: &mut Draw) -> KeyValue {
    KeyValue { key: draw.text(), value: draw.maybe(any_value), ..KeyValue::default() }
}

fn resource(draw: &mut Draw) -> Resource {
    let entity = |draw: &mut Draw| EntityRef {
        schema_url: draw.text(),
        r#type: draw.text(),
        id_keys: draw.list(Draw::text),
        description_keys: draw.list(Draw::text),
    };
    Resource { attributes: draw.list(key_value), dropped_attributes_count: draw.int(), entity_refs: draw.list(entity) }
}

fn scope(draw: &mut Draw) -> InstrumentationScope {
    InstrumentationScope {
        name: draw.text(),
        version: draw.text(),
        attributes: draw.list(key_value),
        dropped_attributes_count: draw.int(),
    }
}

fn span(draw: &mut Draw) -> Span {
    let event = |draw: &mut Draw| Event {
        time_unix_nano: draw.long(),
        name: draw.text(),
        attributes: draw.list(key_value),
        dropped_attributes_count: draw.int(),
    };
    let link = |draw: &mut Draw| Link {
        trace_id: draw.id(16),
        span_id: draw.id(8),
        trace_state: draw.text(),
        attributes: draw.list(key_value),
        dropped_attributes_count: draw.int(),
        flags: draw.int(),
    };
    Span {
        trace_id: draw.id(16),
        span_id: draw.id(8),
        trace_state: draw.text(),
        parent_span_id: draw.id(8),
        flags: draw.int(),
        name: draw.text(),
        kind: draw.signed(),
        start_time_unix_nano: draw.long(),
        end_time_unix_nano: draw.long(),
        attributes: draw.list(key_value),
        dropped_attributes_count: draw.int(),
        events: draw.list(event),
        dropped_events_count: draw.int(),
        links: draw.list(link),
        dropped_links_count: draw.int(),
        status: draw.maybe(|draw| Status { message: draw.text(), code: draw.signed() }),
    }
}

fn traces(draw: &mut Draw) -> ExportTraceServiceRequest {
    let scope_spans =
        |draw: &mut Draw| ScopeSpans { scope: draw.maybe(scope), spans: draw.list(span), schema_url: draw.text() };
    let resource_spans = |draw: &mut Draw| ResourceSpans {
        resource: draw.maybe(resource),
        scope_spans: draw.list(scope_spans),
        schema_url: draw.text(),
    };
    ExportTraceServiceRequest { resource_spans: draw.list(resource_spans) }
}

fn log_record(draw: &mut Draw) -> LogRecord {
    LogRecord {
        time_unix_nano: draw.long(),
        observed_time_unix_nano: draw.long(),
        severity_number: draw.signed(),
        severity_text: draw.text(),
        body: draw.maybe(any_value),
        attributes: draw.list(key_value),
        dropped_attributes_count: draw.int(),
        flags: draw.int(),
        trace_id: draw.id(16),
        span_id: draw.id(8),
        event_name: draw.text(),
    }
}

fn logs(draw: &mut Draw) -> ExportLogsServiceRequest {
    let scope_logs = |draw: &mut Draw| ScopeLogs {
        scope: draw.maybe(scope),
        log_records: draw.list(log_record),
        schema_url: draw.text(),
    };
    let resource_logs = |draw: &mut Draw| ResourceLogs {
        resource: draw.maybe(resource),
        scope_logs: draw.list(scope_logs),
        schema_url: draw.text(),
    };
    ExportLogsServiceRequest { resource_logs: draw.list(resource_logs) }
}

fn example(draw: &mut Draw) -> Exemplar {
    Exemplar {
        filtered_attributes: draw.list(key_value),
        time_unix_nano: draw.long(),
        span_id: draw.id(8),
        trace_id: draw.id(16),
        value: draw.maybe(|draw| match draw.below(2) {
            0 => exemplar::Value::AsDouble(draw.double()),
            _ => exemplar::Value::AsInt(draw.long().cast_signed()),
        }),
    }
}

fn number(draw: &mut Draw) -> NumberDataPoint {
    NumberDataPoint {
        attributes: draw.list(key_value),
        start_time_unix_nano: draw.long(),
        time_unix_nano: draw.long(),
        exemplars: draw.list(example),
        flags: draw.int(),
        value: draw.maybe(|draw| match draw.below(2) {
            0 => number_data_point::Value::AsDouble(draw.double()),
            _ => number_data_point::Value::AsInt(draw.long().cast_signed()),
        }),
    }
}

fn histogram(draw: &mut Draw) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: draw.list(key_value),
        start_time_unix_nano: draw.long(),
        time_unix_nano: draw.long(),
        count: draw.long(),
        sum: draw.maybe(Draw::double),
        bucket_counts: draw.list(Draw::long),
        explicit_bounds: draw.list(Draw::double),
        exemplars: draw.list(example),
        flags: draw.int(),
        min: draw.maybe(Draw::double),
        max: draw.maybe(Draw::double),
    }
}

fn exponential(draw: &mut Draw) -> ExponentialHistogramDataPoint {
    let buckets = |draw: &mut Draw| Buckets { offset: draw.signed(), bucket_counts: draw.list(Draw::long) };
    ExponentialHistogramDataPoint {
        attributes: draw.list(key_value),
        start_time_unix_nano: draw.long(),
        time_unix_nano: draw.long(),
        count: draw.long(),
        sum: draw.maybe(Draw::double),
        scale: draw.signed(),
        zero_count: draw.long(),
        positive: draw.maybe(buckets),
        negative: draw.maybe(buckets),
        flags: draw.int(),
        exemplars: draw.list(example),
        min: draw.maybe(Draw::double),
        max: draw.maybe(Draw::double),
        zero_threshold: draw.double(),
    }
}

fn summary(draw: &mut Draw) -> SummaryDataPoint {
    SummaryDataPoint {
        attributes: draw.list(key_value),
        start_time_unix_nano: draw.long(),
        time_unix_nano: draw.long(),
        count: draw.long(),
        sum: draw.double(),
        quantile_values: draw.list(|draw| ValueAtQuantile { quantile: draw.double(), value: draw.double() }),
        flags: draw.int(),
    }
}

fn metric(draw: &mut Draw) -> Metric {
    let data = |draw: &mut Draw| match draw.below(5) {
        0 => Data::Gauge(Gauge { data_points: draw.list(number) }),
        1 => Data::Sum(Sum {
            data_points: draw.list(number),
            aggregation_temporality: draw.signed(),
            is_monotonic: draw.below(2) == 1,
        }),
        2 => Data::Histogram(Histogram { data_points: draw.list(histogram), aggregation_temporality: draw.signed() }),
        3 => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: draw.list(exponential),
            aggregation_temporality: draw.signed(),
        }),
        _ => Data::Summary(Summary { data_points: draw.list(summary) }),
    };
    Metric {
        name: draw.text(),
        description: draw.text(),
        unit: draw.text(),
        metadata: draw.list(key_value),
        data: draw.maybe(data),
    }
}

fn metrics(draw: &mut Draw) -> ExportMetricsServiceRequest {
    let scope_metrics = |draw: &mut Draw| ScopeMetrics {
        scope: draw.maybe(scope),
        metrics: draw.list(metric),
        schema_url: draw.text(),
    };
    let resource_metrics = |draw: &mut Draw| ResourceMetrics {
        resource: draw.maybe(resource),
        scope_metrics: draw.list(scope_metrics),
        schema_url: draw.text(),
    };
    ExportMetricsServiceRequest { resource_metrics: draw.list(resource_metrics) }
}

fn comes_back<M: Message + Default + PartialEq + Serialize + std::fmt::Debug>(signal: Signal, message: &M) -> String {
    let json = serde_json::to_string(message).unwrap();
    let converted = to_protobuf(signal, json.as_bytes(), LIMIT).unwrap_or_else(|error| panic!("{error:?}: {json}"));
    assert_eq!(converted.warning, "", "{json}");
    let back = M::decode(&converted.body[..]).unwrap();
    assert_eq!(back, *message, "{json}");
    json
}

fn draws() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0..16_u64], 0..300)
}

proptest! {
    #[test]
    fn a_request_of_the_official_types_comes_back_equal(choices in draws()) {
        let draw = || Draw(choices.clone().into_iter());
        comes_back(Signal::Traces, &traces(&mut draw()));
        comes_back(Signal::Logs, &logs(&mut draw()));
        comes_back(Signal::Metrics, &metrics(&mut draw()));
    }

    #[test]
    fn changed_json_never_panics_and_what_is_taken_is_protobuf(
        choices in draws(),
        changes in prop::collection::vec((any::<usize>(), prop::sample::select(b"{}[]:,\"0-9.e\\un\x00\xff ".to_vec())), 1..6),
    ) {
        let json = comes_back(Signal::Metrics, &metrics(&mut Draw(choices.into_iter())));
        let mut bytes = json.into_bytes();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        for signal in Signal::ALL {
            if let Ok(converted) = to_protobuf(signal, &bytes, LIMIT) {
                match signal {
                    Signal::Traces => drop(ExportTraceServiceRequest::decode(&converted.body[..]).unwrap()),
                    Signal::Logs => drop(ExportLogsServiceRequest::decode(&converted.body[..]).unwrap()),
                    Signal::Metrics => drop(ExportMetricsServiceRequest::decode(&converted.body[..]).unwrap()),
                }
            }
        }
    }
}
