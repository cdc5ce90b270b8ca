//! The load that the map is measured with.
//!
//! Out: encoded trace export requests as an instrumented HTTP client sends them: spans of 16 attributes and about 660 bytes to 40
//! models of one platform. The same on every run.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

/// Number of models that are called.
const MODELS: u64 = 40;
/// When the spans ended: nanoseconds since the Unix epoch, some day in 2026.
const NOW: u64 = 1_795_000_000_123_456_789;
/// What failed requests were answered with.
const ERRORS: [i64; 8] = [401, 404, 429, 500, 502, 502, 503, 504];

/// Numbers that look random (xorshift64*).
pub(crate) struct Numbers(u64);

impl Numbers {
    /// `seed` must not be 0.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }
}

/// An encoded request of `spans` spans, `failures` of them with an error status.
pub(crate) fn batch(spans: usize, failures: usize, numbers: &mut Numbers) -> Vec<u8> {
    let every = spans.checked_div(failures).unwrap_or(usize::MAX);
    let spans = (0..spans).map(|index| span(index % every == every - 1, numbers)).collect();
    let scope = InstrumentationScope {
        name: "opentelemetry.instrumentation.requests".into(),
        version: "0.66b1".into(),
        ..InstrumentationScope::default()
    };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let attributes = vec![
        text("service.name", "checkout"),
        text("service.version", "1.4.2"),
        text("telemetry.sdk.language", "python"),
        text("telemetry.sdk.name", "opentelemetry"),
        text("telemetry.sdk.version", "1.45.1"),
    ];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn span(failed: bool, numbers: &mut Numbers) -> Span {
    let status = if failed { ERRORS[usize::from(numbers.next().to_le_bytes()[4]) % ERRORS.len()] } else { 200 };
    let id = [numbers.next().to_le_bytes(), numbers.next().to_le_bytes()].concat();
    Span {
        trace_id: id,
        span_id: numbers.next().to_le_bytes().to_vec(),
        name: "POST".into(),
        kind: 3,
        start_time_unix_nano: NOW - numbers.within(5_000_000, 3_000_000_000),
        end_time_unix_nano: NOW,
        attributes: attributes(status, numbers),
        flags: 0x101,
        status: failed.then(|| Status { code: 2, message: String::new() }),
        ..Span::default()
    }
}

/// What the instrumentation of a Python client sets, and some that users add.
fn attributes(status: i64, numbers: &mut Numbers) -> Vec<KeyValue> {
    let host = format!("model-m{:07x}.api.baseten.co", numbers.within(0, MODELS));
    let mut attributes = vec![
        text("http.request.method", "POST"),
        text("url.full", &format!("https://{host}/environments/production/predict")),
        text("server.address", &host),
        number("server.port", 443),
        number("http.response.status_code", status),
        text("network.protocol.version", "1.1"),
        text("network.peer.address", "34.120.8.11"),
        number("network.peer.port", 443),
        text("user_agent.original", "python-requests/2.34.2"),
        text("url.scheme", "https"),
        number("http.request.body.size", numbers.within(200, 200_000)),
        number("http.response.body.size", numbers.within(200, 20_000)),
        number("thread.id", 140_234_234),
        text("thread.name", "ThreadPoolExecutor-0_3"),
        text("code.function.name", "caller.client.Client.predict"),
        text("enduser.id", &format!("u-{:06}", numbers.within(0, 100_000))),
    ];
    if status != 200 {
        attributes.push(text("error.type", &status.to_string()));
    }
    attributes
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn number(key: &str, value: impl TryInto<i64, Error: std::fmt::Debug>) -> KeyValue {
    attribute(key, Value::IntValue(value.try_into().expect("small")))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
