//! Encodes the answer to a request that was taken. In: what the intake said. Out: an export response in protobuf or
//! JSON; without anything to say, the empty message that OTLP asks for.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;
use serde_json::json;

use super::receiver::Accepted;
use crate::otlp::signal::Signal;

/// Longest message to a sender, in bytes: a response is to stay far below the 4 MiB that clients read.
const LONGEST_MESSAGE: usize = 4096;

fn message(accepted: &Accepted) -> &str {
    accepted.message.get(..accepted.message.floor_char_boundary(LONGEST_MESSAGE)).unwrap_or_default()
}

fn rejected(accepted: &Accepted) -> i64 {
    i64::try_from(accepted.rejected).unwrap_or(i64::MAX)
}

fn is_plain(accepted: &Accepted) -> bool {
    accepted.rejected == 0 && accepted.message.is_empty()
}

/// The response in protobuf. The three response messages differ in names only, so one encodes all.
pub(super) fn protobuf(accepted: &Accepted) -> Bytes {
    if is_plain(accepted) {
        return Bytes::new();
    }
    let partial =
        ExportTracePartialSuccess { rejected_spans: rejected(accepted), error_message: message(accepted).to_owned() };
    ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec().into()
}

/// The response in JSON; 64-bit integers are strings there.
pub(super) fn json(signal: Signal, accepted: &Accepted) -> Bytes {
    if is_plain(accepted) {
        return Bytes::from_static(b"{}");
    }
    let mut partial = json!({ "errorMessage": message(accepted) });
    if accepted.rejected > 0 {
        partial[signal.rejected_key()] = rejected(accepted).to_string().into();
    }
    Bytes::from(json!({ "partialSuccess": partial }).to_string())
}
