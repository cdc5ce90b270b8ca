//! Small makers of the official OTLP types.

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, KeyValueList, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// One record and who sends it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) resource: Vec<KeyValue>,
    pub(crate) scope: &'static str,
    pub(crate) record: Record,
}

/// The record itself.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    Span(Span),
    Log(LogRecord),
    Metric(Metric),
}

/// A value of any type.
pub(crate) fn any(value: any_value::Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

/// A string.
pub(crate) fn text(value: &str) -> any_value::Value {
    any_value::Value::StringValue(value.to_owned())
}

/// An attribute.
pub(crate) fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any(value)), ..KeyValue::default() }
}

/// Attributes that are all strings; empty ones are left out.
pub(crate) fn texts(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| attribute(key, text(value))).collect()
}

/// A JSON value as a log body carries it.
pub(crate) fn body(json: &serde_json::Value) -> AnyValue {
    use any_value::Value;
    use serde_json::Value as Json;
    let value = match json {
        Json::Null => return AnyValue { value: None },
        Json::Bool(b) => Value::BoolValue(*b),
        Json::Number(n) => n.as_i64().map_or_else(|| Value::DoubleValue(n.as_f64().unwrap()), Value::IntValue),
        Json::String(s) => text(s),
        Json::Array(items) => Value::ArrayValue(opentelemetry_proto::tonic::common::v1::ArrayValue {
            values: items.iter().map(body).collect(),
        }),
        Json::Object(map) => Value::KvlistValue(KeyValueList {
            values: map
                .iter()
                .map(|(key, value)| KeyValue { key: key.clone(), value: Some(body(value)), ..KeyValue::default() })
                .collect(),
        }),
    };
    any(value)
}

/// The bodies in which these records travel: one for each signal that is among them.
pub(crate) fn bodies(batch: &[Sent]) -> Vec<(coroner::otlp::signal::Signal, Vec<u8>)> {
    use coroner::otlp::signal::Signal;
    let (mut spans, mut logs, mut metrics) = (Vec::new(), Vec::new(), Vec::new());
    for Sent { resource, scope, record } in batch {
        let resource = Some(Resource { attributes: resource.clone(), ..Resource::default() });
        let scope = Some(InstrumentationScope { name: (*scope).to_owned(), ..InstrumentationScope::default() });
        match record.clone() {
            Record::Span(span) => spans.push(ResourceSpans {
                resource,
                scope_spans: vec![ScopeSpans { scope, spans: vec![span], ..ScopeSpans::default() }],
                ..ResourceSpans::default()
            }),
            Record::Log(log) => logs.push(ResourceLogs {
                resource,
                scope_logs: vec![ScopeLogs { scope, log_records: vec![log], ..ScopeLogs::default() }],
                ..ResourceLogs::default()
            }),
            Record::Metric(metric) => metrics.push(ResourceMetrics {
                resource,
                scope_metrics: vec![ScopeMetrics { scope, metrics: vec![metric], ..ScopeMetrics::default() }],
                ..ResourceMetrics::default()
            }),
        }
    }
    let mut bodies = Vec::new();
    if !spans.is_empty() {
        bodies.push((Signal::Traces, ExportTraceServiceRequest { resource_spans: spans }.encode_to_vec()));
    }
    if !logs.is_empty() {
        bodies.push((Signal::Logs, ExportLogsServiceRequest { resource_logs: logs }.encode_to_vec()));
    }
    if !metrics.is_empty() {
        bodies.push((Signal::Metrics, ExportMetricsServiceRequest { resource_metrics: metrics }.encode_to_vec()));
    }
    bodies
}
