//! How a request is refused. In: the reason, with the facts that belong to it. Out: the gRPC status, the HTTP status,
//! the hint when to come again, and the body that OTLP asks for. One table, so that both ports refuse alike.
//!
//! What OTLP clients do with the answer decides the codes. HTTP: only 429, 502, 503 and 504 are sent again. gRPC:
//! `UNAVAILABLE` and `DEADLINE_EXCEEDED` are sent again, `RESOURCE_EXHAUSTED` only with `RetryInfo`; a retryable code
//! on a request that can never pass would come back for ever, a permanent one on a passing fault loses data.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::compression::{Encoding, InflateError};

/// What a client is told to wait when there is no better estimate.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The content is not what it should be.
    Malformed {
        /// Where: a field or a JSON path; empty for the whole body.
        field: String,
        /// What is wrong and what would be right.
        detail: String,
    },
    /// The bytes around the message break the rules of the transport.
    Protocol {
        /// What is wrong.
        detail: &'static str,
    },
    /// Larger than the limit, on the wire or after decompression.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Compressed in a way that is not known here.
    UnsupportedEncoding {
        /// The encoding that was asked for.
        given: String,
    },
    /// Neither protobuf nor JSON.
    UnsupportedMediaType {
        /// The content type that was given.
        given: String,
    },
    /// Not a POST.
    MethodNotAllowed,
    /// No such path or method.
    NotFound {
        /// The path that was asked for.
        path: String,
    },
    /// No room now; nothing of the request was taken.
    Busy {
        /// When it is worth coming again.
        retry_after: Duration,
    },
    /// The body did not arrive in time. The sender or the network was slow, so it may come again.
    SlowBody,
    /// The service is going away; another or the next one will take the request.
    ShuttingDown {
        /// When it is worth coming again.
        retry_after: Duration,
    },
    /// A fault in this service. Permanent: a body that makes it fail once would make it fail again.
    Internal,
}

/// One row of the table of answers.
struct Row {
    word: &'static str,
    grpc: Code,
    http: StatusCode,
}

const fn row(word: &'static str, grpc: Code, http: StatusCode) -> Row {
    Row { word, grpc, http }
}

impl Rejection {
    /// The words that [`Rejection::word`] can give, for counters that start at zero.
    pub const WORDS: [&'static str; 11] = [
        "malformed",
        "protocol",
        "too_large",
        "unsupported_encoding",
        "unsupported_media_type",
        "method_not_allowed",
        "not_found",
        "busy",
        "slow_body",
        "shutting_down",
        "internal",
    ];

