//! Messages and their fields. In: JSON tokens and the table of the message type. Out: protobuf bytes, written while
//! reading, so that the size of a JSON tree is never held in memory.

use std::fmt;

use prost::encoding::{encode_varint, encoded_len_varint};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::notes::{Notes, Step};
use super::scalar::{self, Leaf};
use super::schema::{ANY_VALUE, Field, Kind, Message};

/// Messages inside messages that protobuf decoders follow.
const DEEPEST: u32 = 100;
const LENGTH_DELIMITED: u32 = 2;

/// What has been written so far, and where the reader is.
pub(super) struct Writer {
    pub(super) out: Vec<u8>,
    pub(super) notes: Notes,
    limit: usize,
    depth: u32,
}

impl Writer {
    pub(super) fn new(expected: usize, limit: usize) -> Self {
        Self { out: Vec::with_capacity(expected.min(limit)), notes: Notes::default(), limit, depth: 0 }
    }

    fn tag(&mut self, number: u32, wire_type: u32) {
        encode_varint(u64::from(number << 3 | wire_type), &mut self.out);
    }

    /// Writes what `fill` writes with its length in front.
    fn delimited<E>(&mut self, fill: impl FnOnce(&mut Self) -> Result<(), E>) -> Result<(), E> {
        let start = self.out.len();
        self.out.push(0);
        fill(self)?;
        let length = (self.out.len() - start - 1) as u64;
        let extra = encoded_len_varint(length) - 1;
        if extra > 0 {
            let end = self.out.len();
            self.out.resize(end + extra, 0);
            self.out.copy_within(start + 1..end, start + 1 + extra);
        }
        encode_varint(length, &mut &mut self.out[start..=start + extra]);
        Ok(())
    }

    fn leaf(&mut self, field: &Field, value: Leaf<'_>, tagged: bool) {
        let start = self.out.len();
        if tagged {
            self.tag(field.number, scalar::wire_type(field.kind));
        }
        if let Err(expected) = scalar::encode(field.kind, value, &mut self.out) {
            self.out.truncate(start);
            self.notes.odd(expected);
        }
    }
}

/// A whole message: the request, or what follows a length.
pub(super) struct Body<'w> {
    pub(super) writer: &'w mut Writer,
    pub(super) message: &'static Message,
}

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = 0_u32;
        let mut chosen = false;
        while let Some(found) = map.next_key_seed(KeyOf(self.message))? {
            let position = match found {
                Key::Known(position) => position,
                Key::Snake(key, position) => {
                    self.writer.notes.snake_case(&key, self.message.fields[position].json);
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let field = &self.message.fields[position];
            self.writer.notes.enter(Step::Key(field.json));
            if seen & 1 << position != 0 {
                return Err(A::Error::custom("the key is given twice"));
            }
            seen |= 1 << position;
            let wrote = map.next_value_seed(FieldValue { writer: &mut *self.writer, field, element: false })?;
            if field.exclusive && wrote {
                if chosen {
                    self.writer.notes.conflict();
                }
                chosen = true;
            }
            self.writer.notes.leave();
        }
        Ok(())
    }
}

enum Key {
    Known(usize),
    Snake(String, usize),
    Unknown,
}

struct KeyOf(&'static Message);

impl<'de> DeserializeSeed<'de> for KeyOf {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Key, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyOf {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        let position = |same: &dyn Fn(&str) -> bool| self.0.fields.iter().position(|field| same(field.json));
        if let Some(known) = position(&|json| json == key) {
            return Ok(Key::Known(known));
        }
        let squeezed = || key.bytes().filter(|byte| *byte != b'_');
        let meant =
            position(&|json| key.contains('_') && squeezed().eq(json.bytes().map(|byte| byte.to_ascii_lowercase())));
        Ok(meant.map_or(Key::Unknown, |meant| Key::Snake(key.to_owned(), meant)))
    }
}

/// The value of one field, or one element of it. Says whether anything was written.
struct FieldValue<'w> {
    writer: &'w mut Writer,
    field: &'static Field,
    element: bool,
}

impl FieldValue<'_> {
    fn leaf(self, value: Leaf<'_>) -> Result<bool, &'static str> {
        match (self.field.repeated && !self.element, self.field.kind) {
            (true, _) => Err("an array"),
            (false, Kind::Message(_)) => Err("an object"),
            (false, _) => {
                let before = self.writer.out.len();
                let packed = self.element && scalar::wire_type(self.field.kind) != LENGTH_DELIMITED;
                self.writer.leaf(self.field, value, !packed);
                Ok(self.writer.out.len() > before)
            }
        }
    }

    const fn message(&self) -> Option<&'static Message> {
        match self.field.kind {
            Kind::Message(message) => Some(message),
            Kind::Value => Some(&ANY_VALUE),
            _ => None,
        }
    }
}

impl<'de> DeserializeSeed<'de> for FieldValue<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldValue<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.field.repeated && !self.element { "an array" } else { "an object" })
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        // A field that is null is absent; an element keeps its place, with the default value.
        if self.element && scalar::wire_type(self.field.kind) == LENGTH_DELIMITED {
            self.writer.tag(self.field.number, LENGTH_DELIMITED);
            self.writer.out.push(0);
        } else if self.element {
            self.writer.leaf(self.field, Leaf::Unsigned(0), false);
        }
        Ok(false)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        self.leaf(Leaf::Bool(value)).map_err(wrong("a boolean"))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<bool, E> {
        self.leaf(Leaf::Signed(value)).map_err(wrong("a number"))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        self.leaf(Leaf::Unsigned(value)).map_err(wrong("a number"))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<bool, E> {
        self.leaf(Leaf::Float(value)).map_err(wrong("a number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<bool, E> {
        self.leaf(Leaf::Text(value)).map_err(wrong("a string"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<bool, A::Error> {
        if self.element || !self.field.repeated {
            if let Kind::Message(_) = self.field.kind {
                return Err(wrong("an array")("an object"));
            }
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            self.writer.notes.odd("a single value");
            return Ok(false);
        }
        let Self { writer, field, .. } = self;
        if scalar::wire_type(field.kind) == LENGTH_DELIMITED {
            each(writer, field, &mut elements)?;
        } else {
            writer.tag(field.number, LENGTH_DELIMITED);
            writer.delimited(|writer| each(writer, field, &mut elements))?;
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        if self.field.repeated && !self.element {
            return Err(wrong("an object")("an array"));
        }
        let Some(message) = self.message() else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            self.writer.notes.odd("a single value");
            return Ok(false);
        };
        let Self { writer, field, .. } = self;
        if writer.depth == DEEPEST {
            return Err(A::Error::custom("nested deeper than the 100 messages that protobuf allows"));
        }
        writer.depth += 1;
        writer.tag(field.number, LENGTH_DELIMITED);
        writer.delimited(|writer| Body { writer, message }.visit_map(map))?;
        writer.depth -= 1;
        Ok(true)
    }
}

fn each<'de, A: SeqAccess<'de>>(writer: &mut Writer, field: &'static Field, elements: &mut A) -> Result<(), A::Error> {
    for index in 0.. {
        writer.notes.enter(Step::Index(index));
        let more = elements.next_element_seed(FieldValue { writer: &mut *writer, field, element: true })?;
        if writer.out.len() > writer.limit {
            return Err(A::Error::custom("too large"));
        }
        writer.notes.leave();
        if more.is_none() {
            break;
        }
    }
    Ok(())
}

fn wrong<E: Error>(found: &str) -> impl FnOnce(&'static str) -> E {
    move |expected| E::custom(format_args!("expected {expected}, found {found}"))
}
