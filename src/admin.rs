//! The admin port: `/metrics`, `/livez`, `/readyz`.
//!
//! In: the series store, the own metrics and what the stages say about their health. Out: HTTP/1 answers, from a thread and a
//! runtime of their own, so that they come while the rest of the service has no time.

mod answer;
mod health;

pub use health::Health;

use crate::measure::Shared;
use crate::telemetry::Metrics;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
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
/// After this long a connection ends with its current answer, so that nobody holds a place for ever.
const CONNECTION_AGE: Duration = Duration::from_mins(10);
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
}

async fn serve(admin: Admin, listener: tokio::net::TcpListener, stop: CancellationToken) {
    let desk = Arc::new(Desk { admin, pages: Arc::new(Semaphore::new(PAGES)) });
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

/// Answers the requests of one connection.
async fn converse(desk: Arc<Desk>, stream: TcpStream, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { answer::answer(&desk, &request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // A connection that breaks is the scraper's business; it comes again.
    tokio::select! {
        ended = connection.as_mut() => return drop(ended),
        () = stop.cancelled() => {}
        () = tokio::time::sleep(CONNECTION_AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    drop(tokio::time::timeout(GRACE, connection).await);
}

#[cfg(test)]
mod tests;
