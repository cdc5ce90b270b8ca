//! Borrowed views over OTLP protobuf bytes.
//!
//! In: the bytes of one export request. Out: calls to a visitor with views that borrow from those bytes, or an error.
//! One walk, no allocation. The whole message is checked, also what nobody reads, so that what is passed on is known
//! to be good; the yardstick is `prost` with the official messages: what it accepts is accepted, with the same values.
//!
//! ```text
//!   reader     varints, keys, lengths, groups: one field at a time
//!   schema     what the messages of OTLP are made of, and the check of a whole message against it
//!   value      attribute values and lists of attributes, read on demand from checked bytes
//!   attribute  the fast path for the message that most bytes are made of
//!   envelope   request -> resource -> scope -> item, the same for the three signals
//!   span, log, metric   the items
//! ```
//!
//! On an error the caller throws away what its visitor gathered: a request is taken as a whole or not at all.

mod attribute;
mod envelope;
mod log;
mod metric;
mod reader;
mod schema;
mod span;
mod value;

pub use log::{LogRecord, LogVisitor, logs};
pub use metric::{Metric, MetricKind, MetricVisitor, Point, PointValue, metrics};
pub use span::{Event, Span, SpanVisitor, traces};
pub use value::{AttributeIter, Attributes, Value, ValueIter, Values};

/// Why bytes are not an OTLP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A length or a fixed-width value reaches past the end of its message.
    #[error("message ends in the middle of a field")]
    Truncated,
    /// More than 10 bytes, more than 64 bits, or no end.
    #[error("invalid varint")]
    Varint,
    /// Field number 0, a key above 32 bits, or a wire type that does not exist.
    #[error("invalid field key")]
    Key,
    /// A known field with a wire type that is not its own.
    #[error("field has the wrong wire type")]
    WireType,
    /// A group that does not end, or an end without a group.
    #[error("group does not end where it should")]
    Group,
    /// A string field whose bytes are not UTF-8.
    #[error("string is not UTF-8")]
    Utf8,
    /// Messages nested deeper than 100 levels.
    #[error("messages are nested too deeply")]
    Depth,
}
