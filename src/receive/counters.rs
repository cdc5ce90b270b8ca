//! What the ports saw. In: one call per event. Out: counts that telemetry reads when it is scraped.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::otlp::rejection::Rejection;
use crate::otlp::signal::Signal;

/// How a request came in; the words are those of `OTEL_EXPORTER_OTLP_PROTOCOL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP with protobuf.
    HttpProtobuf,
    /// OTLP/HTTP with JSON.
    HttpJson,
}

impl Protocol {
    /// All protocols.
    pub const ALL: [Self; 3] = [Self::Grpc, Self::HttpProtobuf, Self::HttpJson];

    /// The protocol as a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        }
    }
}

const SIGNALS: usize = Signal::ALL.len();
const PROTOCOLS: usize = Protocol::ALL.len();
const REASONS: usize = Rejection::WORDS.len();

#[derive(Debug, Default)]
struct Received {
    requests: AtomicU64,
    wire_bytes: AtomicU64,
    plain_bytes: AtomicU64,
}

/// Counts since the start. Every count is a monotonic total.
#[derive(Debug, Default)]
pub struct Counters {
    received: [[Received; PROTOCOLS]; SIGNALS],
    rejected: [[AtomicU64; PROTOCOLS]; REASONS],
    repeats: AtomicU64,
    connections: AtomicU64,
}

/// One row of [`Counters::received`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedRow {
    /// What was sent.
    pub signal: Signal,
    /// How it was sent.
    pub protocol: Protocol,
    /// Requests that were accepted.
    pub requests: u64,
    /// Their bodies on the wire, in bytes.
    pub wire_bytes: u64,
    /// Their bodies after decompression, in bytes.
    pub plain_bytes: u64,
}

impl Counters {
    pub(super) fn accept(&self, signal: Signal, protocol: Protocol, wire: usize, plain: usize) {
        let received = &self.received[signal as usize][protocol as usize];
        received.requests.fetch_add(1, Ordering::Relaxed);
        received.wire_bytes.fetch_add(wire as u64, Ordering::Relaxed);
        received.plain_bytes.fetch_add(plain as u64, Ordering::Relaxed);
    }

    pub(super) fn reject(&self, protocol: Protocol, rejection: &Rejection) {
        let word = rejection.word();
        if let Some(reason) = Rejection::WORDS.iter().position(|known| *known == word) {
            self.rejected[reason][protocol as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn connect(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a body that came again and was acknowledged without being counted as telemetry.
    pub fn repeat(&self) {
        self.repeats.fetch_add(1, Ordering::Relaxed);
    }

    /// Accepted requests and their bytes, by signal and protocol.
    pub fn received(&self) -> Vec<ReceivedRow> {
        let row = |signal, protocol| {
            let received = &self.received[signal as usize][protocol as usize];
            ReceivedRow {
                signal,
                protocol,
                requests: received.requests.load(Ordering::Relaxed),
                wire_bytes: received.wire_bytes.load(Ordering::Relaxed),
                plain_bytes: received.plain_bytes.load(Ordering::Relaxed),
            }
        };
        Signal::ALL.into_iter().flat_map(|signal| Protocol::ALL.map(|protocol| row(signal, protocol))).collect()
    }

    /// Refused requests by reason (one of [`Rejection::WORDS`]) and protocol.
    pub fn rejected(&self) -> Vec<(&'static str, Protocol, u64)> {
        let row = |reason: usize, protocol| {
            let count = self.rejected[reason][protocol as usize].load(Ordering::Relaxed);
            (Rejection::WORDS[reason], protocol, count)
        };
        (0..REASONS).flat_map(|reason| Protocol::ALL.map(|protocol| row(reason, protocol))).collect()
    }

    /// Bodies that came again.
    pub fn repeats(&self) -> u64 {
        self.repeats.load(Ordering::Relaxed)
    }

    /// Connections that were accepted.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}
