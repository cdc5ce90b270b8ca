//! The table of answers, read as OTLP clients read it.

use std::time::Duration;

use http::StatusCode;
use prost::Message;
use tonic::Code;
use tonic_types::{StatusExt, pb};

use super::Rejection;

fn all() -> Vec<Rejection> {
    let word = || "x".to_owned();
    vec![
        Rejection::Malformed { field: "resourceSpans[0]".to_owned(), detail: "not an object".to_owned() },
        Rejection::Protocol { detail: "broken" },
        Rejection::TooLarge { limit: 7 },
        Rejection::UnsupportedEncoding { given: word() },
        Rejection::UnsupportedMediaType { given: word() },
        Rejection::MethodNotAllowed,
        Rejection::NotFound { path: word() },
        Rejection::Busy { retry_after: Duration::from_millis(1500) },
        Rejection::SlowBody,
        Rejection::ShuttingDown { retry_after: Duration::from_secs(5) },
        Rejection::Internal,
    ]
}

#[test]
fn both_protocols_agree_on_what_may_be_sent_again() {
    for rejection in all() {
        let may = rejection.retry_after().is_some();
        // The codes that the OTLP text lists as retryable; RESOURCE_EXHAUSTED only is with RetryInfo.
        let status = rejection.to_grpc();
        let has_delay = status.get_details_retry_info().is_some();
        let by_grpc = match status.code() {
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => true,
            Code::ResourceExhausted => has_delay,
            _ => false,
        };
        let by_http = matches!(rejection.http_status().as_u16(), 429 | 502 | 503 | 504);
        assert_eq!((by_grpc, by_http, has_delay), (may, may, may), "{rejection:?}");
    }
}

#[test]
fn every_reason_has_a_word_of_its_own() {
    let words: Vec<_> = all().iter().map(Rejection::word).collect();
    assert_eq!(words, Rejection::WORDS);
}

#[test]
fn the_codes_that_otlp_names_are_given() {
    let large = Rejection::TooLarge { limit: 7 };
    assert_eq!((large.grpc_code(), large.http_status()), (Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE));
    assert!(large.to_grpc().details().is_empty(), "with RetryInfo the client would send it again for ever");
    let bad = Rejection::malformed("cut");
    assert_eq!((bad.grpc_code(), bad.http_status()), (Code::InvalidArgument, StatusCode::BAD_REQUEST));
    assert_eq!(bad.to_grpc().get_details_bad_request().unwrap().field_violations[0].description, "cut");
}

#[test]
fn bodies_are_the_same_status_in_both_encodings() {
    for rejection in all() {
        let binary = pb::Status::decode(rejection.protobuf_body()).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&rejection.json_body()).unwrap();
        assert_eq!(json["code"], binary.code);
        assert_eq!(json["message"], binary.message);
        let types: Vec<_> = json["details"].as_array().unwrap().iter().map(|detail| &detail["@type"]).collect();
        assert_eq!(types, binary.details.iter().map(|detail| &detail.type_url).collect::<Vec<_>>());
    }
}

#[test]
fn delays_are_rounded_up_for_http_and_kept_for_json() {
    let busy = Rejection::Busy { retry_after: Duration::from_millis(1500) };
    assert_eq!(busy.retry_after_seconds(), Some(2));
    assert!(String::from_utf8(busy.json_body().to_vec()).unwrap().contains("\"1.5s\""));
    assert_eq!(Rejection::Busy { retry_after: Duration::ZERO }.retry_after_seconds(), Some(1));
}
