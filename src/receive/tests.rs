//! The ports over real sockets: real clients, bad input, and that nothing else is disturbed by it.

mod grpc;
mod http;
mod lifecycle;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Accepted, Counters, Intake, Limits, Protocol, Receiver};
use crate::otlp::rejection::Rejection;
use crate::otlp::signal::Signal;

const MIB: usize = 1024 * 1024;

/// A request that was handed over.
type Taken = (Signal, Vec<u8>);

/// Keeps what it is handed. A few scope names make it behave as a service may.
#[derive(Default)]
struct Recorder {
    taken: Mutex<Vec<Taken>>,
}

impl Intake for Recorder {
    fn accept(&self, signal: Signal, body: &[u8]) -> Result<Accepted, Rejection> {
        let has = |word: &str| memchr::memmem::find(body, word.as_bytes()).is_some();
        assert!(!has("make-it-panic"), "asked to");
        if has("make-it-busy") {
            return Err(Rejection::Busy { retry_after: Duration::from_secs(7) });
        }
        self.taken.lock().unwrap().push((signal, body.to_vec()));
        Ok(if has("make-it-partial") {
            Accepted { rejected: 3, message: "three were odd".to_owned() }
        } else {
            Accepted::default()
        })
    }
}

/// Both ports of one receiver.
struct Ports {
    grpc: SocketAddr,
    http: SocketAddr,
    intake: Arc<Recorder>,
    receiver: Arc<Receiver>,
    counters: Arc<Counters>,
    shutdown: CancellationToken,
    servers: Vec<JoinHandle<()>>,
}

impl Ports {
    async fn open(limits: Limits) -> Self {
        let (intake, counters) = (Arc::new(Recorder::default()), Arc::new(Counters::default()));
        let receiver = Receiver::new(Arc::clone(&intake) as Arc<dyn Intake>, limits, Arc::clone(&counters));
        let shutdown = CancellationToken::new();
        let listen = || TcpListener::bind("127.0.0.1:0");
        let (grpc, http) = (listen().await.unwrap(), listen().await.unwrap());
        let addresses = (grpc.local_addr().unwrap(), http.local_addr().unwrap());
        let servers = vec![
            tokio::spawn(super::grpc::run(grpc, Arc::clone(&receiver), shutdown.clone())),
            tokio::spawn(super::http::run(http, Arc::clone(&receiver), shutdown.clone())),
        ];
        Self { grpc: addresses.0, http: addresses.1, intake, receiver, counters, shutdown, servers }
    }

    /// Ports that refuse early: 1 MiB a request, 3 MiB in all.
    async fn narrow() -> Self {
        let limits = Limits { request: MIB, in_flight: 3 * MIB, ..Limits::default() };
        Self::open(limits).await
    }

    fn taken(&self) -> Vec<Taken> {
        std::mem::take(&mut *self.intake.taken.lock().unwrap())
    }

    fn rejected(&self, word: &str, protocol: Protocol) -> u64 {
        let rows = self.counters.rejected();
        rows.into_iter().find(|row| (row.0, row.1) == (word, protocol)).unwrap().2
    }
}

/// A request of one span per name.
fn traces(names: &[&str]) -> ExportTraceServiceRequest {
    let span = |name: &&str| Span { name: (*name).to_owned(), span_id: vec![7; 8], ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: names.iter().map(span).collect(), ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

fn body(names: &[&str]) -> Vec<u8> {
    traces(names).encode_to_vec()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}
