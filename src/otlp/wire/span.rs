//! Spans.
//!
//! In: a trace export request. Out: for each span its attributes and events as they come, then the span with all its fields.

use super::WireError;
use super::attribute::Memory;
use super::envelope::{self, ITEM_DEPTH, Signal};
use super::reader::{Payload, Reader, low_i32, room_for_unknown, text};
use super::schema::{EVENT, KEY_VALUE, LINK, STATUS, check_inner};
use super::value::{Attributes, Value, key_value, next};

/// What is done with a trace export request. The order: `resource_begin`, `resource_attribute` for each, `resource_end`; for each scope
/// of that resource `scope`; for each span of that scope `span_begin`, `span_attribute` and `span_event` in wire order, `span`.
pub trait SpanVisitor<'a> {
    /// A resource begins; its attributes follow.
    fn resource_begin(&mut self) {}
    /// An attribute of the resource.
    fn resource_attribute(&mut self, _key: &'a str, _value: Value<'a>) {}
    /// All attributes of the resource were seen; its scopes follow.
    fn resource_end(&mut self) {}
    /// An instrumentation scope; its spans follow.
    fn scope(&mut self, _name: &'a str, _version: &'a str) {}
    /// A span begins.
    fn span_begin(&mut self) {}
    /// An attribute of the span.
    fn span_attribute(&mut self, key: &'a str, value: Value<'a>);
    /// An event of the span, by its name; [`Span::events`] has the rest.
    fn span_event(&mut self, _name: &'a str) {}
    /// The span ends: all its fields are known.
    fn span(&mut self, span: &Span<'a>);
}

/// `Span`. Fields that the message does not have are empty or 0.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// 16 bytes, where the sender follows the rules.
    pub trace_id: &'a [u8],
    /// 8 bytes, where the sender follows the rules.
    pub span_id: &'a [u8],
    /// Empty for a root span.
    pub parent_span_id: &'a [u8],
    /// W3C `tracestate`.
    pub trace_state: &'a str,
    /// The operation.
    pub name: &'a str,
    /// `SpanKind`: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// Nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// Nanoseconds since the Unix epoch.
    pub end_ns: u64,
    /// W3C trace flags in the lowest 8 bits.
    pub flags: u32,
    /// 0 unset, 1 ok, 2 error.
    pub status_code: i32,
    /// Text of the status.
    pub status_message: &'a str,
    bytes: &'a [u8],
}

/// `Span.Event`.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What happened, for example `exception`.
    pub name: &'a str,
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    bytes: &'a [u8],
}

/// Walks a trace export request.
///
/// # Errors
/// When the bytes are not one, as a whole.
pub fn traces<'a, V: SpanVisitor<'a>>(bytes: &'a [u8], visitor: &mut V) -> Result<(), WireError> {
    envelope::request(bytes, &mut Traces { visitor, memory: Memory::new() })
}

struct Traces<'v, 'a, V> {
    visitor: &'v mut V,
    memory: Memory<'a>,
}

impl<'a, V: SpanVisitor<'a>> Signal<'a> for Traces<'_, 'a, V> {
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

/// Reads one span; the visitor hears of it.
#[inline]
fn walk<'a, V: SpanVisitor<'a>>(bytes: &'a [u8], visitor: &mut V, memory: &mut Memory<'a>) -> Result<(), WireError> {
    visitor.span_begin();
    memory.rewind();
    let mut span = Span::empty(bytes);
    let mut fields = Reader::new(bytes);
    span.begin(&mut fields)?;
    loop {
        while let Some(attribute) = fields.bytes_of(ATTRIBUTES_KEY)? {
            match memory.read(attribute) {
                Some(seen) => visitor.span_attribute(seen.key, seen.value),
                None => odd_attribute(attribute, visitor)?,
            }
        }
        match fields.field(ITEM_DEPTH)? {
            Some((ATTRIBUTES, Payload::Bytes(attribute))) => odd_attribute(attribute, visitor)?,
            Some((EVENTS, Payload::Bytes(event))) => {
                check_inner(event, &EVENT, ITEM_DEPTH)?;
                visitor.span_event(Event::read(event).name);
            }
            Some((number, payload)) => span.set(number, payload)?,
            None => break,
        }
    }
    visitor.span(&span);
    Ok(())
}

#[cold]
fn odd_attribute<'a, V: SpanVisitor<'a>>(attribute: &'a [u8], visitor: &mut V) -> Result<(), WireError> {
    check_inner(attribute, &KEY_VALUE, ITEM_DEPTH)?;
    let (key, value) = key_value(attribute);
    visitor.span_attribute(key, value);
    Ok(())
}

