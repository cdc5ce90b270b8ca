//! The map's entry: one export request in, one [`Tally`] out.
//!
//! [`Observer`] is what all share and nobody changes; a [`Mapper`] is the memory that one thread reuses from export to
//! export, so that a successful request costs no allocation.

use super::intern::{Interner, Known};
use super::knowledge::{Hits, Knowledge};
use super::place::Places;
use super::target::Patterns;
use super::transport::Transports;
use super::{Ending, Exemplar, Outcome, Row, Status, Success, Tally, Timing, Vantage, log, metric, span};
use crate::otlp::wire::{self, WireError};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Platform label of calls that carry `GenAI` attributes but go to a host that no pattern knows.
pub const OTHER_PLATFORM: &str = "other";

/// Targets whose last row is remembered.
const RECENT: usize = 64;

/// How many requests a record of each vantage stands for where its `tracestate` does not say; 1 = not sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// HTTP client spans.
    pub client: f64,
    /// `GenAI` spans.
    pub sdk: f64,
    /// HTTP access logs.
    pub gateway: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { client: 1.0, sdk: 1.0, gateway: 1.0 }
    }
}

/// What every mapper reads: target patterns, the transport table, declared sampling, what is known of containers.
#[derive(Debug)]
pub struct Observer {
    pub(super) patterns: Patterns,
    pub(super) transports: Transports,
    pub(super) weights: Weights,
    pub(super) knowledge: Knowledge,
}

impl Observer {
    /// An observer for these target patterns (the user's in front of the books'). It knows nothing of containers.
    pub fn new(patterns: Patterns, weights: Weights) -> Self {
        Self { patterns, transports: Transports::builtin(), weights, knowledge: Knowledge::default() }
    }

    /// The same, which also knows what logs, Kubernetes objects and metrics say about containers.
    #[must_use]
    pub fn knowing(self, knowledge: Knowledge) -> Self {
        Self { knowledge, ..self }
    }
}

/// One thread's reusable memory.
#[derive(Debug)]
pub struct Mapper {
    pub(super) interner: Interner,
    pub(super) spans: span::Scratch,
    pub(super) places: Places,
    pub(super) hits: Hits,
    /// Where names of fields are put together.
    pub(super) name: String,
    /// The empty name, shared.
    pub(super) nobody: Arc<str>,
    rows: HashMap<u128, u32, RandomState>,
    /// The row last used for a target, by the lowest bits of the target's index: a caller's answers are mostly alike.
    recent: [(u128, u32); RECENT],
}

impl Default for Mapper {
    fn default() -> Self {
        Self {
            interner: Interner::default(),
            spans: span::Scratch::default(),
            places: Places::default(),
            hits: Hits::default(),
            name: String::new(),
            nobody: "".into(),
            rows: HashMap::default(),
            recent: [(0, 0); RECENT],
        }
    }
}

/// What requests must share to share a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowKey {
    pub(super) known: u32,
    pub(super) caller: u32,
    pub(super) vantage: Vantage,
    pub(super) status: Status,
    pub(super) outcome: Outcome,
    pub(super) ending: Option<Ending>,
}

impl RowKey {
    /// All of it in one number, never 0: one comparison instead of six.
    fn packed(&self) -> u128 {
        let (protocol, code) = match self.status {
            Status::None => (0, 0),
            Status::Http(code) => (1, code),
            Status::Grpc(code) => (2, code),
            Status::WebSocket(code) => (3, code),
        };
        let ending = self.ending.map_or(0, |ending| 1 + ending as u8);
        let words = [protocol, 1 + self.vantage as u8, self.outcome as u8, ending];
        let low = u64::from(u32::from_le_bytes(words)) | u64::from(code) << 32;
        u128::from(low) | u128::from(self.known) << 64 | u128::from(self.caller) << 96
    }
}

/// One request that did not fail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) key: RowKey,
    pub(super) weight: f64,
    /// `None` where the record states no duration.
    pub(super) seconds: Option<f64>,
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) time_ns: u64,
}

