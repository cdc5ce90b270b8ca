//! OTLP/gRPC: the official client, and calls written by hand for what it would never send.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use tokio::net::TcpStream;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use super::{MIB, Ports, body, gzip, traces};
use crate::otlp::signal::Signal;
use crate::receive::{Limits, Protocol};

/// Name, headers, body; the code of the answer.
type Case<'a> = (&'a str, Headers<'a>, Vec<u8>, Code);

/// Names and values.
type Headers<'a> = &'a [(&'a str, &'a str)];

async fn client(ports: &Ports) -> TraceServiceClient<Channel> {
    TraceServiceClient::connect(format!("http://{}", ports.grpc)).await.unwrap()
}

/// One call written by hand. Gives the HTTP status and the gRPC status with its headers.
async fn call(ports: &Ports, path: &str, headers: Headers<'_>, body: Vec<u8>) -> (StatusCode, HeaderMap) {
    let stream = TcpStream::connect(ports.grpc).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::post(format!("http://{}{path}", ports.grpc));
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let mut seen = head.headers;
    seen.extend(body.collect().await.unwrap().trailers().cloned().unwrap_or_default());
    (head.status, seen)
}

/// A message in its frame.
fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[flag], &length.to_be_bytes()[..], message].concat()
}

async fn code(ports: &Ports, headers: Headers<'_>, body: Vec<u8>) -> Code {
    let (status, seen) = call(ports, Signal::Traces.grpc_path(), headers, body).await;
    assert_eq!(status, StatusCode::OK);
    Code::from_bytes(seen.get("grpc-status").expect("every answer has a status").as_bytes())
}

#[tokio::test]
async fn the_official_client_is_served_with_every_compression_and_signal() {
    let ports = Ports::open(Limits::default()).await;
    let many: Vec<_> = (0..20_000).map(|number| format!("span {number}")).collect();
    let request = traces(&many.iter().map(String::as_str).collect::<Vec<_>>());
    for compression in [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)] {
        let mut client = client(&ports).await;
        if let Some(compression) = compression {
            client = client.send_compressed(compression).accept_compressed(compression);
        }
        let response = client.export(request.clone()).await.unwrap().into_inner();
        assert_eq!(response.partial_success, None);
        assert!(ports.taken() == [(Signal::Traces, request.encode_to_vec())]);
    }
    let address = format!("http://{}", ports.grpc);
    let mut logs = LogsServiceClient::connect(address.clone()).await.unwrap();
    logs.export(ExportLogsServiceRequest::default()).await.unwrap();
    let mut metrics = MetricsServiceClient::connect(address).await.unwrap();
    metrics.export(ExportMetricsServiceRequest::default()).await.unwrap();
    assert_eq!(ports.taken(), [(Signal::Logs, vec![]), (Signal::Metrics, vec![])], "empty requests succeed");
    let row = ports.counters.received()[0];
    assert_eq!((row.signal, row.protocol, row.requests), (Signal::Traces, Protocol::Grpc, 3));
    assert!(row.wire_bytes < row.plain_bytes);
    assert_eq!(ports.receiver.admission().used(), 0);
}

#[tokio::test]
async fn what_the_intake_says_reaches_the_client() {
    let ports = Ports::narrow().await;
    let mut client = client(&ports).await;
    let partial = client.export(traces(&["make-it-partial"])).await.unwrap().into_inner().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (3, "three were odd"));

    let busy = client.export(traces(&["make-it-busy"])).await.unwrap_err();
    assert_eq!(busy.code(), Code::Unavailable);
    assert_eq!(busy.get_details_retry_info().unwrap().retry_delay.unwrap().as_secs(), 7);

    let fault = client.export(traces(&["make-it-panic"])).await.unwrap_err();
    assert_eq!(fault.code(), Code::Internal);
    client.export(traces(&["fine"])).await.unwrap();
    assert_eq!(ports.rejected("internal", Protocol::Grpc), 1);
}

#[tokio::test]
async fn too_large_is_final_on_the_wire_and_after_decompression() {
    let ports = Ports::narrow().await;
    let mut plain = client(&ports).await;
    let large = "x".repeat(2 * MIB);
    for _ in 0..3 {
        let status = plain.export(traces(&[&large])).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.get_details_retry_info().is_none(), "with RetryInfo it would come again for ever");
    }
    for compression in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let mut bomb = client(&ports).await.send_compressed(compression);
        let status = bomb.export(traces(&[&"x".repeat(30 * MIB)])).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    }
    // A length is refused before the message is sent.
    assert_eq!(code(&ports, &[], vec![0, 0xff, 0xff, 0xff, 0xff]).await, Code::ResourceExhausted);
    plain.export(traces(&["fine"])).await.unwrap();
    assert_eq!(ports.taken().len(), 1);
    assert_eq!(ports.rejected("too_large", Protocol::Grpc), 6);
}

#[tokio::test]
async fn each_kind_of_bad_call_gets_its_code() {
    let ports = Ports::narrow().await;
    let good = body(&["fine"]);
    let zip = [("grpc-encoding", "gzip")];
    let cases: [Case; 10] = [
        ("unknown encoding", &[("grpc-encoding", "snappy")], framed(1, &good), Code::Unimplemented),
        ("compressed without encoding", &[], framed(1, &good), Code::Internal),
        ("compressed with identity", &[("grpc-encoding", "identity")], framed(1, &good), Code::Internal),
        ("unknown flag", &zip, framed(2, &good), Code::Internal),
        ("corrupt gzip", &zip, framed(1, b"not gzip at all"), Code::InvalidArgument),
        ("corrupt zstd", &[("grpc-encoding", "zstd")], framed(1, &good), Code::InvalidArgument),
        ("cut message", &[], framed(0, &good)[..good.len()].to_vec(), Code::Internal),
        ("cut prefix", &[], vec![0, 0], Code::Internal),
        ("no message", &[], vec![], Code::Internal),
        ("two messages", &[], [framed(0, &good), framed(0, &good)].concat(), Code::Internal),
    ];
    for (name, headers, frame, expected) in cases {
        assert_eq!(code(&ports, headers, frame).await, expected, "{name}");
    }
    assert!(ports.taken().is_empty());
    assert_eq!(code(&ports, &zip, framed(1, &gzip(&good))).await, Code::Ok);
    assert_eq!(code(&ports, &zip, framed(0, &good)).await, Code::Ok, "a sender may leave a message uncompressed");
    assert!(ports.taken() == [(Signal::Traces, good.clone()), (Signal::Traces, good)]);
    assert_eq!(ports.receiver.admission().used(), 0);
}

#[tokio::test]
async fn what_is_not_an_export_call_is_told_so() {
    let ports = Ports::narrow().await;
    let (_, unknown) = call(&ports, "/opentelemetry.proto.collector.profiles.v1.P/Export", &[], framed(0, b"")).await;
    assert_eq!(unknown["grpc-status"], "12");
    let json = [("content-type", "application/json")];
    let (status, _) = call(&ports, Signal::Traces.grpc_path(), &json, b"{}".to_vec()).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let proto = [("content-type", "application/grpc+proto; charset=utf-8")];
    assert_eq!(code(&ports, &proto, framed(0, b"")).await, Code::Ok);
    let (_, encoding) = call(&ports, Signal::Traces.grpc_path(), &[("grpc-encoding", "br")], framed(1, b"")).await;
    assert_eq!(encoding["grpc-accept-encoding"], "identity,gzip,zstd");
}
