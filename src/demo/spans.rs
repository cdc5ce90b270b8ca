//! A call as the caller's instrumentation writes it down. In: calls and the time. Out: for each caller one OTLP export request.
//!
//! Attribute names, status and events are those that the real libraries were recorded with; beside the calls to models every
//! caller also exports what services export: a server span, a database query and a call to another API, which must not count.

use super::fleet::{CALLERS, Call, Caller, Library};
use super::incident::Symptom;
use super::random::Random;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use std::time::Duration;

/// The export request of one caller for one tick that ended at `now` (ns since 1970); `None` where it made no call.
pub(super) fn export(
    caller: usize,
    calls: &[Call],
    now: u64,
    random: &mut Random,
) -> Option<ExportTraceServiceRequest> {
    let who = CALLERS.get(caller)?;
    let mut spans: Vec<Span> =
        calls.iter().filter(|call| call.caller == caller).map(|call| span(who, call, now)).collect();
    if spans.is_empty() {
        return None;
    }
    let mut app = everyday(now, random);
    if who.library == Library::GoOtelhttp {
        app.extend(spans.iter_mut().filter_map(|span| enclosing(span, random.id())));
    }
    let scopes = vec![scope(who.library.scope(), spans), scope("app", app)];
    Some(ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    text("service.name", who.service),
                    text("service.version", "1.4.2"),
                    text("telemetry.sdk.language", if who.library == Library::GoOtelhttp { "go" } else { "python" }),
                    text("deployment.environment.name", "production"),
                ],
                ..Resource::default()
            }),
            scope_spans: scopes,
            schema_url: String::new(),
        }],
    })
}

impl Library {
    const fn scope(self) -> &'static str {
        match self {
            Self::RequestsOld | Self::RequestsNew => "opentelemetry.instrumentation.requests",
            Self::Httpx => "opentelemetry.instrumentation.httpx",
            Self::GoOtelhttp => "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
            Self::OpenLlmetry => "opentelemetry.instrumentation.openai.v1",
        }
    }
}

fn scope(name: &str, spans: Vec<Span>) -> ScopeSpans {
    let scope = InstrumentationScope { name: name.to_owned(), ..InstrumentationScope::default() };
    ScopeSpans { scope: Some(scope), spans, schema_url: String::new() }
}

fn span(caller: &Caller, call: &Call, now: u64) -> Span {
    let end = ended(call, now);
    let base = Span {
        trace_id: call.trace_id.to_vec(),
        span_id: call.span_id.to_vec(),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: end.saturating_sub(nanoseconds(call.seconds)),
        end_time_unix_nano: end,
        flags: 256,
        ..Span::default()
    };
    let url = format!("https://model-{}.api.baseten.co/environments/production/{}", call.model, caller.endpoint);
    match caller.library {
        Library::OpenLlmetry => genai(base, call, &url),
        library => http(base, library, call, &url, status_of(caller, call)),
    }
}

/// When a call of the tick that ended at `now` was over, ns since 1970.
pub(super) fn ended(call: &Call, now: u64) -> u64 {
    now.saturating_sub(nanoseconds(call.before))
}

fn nanoseconds(seconds: f64) -> u64 {
    u64::try_from(Duration::from_secs_f64(seconds).as_nanos()).unwrap_or(u64::MAX)
}

/// The status that arrived, if any did.
fn status_of(caller: &Caller, call: &Call) -> Option<u16> {
    match call.symptom {
        Some(Symptom::Status(status)) => Some(status),
        Some(Symptom::GaveUp(_)) => None,
        None if caller.endpoint == "async_predict" => Some(201),
        None | Some(Symptom::CutStream) => Some(200),
    }
}

fn http(base: Span, library: Library, call: &Call, url: &str, status: Option<u16>) -> Span {
    let old = library == Library::RequestsOld;
    let mut attributes = if old {
        vec![text("http.method", "POST"), text("http.url", url)]
    } else {
        let host = format!("model-{}.api.baseten.co", call.model);
        vec![text("http.request.method", "POST"), text("url.full", url), text("server.address", &host)]
    };
    if let Some(status) = status {
        let name = if old { "http.status_code" } else { "http.response.status_code" };
        attributes.push(number(name, i64::from(status)));
    }
    let failure = failure(library, call, status);
    if let Some(error_type) = failure.as_ref().map(|failure| failure.error_type.clone()).filter(|_| !old) {
        attributes.push(text("error.type", &error_type));
    }
    Span {
        name: if library == Library::GoOtelhttp { "HTTP POST" } else { "POST" }.to_owned(),
        attributes,
        events: failure.iter().filter_map(|failure| failure.event.clone()).collect(),
        status: failure.map(|failure| Status { code: StatusCode::Error.into(), message: failure.message }),
        ..base
    }
}

