//! What a record alone allows: the table of the design, row by row, and the traps beside it.

use super::*;
use crate::judge::taxonomy::Confidence;

/// `class cause blame confidence`.
fn verdict(observation: &Observation) -> String {
    let v = books().judge(observation);
    format!("{} {} {} {}", v.class, v.cause, v.blame, v.confidence)
}

fn check(rows: &[(Observation, &str)]) {
    let misses: Vec<String> = rows
        .iter()
        .filter_map(|(observation, wanted)| {
            let got = verdict(observation);
            (got != *wanted).then(|| {
                format!(
                    "{} {:?} {:?}: {got}, not {wanted}",
                    observation.status, observation.transport, observation.text
                )
            })
        })
        .collect();
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn truss_headers() {
    check(&[
        (headed(500, "600"), "model_error user_exception model observed"),
        (headed(503, "600"), "unavailable cold_start undetermined assumed"),
        (headed(499, "600"), "client_closed client_disconnect client observed"),
        (headed(412, "600"), "model_error user_exception model observed"),
        (headed(400, "700"), "invalid_request invalid_input client observed"),
        (headed(429, "700"), "invalid_request invalid_input client observed"),
        (headed(502, "700"), "model_error user_exception model observed"),
        (headed(500, "500"), "model_error unknown undetermined assumed"),
    ]);
}

#[test]
fn texts_come_before_headers() {
    let oom = Observation { text: "torch.OutOfMemoryError: CUDA out of memory.".to_owned(), ..headed(500, "600") };
    let left = Observation { text: r#"{"error": "Client closed connection"}"#.to_owned(), ..headed(502, "600") };
    check(&[(oom, "model_error gpu_oom model observed"), (left, "client_closed client_disconnect client observed")]);
}

#[test]
fn bare_statuses() {
    let bare = |status| seen("baseten", Status::Http(status));
    let api = |api, status| Observation { api, ..seen("baseten", Status::Http(status)) };
    let to = |path: &str, status| Observation { path: path.to_owned(), ..seen("baseten", Status::Http(status)) };
    check(&[
        (bare(400), "invalid_request invalid_input client observed"),
        (bare(422), "invalid_request invalid_input client observed"),
        (bare(412), "model_error user_exception model observed"),
        (bare(401), "authentication invalid_api_key client observed"),
        (bare(403), "permission invalid_api_key client observed"),
        (bare(402), "billing unpaid_account client observed"),
        (bare(404), "not_found wrong_model_id client observed"),
        (bare(413), "payload_too_large edge_size_limit client observed"),
        (to("/production/async_predict", 413), "payload_too_large async_size_limit client observed"),
        (bare(429), "capacity no_capacity platform assumed"),
        (api(Api::ModelApi, 429), "rate_limited client_quota client observed"),
        (bare(499), "client_closed client_disconnect client observed"),
        (bare(500), "model_error unknown model assumed"),
        (took(1200, bare(500)), "capacity no_capacity platform assumed"),
        (bare(502), "bad_gateway unknown undetermined assumed"),
        (bare(503), "unavailable unknown platform assumed"),
        (to("/production/async_predict", 503), "unavailable async_not_set_up platform assumed"),
        (bare(504), "timeout slow_model model assumed"),
    ]);
}

#[test]
fn texts_that_name_the_reason() {
    check(&[
        (
            said(413, r#"{"error": "payload size of 300512 bytes exceeds maximum size of 262144 bytes"}"#),
            "payload_too_large async_size_limit client observed",
        ),
        (
            said(429, r#"{"error": "No capacity", "error_code": "CAPACITY_EXCEEDED"}"#),
            "capacity no_capacity platform observed",
        ),
        (
            said(429, r#"{"error": "Rate limit exceeded. Please try again later."}"#),
            "rate_limited client_quota client observed",
        ),
        (said(429, r#"{"error": "The enforced budget is used up."}"#), "rate_limited budget_exhausted client observed"),
        (said(502, r#"{"error": "Client closed connection"}"#), "client_closed client_disconnect client observed"),
        (said(500, "RuntimeError: CUDA out of memory. Tried to allocate 2 GiB"), "model_error gpu_oom model observed"),
        (said(502, r#"{"error": "Error making prediction"}"#), "bad_gateway unknown undetermined assumed"),
        (said(503, r#"{"error": "Error making prediction"}"#), "unavailable unknown platform assumed"),
        (said(503, r#"{"error": "The gateway is draining"}"#), "unavailable draining platform observed"),
        (said(503, r#"{"error": "no healthy endpoint for the model"}"#), "unavailable routing platform observed"),
        (said(503, r#"{"error": "Circuit breaker open"}"#), "unavailable circuit_open platform observed"),
        (
            said(503, r#"{"error": "Model with name my model is not ready."}"#),
            "unavailable cold_start undetermined assumed",
        ),
        (
            said(500, r#"{"error": "Model is not ready", "error_code": "model_not_ready"}"#),
            "unavailable cold_start undetermined assumed",
        ),
        (
            said(500, r#"{"error": "Internal Server Error (in model/chainlet)."}"#),
            "model_error user_exception model observed",
        ),
        (said(500, r#"{"error": "Unhandled exception: RuntimeError: x"}"#), "model_error unknown undetermined assumed"),
        (
            said(
                500,
                r#"{"error": {"message": "EngineCore encountered an issue. See stack trace (above) for the root cause."}}"#,
            ),
            "model_error unknown model assumed",
        ),
        (
            said(400, r#"{"error": {"message": "This model's maximum context length is 8192 tokens."}}"#),
            "invalid_request context_length client observed",
        ),
        (
            said(500, r#"{"error": {"exception_cls_name": "ValueError", "exception_message": "x"}}"#),
            "model_error user_exception model observed",
        ),
        (said(403, r#"{"error": "no", "error_code": "unauthorized"}"#), "permission invalid_api_key client observed"),
        (
            said(504, r#"{"error": "Prediction timed out", "error_code": "timeout"}"#),
            "timeout slow_model model assumed",
        ),
    ]);
}

#[test]
fn a_reason_phrase_is_no_reason() {
    // What libraries write of themselves about a status must not be taken for what the platform said.
    check(&[
        (
            said(429, "HTTPError: 429 Client Error: Too Many Requests for url: https://model-x.api.baseten.co/"),
            "capacity no_capacity platform assumed",
        ),
        (
            said(503, "HTTPError: 503 Server Error: Service Unavailable for url: https://x/"),
            "unavailable unknown platform assumed",
        ),
        (said(500, "Error code: 500"), "model_error unknown model assumed"),
        (
            said(401, "401 Client Error: Unauthorized for url: https://x/"),
            "authentication invalid_api_key client observed",
        ),
    ]);
}

#[test]
fn the_callers_words_prove_nothing() {
    check(&[
        (
            said(
                422,
                r#"{"detail": [{"type": "missing", "msg": "Field required", "input": {"prompt": "Client closed connection"}}]}"#,
            ),
            "invalid_request invalid_input client observed",
        ),
        (said(500, r#"{"error": "cannot parse 'CUDA out of memory' as JSON"}"#), "model_error unknown model assumed"),
        (
            said(400, r#"{"error": "Invalid JSON payload: {'q': 'payload too large?'}"}"#),
            "invalid_request invalid_input client observed",
        ),
        (said(502, "prompt: client closed connection"), "bad_gateway unknown undetermined assumed"),
    ]);
}

#[test]
fn connections_and_time_outs() {
    check(&[
        (none(Transport::Dns), "connection dns client assumed"),
        (none(Transport::Tls), "connection tls client assumed"),
        (none(Transport::Refused), "connection connect_refused undetermined assumed"),
        (none(Transport::ConnectTimeout), "connection connect_refused undetermined assumed"),
        (none(Transport::PoolExhausted), "connection pool_exhausted client assumed"),
        (none(Transport::Disconnected), "connection unknown undetermined assumed"),
        (none(Transport::Unknown), "connection unknown undetermined assumed"),
        (none(Transport::Cancelled), "client_closed client_disconnect client observed"),
        (took(5, none(Transport::Timeout)), "client_timeout short_client_timeout client assumed"),
        (took(600, none(Transport::Timeout)), "client_timeout short_client_timeout client assumed"),
        (took(1200, none(Transport::Timeout)), "timeout slow_model model assumed"),
    ]);
}

#[test]
fn streams() {
    let cut = Some(Ending::Truncated);
    check(&[
        (begun(Some(Transport::Timeout), cut), "client_timeout stream_stalled undetermined assumed"),
        (begun(Some(Transport::Cancelled), cut), "client_closed client_disconnect client observed"),
        (begun(None, Some(Ending::Cancelled)), "client_closed client_disconnect client observed"),
        (begun(Some(Transport::Truncated), cut), "stream_truncated unknown undetermined assumed"),
        (begun(Some(Transport::Disconnected), None), "stream_truncated unknown undetermined assumed"),
        (begun(None, cut), "stream_truncated unknown undetermined assumed"),
        (none(Transport::Truncated), "stream_truncated unknown undetermined assumed"),
        (said(200, "chat: EngineCore encountered an issue. See stack trace"), "model_error unknown model assumed"),
        // A failed answer whose body was cut is still the failed answer.
        (
            Observation { transport: Some(Transport::Truncated), ..said(502, "") },
            "bad_gateway unknown undetermined assumed",
        ),
    ]);
}

#[test]
fn codes_of_asynchronous_requests_and_of_answers() {
    let failed =
        |code: &str| said(200, &format!(r#"{{"status": "FAILED", "errors": [{{"code": "{code}", "message": "x"}}]}}"#));
    let coded =
        |status, code: &str| said(status, &format!(r#"{{"error": "x", "error_code": "{code}", "detail": null}}"#));
    check(&[
        (failed("MODEL_NOT_READY"), "unavailable cold_start undetermined assumed"),
        (failed("MODEL_DOES_NOT_EXIST"), "not_found wrong_model_id client observed"),
        (failed("MODEL_INVALID_INPUT"), "invalid_request invalid_input client observed"),
        (failed("MODEL_PREDICT_ERROR"), "async_failed user_exception model observed"),
        (failed("MODEL_UNAVAILABLE"), "async_failed unknown undetermined assumed"),
        (failed("MODEL_PREDICT_TIMEOUT"), "timeout slow_model model assumed"),
        (failed("INTERNAL_SERVER_ERROR"), "async_failed platform_fault platform observed"),
        (failed("ASYNC_REQUEST_NOT_SUPPORTED"), "unavailable async_not_set_up platform observed"),
        (coded(500, "timeout"), "timeout slow_model model assumed"),
        (coded(400, "client_error"), "invalid_request invalid_input client observed"),
        (coded(502, "model_unavailable"), "bad_gateway unknown undetermined assumed"),
        (coded(503, "model_unavailable"), "unavailable unknown undetermined assumed"),
        (coded(503, "model_not_ready"), "unavailable cold_start undetermined assumed"),
        (coded(404, "model_does_not_exist"), "not_found wrong_model_id client observed"),
        (coded(429, "rate_limited"), "rate_limited client_quota client observed"),
        (coded(413, "payload_too_large"), "payload_too_large edge_size_limit client observed"),
        (coded(401, "unauthorized"), "authentication invalid_api_key client observed"),
        (coded(500, "application_error"), "model_error user_exception model observed"),
        (coded(500, "internal_baseten_error"), "bad_gateway platform_fault platform observed"),
    ]);
}

#[test]
fn an_unknown_platform_is_judged_by_http_alone() {
    let other = |status, text: &str| Observation { text: text.to_owned(), ..seen("other", Status::Http(status)) };
    check(&[
        (other(429, ""), "rate_limited client_quota client assumed"),
        (other(429, r#"{"error": {"code": "insufficient_quota"}}"#), "billing unpaid_account client observed"),
        (
            other(529, r#"{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}"#),
            "capacity no_capacity platform observed",
        ),
        (
            other(400, r#"{"error": {"code": "context_length_exceeded"}}"#),
            "invalid_request context_length client observed",
        ),
        (other(503, r#"{"error": "Error making prediction"}"#), "unavailable unknown undetermined assumed"),
        (other(500, ""), "model_error unknown undetermined assumed"),
    ]);
}

#[test]
fn deciding_evidence_stands_with_every_unknown_502() {
    let books = Rulebooks::builtin();
    for platform in ["baseten", "other"] {
        let decide = &books.decide(&seen(platform, Status::Http(502))).decide;
        assert_eq!(decide.first().map(|d| (d.evidence, d.cause)), Some((EvidenceKind::OomKilled, Cause::OomKilled)));
        assert!(decide.iter().any(|d| d.evidence == EvidenceKind::ProvedClean && d.blame == Blame::Platform));
    }
    let unsure = books.rules().iter().filter(|r| r.verdict.confidence == Confidence::Observed);
    assert!(
        unsure.clone().count() > 50 && unsure.clone().all(|r| r.verdict.cause != Cause::Unknown),
        "observed and unknown"
    );
}
