//! OTLP/HTTP. In: POST requests with protobuf or JSON, over HTTP/1.1 and HTTP/2. Out: an export response, or a
//! `google.rpc.Status`, always in the encoding of the request.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::answer;
use super::body::{Pieces, discard};
use super::counters::Protocol;
use super::receiver::{Delivery, Receiver};
use super::server;
use crate::otlp::compression::Encoding;
use crate::otlp::rejection::Rejection;
use crate::otlp::signal::Signal;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Serves OTLP/HTTP on `listener` until `shutdown`, then lets requests finish within the drain limit.
pub async fn run(listener: TcpListener, receiver: Arc<Receiver>, shutdown: CancellationToken) {
    let builder = server::builder(&receiver.limits);
    let shared = Arc::clone(&receiver);
    let service = service_fn(move |request| {
        let receiver = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(respond(&receiver, request).await) }
    });
    server::serve(listener, builder, service, receiver, shutdown).await;
}

async fn respond(receiver: &Receiver, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let protocol = protocol(request.headers());
    match export(receiver, request, protocol).await {
        Ok(body) => with_body(body, protocol),
        Err(rejection) => {
            // What is neither protobuf nor JSON is most likely a person's attempt, who reads JSON more easily.
            let protocol = protocol.unwrap_or(Protocol::HttpJson);
            receiver.counters().reject(protocol, &rejection);
            refuse(&rejection, protocol)
        }
    }
}

/// What a request needs to be read, once its head has been found in order.
struct Head {
    signal: Signal,
    protocol: Protocol,
    encoding: Encoding,
    length: Option<u64>,
}

fn check(request: &Request<Incoming>, protocol: Option<Protocol>) -> Result<Head, Rejection> {
    let path = request.uri().path();
    let signal = Signal::from_http_path(path).ok_or_else(|| Rejection::NotFound { path: path.to_owned() })?;
    if request.method() != Method::POST {
        return Err(Rejection::MethodNotAllowed);
    }
    let header = |name| request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let protocol = protocol.ok_or_else(|| Rejection::UnsupportedMediaType {
        given: header(CONTENT_TYPE).unwrap_or_default().into_owned(),
    })?;
    let given = header(CONTENT_ENCODING).unwrap_or_default();
    let encoding =
        Encoding::from_name(&given).ok_or_else(|| Rejection::UnsupportedEncoding { given: given.into_owned() })?;
    let length = header(CONTENT_LENGTH).and_then(|value| value.parse().ok());
    Ok(Head { signal, protocol, encoding, length })
}

async fn export(
    receiver: &Receiver,
    request: Request<Incoming>,
    protocol: Option<Protocol>,
) -> Result<Bytes, Rejection> {
    let limits = &receiver.limits;
    let mut permit = receiver.admission().permit();
    // A sender that waits for `100 Continue`, or that speaks HTTP/2, reads its answer without having sent the body.
    let insists = request.version() <= Version::HTTP_11 && !request.headers().contains_key(EXPECT);
    let checked = check(&request, protocol);
    let mut body = request.into_body();
    let read = match &checked {
        Ok(head) => {
            let reading = Pieces::new(&mut body).whole(head.length, limits.request, &mut permit);
            tokio::time::timeout(limits.body_timeout, reading).await.unwrap_or(Err(Rejection::SlowBody))
        }
        Err(rejection) => Err(rejection.clone()),
    };
    if insists && read.as_ref().is_err_and(|rejection| *rejection != Rejection::SlowBody) {
        discard(&mut body).await;
    }
    let (body, head) = (read?, checked?);
    let delivery = Delivery { signal: head.signal, protocol: head.protocol, encoding: head.encoding, body: &body };
    let accepted = receiver.deliver(&delivery, &mut permit)?;
    Ok(match head.protocol {
        Protocol::HttpJson => answer::json(head.signal, &accepted),
        Protocol::HttpProtobuf | Protocol::Grpc => answer::protobuf(&accepted),
    })
}

/// The encoding of the request, by its content type; parameters do not matter.
fn protocol(headers: &HeaderMap) -> Option<Protocol> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(PROTOBUF) {
        Some(Protocol::HttpProtobuf)
    } else if essence.eq_ignore_ascii_case(JSON) {
        Some(Protocol::HttpJson)
    } else {
        None
    }
}

fn with_body(body: Bytes, protocol: Option<Protocol>) -> Response<Full<Bytes>> {
    let content_type = if protocol == Some(Protocol::HttpProtobuf) { PROTOBUF } else { JSON };
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn refuse(rejection: &Rejection, protocol: Protocol) -> Response<Full<Bytes>> {
    let body = match protocol {
        Protocol::HttpJson => rejection.json_body(),
        Protocol::HttpProtobuf | Protocol::Grpc => rejection.protobuf_body(),
    };
    let mut response = with_body(body, Some(protocol));
    *response.status_mut() = rejection.http_status();
    let headers = response.headers_mut();
    if let Some(seconds) = rejection.retry_after_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    match rejection.http_status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(Encoding::ACCEPTED));
        }
        _ => {}
    }
    response
}