/// What a library adds to the span of a call that failed.
struct Failure {
    error_type: String,
    message: String,
    event: Option<Event>,
}

fn failure(library: Library, call: &Call, status: Option<u16>) -> Option<Failure> {
    let symptom = call.symptom?;
    let failure = match (symptom, library) {
        (Symptom::Status(_), _) => Failure { error_type: status?.to_string(), message: String::new(), event: None },
        (Symptom::CutStream, _) => {
            Failure { error_type: "*errors.errorString".into(), message: "unexpected EOF".into(), event: None }
        }
        (Symptom::GaveUp(_), _) => {
            let message = "The read operation timed out";
            Failure {
                error_type: "ReadTimeout".into(),
                message: format!("ReadTimeout: {message}"),
                event: Some(exception("httpx.ReadTimeout", message)),
            }
        }
    };
    Some(failure)
}

fn exception(kind: &str, message: &str) -> Event {
    Event {
        name: "exception".to_owned(),
        attributes: vec![text("exception.type", kind), text("exception.message", message)],
        ..Event::default()
    }
}

/// A `GenAI` stream: its status says Ok even where the stream was cut; only the finish reason is missing then.
fn genai(base: Span, call: &Call, api_base: &str) -> Span {
    let mut attributes = vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.request.model", call.model),
        attribute("gen_ai.is_streaming", Value::BoolValue(true)),
        text("gen_ai.openai.api_base", api_base),
        text("gen_ai.response.model", call.model),
    ];
    if call.symptom.is_none() {
        let stop = AnyValue { value: Some(Value::StringValue("stop".to_owned())) };
        attributes
            .push(attribute("gen_ai.response.finish_reasons", Value::ArrayValue(ArrayValue { values: vec![stop] })));
    }
    let status = Some(Status { code: StatusCode::Ok.into(), message: String::new() });
    Span { name: "openai.chat".to_owned(), attributes, status, ..base }
}

/// The application's own span around a call that was refused in a rollout: it alone carries the answer's text.
fn enclosing(call: &mut Span, id: [u8; 8]) -> Option<Span> {
    call.attributes.iter().find(|one| one == &&number("http.response.status_code", 503))?;
    call.parent_span_id = id.to_vec();
    let message = r#"predict: unexpected status 503 Service Unavailable: {"error": "Server is draining"}"#;
    Some(Span {
        trace_id: call.trace_id.clone(),
        span_id: id.to_vec(),
        name: "render".to_owned(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: call.start_time_unix_nano,
        end_time_unix_nano: call.end_time_unix_nano,
        events: vec![exception("*fmt.wrapError", message)],
        status: Some(Status { code: StatusCode::Error.into(), message: message.to_owned() }),
        ..Span::default()
    })
}

/// Spans that every service has and that are no calls to models.
fn everyday(now: u64, random: &mut Random) -> Vec<Span> {
    let mut span = |name: &str, kind: SpanKind, attributes: Vec<KeyValue>| Span {
        trace_id: random.id::<16>().to_vec(),
        span_id: random.id::<8>().to_vec(),
        name: name.to_owned(),
        kind: kind.into(),
        start_time_unix_nano: now.saturating_sub(20_000_000),
        end_time_unix_nano: now,
        attributes,
        ..Span::default()
    };
    vec![
        span(
            "POST /answer",
            SpanKind::Server,
            vec![
                text("http.request.method", "POST"),
                text("url.path", "/answer"),
                number("http.response.status_code", 500),
            ],
        ),
        span(
            "SELECT",
            SpanKind::Client,
            vec![text("db.system.name", "postgresql"), text("server.address", "db.internal")],
        ),
        span(
            "POST",
            SpanKind::Client,
            vec![
                text("http.request.method", "POST"),
                text("url.full", "https://payments.example.com/v1/charges"),
                number("http.response.status_code", 502),
                text("error.type", "502"),
            ],
        ),
    ]
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}
