//! A call as the caller's instrumentation writes it down. In: calls and the time. Out: for each caller one OTLP export request.
//!
//! Attribute names, status and events are those that the real libraries were recorded with; beside the calls to models every
//! caller also exports what services export: a server span, a database query and a call to another API, which must not count.

use super::fleet::Call;
use super::random::Random;
use super::scene::{Answer, Caller, Conventions, Library, Model, Scene, Trouble};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use std::time::Duration;

/// The export request of one caller for one tick that ended at `now` (ns since 1970); `None` where it made no call.
pub(super) fn calls(scene: &Scene, caller: usize, calls: &[Call], now: u64) -> Option<ExportTraceServiceRequest> {
    let who = scene.callers.get(caller)?;
    let library = scene.libraries.get(&who.library)?;
    let (mut spans, mut app) = (Vec::new(), Vec::new());
    for call in calls.iter().filter(|call| call.caller == caller) {
        let Some(model) = scene.models.get(call.model) else { continue };
        let answer = call.incident.and_then(|at| scene.incidents.get(at)).map(|one| &one.answer);
        let mut span = Story { who, library, model, answer }.span(call, now);
        if let Some(answer) = answer.filter(|answer| !answer.text.is_empty()) {
            app.push(enclosing(&mut span, library, answer));
        }
        spans.push(span);
    }
    if spans.is_empty() {
        return None;
    }
    let scopes = vec![scope(&library.scope, spans), scope("app", app)];
    Some(ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    text("service.name", &who.service),
                    text("service.version", "1.4.2"),
                    text("telemetry.sdk.language", &library.language),
                    text("deployment.environment.name", "production"),
                ],
                ..Resource::default()
            }),
            scope_spans: scopes,
            schema_url: String::new(),
        }],
    })
}

/// Adds what every service exports besides, which must not count.
pub(super) fn add_everyday(request: &mut ExportTraceServiceRequest, now: u64, random: &mut Random) {
    for resource in &mut request.resource_spans {
        resource.scope_spans.push(scope("app", everyday(now, random)));
    }
}

fn scope(name: &str, spans: Vec<Span>) -> ScopeSpans {
    let scope = InstrumentationScope { name: name.to_owned(), ..InstrumentationScope::default() };
    ScopeSpans { scope: Some(scope), spans, schema_url: String::new() }
}

/// Who called whom, and what came back; no `answer` where all went well.
struct Story<'s> {
    who: &'s Caller,
    library: &'s Library,
    model: &'s Model,
    answer: Option<&'s Answer>,
}

/// When a call of the tick that ended at `now` was over, ns since 1970.
pub(super) fn ended(call: &Call, now: u64) -> u64 {
    now.saturating_sub(nanoseconds(call.before))
}

fn nanoseconds(seconds: f64) -> u64 {
    u64::try_from(Duration::from_secs_f64(seconds).as_nanos()).unwrap_or(u64::MAX)
}

/// What a library adds to the span of a call that failed.
struct Failure {
    error_type: String,
    message: String,
    event: Option<Event>,
}

