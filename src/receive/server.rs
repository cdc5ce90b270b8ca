//! Accepts connections and serves them until the end. In: a listener, how its protocol is set up, and what answers a
//! request. Out: nothing; returns once the service shuts down and its connections are gone or the deadline has passed.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::limits::Limits;
use super::receiver::Receiver;

const MIB: u32 = 1024 * 1024;
/// One request of usual size fits a stream's window, so that its sender need not wait for more.
const STREAM_WINDOW: u32 = 8 * MIB;
/// A few senders at full speed on one connection; also bounds what is buffered for one connection.
const CONNECTION_WINDOW: u32 = 24 * MIB;
/// A usual batch of 1000 spans (0.7 MB) is one HTTP/2 frame, and one piece of an HTTP/1 body, which is never copied. In
/// frames of 16 KiB the same costs twice the CPU.
const PIECE: u32 = MIB;
/// Heads of export requests are a few hundred bytes.
const HEADER_LIST: u32 = 16 * 1024;
/// Streams that a peer opened and reset before they were served, and resets caused by its errors: a flood of them
/// ends the connection (CVE-2023-44487 and its kin).
const RESETS: usize = 64;
/// Pause before trying again: after the system refused a connection, for example for want of file descriptors, and
/// while the first bytes of a connection arrive one by one.
const PAUSE: Duration = Duration::from_millis(50);

/// The protocol set-up that both ports share.
pub(super) fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(PIECE as usize)
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(PIECE)
        .max_header_list_size(HEADER_LIST)
        .max_concurrent_streams(limits.streams)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(RESETS)
        .keep_alive_interval(limits.keepalive)
        .keep_alive_timeout(limits.keepalive);
    builder
}

/// Serves `listener` until `shutdown`, then lets requests finish within the drain limit.
pub(super) async fn serve<S, B>(
    listener: TcpListener,
    builder: Builder<TokioExecutor>,
    service: S,
    receiver: Arc<Receiver>,
    shutdown: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let limits = &receiver.limits;
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    let overdue = CancellationToken::new();
    while let Some(stream) = next(&listener, &places, &shutdown).await {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        receiver.counters().connect();
        let (builder, service) = (builder.clone(), service.clone());
        let (shutdown, overdue) = (shutdown.clone(), overdue.clone());
        let patience = limits.header_timeout;
        connections.spawn(async move {
            let _place = place;
            let begun = tokio::time::timeout(patience, begins(&stream));
            let begun = tokio::select! { begun = begun => begun.unwrap_or(false), () = shutdown.cancelled() => false };
            if !begun {
                return;
            }
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            let ended = tokio::select! {
                ended = &mut connection => ended,
                () = shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! { ended = connection => ended, () = overdue.cancelled() => Ok(()) }
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.drain, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut at the drain deadline");
        overdue.cancel();
        connections.wait().await;
    }
}

/// Waits until a new connection says which HTTP it speaks; `false` if it closes first. hyper's time-out for heads
/// starts only after that, so that a silent peer would keep its place for ever.
pub(crate) async fn begins(stream: &TcpStream) -> bool {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut seen = [0; PREFACE.len()];
    loop {
        match stream.peek(&mut seen).await {
            Ok(length) if length > 0 && length < seen.len() && PREFACE.starts_with(&seen[..length]) => {
                tokio::time::sleep(PAUSE).await;
            }
            Ok(length) => return length > 0,
            Err(_) => return false,
        }
    }
}

/// The next connection; `None` once the service shuts down. Waits while all places are taken.
async fn next(listener: &TcpListener, places: &Semaphore, shutdown: &CancellationToken) -> Option<TcpStream> {
    let accept = async {
        loop {
            drop(places.acquire().await);
            match listener.accept().await.and_then(|(stream, _)| stream.set_nodelay(true).map(|()| stream)) {
                Ok(stream) => return stream,
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    tokio::select! { biased; () = shutdown.cancelled() => None, stream = accept => Some(stream) }
}

/// Whether only the connection that was being accepted is at fault.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | InvalidInput | NotConnected)
}
