//! What the service says about itself, gathered from the stages.
//!
//! In: the ports' counts, the state of queue and room. Out: values of the catalogue, renewed a few times a second.

use super::clock;
use super::fold::Batch;
use super::waiting::{Looks, Progress};
use crate::observe::Records;
use crate::otlp::signal::Signal;
use crate::receive::{Admission, Counters};
use crate::telemetry::{Metrics, Value, catalogue};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::interval;

/// Kinds of records, in the order of [`Numbers::seen`].
const KINDS: [&str; 4] = ["inference", "not_inference", "enriching", "invalid"];

/// How often the numbers of the stages are gathered.
const GATHER: Duration = Duration::from_millis(250);

/// The metrics of a process that starts now.
pub(super) fn started() -> Metrics {
    let metrics = Metrics::default();
    metrics.value(&catalogue::BUILD_INFO, &[env!("CARGO_PKG_VERSION")]).set(1.0);
    metrics.value(&catalogue::START_TIME, &[]).set(clock::now_ns() as f64 / 1e9);
    metrics
}

/// Counted by the map, without locks.
#[derive(Debug)]
pub(super) struct Numbers {
    records: [[Value; KINDS.len()]; Signal::ALL.len()],
    last: [Value; Signal::ALL.len()],
}

impl Numbers {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            records: Signal::ALL
                .map(|signal| KINDS.map(|kind| metrics.value(&catalogue::RECORDS, &[signal.as_str(), kind]))),
            last: Signal::ALL.map(|signal| metrics.value(&catalogue::LAST_RECORD, &[signal.as_str()])),
        }
    }

    /// One export was mapped and is about to be queued.
    pub(super) fn seen(&self, signal: Signal, records: &Records, arrival_ns: u64) {
        let counts = [records.inference, records.not_inference, records.enriching, records.invalid];
        for (value, count) in self.records[signal as usize].iter().zip(counts) {
            value.add(count as f64);
        }
        self.last[signal as usize].set(arrival_ns as f64 / 1e9);
    }
}

/// Brings what the stages count for themselves to the metrics.
pub(super) struct Gatherer {
    pub(super) metrics: Metrics,
    pub(super) counters: Arc<Counters>,
    /// Bytes being received.
    pub(super) door: Arc<Admission>,
    /// Bytes waiting in the queue.
    pub(super) room: Arc<Admission>,
    /// The queue, without keeping it open.
    pub(super) queue: mpsc::WeakSender<Batch>,
    /// How far map and fold have got, and when.
    pub(super) progress: Arc<Progress>,
    pub(super) looks: Looks,
}

impl Gatherer {
    /// Gathers until the queue's last sender is gone, and once more then.
    pub(super) async fn run(mut self) -> &'static str {
        let mut tick = interval(GATHER);
        loop {
            tick.tick().await;
            let depth = self.queue.upgrade().map(|queue| queue.max_capacity() - queue.capacity());
            self.renew(depth.unwrap_or_default());
            if depth.is_none() {
                return "gatherer";
            }
        }
    }

    fn renew(&mut self, depth: usize) {
        let oldest = self.looks.oldest(clock::now_ns(), self.progress.now());
        self.metrics.value(&catalogue::QUEUE_OLDEST, &[]).set(oldest);
        for row in self.counters.received() {
            let labels = [row.signal.as_str(), row.protocol.as_str()];
            self.metrics.value(&catalogue::EXPORTS, &labels).set(row.requests as f64);
            self.metrics.value(&catalogue::RECEIVED_BYTES, &labels).set(row.plain_bytes as f64);
        }
        for (reason, protocol, count) in self.counters.rejected() {
            self.metrics.value(&catalogue::REJECTED, &[protocol.as_str(), reason]).set(count as f64);
        }
        self.metrics.value(&catalogue::REPEATED, &[]).set(self.counters.repeats() as f64);
        self.metrics.value(&catalogue::INFLIGHT_BYTES, &[]).set((self.door.used() + self.room.used()) as f64);
        self.metrics.value(&catalogue::QUEUE_DEPTH, &[]).set(depth as f64);
    }
}
