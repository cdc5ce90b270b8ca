//! OTLP/gRPC. In: unary calls of the three export services over HTTP/2. Out: an empty or partial-success response, or
//! a gRPC status. The one message of a call is taken from its frame here, so that room is reserved and the length is
//! checked before the message is read (see `docs/adr/0001-grpc-by-hand.md`).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::answer;
use super::body::Pieces;
use super::counters::Protocol;
use super::receiver::{Accepted, Delivery, Receiver};
use super::server;
use crate::otlp::compression::Encoding;
use crate::otlp::rejection::Rejection;
use crate::otlp::signal::Signal;

const CONTENT_TYPE_GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// Serves OTLP/gRPC on `listener` until `shutdown`, then lets calls finish within the drain limit.
pub async fn run(listener: TcpListener, receiver: Arc<Receiver>, shutdown: CancellationToken) {
    let builder = server::builder(&receiver.limits).http2_only();
    let shared = Arc::clone(&receiver);
    let service = service_fn(move |request| {
        let receiver = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(respond(&receiver, request).await) }
    });
    server::serve(listener, builder, service, receiver, shutdown).await;
}

async fn respond(receiver: &Receiver, request: Request<Incoming>) -> Response<Reply> {
    if request.method() != Method::POST {
        return not_grpc(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !is_grpc(request.headers()) {
        return not_grpc(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    match call(receiver, request).await {
        Ok(accepted) => Reply::success(&accepted),
        Err(rejection) => {
            receiver.counters().reject(Protocol::Grpc, &rejection);
            Reply::failure(&rejection)
        }
    }
}

async fn call(receiver: &Receiver, request: Request<Incoming>) -> Result<Accepted, Rejection> {
    let path = request.uri().path();
    let signal = Signal::from_grpc_path(path).ok_or_else(|| Rejection::NotFound { path: path.to_owned() })?;
    let named = encoding(request.headers())?;
    let mut permit = receiver.admission().permit();
    let limits = &receiver.limits;
    let reading = Pieces::new(request.into_body()).message(limits.request, &mut permit);
    let (compressed, message) =
        tokio::time::timeout(limits.body_timeout, reading).await.map_err(|_| Rejection::SlowBody)??;
    let encoding = match (compressed, named) {
        (false, _) => Encoding::Identity,
        (true, Encoding::Identity) => {
            return Err(Rejection::Protocol {
                detail: "the message is flagged as compressed, but grpc-encoding names no compression",
            });
        }
        (true, named) => named,
    };
    receiver.deliver(&Delivery { signal, protocol: Protocol::Grpc, encoding, body: &message }, &mut permit)
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Rejection> {
    let Some(value) = headers.get("grpc-encoding") else { return Ok(Encoding::Identity) };
    let given = String::from_utf8_lossy(value.as_bytes());
    Encoding::from_name(&given).ok_or_else(|| Rejection::UnsupportedEncoding { given: given.into_owned() })
}

/// `application/grpc`, alone or with `+proto`; parameters do not matter.
fn is_grpc(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/grpc") || essence.eq_ignore_ascii_case("application/grpc+proto")
}

/// The answer to something that is not gRPC at all.
fn not_grpc(status: StatusCode) -> Response<Reply> {
    let mut response = Response::new(Reply::default());
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// Body of a response: one message and trailers, or neither where the status is in the head.
#[derive(Default)]
struct Reply {
    message: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Reply {
    fn success(accepted: &Accepted) -> Response<Self> {
        let message = answer::protobuf(accepted);
        let mut framed = BytesMut::with_capacity(5 + message.len());
        framed.put_u8(0);
        framed.put_u32(u32::try_from(message.len()).expect("answers are a few kilobytes"));
        framed.extend_from_slice(&message);
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
        let mut response = Response::new(Self { message: Some(framed.freeze()), trailers: Some(trailers) });
        response.headers_mut().insert(CONTENT_TYPE, CONTENT_TYPE_GRPC);
        response
    }

    fn failure(rejection: &Rejection) -> Response<Self> {
        let mut response = rejection.to_grpc().into_http::<Self>();
        if let Rejection::UnsupportedEncoding { .. } = rejection {
            response.headers_mut().insert("grpc-accept-encoding", HeaderValue::from_static("identity,gzip,zstd"));
        }
        response
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let message = self.message.take().map(Frame::data);
        Poll::Ready(message.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.message.as_ref().map_or(0, |message| message.len() as u64))
    }
}