const ATTRIBUTES: u32 = 9;
const ATTRIBUTES_KEY: u8 = 0x4A;
const EVENTS: u32 = 11;

impl<'a> Span<'a> {
    /// Reads the bytes of one span, as [`Span::bytes`] gives them.
    ///
    /// # Errors
    /// When the bytes are not a span.
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
        Attributes::new(self.bytes, 9)
    }

    /// All events.
    pub fn events(&self) -> impl Iterator<Item = Event<'a>> + use<'a> {
        let mut fields = Reader::new(self.bytes);
        std::iter::from_fn(move || {
            loop {
                if let (EVENTS, Payload::Bytes(event)) = next(&mut fields)? {
                    return Some(Event::read(event));
                }
            }
        })
    }

    fn empty(bytes: &'a [u8]) -> Self {
        Self {
            trace_id: &[],
            span_id: &[],
            parent_span_id: &[],
            trace_state: "",
            name: "",
            kind: 0,
            start_ns: 0,
            end_ns: 0,
            flags: 0,
            status_code: 0,
            status_message: "",
            bytes,
        }
    }

    /// Takes up the fields before the attributes, as far as they stand in the order of their numbers, which all writers keep. It
    /// is what `set` does, without a look at what comes next.
    #[inline]
    fn begin(&mut self, fields: &mut Reader<'a>) -> Result<(), WireError> {
        self.trace_id = fields.bytes_of(0x0A)?.unwrap_or_default();
        self.span_id = fields.bytes_of(0x12)?.unwrap_or_default();
        self.trace_state = text(fields.bytes_of(0x1A)?.unwrap_or_default())?;
        self.parent_span_id = fields.bytes_of(0x22)?.unwrap_or_default();
        self.name = text(fields.bytes_of(0x2A)?.unwrap_or_default())?;
        self.kind = low_i32(fields.varint_of(0x30)?.unwrap_or_default());
        self.start_ns = fields.fixed64_of(0x39)?.unwrap_or_default();
        self.end_ns = fields.fixed64_of(0x41)?.unwrap_or_default();
        Ok(())
    }

    /// Takes up a field that is neither an attribute nor an event.
    #[inline]
    fn set(&mut self, number: u32, payload: Payload<'a>) -> Result<(), WireError> {
        match (number, payload) {
            (1, Payload::Bytes(bytes)) => self.trace_id = bytes,
            (2, Payload::Bytes(bytes)) => self.span_id = bytes,
            (3, Payload::Bytes(bytes)) => self.trace_state = text(bytes)?,
            (4, Payload::Bytes(bytes)) => self.parent_span_id = bytes,
            (5, Payload::Bytes(bytes)) => self.name = text(bytes)?,
            (6, Payload::Varint(kind)) => self.kind = low_i32(kind),
            (7, Payload::Fixed64(time)) => self.start_ns = time,
            (8, Payload::Fixed64(time)) => self.end_ns = time,
            // Counts of what the sender dropped.
            (10 | 12 | 14, Payload::Varint(_)) => {}
            (13, Payload::Bytes(link)) => check_inner(link, &LINK, ITEM_DEPTH)?,
            (15, Payload::Bytes(status)) => self.set_status(status)?,
            (16, Payload::Fixed32(flags)) => self.flags = flags,
            (1..=16, _) => return Err(WireError::WireType),
            _ => room_for_unknown(ITEM_DEPTH)?,
        }
        Ok(())
    }

    fn set_status(&mut self, status: &'a [u8]) -> Result<(), WireError> {
        check_inner(status, &STATUS, ITEM_DEPTH)?;
        let mut fields = Reader::new(status);
        while let Some((number, payload)) = next(&mut fields) {
            match (number, payload) {
                (2, Payload::Bytes(bytes)) => self.status_message = text(bytes)?,
                (3, Payload::Varint(code)) => self.status_code = low_i32(code),
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'a> Event<'a> {
    /// All attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.bytes, 3)
    }

    fn read(bytes: &'a [u8]) -> Self {
        let mut event = Self { name: "", time_ns: 0, bytes };
        let mut fields = Reader::new(bytes);
        while let Some((number, payload)) = next(&mut fields) {
            match (number, payload) {
                (1, Payload::Fixed64(time)) => event.time_ns = time,
                (2, Payload::Bytes(name)) => event.name = super::value::text(name),
                _ => {}
            }
        }
        event
    }
}

/// Keeps the span it sees.
struct Last<'a>(Option<Span<'a>>);

impl<'a> SpanVisitor<'a> for Last<'a> {
    fn span_attribute(&mut self, _key: &'a str, _value: Value<'a>) {}

    fn span(&mut self, span: &Span<'a>) {
        self.0 = Some(*span);
    }
}
