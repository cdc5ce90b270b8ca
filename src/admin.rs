//! The admin port: `/metrics`, `/livez`, `/readyz`, and the case feed as gRPC.
//!
//! In: the series store, the own metrics, the case feed and what the stages say about their health. Out: answers by HTTP/1 and
//! HTTP/2, from a thread and a runtime of their own, so that they come while the rest of the service has no time.

mod answer;
mod health;

pub use health::Health;

use crate::feed::Feed;
use crate::measure::Shared;
use crate::receive::begins;
use crate::telemetry::Metrics;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections served at once; more wait in the listen queue. Scrapers and probes need a handful.
const CONNECTIONS: usize = 64;
/// Pages held at once, until they are sent: each may be tens of megabytes.
const PAGES: usize = 4;
/// Longest wait for a page of somebody else's to be sent.
const PAGE_WAIT: Duration = Duration::from_secs(5);
/// Longest wait for a request's headers, which also ends idle connections.
const HEADER_TIMEOUT: Duration = Duration::from_secs(90);
/// After this long a connection ends with its current answer, so that nobody holds a place for ever. Watchers stay; there is a
/// limit on them.
const CONNECTION_AGE: Duration = Duration::from_mins(10);
/// How often an HTTP/2 peer is asked whether it is still there, and how long it may take to say so.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 16;
/// Heads of requests to this port are a few hundred bytes.
const HEADER_LIST: u32 = 16 * 1024;
/// Longest wait for answers that are on their way when a connection or the service ends.
const GRACE: Duration = Duration::from_secs(10);
/// Pause after a failed accept (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the admin port shows.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The inference series.
    pub store: Shared,
    /// The service's own metrics.
    pub metrics: Metrics,
    /// What settles, for those who watch.
    pub feed: Feed,
    /// Whether the stages are ready.
    pub health: Health,
}

/// An admin port that answers until it is stopped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Admin {
    /// Starts to answer on `listener`.
    ///
    /// # Errors
    /// Where the thread, its runtime or the listener cannot be set up.
    pub fn start(self, listener: TcpListener) -> io::Result<Running> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(PAGES).build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let stop = CancellationToken::new();
        let ended = CancellationToken::new();
        // Dropped, and so told, however the thread ends.
        let end = ended.clone().drop_guard();
        let stopped = stop.clone();
        std::thread::Builder::new().name("admin".to_owned()).spawn(move || {
            runtime.block_on(serve(self, listener, stopped));
            drop(end);
        })?;
        Ok(Running { address, stop, ended })
    }
}

impl Running {
    /// The address in use (of interest where port 0 was asked for).
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Comes back when the thread has ended: it was stopped, or it broke.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Takes no more connections, lets answers on their way finish, and comes back when the thread has ended.
    pub async fn stop(self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}

/// What all connections share.
struct Desk {
    admin: Admin,
    pages: Arc<Semaphore>,
    /// How old a connection may grow.
    age: Duration,
}

async fn serve(admin: Admin, listener: tokio::net::TcpListener, stop: CancellationToken) {
    let desk = Arc::new(Desk { admin, pages: Arc::new(Semaphore::new(PAGES)), age: CONNECTION_AGE });
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = stop.cancelled() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = converse(Arc::clone(&desk), stream, stop.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "admin port cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.close();
    drop(tokio::time::timeout(GRACE, connections.wait()).await);
}

/// How both protocols are spoken here.
fn protocols() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_LIST)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE);
    builder
}

/// Answers the requests of one connection.
async fn converse(desk: Arc<Desk>, stream: TcpStream, stop: CancellationToken) {
    let begun = stop.run_until_cancelled(tokio::time::timeout(HEADER_TIMEOUT, begins(&stream))).await;
    if !matches!(begun, Some(Ok(true))) {
        return;
    }
    // Each answer that goes on for as long as its reader wants holds a token.
    let watches = TaskTracker::new();
    watches.close();
    let (held, age) = (watches.clone(), desk.age);
    let service = service_fn(move |request| answer::answer(Arc::clone(&desk), request, held.token()));
    let builder = protocols();
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // A connection that breaks is the scraper's business; it comes again.
    let ended = tokio::select! {
        _ = connection.as_mut() => true,
        () = stop.cancelled() => false,
        () = tokio::time::sleep(age) => {
            connection.as_mut().graceful_shutdown();
            let last = async { tokio::select! { _ = connection.as_mut() => true, () = watches.wait() => false } };
            stop.run_until_cancelled(last).await.unwrap_or(false)
        }
    };
    if !ended {
        connection.as_mut().graceful_shutdown();
        drop(tokio::time::timeout(GRACE, connection).await);
    }
}

#[cfg(test)]
mod tests;
