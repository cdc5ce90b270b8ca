//! OTLP/HTTP: requests as they stand on the wire, so that nothing is put right by a client library.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic_types::pb;

use super::{MIB, Ports, body, gzip};
use crate::otlp::signal::Signal;
use crate::receive::{Limits, Protocol};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// An answer as it stood on the wire.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The `google.rpc.Status` that every refusal carries, in the encoding that the content type says.
    fn rpc_code(&self) -> i64 {
        match self.header("content-type") {
            Some(PROTOBUF) => pb::Status::decode(&self.body[..]).unwrap().code.into(),
            Some(JSON) => serde_json::from_slice::<serde_json::Value>(&self.body).unwrap()["code"].as_i64().unwrap(),
            other => panic!("content type {other:?}"),
        }
    }
}

/// First line, lines of the head, body; HTTP status and gRPC code of the answer.
type Case<'a> = (&'a str, &'a [&'a str], &'a [u8], u16, i64);

async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut read = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut read)).await.unwrap().unwrap();
    let split = memchr::memmem::find(&read, b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8(read[..split].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: read[split + 4..].to_vec() }
}

/// A request with the given lines in its head, and `Content-Length`.
fn request(first: &str, lines: &[&str], body: &[u8]) -> Vec<u8> {
    let lines = lines.iter().flat_map(|line| [*line, "\r\n"]).collect::<String>();
    let head =
        format!("{first} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn post(ports: &Ports, path: &str, content_type: &str, body: &[u8]) -> Answer {
    let lines = [format!("Content-Type: {content_type}")];
    let lines = lines.each_ref().map(String::as_str);
    exchange(ports.http, &request(&format!("POST {path}"), &lines, body)).await
}

#[tokio::test]
async fn protobuf_and_json_are_taken_for_every_signal_and_answered_in_kind() {
    let ports = Ports::narrow().await;
    for signal in Signal::ALL {
        for content_type in [PROTOBUF, "Application/X-Protobuf; charset=utf-8"] {
            let answer = post(&ports, signal.http_path(), content_type, b"").await;
            assert_eq!(
                (answer.status, answer.header("content-type"), &answer.body[..]),
                (200, Some(PROTOBUF), &b""[..])
            );
        }
        let answer = post(&ports, signal.http_path(), "application/json;charset=UTF-8", b"{}").await;
        assert_eq!((answer.status, answer.header("content-type"), &answer.body[..]), (200, Some(JSON), &b"{}"[..]));
        assert_eq!(ports.taken(), vec![(signal, vec![]); 3]);
    }
}

#[tokio::test]
async fn bodies_are_opened_and_json_becomes_the_same_protobuf() {
    let ports = Ports::narrow().await;
    let plain = body(&["a span"]);
    let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a span","spanId":"0707070707070707"}]}]}]}"#;
    let cases = [
        (PROTOBUF, "identity", plain.clone()),
        (PROTOBUF, "gzip", gzip(&plain)),
        (PROTOBUF, "ZSTD", zstd::bulk::compress(&plain, 1).unwrap()),
        (JSON, "identity", json.to_vec()),
        (JSON, "gzip", gzip(json)),
    ];
    for (content_type, encoding, body) in cases {
        let lines = [format!("Content-Type: {content_type}"), format!("Content-Encoding: {encoding}")];
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let answer = exchange(ports.http, &request("POST /v1/traces", &lines, &body)).await;
        assert_eq!(answer.status, 200, "{content_type} {encoding}");
        let taken = ports.taken();
        let taken = super::ExportTraceServiceRequest::decode(&taken[0].1[..]).unwrap();
        assert_eq!(taken, super::traces(&["a span"]), "{content_type} {encoding}");
    }
}

#[tokio::test]
async fn a_chunked_body_is_taken_and_cut_off_at_the_limit() {
    let ports = Ports::narrow().await;
    let head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let plain = body(&["in", "two", "pieces"]);
    let (left, right) = plain.split_at(9);
    let taken = exchange(ports.http, &[&head[..], &chunk(left), &chunk(right), &chunk(b"")].concat()).await;
    assert_eq!(taken.status, 200);
    assert!(ports.taken() == [(Signal::Traces, plain)]);
    let large = exchange(ports.http, &[&head[..], &chunk(&vec![0; 2 * MIB]), &chunk(b"")].concat()).await;
    assert_eq!((large.status, large.rpc_code()), (413, 8));
}

#[tokio::test]
async fn partial_success_and_warnings_are_told_in_both_encodings() {
    let ports = Ports::narrow().await;
    let answer = post(&ports, "/v1/traces", PROTOBUF, &body(&["make-it-partial"])).await;
    let partial = ExportTraceServiceResponse::decode(&answer.body[..]).unwrap().partial_success.unwrap();
    assert_eq!((answer.status, partial.rejected_spans, partial.error_message.as_str()), (200, 3, "three were odd"));

    let json = br#"{"resource_logs":[], "resourceLogs":[{"schemaUrl":"make-it-partial"}]}"#;
    let answer = post(&ports, "/v1/logs", JSON, json).await;
    let partial = &serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap()["partialSuccess"];
    assert_eq!(partial["rejectedLogRecords"], "3");
    let message = partial["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("three were odd; ") && message.contains("`resource_logs`"), "{message}");
}

#[tokio::test]
async fn each_kind_of_bad_request_gets_its_answer_and_the_next_one_is_served() {
    let ports = Ports::narrow().await;
    let bomb = gzip(&vec![0; 30 * MIB]);
    let zstd_bomb = zstd::bulk::compress(&vec![0; 30 * MIB], 1).unwrap();
    let large = vec![0; 2 * MIB];
    let (proto, json) = ("Content-Type: application/x-protobuf", "Content-Type: application/json");
    let cases: [Case; 15] = [
        ("POST /v1/traces", &[proto, "Content-Encoding: gzip"], b"not gzip", 400, 3),
        ("POST /v1/traces", &[json, "Content-Encoding: zstd"], b"not zstd", 400, 3),
        ("POST /v1/traces", &[proto, "Content-Encoding: gzip"], &bomb, 413, 8),
        ("POST /v1/traces", &[json, "Content-Encoding: zstd"], &zstd_bomb, 413, 8),
        ("POST /v1/traces", &[proto], &large, 413, 8),
        ("POST /v1/logs", &[json], &large, 413, 8),
        ("POST /v1/logs", &[json], b"[]", 400, 3),
        ("POST /v1/logs", &[json], b"", 400, 3),
        ("POST /v1/logs", &["Content-Type: text/plain"], b"x", 415, 12),
        ("POST /v1/logs", &[], b"x", 415, 12),
        ("POST /v1/logs", &[proto, "Content-Encoding: br"], b"x", 415, 12),
        ("POST /v1/profiles", &[proto], b"x", 404, 12),
        ("POST /v1/traces/", &[json], b"{}", 404, 12),
        ("GET /v1/traces", &[], b"", 405, 12),
        ("PUT /v1/metrics", &[proto], b"", 405, 12),
    ];
    for (first, lines, body, status, code) in cases {
        let answer = exchange(ports.http, &request(first, lines, body)).await;
        assert_eq!((answer.status, answer.rpc_code()), (status, code), "{first} {lines:?}");
        let asked = if lines.contains(&proto) { PROTOBUF } else { JSON };
        assert_eq!(answer.header("content-type"), Some(asked), "{first} {lines:?}");
        assert_eq!(answer.header("allow"), (status == 405).then_some("POST"));
        assert_eq!(answer.header("retry-after"), None);
    }
    assert!(ports.taken().is_empty());
    assert_eq!(post(&ports, "/v1/traces", PROTOBUF, &body(&["fine"])).await.status, 200);
    assert_eq!(
        (ports.rejected("too_large", Protocol::HttpProtobuf), ports.rejected("malformed", Protocol::HttpJson)),
        (2, 3)
    );
    assert_eq!(ports.receiver.admission().used(), 0);
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_is_sent() {
    let ports = Ports::narrow().await;
    let head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Type: application/x-protobuf\r\n";
    let answer = exchange(ports.http, format!("{head}Content-Length: {}\r\n\r\n", 2 * MIB).as_bytes()).await;
    assert_eq!((answer.status, answer.rpc_code()), (413, 8));
}

#[tokio::test]
async fn busy_and_faults_are_told_apart() {
    let ports = Ports::narrow().await;
    let busy = post(&ports, "/v1/traces", PROTOBUF, &body(&["make-it-busy"])).await;
    assert_eq!((busy.status, busy.header("retry-after"), busy.rpc_code()), (503, Some("7"), 14));
    let fault = post(&ports, "/v1/traces", PROTOBUF, &body(&["make-it-panic"])).await;
    assert_eq!((fault.status, fault.header("retry-after"), fault.rpc_code()), (500, None, 13));
    assert_eq!(post(&ports, "/v1/traces", PROTOBUF, &body(&["fine"])).await.status, 200);
}

#[tokio::test]
async fn many_requests_pass_one_http2_connection_at_once() {
    let ports = Ports::open(Limits::default()).await;
    let stream = TcpStream::connect(ports.http).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let address = ports.http;
    let calls = (0..100).map(|number| {
        let mut sender = sender.clone();
        tokio::spawn(async move {
            let name = format!("span {number} {}", "x".repeat(100_000));
            let request = Request::post(format!("http://{address}/v1/traces")).header("content-type", PROTOBUF);
            let request = request.body(Full::new(Bytes::from(body(&[&name])))).unwrap();
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status(), 200);
            response.into_body().collect().await.unwrap();
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(ports.taken().len(), 100);
}
