//! The words of an observation: what one record, seen from one vantage, says about one failed request.
//!
//! Everything here is owned: only failures become observations, so the success path never builds one.

use std::fmt;
use std::sync::Arc;

/// Where a request was seen from, strongest first among those that may count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vantage {
    /// HTTP client span.
    Client,
    /// `GenAI` client span.
    Sdk,
    /// Error log of the calling application, or an enclosing span with an exception.
    App,
    /// HTTP access log.
    Gateway,
    /// Log of the model's container.
    Model,
}

impl Vantage {
    /// The word used as label value and in the config.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Sdk => "sdk",
            Self::App => "app",
            Self::Gateway => "gateway",
            Self::Model => "model",
        }
    }
}

/// How a request looked when its record arrived; `inference_observations_total{outcome}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A final answer below 400 and no sign of trouble.
    Success,
    /// An error status, a transport error, or a stream that is known to have ended early.
    Error,
    /// The caller hung up on purpose.
    Cancelled,
}

impl Outcome {
    /// The word used as label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How the answer's body ended; `inference_streams_total{ending}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ending {
    /// A finish reason, or a scope whose span ends at a clean end of the body.
    Complete,
    /// Ended early.
    Truncated,
    /// The caller hung up while the body was coming.
    Cancelled,
    /// It was a stream, and this record does not show its end.
    Unknown,
}

impl Ending {
    /// The word used as label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Truncated => "truncated",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

/// The answer's status, by protocol; label `status_code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// No response arrived.
    None,
    /// An HTTP status code.
    Http(u16),
    /// A gRPC status code (0 = OK).
    Grpc(u16),
    /// A WebSocket close code.
    WebSocket(u16),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Http(code) => write!(f, "{code}"),
            Self::Grpc(code) => write!(f, "grpc:{code}"),
            Self::WebSocket(code) => write!(f, "ws:{code}"),
        }
    }
}

/// The normal form of a transport error, whatever the client library called it (`observe/transport.yaml`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// The caller's own time-out ran out.
    Timeout,
    /// The caller hung up on purpose.
    Cancelled,
    /// TCP connect refused or unreachable.
    Refused,
    /// The connect itself timed out.
    ConnectTimeout,
    /// The host name did not resolve.
    Dns,
    /// TLS hand-shake or certificate.
    Tls,
    /// No free connection in the caller's pool.
    PoolExhausted,
    /// The connection died (reset or closed) before the answer was whole.
    Disconnected,
    /// The body ended before its announced or framed end.
    Truncated,
    /// An error that no table row names.
    Unknown,
}

/// What kind of endpoint was called; decides what some statuses mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// A model of the user's own (one deployment).
    #[default]
    Dedicated,
    /// A shared, multi-tenant model endpoint.
    ModelApi,
    /// A chain of models.
    Chain,
}

/// Whose model a request went to. Empty text = not known; never guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The book's platform name, or `other`.
    pub platform: String,
    /// The platform's id of the model; `chain-<id>` for chains.
    pub model_id: String,
    /// Environment (`production`, ...).
    pub environment: String,
    /// Deployment id, where the URL or record names it.
    pub deployment_id: String,
}

/// What one record says about one failed request.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Where it was seen from.
    pub vantage: Vantage,
    /// Who was called.
    pub target: Arc<Target>,
    /// What kind of endpoint was called.
    pub api: Api,
    /// `service.name` of the caller; empty where unknown.
    pub caller: Arc<str>,
    /// The answer's status.
    pub status: Status,
    /// The transport error, where there was one.
    pub transport: Option<Transport>,
    /// How the stream ended, where this is known to have been a stream or a cut body.
    pub ending: Option<Ending>,
    /// URL path (no query), for rules that speak of endpoints. Never a label.
    pub path: String,
    /// All error texts that the record carries, most specific first, one a line: body, exception type and message,
    /// status description, the enclosing span's. Never a label.
    pub text: String,
    /// Captured response headers: lower-case names with `-`, first value.
    pub headers: Vec<(String, String)>,
    /// The platform's request id, where it was captured.
    pub request_id: String,
    /// Request start, ns since 1970.
    pub start_ns: u64,
    /// Request end, ns since 1970.
    pub end_ns: u64,
    /// Trace id; zero where unknown.
    pub trace_id: [u8; 16],
    /// Span id; zero where unknown.
    pub span_id: [u8; 8],
    /// Id of the span that encloses the call; zero where unknown. An application's log record carries it as its own span id.
    pub parent_span_id: [u8; 8],
    /// How many requests this record stands for (sampling), at least 1.
    pub weight: f64,
    /// Outcome as seen on arrival (`Error` or `Cancelled`).
    pub outcome: Outcome,
}

/// Seconds from start to end. A start of 0 means that the sender does not know it (OTLP `trace.proto`), not 1970.
pub(super) fn elapsed(start_ns: u64, end_ns: u64) -> Option<f64> {
    (start_ns != 0).then(|| end_ns.saturating_sub(start_ns) as f64 / 1e9)
}

impl Observation {
    /// How long the request took, in seconds; 0 where the clock ran backwards, `None` where a time is missing.
    pub fn elapsed(&self) -> Option<f64> {
        elapsed(self.start_ns, self.end_ns)
    }

    /// [`Self::elapsed`], 0 where it is not known.
    pub fn seconds(&self) -> f64 {
        self.elapsed().unwrap_or(0.0)
    }

    /// A captured response header by its lower-case, dashed name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}
