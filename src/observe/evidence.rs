//! The words of evidence: what one log line, Kubernetes object, kernel line or metric point says about a container.
//!
//! Owned, because only lines that a book recognises become evidence. What is heard of every other line is one [`Heard`] a
//! source and export: that silence can be told from a good day needs no more.

use super::Target;
use crate::judge::taxonomy::EvidenceKind;
use std::sync::Arc;

/// What kind of source speaks. It decides whether its silence about a death means anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The platform's own export of model logs, which reports how containers end.
    PlatformLogs,
    /// Lines of a container, as a log shipper reads them. They end when the container does.
    ContainerLogs,
    /// Pod status and Kubernetes events.
    Kubernetes,
    /// Lines of a host's kernel.
    Kernel,
    /// Metric points about containers.
    Metrics,
}

impl Channel {
    /// Every channel.
    pub const ALL: &'static [Self] =
        &[Self::PlatformLogs, Self::ContainerLogs, Self::Kubernetes, Self::Kernel, Self::Metrics];

    /// Whether a source of this kind reports a container's death by its nature.
    pub const fn reports_death(self) -> bool {
        matches!(self, Self::PlatformLogs | Self::Kubernetes | Self::Kernel)
    }

    /// The word used in labels, books and documentation.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PlatformLogs => "platform_logs",
            Self::ContainerLogs => "container_logs",
            Self::Kubernetes => "kubernetes",
            Self::Kernel => "kernel",
            Self::Metrics => "metrics",
        }
    }
}

/// One fact about a container.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What it says.
    pub kind: EvidenceKind,
    /// Who says it.
    pub channel: Channel,
    /// Whose container; `None` where no `resources:` entry says so: then it is counted and matches nothing. An empty field of
    /// the target means "not stated" and fits every value.
    pub target: Option<Arc<Target>>,
    /// Name of the replica; empty where unknown.
    pub replica: Arc<str>,
    /// Number of the process that ended, where the line names one (a kernel's line, a server that lost a worker); else 0.
    pub process: u32,
    /// The platform's request id, where the line carries one.
    pub request_id: String,
    /// Trace id; zero where unknown.
    pub trace_id: [u8; 16],
    /// When it happened, ns since 1970: what the source states (`finishedAt`, the kernel's stamp), else the record's time.
    pub time_ns: u64,
    /// When its record was made, ns since 1970.
    pub event_ns: u64,
    /// The evidence rule of the book that recognised it.
    pub rule: Arc<str>,
    /// The line, cut to some hundred bytes. Never a label.
    pub text: String,
}

/// That a source of a target spoke at all.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Whose container; an empty field means "not stated".
    pub target: Arc<Target>,
    /// Name of the replica; empty where unknown.
    pub replica: Arc<str>,
    /// Who spoke.
    pub channel: Channel,
    /// Whether this source can report a container's death: by nature, or because the user declared it (`death_reports`).
    pub reports_death: bool,
    /// Earliest event time in this export, ns since 1970.
    pub first_ns: u64,
    /// Latest event time in this export, ns since 1970.
    pub last_ns: u64,
    /// How many records.
    pub records: u32,
}

/// That a request went well as far as its span shows, in a fixed size: a later log may prove its stream broken. One for each key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Success {
    /// [`request_key`] of the request id, or [`span_key`] of trace id and a span around the call; never 0.
    pub key: u64,
    /// The next key of the same request, whose own mark names the one after it, round to the first; 0 = `key` is the only one.
    pub also: u64,
    /// The row of the tally that counted it.
    pub row: u32,
    /// When it ended, ns since 1970.
    pub end_ns: u64,
    /// How many requests it stands for.
    pub weight: f64,
}

/// What model logs say about the progress of one request: any line that carries its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// [`request_key`] of the request id.
    pub key: u64,
    /// Index into [`Tally::heard`](super::Tally::heard): who wrote the line, which tells the request's replica.
    pub heard: u32,
    /// When the line was written, ns since 1970.
    pub time_ns: u64,
    /// It is the line that a server writes when it has answered.
    pub finished: bool,
}

/// What a metric point says about a container at one moment. Alone it proves nothing: the fold compares it with the one before.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Whose container; an empty field means "not stated".
    pub target: Arc<Target>,
    /// Name of the replica; empty where unknown.
    pub replica: Arc<str>,
    /// Tells the containers of one replica apart: [`join_key`] of the container's name, 0 where none is stated.
    pub container: u64,
    /// What was measured.
    pub kind: ReadingKind,
    /// The value: a count, bytes, or 1 and 0 for true and false.
    pub value: f64,
    /// When, ns since 1970.
    pub time_ns: u64,
    /// What the container's last end was, where the point says so. It holds for the *last* end, however long ago: news only
    /// when the restarts rise or the word was another before.
    pub last_end: Option<EvidenceKind>,
}

/// What a [`Reading`] measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReadingKind {
    /// How often the container was started again; cumulative.
    Restarts,
    /// Bytes of memory that it cannot give back.
    MemoryUsed,
    /// Bytes of memory that it may use.
    MemoryLimit,
    /// Whether it is ready.
    Ready,
    /// How many replicas serve.
    Replicas,
    /// Whether the container's last end was [`Reading::last_end`]: 1 or 0.
    LastEnd,
}

impl ReadingKind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Restarts, Self::MemoryUsed, Self::MemoryLimit, Self::Ready, Self::Replicas, Self::LastEnd];

    /// The word used in books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restarts => "restarts",
            Self::MemoryUsed => "memory_used",
            Self::MemoryLimit => "memory_limit",
            Self::Ready => "ready",
            Self::Replicas => "replicas",
            Self::LastEnd => "last_end",
        }
    }
}

/// A key under which records of one request meet: over the bytes of a request id, or of a trace id and the id of the span that
/// encloses the call. The same within one process; not for disk. Never 0.
pub fn join_key(parts: &[&[u8]]) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = foldhash::fast::FixedState::with_seed(0x636f_726f).build_hasher();
    for part in parts {
        hasher.write(part);
    }
    hasher.finish().max(1)
}

/// The key of a request id in any of its spellings: letters in either case, with or without dashes. 0 for an empty one.
pub fn request_key(id: &str) -> u64 {
    let (mut plain, mut length) = ([0; 64], 0);
    let bytes = id.bytes().filter(|byte| *byte != b'-').map(|byte| byte.to_ascii_lowercase());
    for (slot, byte) in plain.iter_mut().zip(bytes) {
        (*slot, length) = (byte, length + 1);
    }
    // Ids have at most 40 characters; of a longer one the beginning is as good.
    plain.get(..length).filter(|plain| !plain.is_empty()).map_or(0, |plain| join_key(&[plain]))
}

/// The key of a span of a trace. 0 where one of the ids is unknown.
pub fn span_key(trace_id: &[u8; 16], span_id: &[u8; 8]) -> u64 {
    if *trace_id == [0; 16] || *span_id == [0; 8] { 0 } else { join_key(&[trace_id, span_id]) }
}