impl Story<'_> {
    fn span(&self, call: &Call, now: u64) -> Span {
        let end = ended(call, now);
        let base = Span {
            trace_id: call.trace_id.to_vec(),
            span_id: call.span_id.to_vec(),
            name: self.library.span.clone(),
            kind: SpanKind::Client.into(),
            start_time_unix_nano: end.saturating_sub(nanoseconds(call.seconds)),
            end_time_unix_nano: end,
            flags: 256,
            ..Span::default()
        };
        match self.library.conventions {
            Conventions::GenAi => self.genai(base),
            Conventions::Old | Conventions::Stable => self.http(base),
        }
    }

    fn host(&self) -> String {
        if self.model.serverless {
            return "inference.baseten.co".to_owned();
        }
        format!("model-{}.api.baseten.co", self.model.id)
    }

    fn url(&self) -> String {
        if self.model.serverless {
            return format!("https://{}/v1/", self.host());
        }
        format!("https://{}/environments/production/{}", self.host(), self.who.endpoint)
    }

    /// The status that arrived, if any did.
    fn status(&self) -> Option<u16> {
        match self.answer {
            Some(answer) => answer.status,
            None if self.who.endpoint == "async_predict" => Some(201),
            None => Some(200),
        }
    }

    fn http(&self, base: Span) -> Span {
        let old = self.library.conventions == Conventions::Old;
        let mut attributes = if old {
            vec![text("http.method", "POST"), text("http.url", &self.url())]
        } else {
            vec![
                text("http.request.method", "POST"),
                text("url.full", &self.url()),
                text("server.address", &self.host()),
            ]
        };
        if let Some(status) = self.status() {
            let name = if old { "http.status_code" } else { "http.response.status_code" };
            attributes.push(number(name, i64::from(status)));
        }
        for (name, value) in self.answer.iter().flat_map(|answer| &answer.headers) {
            attributes.push(list(&format!("http.response.header.{name}"), value));
        }
        if self.answer.is_none() && self.model.event_stream {
            attributes.push(list("http.response.header.content-type", "text/event-stream"));
        }
        let failure = self.answer.map(|answer| self.failure(answer));
        if let Some(failure) = failure.as_ref().filter(|_| !old) {
            attributes.push(text("error.type", &failure.error_type));
        }
        Span {
            attributes,
            events: failure.iter().filter_map(|failure| failure.event.clone()).collect(),
            status: failure.map(|failure| Status { code: StatusCode::Error.into(), message: failure.message }),
            ..base
        }
    }

    fn failure(&self, answer: &Answer) -> Failure {
        let words = answer.error.and_then(|trouble| self.library.errors.get(&trouble));
        let Some(words) = words else {
            let status = answer.status.map(|status| status.to_string()).unwrap_or_default();
            return Failure { error_type: status, message: String::new(), event: None };
        };
        let event = words.exception.as_ref().map(|kind| exception(kind, &words.text));
        // Who writes an event puts the exception's name in front of the description.
        let message = if event.is_some() { format!("{}: {}", words.r#type, words.text) } else { words.text.clone() };
        Failure { error_type: words.r#type.clone(), message, event }
    }

    /// A `GenAI` stream. Where it was cut its status still says Ok and only the finish reason is missing; where the answer was no
    /// success, the SDK's exception names the status.
    fn genai(&self, base: Span) -> Span {
        let mut attributes = vec![
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.provider.name", "openai"),
            text("gen_ai.request.model", &self.model.id),
            attribute("gen_ai.is_streaming", Value::BoolValue(true)),
            text("gen_ai.openai.api_base", &self.url()),
        ];
        let refused = self.answer.filter(|answer| answer.error != Some(Trouble::Cut)).and_then(|a| a.status);
        if let Some(status) = refused {
            let message = format!("Error code: {status}");
            let kind = sdk_error(status);
            attributes.push(text("error.type", kind));
            let events = vec![exception(&format!("openai.{kind}"), &message)];
            let status = Some(Status { code: StatusCode::Error.into(), message });
            return Span { attributes, events, status, ..base };
        }
        attributes.push(text("gen_ai.response.model", &self.model.id));
        if self.answer.is_none() {
            attributes.push(list("gen_ai.response.finish_reasons", "stop"));
        }
        let status = Some(Status { code: StatusCode::Ok.into(), message: String::new() });
        Span { attributes, status, ..base }
    }
}

/// The class of the `OpenAI` SDK's error for a status.
const fn sdk_error(status: u16) -> &'static str {
    match status {
        401 => "AuthenticationError",
        404 => "NotFoundError",
        429 => "RateLimitError",
        500.. => "InternalServerError",
        _ => "APIStatusError",
    }
}

fn exception(kind: &str, message: &str) -> Event {
    Event {
        name: "exception".to_owned(),
        attributes: vec![text("exception.type", kind), text("exception.message", message)],
        ..Event::default()
    }
}

/// The application's own span around a call that failed: it alone carries the answer's text.
fn enclosing(call: &mut Span, library: &Library, answer: &Answer) -> Span {
    // The call's id read backwards: another one of the same trace, without a number of its own.
    call.parent_span_id = call.span_id.iter().rev().copied().collect();
    let message = format!("predict: unexpected status {}: {}", answer.status.unwrap_or_default(), answer.text);
    Span {
        trace_id: call.trace_id.clone(),
        span_id: call.parent_span_id.clone(),
        name: "render".to_owned(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: call.start_time_unix_nano,
        end_time_unix_nano: call.end_time_unix_nano,
        events: vec![exception(&library.app_error, &message)],
        status: Some(Status { code: StatusCode::Error.into(), message }),
        ..Span::default()
    }
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

fn list(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(Value::StringValue(value.to_owned())) };
    attribute(key, Value::ArrayValue(ArrayValue { values: vec![value] }))
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}
