//! The demo's two ways to the service: OTLP as clients speak it, and the `/metrics` page as a scraper reads it.
//!
//! In: addresses and requests. Out: acknowledged, or an error that says what was answered. Real sockets on loopback; gRPC is
//! spoken with hyper's HTTP/2 because one unary call is a five-byte head and a trailer.

use bytes::{BufMut, Bytes, BytesMut};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// What can go wrong on the way.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// No connection.
    #[error("cannot reach the service at {0}: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// The connection failed.
    #[error("the connection to the service failed: {0}")]
    Http(#[from] hyper::Error),
    /// A request that cannot be written.
    #[error("a request could not be built: {0}")]
    Request(#[from] http::Error),
    /// Not the answer that was hoped for.
    #[error("{path} answered {answer}")]
    Refused {
        /// What was asked for.
        path: &'static str,
        /// Status and message.
        answer: String,
    },
}

/// What is sent, and where it goes on either port.
pub(super) trait Export: Message {
    /// The gRPC method.
    const GRPC_PATH: &str;
    /// The HTTP path.
    const HTTP_PATH: &str;
}

impl Export for ExportTraceServiceRequest {
    const GRPC_PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    const HTTP_PATH: &str = "/v1/traces";
}

impl Export for ExportLogsServiceRequest {
    const GRPC_PATH: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    const HTTP_PATH: &str = "/v1/logs";
}

const METRICS_PATH: &str = "/metrics";

/// One client's connection to an OTLP port.
pub(super) enum Exporter {
    /// OTLP/gRPC.
    Grpc(SocketAddr, http2::SendRequest<Full<Bytes>>),
    /// OTLP/HTTP with protobuf.
    Http(SocketAddr, http1::SendRequest<Full<Bytes>>),
}

async fn stream(address: SocketAddr) -> Result<TokioIo<TcpStream>, WireError> {
    TcpStream::connect(address).await.map(TokioIo::new).map_err(|error| WireError::Connect(address, error))
}

async fn http1(address: SocketAddr) -> Result<http1::SendRequest<Full<Bytes>>, WireError> {
    let (sender, connection) = http1::handshake(stream(address).await?).await?;
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender)
}

impl Exporter {
    /// Connects to the OTLP/gRPC port.
    pub(super) async fn grpc(address: SocketAddr) -> Result<Self, WireError> {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream(address).await?).await?;
        tokio::spawn(async move { connection.await.ok() });
        Ok(Self::Grpc(address, sender))
    }

    /// Connects to the OTLP/HTTP port.
    pub(super) async fn http(address: SocketAddr) -> Result<Self, WireError> {
        Ok(Self::Http(address, http1(address).await?))
    }

    /// Sends one export request; returns when it is acknowledged.
    pub(super) async fn send<E: Export>(&mut self, request: &E) -> Result<(), WireError> {
        match self {
            Self::Grpc(address, sender) => grpc_call(*address, sender, request).await,
            Self::Http(address, sender) => {
                let body = Full::new(Bytes::from(request.encode_to_vec()));
                let request = Request::builder()
                    .method(Method::POST)
                    .uri(E::HTTP_PATH)
                    .header(header::HOST, address.to_string())
                    .header(header::CONTENT_TYPE, "application/x-protobuf")
                    .body(body)?;
                sender.ready().await?;
                let answer = sender.send_request(request).await?;
                text(E::HTTP_PATH, answer).await.map(drop)
            }
        }
    }
}

async fn grpc_call<E: Export>(
    address: SocketAddr,
    sender: &mut http2::SendRequest<Full<Bytes>>,
    request: &E,
) -> Result<(), WireError> {
    let message = request.encode_to_vec();
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(&message);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{address}{}", E::GRPC_PATH))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(Full::new(frame.freeze()))?;
    sender.ready().await?;
    let answer = sender.send_request(request).await?;
    // An answer without a body carries its status in the head, any other in the trailers.
    let head = answer.headers().clone();
    let trailers = answer.into_body().collect().await?.trailers().cloned().unwrap_or_default();
    let status = trailers.get("grpc-status").or_else(|| head.get("grpc-status"));
    match status.and_then(|status| status.to_str().ok()) {
        Some("0") => Ok(()),
        other => {
            let message = trailers.get("grpc-message").or_else(|| head.get("grpc-message"));
            let answer = format!("grpc-status {other:?}, {message:?}");
            Err(WireError::Refused { path: E::GRPC_PATH, answer })
        }
    }
}

async fn text(path: &'static str, answer: http::Response<Incoming>) -> Result<String, WireError> {
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    if status.is_success() { Ok(body) } else { Err(WireError::Refused { path, answer: format!("{status}: {body}") }) }
}

/// Reads the `/metrics` page.
pub(super) async fn metrics(address: SocketAddr) -> Result<String, WireError> {
    let mut sender = http1(address).await?;
    let request = Request::builder()
        .uri(METRICS_PATH)
        .header(header::HOST, address.to_string())
        .header(header::ACCEPT, "text/plain;version=0.0.4")
        .body(Full::default())?;
    text(METRICS_PATH, sender.send_request(request).await?).await
}
