//! One answer of the admin port.
//!
//! In: a request. Out: the page it asks for, or why there is none.

use super::{Admin, Desk, PAGE_WAIT};
use crate::feed::v1::cases_server;
use crate::measure::exposition::{Format, accepts_gzip, negotiate, render};
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use libdeflater::{CompressionLvl, Compressor};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::codegen::Service;

/// A page, or a stream that gRPC writes.
type Answer = Response<Either<Full<Bytes>, tonic::body::Body>>;

/// Pages below this many bytes are not worth compressing.
const GZIP_FROM: usize = 1400;

/// Answers one request; `held` is held by an answer that goes on until its reader leaves.
pub(super) async fn answer(
    desk: Arc<Desk>,
    request: Request<Incoming>,
    held: TaskTrackerToken,
) -> Result<Answer, Infallible> {
    let path = request.uri().path();
    if path.strip_prefix('/').and_then(|p| p.split('/').next()) == Some(cases_server::SERVICE_NAME) {
        return cases(&desk.admin, request, held).await;
    }
    if !matches!(path, "/metrics" | "/livez" | "/readyz") {
        return Ok(text(
            StatusCode::NOT_FOUND,
            "here are: /metrics, /livez, /readyz, and the case feed (coroner watch)\n",
        ));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(refusal);
    }
    Ok(match path {
        "/metrics" => metrics(&desk, request.headers()).await,
        "/livez" => text(StatusCode::OK, "alive\n"),
        _ => ready(&desk.admin),
    })
}

/// The case feed.
async fn cases(admin: &Admin, mut request: Request<Incoming>, held: TaskTrackerToken) -> Result<Answer, Infallible> {
    if request.version() != Version::HTTP_2 {
        return Ok(text(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "the case feed is gRPC, which needs HTTP/2: coroner watch reads it\n",
        ));
    }
    request.extensions_mut().insert(held);
    Ok(admin.feed.service().call(request).await?.map(Either::Right))
}

fn ready(admin: &Admin) -> Answer {
    let reasons = admin.health.reasons();
    if reasons.is_empty() {
        return text(StatusCode::OK, "ready\n");
    }
    text(StatusCode::SERVICE_UNAVAILABLE, reasons)
}

async fn metrics(desk: &Desk, headers: &HeaderMap) -> Answer {
    let Ok(Ok(permit)) = timeout(PAGE_WAIT, Arc::clone(&desk.pages).acquire_owned()).await else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "too many pages are being sent\n");
    };
    let format = negotiate(&joined(headers, &ACCEPT));
    let gzip = accepts_gzip(&joined(headers, &ACCEPT_ENCODING));
    let Admin { store, metrics, .. } = desk.admin.clone();
    // On a thread of its own, so that a long page does not keep the probes waiting.
    let written = tokio::task::spawn_blocking(move || {
        let page = render(&store, &metrics, format);
        let small = if gzip && page.len() >= GZIP_FROM { compress(&page) } else { None };
        let compressed = small.is_some();
        (Page { bytes: small.unwrap_or(page), _permit: permit }, compressed)
    });
    match written.await {
        Ok((page, compressed)) => page_answer(page, format, compressed),
        Err(error) => {
            tracing::error!(%error, "metrics page failed");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be written\n")
        }
    }
}

/// A page that counts as held until its last byte is sent.
struct Page {
    bytes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn page_answer(page: Page, format: Format, compressed: bool) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(Bytes::from_owner(page))));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

/// All values of a header as one list, as HTTP allows them to be split.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",")
}

/// `page` with gzip, at the level that costs least: label sets repeat, so it shrinks more than tenfold anyway.
fn compress(page: &[u8]) -> Option<Vec<u8>> {
    let mut compressor = Compressor::new(CompressionLvl::new(1).unwrap_or_default());
    let mut small = vec![0; compressor.gzip_compress_bound(page.len())];
    let length = compressor.gzip_compress(page, &mut small).ok()?;
    small.truncate(length);
    small.shrink_to_fit();
    Some(small)
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
