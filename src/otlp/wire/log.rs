//! Log records.
//!
//! In: a logs export request. Out: for each record its attributes as they come, then the record with all its fields.

use super::WireError;
use super::attribute::Memory;
use super::envelope::{self, ITEM_DEPTH, Signal};
use super::reader::{Payload, Reader, low_i32, room_for_unknown, text};
use super::schema::{BODY, KEY_VALUE, check_inner};
use super::value::{Attributes, Value, key_value, merged};

/// What is done with a logs export request; the order is that of `SpanVisitor`.
pub trait LogVisitor<'a> {
    /// A resource begins; its attributes follow.
    fn resource_begin(&mut self) {}
    /// An attribute of the resource.
    fn resource_attribute(&mut self, _key: &'a str, _value: Value<'a>) {}
    /// All attributes of the resource were seen; its scopes follow.
    fn resource_end(&mut self) {}
    /// An instrumentation scope; its records follow.
    fn scope(&mut self, _name: &'a str, _version: &'a str) {}
    /// A record begins.
    fn log_begin(&mut self) {}
    /// An attribute of the record.
    fn log_attribute(&mut self, _key: &'a str, _value: Value<'a>) {}
    /// The record ends: all its fields are known.
    fn log(&mut self, record: &LogRecord<'a>);
}

/// `LogRecord`. Fields that the message does not have are empty or 0.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord<'a> {
    /// When it happened: nanoseconds since the Unix epoch, 0 if the source did not say.
    pub time_ns: u64,
    /// When it was read: nanoseconds since the Unix epoch.
    pub observed_ns: u64,
    /// `SeverityNumber`: 1-4 trace, 5-8 debug, 9-12 info, 13-16 warn, 17-20 error, 21-24 fatal.
    pub severity_number: i32,
    /// The source's own word for the severity.
    pub severity_text: &'a str,
    /// Usually text; structured logs may have a map.
    pub body: Value<'a>,
    /// 16 bytes, or empty.
    pub trace_id: &'a [u8],
    /// 8 bytes, or empty.
    pub span_id: &'a [u8],
    /// W3C trace flags in the lowest 8 bits.
    pub flags: u32,
    /// Set where the record is an event.
    pub event_name: &'a str,
    bytes: &'a [u8],
}

/// Walks a logs export request.
///
/// # Errors
/// When the bytes are not one, as a whole.
pub fn logs<'a, V: LogVisitor<'a>>(bytes: &'a [u8], visitor: &mut V) -> Result<(), WireError> {
    envelope::request(bytes, &mut Logs { visitor, memory: Memory::new() })
}

struct Logs<'v, 'a, V> {
    visitor: &'v mut V,
    memory: Memory<'a>,
}

impl<'a, V: LogVisitor<'a>> Signal<'a> for Logs<'_, 'a, V> {
    fn resource_begin(&mut self) {
        self.visitor.resource_begin();
    }

    fn resource_attribute(&mut self, key: &'a str, value: Value<'a>) {
        self.visitor.resource_attribute(key, value);
    }

    fn resource_end(&mut self) {
        self.visitor.resource_end();
    }

    fn scope(&mut self, name: &'a str, version: &'a str) {
        self.visitor.scope(name, version);
    }

    #[inline]
    fn item(&mut self, item: &'a [u8]) -> Result<(), WireError> {
        walk(item, self.visitor, &mut self.memory)
    }
}

const BODY_NUMBER: u8 = 5;
const ATTRIBUTES: u32 = 6;
const ATTRIBUTES_KEY: u8 = 0x32;

/// Reads one record; the visitor hears of it.
#[inline]
fn walk<'a, V: LogVisitor<'a>>(bytes: &'a [u8], visitor: &mut V, memory: &mut Memory<'a>) -> Result<(), WireError> {
    visitor.log_begin();
    memory.rewind();
    let mut record = LogRecord::empty(bytes);
    let mut fields = Reader::new(bytes);
    loop {
        while let Some(attribute) = fields.bytes_of(ATTRIBUTES_KEY)? {
            match memory.read(attribute) {
                Some(seen) => visitor.log_attribute(seen.key, seen.value),
                None => odd_attribute(attribute, visitor)?,
            }
        }
        match fields.field(ITEM_DEPTH)? {
            Some((ATTRIBUTES, Payload::Bytes(attribute))) => odd_attribute(attribute, visitor)?,
            Some((number, payload)) => record.set(number, payload)?,
            None => break,
        }
    }
    record.body = merged(bytes, BODY_NUMBER);
    visitor.log(&record);
    Ok(())
}

#[cold]
fn odd_attribute<'a, V: LogVisitor<'a>>(attribute: &'a [u8], visitor: &mut V) -> Result<(), WireError> {
    check_inner(attribute, &KEY_VALUE, ITEM_DEPTH)?;
    let (key, value) = key_value(attribute);
    visitor.log_attribute(key, value);
    Ok(())
}

impl<'a> LogRecord<'a> {
    /// Reads the bytes of one record, as [`LogRecord::bytes`] gives them.
    ///
    /// # Errors
    /// When the bytes are not a log record.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut last = Last(None);
        walk(bytes, &mut last, &mut Memory::new())?;
        Ok(last.0.unwrap_or(Self::empty(bytes)))
    }

    /// The message itself.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.bytes, 6)
    }

    fn empty(bytes: &'a [u8]) -> Self {
        Self {
            time_ns: 0,
            observed_ns: 0,
            severity_number: 0,
            severity_text: "",
            body: Value::Empty,
            trace_id: &[],
            span_id: &[],
            flags: 0,
            event_name: "",
            bytes,
        }
    }

    /// Takes up a field that is no attribute. The body is only checked: it is read when all its pieces are known.
    #[inline]
    fn set(&mut self, number: u32, payload: Payload<'a>) -> Result<(), WireError> {
        match (number, payload) {
            (1, Payload::Fixed64(time)) => self.time_ns = time,
            (2, Payload::Varint(severity)) => self.severity_number = low_i32(severity),
            (3, Payload::Bytes(bytes)) => self.severity_text = text(bytes)?,
            (5, Payload::Bytes(body)) => check_inner(body, BODY, ITEM_DEPTH)?,
            // The count of attributes that the sender dropped.
            (7, Payload::Varint(_)) => {}
            (8, Payload::Fixed32(flags)) => self.flags = flags,
            (9, Payload::Bytes(bytes)) => self.trace_id = bytes,
            (10, Payload::Bytes(bytes)) => self.span_id = bytes,
            (11, Payload::Fixed64(time)) => self.observed_ns = time,
            (12, Payload::Bytes(bytes)) => self.event_name = text(bytes)?,
            // Number 4 was a name once; it is an unknown field now.
            (1..=3 | 5..=12, _) => return Err(WireError::WireType),
            _ => room_for_unknown(ITEM_DEPTH)?,
        }
        Ok(())
    }
}

/// Keeps the record it sees.
struct Last<'a>(Option<LogRecord<'a>>);

impl<'a> LogVisitor<'a> for Last<'a> {
    fn log(&mut self, record: &LogRecord<'a>) {
        self.0 = Some(*record);
    }
}
