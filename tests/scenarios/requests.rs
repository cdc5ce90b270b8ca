//! Records of requests: what a client, a library, an application and a gateway write.
//!
//! In: a line of the scenario and which repetition it is. Out: the official OTLP record.

use super::format::Place;
use super::records::{AccessLog, AppLog, AppSpan, Call, GenaiCall};
use super::wire::{Record, Sent, any, attribute, text, texts};
use super::words::Span as Time;
use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::{Span, Status, span::Event};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The model of all records that name none.
pub(crate) const MODEL: &str = "llama";
/// The environment of all records that name none.
pub(crate) const ENVIRONMENT: &str = "production";
const CALLER: &str = "shop";
const TOOK: Time = Time(2_000_000_000);

/// 16 bytes that stand for the trace of this name.
pub(crate) fn trace_id(name: &str) -> [u8; 16] {
    let (a, b) = (hash(name, 1), hash(name, 2));
    std::array::from_fn(|n| if n < 8 { a[n] } else { b[n - 8] })
}

/// 8 bytes that stand for the span of this name.
pub(crate) fn span_id(name: &str) -> [u8; 8] {
    hash(name, 3)
}

fn hash(name: &str, salt: u8) -> [u8; 8] {
    let mut hasher = DefaultHasher::new();
    (name, salt).hash(&mut hasher);
    hasher.finish().max(1).to_be_bytes()
}

fn url(place: Place, model: Option<&str>, environment: Option<&str>, path: Option<&str>) -> String {
    let model = model.unwrap_or(MODEL);
    let usual = match place {
        Place::Baseten => format!("/environments/{}/predict", environment.unwrap_or(ENVIRONMENT)),
        Place::Cluster => "/predict".to_owned(),
    };
    let path = path.unwrap_or(&usual);
    match place {
        Place::Baseten => format!("https://model-{model}.api.baseten.co{path}"),
        Place::Cluster => format!("https://{model}.models.internal{path}"),
    }
}

fn caller() -> Vec<KeyValue> {
    // The caller's own environment, which says nothing about the model's.
    texts(&[("service.name", CALLER), ("deployment.environment.name", "staging-of-the-shop")])
}

fn exception(error: &str, at: u64) -> Event {
    let (kind, message) = error.split_once(": ").unwrap_or((error, ""));
    Event {
        name: "exception".to_owned(),
        time_unix_nano: at,
        attributes: texts(&[("exception.type", kind), ("exception.message", message)]),
        ..Event::default()
    }
}

/// `ReadTimeout` of `ReadTimeout: timed out`.
fn kind_of(error: &str) -> &str {
    error.split_once(": ").map_or(error, |(kind, _)| kind)
}

fn header(name: &str, value: &str) -> KeyValue {
    let values = vec![any(text(value))];
    attribute(
        &format!("http.response.header.{}", name.to_lowercase().replace('-', "_")),
        any_value::Value::ArrayValue(ArrayValue { values }),
    )
}

/// The skeleton of a span that ended at `end`.
fn span(name: &str, kind: i32, ids: (Option<&str>, Option<&str>), times: (u64, Option<Time>)) -> Span {
    let ((inside, trace), (end, took)) = (ids, times);
    Span {
        trace_id: trace_id(trace.or(inside).unwrap_or(name)).to_vec(),
        span_id: span_id(name).to_vec(),
        parent_span_id: inside.map(|parent| span_id(parent).to_vec()).unwrap_or_default(),
        name: name.to_owned(),
        kind,
        start_time_unix_nano: end - took.unwrap_or(TOOK).0,
        end_time_unix_nano: end,
        ..Span::default()
    }
}

fn status(code: i32, message: &str) -> Status {
    Status { code, message: message.to_owned() }
}

/// As httpx' instrumentation writes it: the span ends at the headers, so that a broken body does not show.
pub(crate) fn call(call: &Call, name: &str, at: u64, place: Place) -> Sent {
    let url = url(place, call.model.as_deref(), call.environment.as_deref(), call.path.as_deref());
    let mut attributes = texts(&[("http.request.method", "POST"), ("url.full", &url)]);
    if let Some(code) = call.status {
        attributes.push(attribute("http.response.status_code", any_value::Value::IntValue(code.into())));
    }
    let failed = call.error.is_some() || call.status.is_some_and(|code| code >= 400);
    if let Some(error) = &call.error {
        attributes.push(attribute("error.type", text(kind_of(error))));
    }
    attributes.extend(texts(&[("http.response.body.content", call.body.as_deref().unwrap_or_default())]));
    attributes.extend(call.request_id.iter().map(|id| header("x-baseten-request-id", id)));
    attributes.extend(call.headers.iter().map(|(name, value)| header(name, value)));
    if call.stream {
        attributes.push(header("content-type", "text/event-stream; charset=utf-8"));
    }
    let record = Span {
        attributes,
        events: call.error.iter().map(|error| exception(error, at)).collect(),
        status: Some(status(if failed { 2 } else { 0 }, call.error.as_deref().unwrap_or_default())),
        trace_state: call.sampled.map(|n| format!("ot=th:{}", threshold(n))).unwrap_or_default(),
        ..span(name, 3, (call.inside.as_deref(), call.trace.as_deref()), (at, call.took))
    };
    Sent { resource: caller(), scope: "opentelemetry.instrumentation.httpx", record: Record::Span(record) }
}

