//! The port of the platform's metrics. In: pages. Out: the newest one, to whoever asks.

use bytes::Bytes;
use http::{Response, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The text format of OpenMetrics, as the library writes it.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A port that serves the newest page on every path; closed when dropped.
pub(in super::super) struct Port {
    /// Where it listens.
    pub(in super::super) address: SocketAddr,
    pages: watch::Sender<Bytes>,
    _tasks: JoinSet<()>,
}

impl Port {
    /// Listens there, or on a free port where that one is in use.
    pub(in super::super) async fn open(wanted: SocketAddr) -> io::Result<Self> {
        let listener = match TcpListener::bind(wanted).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).await?
            }
            other => other?,
        };
        let address = listener.local_addr()?;
        let (pages, newest) = watch::channel(Bytes::from_static(b"# EOF\n"));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, newest));
        Ok(Self { address, pages, _tasks: tasks })
    }

    /// Shows this page from now on.
    pub(in super::super) fn show(&self, page: String) {
        self.pages.send_replace(page.into());
    }
}

async fn serve(listener: TcpListener, newest: watch::Receiver<Bytes>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that fails before it is one concerns nobody else.
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let newest = newest.clone();
        connections.spawn(async move {
            let answer = service_fn(|_| {
                let page = newest.borrow().clone();
                async move { Ok::<_, Infallible>(answer(page)) }
            });
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await);
        });
    }
}

fn answer(page: Bytes) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(page));
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(CONTENT_TYPE));
    answer
}