/// The keys under which records of one request meet it, of its request id and of spans around it; 0 = none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keys(pub(super) [u64; 3]);

impl Keys {
    /// Each that there is, with the next one, and the last with the first; 0 beside an only one.
    fn marks(self) -> impl Iterator<Item = [u64; 2]> {
        let known = self.0.into_iter().filter(|key| *key != 0);
        known.clone().zip(known.cycle().skip(1)).map(|(key, next)| [key, if next == key { 0 } else { next }])
    }
}

impl Mapper {
    /// Maps an `ExportTraceServiceRequest`.
    ///
    /// # Errors
    /// The bytes are no such message; then `tally` holds nothing that may be used.
    pub fn traces(&mut self, observer: &Observer, bytes: &[u8], tally: &mut Tally) -> Result<(), WireError> {
        self.begin();
        let mut visitor = span::Visitor::new(observer, self, bytes, tally);
        wire::traces(bytes, &mut visitor)?;
        span::finish(observer, self, bytes, tally);
        Ok(())
    }

    /// Maps an `ExportLogsServiceRequest`.
    ///
    /// # Errors
    /// As [`Mapper::traces`].
    pub fn logs(&mut self, observer: &Observer, bytes: &[u8], tally: &mut Tally) -> Result<(), WireError> {
        self.begin();
        let mut visitor = log::Visitor::new(observer, self, tally);
        wire::logs(bytes, &mut visitor)
    }

    /// Maps an `ExportMetricsServiceRequest`; its points are no requests.
    ///
    /// # Errors
    /// As [`Mapper::traces`].
    pub fn metrics(&mut self, observer: &Observer, bytes: &[u8], tally: &mut Tally) -> Result<(), WireError> {
        self.begin();
        let mut visitor = metric::Visitor::new(observer, self, tally);
        wire::metrics(bytes, &mut visitor)
    }

    fn begin(&mut self) {
        self.interner.trim();
        self.places.begin();
        self.rows.clear();
        self.recent.fill((0, 0));
        self.spans.clear();
    }

    /// Adds a request that did not fail to its row, and a mark for each key by which a later log may prove it broken.
    pub(super) fn count(&mut self, tally: &mut Tally, request: &Request, keys: Keys) {
        let packed = request.key.packed();
        let slot = request.key.known as usize % RECENT;
        if self.recent[slot].0 != packed {
            self.recent[slot] = (packed, self.row(tally, packed, &request.key));
        }
        let index = self.recent[slot].1;
        let row = &mut tally.rows[index as usize];
        row.requests += request.weight;
        if request.key.outcome == Outcome::Success {
            let (end_ns, weight) = (request.time_ns, request.weight);
            for [key, also] in keys.marks() {
                tally.successes.push(Success { key, also, row: index, end_ns, weight });
            }
        }
        let Some(seconds) = request.seconds else { return };
        tally.timings.push(Timing { row: index, seconds, weight: request.weight });
        if row.exemplar.is_none_or(|e| seconds > e.seconds) {
            let (trace_id, span_id, time_ns) = (request.trace_id, request.span_id, request.time_ns);
            row.exemplar = Some(Exemplar { trace_id, span_id, seconds, time_ns });
        }
    }
}

impl Mapper {
    /// The row of this key, a new one where there was none.
    fn row(&mut self, tally: &mut Tally, packed: u128, key: &RowKey) -> u32 {
        let interner = &self.interner;
        *self.rows.entry(packed).or_insert_with(|| {
            tally.rows.push(new_row(interner.known(key.known), interner.caller_name(key.caller), key));
            u32::try_from(tally.rows.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

fn new_row(known: &Known, caller: &Arc<str>, key: &RowKey) -> Row {
    Row {
        target: Arc::clone(&known.target),
        caller: Arc::clone(caller),
        vantage: key.vantage,
        status: key.status,
        outcome: key.outcome,
        ending: key.ending,
        requests: 0.0,
        exemplar: None,
    }
}
