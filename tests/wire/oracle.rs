//! The yardstick of `otlp::wire`: `prost` with the official messages.
//!
//! In: any bytes. It panics unless the walk accepts what `prost` accepts, and then says the same. Shared by the tests and the fuzz
//! target.

use coroner::otlp::wire::{
    Attributes, LogRecord, LogVisitor, Metric, MetricKind, MetricVisitor, Point, PointValue, Span, SpanVisitor, Value,
    WireError, logs, metrics, traces,
};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::logs::v1::LogRecord as OfficialRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric as OfficialMetric, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span as OfficialSpan;
use prost::Message;

/// Compares both readings of `bytes` as a request of each signal.
pub(crate) fn compare(bytes: &[u8]) {
    compare_traces(bytes);
    compare_logs(bytes);
    compare_metrics(bytes);
}

/// What was said, in order: what it is about, and its values.
type Transcript = Vec<(&'static str, String)>;

fn compare_traces(bytes: &[u8]) {
    let mut heard = Heard::default();
    let walked = traces(bytes, &mut heard);
    agree(walked, ExportTraceServiceRequest::decode(bytes), &heard.said, |request| {
        let mut said = Vec::new();
        for group in request.resource_spans {
            resource(&mut said, group.resource);
            for scope_group in group.scope_spans {
                scope(&mut said, scope_group.scope);
                said.extend(scope_group.spans.iter().map(|span| ("span", official_span(span))));
            }
        }
        said
    });
}

fn compare_logs(bytes: &[u8]) {
    let mut heard = Heard::default();
    let walked = logs(bytes, &mut heard);
    agree(walked, ExportLogsServiceRequest::decode(bytes), &heard.said, |request| {
        let mut said = Vec::new();
        for group in request.resource_logs {
            resource(&mut said, group.resource);
            for scope_group in group.scope_logs {
                scope(&mut said, scope_group.scope);
                said.extend(scope_group.log_records.iter().map(|record| ("log", official_record(record))));
            }
        }
        said
    });
}

fn compare_metrics(bytes: &[u8]) {
    let mut heard = Heard::default();
    let walked = metrics(bytes, &mut heard);
    agree(walked, ExportMetricsServiceRequest::decode(bytes), &heard.said, |request| {
        let mut said = Vec::new();
        for group in request.resource_metrics {
            resource(&mut said, group.resource);
            for scope_group in group.scope_metrics {
                scope(&mut said, scope_group.scope);
                scope_group.metrics.iter().for_each(|metric| official_metric(&mut said, metric));
            }
        }
        said
    });
}

fn agree<M>(
    walked: Result<(), WireError>,
    decoded: Result<M, prost::DecodeError>,
    heard: &Transcript,
    say: impl Fn(M) -> Transcript,
) {
    match (walked, decoded) {
        (Ok(()), Ok(message)) => {
            let expected = say(message);
            for (index, (heard, expected)) in heard.iter().zip(&expected).enumerate() {
                assert_eq!(heard, expected, "entry {index} differs");
            }
            assert_eq!(heard.len(), expected.len(), "one of them says more");
        }
        (Err(_), Err(_)) => {}
        (walked, decoded) => {
            assert_eq!(
                walked.is_ok(),
                decoded.is_ok(),
                "the walk says {walked:?}, the official decoder {:?}",
                decoded.err()
            );
        }
    }
}

/// Notes down what the walk says.
#[derive(Default)]
struct Heard {
    said: Transcript,
    attributes: Vec<KeyValue>,
    events: Vec<String>,
    begun: bool,
}

impl Heard {
    fn attribute(&mut self, key: &str, value: Value<'_>) {
        self.attributes.push(KeyValue { key: key.into(), value: any_value(value), ..KeyValue::default() });
    }

    fn begin(&mut self) {
        assert!(!self.begun, "the item before has not ended");
        self.begun = true;
        self.attributes.clear();
        self.events.clear();
    }
}

/// What the three visitors have in common.
macro_rules! owners {
    ($a:lifetime) => {
        fn resource_begin(&mut self) {
            self.attributes.clear();
        }
        fn resource_attribute(&mut self, key: &$a str, value: Value<$a>) {
            self.attribute(key, value);
        }
        fn resource_end(&mut self) {
            self.said.push(("resource", show(&self.attributes)));
        }
        fn scope(&mut self, name: &$a str, version: &$a str) {
            self.said.push(("scope", format!("{name:?} {version:?}")));
        }
    };
}

impl<'a> SpanVisitor<'a> for Heard {
    owners!('a);
    fn span_begin(&mut self) {
        self.begin();
    }
    fn span_attribute(&mut self, key: &'a str, value: Value<'a>) {
        self.attribute(key, value);
    }
    fn span_event(&mut self, name: &'a str) {
        self.events.push(name.into());
    }
    fn span(&mut self, span: &Span<'a>) {
        self.begun = false;
        assert_eq!(show(&self.attributes), show(&owned(span.attributes())), "heard and read attributes");
        assert!(
            self.events.iter().map(String::as_str).eq(span.events().map(|event| event.name)),
            "heard and read events"
        );
        let again = Span::parse(span.bytes()).expect("it was good as part of the request");
        assert_eq!(show_span(span), show_span(&again), "a span read by itself");
        self.said.push(("span", show_span(span)));
    }
}

impl<'a> LogVisitor<'a> for Heard {
    owners!('a);
    fn log_begin(&mut self) {
        self.begin();
    }
    fn log_attribute(&mut self, key: &'a str, value: Value<'a>) {
        self.attribute(key, value);
    }
    fn log(&mut self, record: &LogRecord<'a>) {
        self.begun = false;
        assert_eq!(show(&self.attributes), show(&owned(record.attributes())), "heard and read attributes");
        let again = LogRecord::parse(record.bytes()).expect("it was good as part of the request");
        assert_eq!(show_record(record), show_record(&again), "a record read by itself");
        self.said.push(("log", show_record(record)));
    }
}

impl<'a> MetricVisitor<'a> for Heard {
    owners!('a);
    fn metric(&mut self, metric: &Metric<'a>) {
        self.said.push((
            "metric",
            show_metric(
                (metric.name, metric.description, metric.unit),
                metric.kind,
                metric.temporality,
                metric.monotonic,
            ),
        ));
    }
    fn point(&mut self, _metric: &Metric<'a>, point: &Point<'a>) {
        let attributes = owned(point.attributes());
        self.said.push(("point", show_point(point.value, point.time_ns, point.start_ns, point.flags, &attributes)));
    }
}

fn owned(attributes: Attributes<'_>) -> Vec<KeyValue> {
    attributes
        .iter()
        .map(|(key, value)| KeyValue { key: key.into(), value: any_value(value), ..KeyValue::default() })
        .collect()
}

/// The official form of a value; nothing for an empty one.
fn any_value(value: Value<'_>) -> Option<AnyValue> {
    use any_value::Value as Official;
    let value = match value {
        Value::Empty => return None,
        Value::Str(text) => Official::StringValue(text.into()),
        Value::Bool(flag) => Official::BoolValue(flag),
        Value::Int(number) => Official::IntValue(number),
        Value::Double(number) => Official::DoubleValue(number),
        Value::Bytes(bytes) => Official::BytesValue(bytes.into()),
        Value::Array(values) => Official::ArrayValue(ArrayValue {
            values: values.iter().map(|value| any_value(value).unwrap_or_default()).collect(),
        }),
        Value::Map(attributes) => Official::KvlistValue(KeyValueList { values: owned(attributes) }),
    };
    Some(AnyValue { value: Some(value) })
}

/// Drops what the walk does not tell apart: references to string tables, and values without a value.
fn plain(any_value: &AnyValue) -> Option<AnyValue> {
    use any_value::Value as Official;
    let value = match any_value.value.as_ref()? {
        Official::StringValueStrindex(_) => return None,
        Official::ArrayValue(array) => Official::ArrayValue(ArrayValue {
            values: array.values.iter().map(|value| plain(value).unwrap_or_default()).collect(),
        }),
        Official::KvlistValue(list) => Official::KvlistValue(KeyValueList { values: plain_list(&list.values) }),
        other => other.clone(),
    };
    Some(AnyValue { value: Some(value) })
}

fn plain_list(attributes: &[KeyValue]) -> Vec<KeyValue> {
    attributes
        .iter()
        .map(|attribute| KeyValue {
            key: attribute.key.clone(),
            value: attribute.value.as_ref().and_then(plain),
            ..KeyValue::default()
        })
        .collect()
}

/// Exact, also for floats that are not equal to themselves: the encoded form.
fn show(attributes: &[KeyValue]) -> String {
    attributes.iter().fold(String::new(), |all, attribute| format!("{all}{:02x?}", attribute.encode_to_vec()))
}

fn show_value(value: Option<AnyValue>) -> String {
    format!("{:02x?}", value.map(|value| value.encode_to_vec()))
}

fn show_span(span: &Span<'_>) -> String {
    let events: Vec<_> =
        span.events().map(|event| (event.name, event.time_ns, show(&owned(event.attributes())))).collect();
    format!(
        "{:?} {events:?} {}",
        (
            (span.trace_id, span.span_id, span.parent_span_id, span.trace_state, span.name, span.kind),
            (span.start_ns, span.end_ns, span.flags, span.status_code, span.status_message)
        ),
        show(&owned(span.attributes()))
    )
}

fn official_span(span: &OfficialSpan) -> String {
    let events: Vec<_> = span
        .events
        .iter()
        .map(|event| (event.name.as_str(), event.time_unix_nano, show(&plain_list(&event.attributes))))
        .collect();
    let status = span.status.clone().unwrap_or_default();
    format!(
        "{:?} {events:?} {}",
        (
            (&span.trace_id, &span.span_id, &span.parent_span_id, &span.trace_state, &span.name, span.kind),
            (span.start_time_unix_nano, span.end_time_unix_nano, span.flags, status.code, &status.message)
        ),
        show(&plain_list(&span.attributes))
    )
}

fn show_record(record: &LogRecord<'_>) -> String {
    format!(
        "{:?} {} {}",
        (
            (record.time_ns, record.observed_ns, record.severity_number, record.severity_text),
            (record.trace_id, record.span_id, record.flags, record.event_name)
        ),
        show_value(any_value(record.body)),
        show(&owned(record.attributes()))
    )
}

fn official_record(record: &OfficialRecord) -> String {
    format!(
        "{:?} {} {}",
        (
            (record.time_unix_nano, record.observed_time_unix_nano, record.severity_number, &record.severity_text),
            (&record.trace_id, &record.span_id, record.flags, &record.event_name)
        ),
        show_value(record.body.as_ref().and_then(plain)),
        show(&plain_list(&record.attributes))
    )
}

fn resource(said: &mut Transcript, resource: Option<Resource>) {
    said.push(("resource", show(&plain_list(&resource.unwrap_or_default().attributes))));
}

fn scope(said: &mut Transcript, scope: Option<InstrumentationScope>) {
    let scope = scope.unwrap_or_default();
    said.push(("scope", format!("{:?} {:?}", scope.name, scope.version)));
}

fn show_metric(words: (&str, &str, &str), kind: MetricKind, temporality: i32, monotonic: bool) -> String {
    format!("{words:?} {kind:?} {temporality} {monotonic}")
}

fn show_point(value: PointValue, time_ns: u64, start_ns: u64, flags: u32, attributes: &[KeyValue]) -> String {
    let value = match value {
        PointValue::None => "none".into(),
        PointValue::Int(number) => format!("int {number}"),
        PointValue::Double(number) => format!("double {:x}", number.to_bits()),
        PointValue::Distribution { count, sum } => format!("{count} values, sum {:x?}", sum.map(f64::to_bits)),
    };
    format!("{value} {time_ns} {start_ns} {flags} {}", show(&plain_list(attributes)))
}

fn official_metric(said: &mut Transcript, metric: &OfficialMetric) {
    let (kind, temporality, monotonic) = match &metric.data {
        None => (MetricKind::None, 0, false),
        Some(Data::Gauge(_)) => (MetricKind::Gauge, 0, false),
        Some(Data::Sum(sum)) => (MetricKind::Sum, sum.aggregation_temporality, sum.is_monotonic),
        Some(Data::Histogram(histogram)) => (MetricKind::Histogram, histogram.aggregation_temporality, false),
        Some(Data::ExponentialHistogram(histogram)) => {
            (MetricKind::ExponentialHistogram, histogram.aggregation_temporality, false)
        }
        Some(Data::Summary(_)) => (MetricKind::Summary, 0, false),
    };
    let words = (metric.name.as_str(), metric.description.as_str(), metric.unit.as_str());
    said.push(("metric", show_metric(words, kind, temporality, monotonic)));
    said.extend(official_points(metric.data.as_ref()).into_iter().map(|point| ("point", point)));
}

/// The points, with the fields that kinds of points have in common.
fn official_points(data: Option<&Data>) -> Vec<String> {
    macro_rules! points {
        ($data:expr, $point:ident => $value:expr) => {
            $data
                .data_points
                .iter()
                .map(|$point| {
                    let (time, start) = ($point.time_unix_nano, $point.start_time_unix_nano);
                    show_point($value, time, start, $point.flags, &$point.attributes)
                })
                .collect()
        };
    }
    let distribution = |count, sum| PointValue::Distribution { count, sum };
    match data {
        None => Vec::new(),
        Some(Data::Gauge(data)) => points!(data, point => number(point.value)),
        Some(Data::Sum(data)) => points!(data, point => number(point.value)),
        Some(Data::Histogram(data)) => points!(data, point => distribution(point.count, point.sum)),
        Some(Data::ExponentialHistogram(data)) => points!(data, point => distribution(point.count, point.sum)),
        Some(Data::Summary(data)) => points!(data, point => distribution(point.count, Some(point.sum))),
    }
}

fn number(value: Option<number_data_point::Value>) -> PointValue {
    match value {
        None => PointValue::None,
        Some(number_data_point::Value::AsInt(number)) => PointValue::Int(number),
        Some(number_data_point::Value::AsDouble(number)) => PointValue::Double(number),
    }
}
