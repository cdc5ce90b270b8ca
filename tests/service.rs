//! The built program from outside: a real HTTP client sends OTLP/JSON, and what a scraper, a probe and a supervisor would
//! see is checked.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

#[path = "service/cases.rs"]
mod cases;
#[path = "service/program.rs"]
mod program;

use program::{Program, failed_span, once};
use std::net::TcpListener;
use std::time::Duration;
use tokio::time::Instant;

const JSON: &str = "application/json";

#[tokio::test]
async fn a_failed_span_has_its_verdict_within_a_second() {
    let program = Program::start("");
    let began = Instant::now();
    let answer = program.export(JSON, failed_span("m1", 401, 1)).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    let verdict = "inference_failures_total{platform=\"baseten\",model_id=\"m1\",environment=\"production\",class=\"authentication\",cause=\"invalid_api_key\",blame=\"client\"}";
    program.until(verdict, 1.0).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    let requests =
        "inference_requests_total{platform=\"baseten\",model_id=\"m1\",environment=\"production\",status_code=\"401\"}";
    assert_eq!(program.value(requests).await, Some(1.0));
}

#[tokio::test]
async fn the_same_body_counts_once() {
    let program = Program::start("");
    for _ in 0..3 {
        assert_eq!(program.export(JSON, failed_span("m1", 504, 1)).await.status, 200);
    }
    program.until("coroner_repeated_requests_total", 2.0).await;
    let requests =
        "inference_requests_total{platform=\"baseten\",model_id=\"m1\",environment=\"production\",status_code=\"504\"}";
    assert_eq!(program.value(requests).await, Some(1.0));
}

#[tokio::test]
async fn bad_input_is_answered_counted_and_disturbs_nothing() {
    let program = Program::start("receive: { max_request: 1MiB, in_flight: 8MiB }");
    let table = [
        (JSON, b"{\"resourceSpans\": [".to_vec(), 400, "http/json", "malformed"),
        ("application/x-protobuf", vec![0x0a, 0xff], 400, "http/protobuf", "malformed"),
        ("text/plain", b"hello".to_vec(), 415, "http/json", "unsupported_media_type"),
        ("application/x-protobuf", vec![0; 2 << 20], 413, "http/protobuf", "too_large"),
    ];
    for (content_type, body, status, protocol, reason) in table {
        assert_eq!(program.export(content_type, body).await.status, status, "{reason}");
        program
            .until(&format!("coroner_rejected_requests_total{{protocol=\"{protocol}\",reason=\"{reason}\"}}"), 1.0)
            .await;
    }
    assert_eq!(program.get(program.http, "/v1/traces").await.status, 405);
    assert_eq!(program.get(program.http, "/metrics").await.status, 404);
    assert_eq!(program.export(JSON, failed_span("m1", 401, 1)).await.status, 200);
    program.until("inference_failures_total{platform=\"baseten\",model_id=\"m1\"", 1.0).await;
    assert_eq!(program.get(program.admin, "/readyz").await.status, 200);
}

#[tokio::test]
async fn when_full_senders_are_told_to_come_back() {
    let program = Program::start("receive: { max_request: 1MiB, in_flight: 1MiB }");
    // A sender that announces a body and does not send it holds the room that the body would take.
    let mut silent = program.connect(program.http).await;
    let head =
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1048000\r\n\r\n{";
    tokio::io::AsyncWriteExt::write_all(&mut silent, head.as_bytes()).await.unwrap();
    program.until("coroner_inflight_bytes", 1_048_000.0).await;
    let mut body = failed_span("m1", 502, 1);
    body.extend([b' '; 4000]);
    let busy = program.export(JSON, body.clone()).await;
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("1")));
    program.until("coroner_rejected_requests_total{protocol=\"http/json\",reason=\"busy\"}", 1.0).await;
    drop(silent);
    once(Duration::from_secs(2), || async { (program.export(JSON, body.clone()).await.status == 200).then_some(()) })
        .await;
}

#[tokio::test]
async fn a_signal_ends_it_in_order() {
    let mut program = Program::start("shutdown: { linger: 700ms }");
    assert_eq!(program.export(JSON, failed_span("m1", 502, 1)).await.status, 200);
    program.signal("TERM");
    once(Duration::from_secs(2), || async {
        let ready = program.get(program.admin, "/readyz").await;
        (ready.status == 503).then_some(())
    })
    .await;
    assert_eq!(program.value("inference_failures_total{platform=\"baseten\",model_id=\"m1\"").await, Some(1.0));
    once(Duration::from_secs(2), || async {
        tokio::net::TcpStream::connect(program.http).await.is_err().then_some(())
    })
    .await;
    let (code, log) = program.ended().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("nothing was lost"), "{log}");
    assert!(!log.contains("baseten"), "URLs are not logged: {log}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut program = Program::start("shutdown: { linger: 1h }");
    program.signal("INT");
    once(Duration::from_secs(2), || async {
        (program.get(program.admin, "/readyz").await.status == 503).then_some(())
    })
    .await;
    program.signal("TERM");
    let (code, log) = program.ended().await;
    assert_eq!(code, Some(1), "{log}");
}

#[test]
fn a_bad_config_names_every_error_and_exits_with_2() {
    let (code, out, err) = Program::run_to_end(&["serve"], Some("shutdown: { linger: soon }\nmeasure: { modls: 5 }\n"));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains(":1: shutdown.linger: `soon` is not a duration; write "), "{err}");
    assert!(err.contains(":2: measure.modls: unknown key; write one of: expire, models, unverified, callers"), "{err}");
}

#[test]
fn check_speaks_of_config_and_rulebooks() {
    let good = Program::run_to_end(&["check"], Some("owners: { default: ml }\n"));
    assert_eq!((good.0, good.1.as_str()), (Some(0), "ok\n"), "{}", good.2);
    let (code, out, err) = Program::run_to_end(&["check"], Some("rulebooks: [missing.yaml]\n"));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("missing.yaml: cannot read it"), "{err}");
    let (code, _, err) = Program::run_to_end(&["sevre"], None);
    assert_eq!(code, Some(2));
    assert!(err.contains("serve"), "a close word is offered: {err}");
}

#[test]
fn a_port_in_use_exits_with_1_and_names_the_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (code, out, err) = Program::run_to_end(&["serve"], Some(&format!("admin: {{ listen: '{address}' }}\n")));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains(&format!("admin.listen: cannot listen on {address}")), "{err}");
}