/// The rejection threshold of one in `n`, 14 hex digits.
fn threshold(n: u64) -> String {
    format!("{:014x}", (1_u64 << 56) - (1_u64 << 56) / n)
}

/// As OpenLLMetry writes it.
pub(crate) fn genai_call(call: &GenaiCall, name: &str, at: u64, place: Place) -> Sent {
    let base = url(place, call.model.as_deref(), call.environment.as_deref(), None).replace("/predict", "/sync/v1");
    let mut attributes = texts(&[
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", call.model.as_deref().unwrap_or(MODEL)),
        ("gen_ai.openai.api_base", &base),
    ]);
    if call.stream {
        attributes.push(attribute("gen_ai.is_streaming", any_value::Value::BoolValue(true)));
    }
    if let Some(finish) = &call.finish {
        let values = vec![any(text(finish))];
        attributes
            .push(attribute("gen_ai.response.finish_reasons", any_value::Value::ArrayValue(ArrayValue { values })));
    }
    if let Some(error) = &call.error {
        attributes.push(attribute("error.type", text(kind_of(error))));
    }
    let code = match call.status.as_str() {
        "ok" => 1,
        "error" => 2,
        _ => 0,
    };
    let record = Span {
        attributes,
        events: call.error.iter().map(|error| exception(error, at)).collect(),
        status: Some(status(code, call.error.as_deref().unwrap_or_default())),
        ..span(name, 3, (call.inside.as_deref(), call.trace.as_deref()), (at, call.took))
    };
    Sent { resource: caller(), scope: "opentelemetry.instrumentation.openai.v1", record: Record::Span(record) }
}

/// The application's own span.
pub(crate) fn app_span(app: &AppSpan, name: &str, at: u64) -> Sent {
    let record = Span {
        events: app.error.iter().map(|error| exception(error, at)).collect(),
        status: Some(status(if app.error.is_some() { 2 } else { 0 }, app.error.as_deref().unwrap_or_default())),
        ..span(name, 1, (None, app.trace.as_deref()), (at, app.took))
    };
    Sent { resource: caller(), scope: "shop", record: Record::Span(record) }
}

/// The application's error log, as Python's logging handler writes it inside a span.
pub(crate) fn app_log(log: &AppLog, at: u64) -> Sent {
    let (kind, message) = log.error.as_deref().map_or(("", ""), |e| e.split_once(": ").unwrap_or((e, "")));
    let line = if log.line.is_empty() { "model call failed" } else { &log.line };
    let record = LogRecord {
        time_unix_nano: at,
        observed_time_unix_nano: at + 50_000,
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        body: Some(any(text(line))),
        attributes: texts(&[("exception.type", kind), ("exception.message", message)]),
        trace_id: trace_id(log.trace.as_deref().unwrap_or(&log.inside)).to_vec(),
        span_id: span_id(&log.inside).to_vec(),
        ..LogRecord::default()
    };
    Sent { resource: caller(), scope: "shop", record: Record::Log(record) }
}

/// A gateway's access log in semantic conventions.
pub(crate) fn access_log(log: &AccessLog, at: u64, place: Place) -> Sent {
    let url = url(place, log.model.as_deref(), log.environment.as_deref(), None);
    let mut attributes = texts(&[("http.request.method", "POST"), ("url.full", &url)]);
    attributes.push(attribute("http.response.status_code", any_value::Value::IntValue(log.status.into())));
    let seconds = log.took.unwrap_or(TOOK).0 as f64 / 1e9;
    attributes.push(attribute("http.server.request.duration", any_value::Value::DoubleValue(seconds)));
    attributes.extend(log.request_id.iter().map(|id| header("x-baseten-request-id", id)));
    let record = LogRecord {
        time_unix_nano: at,
        observed_time_unix_nano: at + 50_000,
        severity_number: 9,
        body: Some(any(text(&format!("POST {url} {}", log.status)))),
        attributes,
        trace_id: log.traceparent.as_deref().map(|name| trace_id(name).to_vec()).unwrap_or_default(),
        span_id: log.traceparent.as_deref().map(|name| span_id(name).to_vec()).unwrap_or_default(),
        ..LogRecord::default()
    };
    Sent { resource: texts(&[("service.name", "edge-gateway")]), scope: "access", record: Record::Log(record) }
}