    /// A malformed body without a place.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::Malformed { field: String::new(), detail: detail.into() }
    }

    /// Full; come again after the usual time.
    pub const fn busy() -> Self {
        Self::Busy { retry_after: RETRY_AFTER }
    }

    /// The table.
    const fn row(&self) -> Row {
        match self {
            Self::Malformed { .. } => row("malformed", Code::InvalidArgument, StatusCode::BAD_REQUEST),
            Self::Protocol { .. } => row("protocol", Code::Internal, StatusCode::BAD_REQUEST),
            Self::TooLarge { .. } => row("too_large", Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE),
            Self::UnsupportedEncoding { .. } => {
                row("unsupported_encoding", Code::Unimplemented, StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::UnsupportedMediaType { .. } => {
                row("unsupported_media_type", Code::Unimplemented, StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::MethodNotAllowed => row("method_not_allowed", Code::Unimplemented, StatusCode::METHOD_NOT_ALLOWED),
            Self::NotFound { .. } => row("not_found", Code::Unimplemented, StatusCode::NOT_FOUND),
            Self::Busy { .. } => row("busy", Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
            Self::SlowBody => row("slow_body", Code::DeadlineExceeded, StatusCode::SERVICE_UNAVAILABLE),
            Self::ShuttingDown { .. } => row("shutting_down", Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal => row("internal", Code::Internal, StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The reason as one word, for labels. One of [`Rejection::WORDS`].
    pub const fn word(&self) -> &'static str {
        self.row().word
    }

    /// The gRPC status code.
    pub const fn grpc_code(&self) -> Code {
        self.row().grpc
    }

    /// The HTTP status code.
    pub const fn http_status(&self) -> StatusCode {
        self.row().http
    }

    /// When the same request may be sent again; `None` if it never may.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } | Self::ShuttingDown { retry_after } => Some(*retry_after),
            Self::SlowBody => Some(RETRY_AFTER),
            _ => None,
        }
    }

    /// Value of the `Retry-After` header: whole seconds, at least one.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after().map(|delay| delay.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX))
    }

    /// What the person who runs the client should read.
    pub fn message(&self) -> String {
        match self {
            Self::Malformed { field, detail } if field.is_empty() => detail.clone(),
            Self::Malformed { field, detail } => format!("{field}: {detail}"),
            Self::Protocol { detail } => (*detail).to_owned(),
            Self::TooLarge { limit } => {
                format!(
                    "the request is larger than {limit} bytes, on the wire or after decompression; send smaller batches"
                )
            }
            Self::UnsupportedEncoding { given } => {
                format!("compression `{given}` is not supported; use one of {}", Encoding::ACCEPTED)
            }
            Self::UnsupportedMediaType { given } => {
                format!("content type `{given}` is not supported; use application/x-protobuf or application/json")
            }
            Self::MethodNotAllowed => "telemetry is sent with POST".to_owned(),
            Self::NotFound { path } => {
                format!("nothing is served at `{path}`; OTLP/HTTP takes POST /v1/traces, /v1/logs and /v1/metrics")
            }
            Self::Busy { .. } => "no room for this request now; nothing of it was taken, send it again".to_owned(),
            Self::SlowBody => "the body did not arrive in time; send it again".to_owned(),
            Self::ShuttingDown { .. } => "shutting down; nothing of the request was taken, send it again".to_owned(),
            Self::Internal => "a fault in the service; the request was not taken".to_owned(),
        }
    }

    fn details(&self) -> ErrorDetails {
        match (self, self.retry_after()) {
            (_, Some(delay)) => ErrorDetails::with_retry_info(Some(delay)),
            (Self::Malformed { field, detail }, None) => {
                ErrorDetails::with_bad_request_violation(field.clone(), detail.clone())
            }
            _ => ErrorDetails::new(),
        }
    }

    /// The answer of the gRPC port.
    pub fn to_grpc(&self) -> Status {
        match self {
            Self::Malformed { .. } | Self::Busy { .. } | Self::ShuttingDown { .. } | Self::SlowBody => self.to_status(),
            _ => Status::new(self.grpc_code(), self.message()),
        }
    }

    fn to_status(&self) -> Status {
        Status::with_error_details(self.grpc_code(), self.message(), self.details())
    }

    /// Body of the HTTP answer to a protobuf request: an encoded `google.rpc.Status`.
    pub fn protobuf_body(&self) -> Bytes {
        Bytes::copy_from_slice(self.to_status().details())
    }

    /// Body of the HTTP answer to a JSON request: the same `google.rpc.Status`.
    pub fn json_body(&self) -> Bytes {
        let details = match (self, self.retry_after()) {
            (_, Some(delay)) => vec![json!({
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": format!("{}s", delay.as_secs_f64()),
            })],
            (Self::Malformed { field, detail }, None) => vec![json!({
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{ "field": field, "description": detail }],
            })],
            _ => Vec::new(),
        };
        let status = json!({ "code": self.grpc_code() as i32, "message": self.message(), "details": details });
        Bytes::from(status.to_string())
    }
}

impl From<InflateError> for Rejection {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::TooLarge { limit } => Self::TooLarge { limit },
            InflateError::Corrupt { .. } => Self::malformed(error.to_string()),
            InflateError::NoRoom => Self::busy(),
        }
    }
}

#[cfg(test)]
mod tests;
