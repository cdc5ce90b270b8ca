//! What the messages of OTLP are made of, and the check of a whole message against it.
//!
//! In: a message's content and its schema. Out: whether `prost` would take it. Nothing is read out; that is for the views,
//! which may then trust the bytes. Field numbers and types are those of opentelemetry-proto 1.7 as generated in
//! `opentelemetry-proto` 0.33.

use super::WireError;
use super::reader::{Payload, Reader, room_for_unknown, text};

/// A message: the type of each field, by number; number 0 does not exist.
pub(super) struct Schema(&'static [Kind]);

/// The type of a field. A repeated field of messages, strings or bytes is checked like a single one.
#[derive(Clone, Copy)]
enum Kind {
    /// No field has this number.
    Gap,
    Varint,
    Fixed64,
    Fixed32,
    Bytes,
    Text,
    Message(&'static Schema),
    /// Repeated; packed or not.
    Varints,
    /// Repeated; packed or not.
    Fixed64s,
}
use Kind::{Bytes, Fixed32, Fixed64, Fixed64s, Gap, Message, Text, Varint, Varints};

/// Checks all of a message. `depth` is how many levels are left in its content.
pub(super) fn check(message: &[u8], schema: &Schema, depth: u32) -> Result<(), WireError> {
    let mut fields = Reader::new(message);
    while let Some((number, payload)) = fields.field(depth)? {
        let kind = usize::try_from(number).ok().and_then(|number| schema.0.get(number)).copied().unwrap_or(Gap);
        match (kind, payload) {
            (Gap, _) => room_for_unknown(depth)?,
            (Varint | Varints, Payload::Varint(_))
            | (Fixed64 | Fixed64s, Payload::Fixed64(_))
            | (Fixed32, Payload::Fixed32(_))
            | (Bytes, Payload::Bytes(_)) => {}
            (Text, Payload::Bytes(bytes)) => _ = text(bytes)?,
            (Message(inner), Payload::Bytes(bytes)) => check_inner(bytes, inner, depth)?,
            (Varints, Payload::Bytes(packed)) => {
                let mut packed = Reader::new(packed);
                while !packed.rest().is_empty() {
                    packed.varint()?;
                }
            }
            (Fixed64s, Payload::Bytes(packed)) if packed.len().is_multiple_of(8) => {}
            (Fixed64s, Payload::Bytes(_)) => return Err(WireError::Truncated),
            _ => return Err(WireError::WireType),
        }
    }
    Ok(())
}

/// Checks a message that is a field of one whose content has `depth` levels left.
pub(super) fn check_inner(message: &[u8], schema: &Schema, depth: u32) -> Result<(), WireError> {
    check(message, schema, depth.checked_sub(1).ok_or(WireError::Depth)?)
}

static ANY_VALUE: Schema = Schema(&[
    Gap,
    Text,                     // string_value
    Varint,                   // bool_value
    Varint,                   // int_value
    Fixed64,                  // double_value
    Message(&ARRAY_VALUE),    // array_value
    Message(&KEY_VALUE_LIST), // kvlist_value
    Bytes,                    // bytes_value
    Varint,                   // string_value_strindex
]);
static ARRAY_VALUE: Schema = Schema(&[Gap, Message(&ANY_VALUE)]);
static KEY_VALUE_LIST: Schema = Schema(&[Gap, Message(&KEY_VALUE)]);

/// `KeyValue`: one attribute.
pub(super) static KEY_VALUE: Schema = Schema(&[
    Gap,
    Text,                // key
    Message(&ANY_VALUE), // value
    Varint,              // key_strindex
]);

/// `Resource`.
pub(super) static RESOURCE: Schema = Schema(&[
    Gap,
    Message(&KEY_VALUE),  // attributes
    Varint,               // dropped_attributes_count
    Message(&ENTITY_REF), // entity_refs
]);
static ENTITY_REF: Schema = Schema(&[
    Gap, Text, // schema_url
    Text, // type
    Text, // id_keys
    Text, // description_keys
]);

/// `InstrumentationScope`.
pub(super) static SCOPE: Schema = Schema(&[
    Gap,
    Text,                // name
    Text,                // version
    Message(&KEY_VALUE), // attributes
    Varint,              // dropped_attributes_count
]);

/// `Span.Event`.
pub(super) static EVENT: Schema = Schema(&[
    Gap,
    Fixed64,             // time_unix_nano
    Text,                // name
    Message(&KEY_VALUE), // attributes
    Varint,              // dropped_attributes_count
]);

/// `Span.Link`.
pub(super) static LINK: Schema = Schema(&[
    Gap,
    Bytes,               // trace_id
    Bytes,               // span_id
    Text,                // trace_state
    Message(&KEY_VALUE), // attributes
    Varint,              // dropped_attributes_count
    Fixed32,             // flags
]);

/// `AnyValue` as the body of a log record.
pub(super) static BODY: &Schema = &ANY_VALUE;

/// `Metric` with its five kinds of data.
pub(super) static METRIC: Schema = Schema(&[
    Gap,
    Text, // name
    Text, // description
    Text, // unit
    Gap,
    Message(&GAUGE),
    Gap,
    Message(&SUM),
    Gap,
    Message(&HISTOGRAM),
    Message(&EXPONENTIAL_HISTOGRAM),
    Message(&SUMMARY),
    Message(&KEY_VALUE), // metadata
]);
static GAUGE: Schema = Schema(&[Gap, Message(&NUMBER_POINT)]);
static SUM: Schema = Schema(&[
    Gap,
    Message(&NUMBER_POINT),
    Varint, // aggregation_temporality
    Varint, // is_monotonic
]);
static HISTOGRAM: Schema = Schema(&[Gap, Message(&HISTOGRAM_POINT), Varint]);
static EXPONENTIAL_HISTOGRAM: Schema = Schema(&[Gap, Message(&EXPONENTIAL_HISTOGRAM_POINT), Varint]);
static SUMMARY: Schema = Schema(&[Gap, Message(&SUMMARY_POINT)]);
static NUMBER_POINT: Schema = Schema(&[
    Gap,
    Gap,
    Fixed64,             // start_time_unix_nano
    Fixed64,             // time_unix_nano
    Fixed64,             // as_double
    Message(&EXEMPLAR),  // exemplars
    Fixed64,             // as_int
    Message(&KEY_VALUE), // attributes
    Varint,              // flags
]);
static HISTOGRAM_POINT: Schema = Schema(&[
    Gap,
    Gap,
    Fixed64,             // start_time_unix_nano
    Fixed64,             // time_unix_nano
    Fixed64,             // count
    Fixed64,             // sum
    Fixed64s,            // bucket_counts
    Fixed64s,            // explicit_bounds
    Message(&EXEMPLAR),  // exemplars
    Message(&KEY_VALUE), // attributes
    Varint,              // flags
    Fixed64,             // min
    Fixed64,             // max
]);
static EXPONENTIAL_HISTOGRAM_POINT: Schema = Schema(&[
    Gap,
    Message(&KEY_VALUE), // attributes
    Fixed64,             // start_time_unix_nano
    Fixed64,             // time_unix_nano
    Fixed64,             // count
    Fixed64,             // sum
    Varint,              // scale
    Fixed64,             // zero_count
    Message(&BUCKETS),   // positive
    Message(&BUCKETS),   // negative
    Varint,              // flags
    Message(&EXEMPLAR),  // exemplars
    Fixed64,             // min
    Fixed64,             // max
    Fixed64,             // zero_threshold
]);
static BUCKETS: Schema = Schema(&[
    Gap, Varint,  // offset
    Varints, // bucket_counts
]);
static SUMMARY_POINT: Schema = Schema(&[
    Gap,
    Gap,
    Fixed64,                     // start_time_unix_nano
    Fixed64,                     // time_unix_nano
    Fixed64,                     // count
    Fixed64,                     // sum
    Message(&VALUE_AT_QUANTILE), // quantile_values
    Message(&KEY_VALUE),         // attributes
    Varint,                      // flags
]);
static VALUE_AT_QUANTILE: Schema = Schema(&[Gap, Fixed64, Fixed64]);
static EXEMPLAR: Schema = Schema(&[
    Gap,
    Gap,
    Fixed64,             // time_unix_nano
    Fixed64,             // as_double
    Bytes,               // span_id
    Bytes,               // trace_id
    Fixed64,             // as_int
    Message(&KEY_VALUE), // filtered_attributes
]);

/// `Status` of a span.
pub(super) static STATUS: Schema = Schema(&[
    Gap, Gap, Text,   // message
    Varint, // code
]);
