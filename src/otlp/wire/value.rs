//! Attribute values, read on demand.
//!
//! In: bytes that the walk has checked. Out: values and lists that borrow from them, as `prost` would have merged them:
//! the last value of an attribute wins, but lists of one kind that come in several pieces are one list. Should bytes be
//! malformed nevertheless, a list ends there.

use std::fmt;

use super::attribute;
use super::reader::{Field, Payload, REQUEST_DEPTH, Reader};

/// `AnyValue`.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// No value, or one that only has a meaning in profiles (a reference to a string table).
    Empty,
    /// `string_value`.
    Str(&'a str),
    /// `bool_value`.
    Bool(bool),
    /// `int_value`.
    Int(i64),
    /// `double_value`.
    Double(f64),
    /// `bytes_value`.
    Bytes(&'a [u8]),
    /// `array_value`.
    Array(Values<'a>),
    /// `kvlist_value`.
    Map(Attributes<'a>),
}

/// The elements of an array.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    pieces: Pieces<'a>,
}

/// A list of attributes, in wire order; a key may come twice.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    pieces: Pieces<'a>,
}

/// Where the elements of a list stand.
#[derive(Clone, Copy)]
struct Pieces<'a> {
    bytes: &'a [u8],
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    /// `bytes` is a message, and the elements are its fields of this number.
    Fields(u8),
    /// `bytes` is an `AnyValue` whose list comes in several fields of the number `variant`.
    AnyValue { variant: u8 },
    /// `bytes` is a message whose `AnyValue` (field `number`) comes in several pieces.
    Message { number: u8, variant: u8 },
}

const STRING: u32 = 1;
const BOOL: u32 = 2;
const INT: u32 = 3;
const DOUBLE: u32 = 4;
const ARRAY: u8 = 5;
const MAP: u8 = 6;
const BYTES: u32 = 7;
const STRING_INDEX: u32 = 8;

impl<'a> Values<'a> {
    /// The elements in order.
    pub fn iter(self) -> ValueIter<'a> {
        ValueIter(self.pieces.iter())
    }
}

impl<'a> Attributes<'a> {
    /// The attributes that are the fields `number` of a checked message.
    pub(super) fn new(message: &'a [u8], number: u8) -> Self {
        Self { pieces: Pieces { bytes: message, place: Place::Fields(number) } }
    }

    /// Keys and values in order.
    pub fn iter(self) -> AttributeIter<'a> {
        AttributeIter(self.pieces.iter())
    }

    /// The value of the first attribute with this key.
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        self.iter().find_map(|(found, value)| (found == key).then_some(value))
    }
}

impl<'a> IntoIterator for Values<'a> {
    type Item = Value<'a>;
    type IntoIter = ValueIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for Attributes<'a> {
    type Item = (&'a str, Value<'a>);
    type IntoIter = AttributeIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Iterator over [`Values`].
#[derive(Clone)]
pub struct ValueIter<'a>(PieceIter<'a>);

impl<'a> Iterator for ValueIter<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let any_value = self.0.next()?;
        let mut merged = Merged::new(any_value);
        merged.add(any_value, any_value);
        Some(merged.value(|variant| Place::AnyValue { variant }))
    }
}

/// Iterator over [`Attributes`].
#[derive(Clone)]
pub struct AttributeIter<'a>(PieceIter<'a>);

impl<'a> Iterator for AttributeIter<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(key_value)
    }
}

/// The attribute in a checked `KeyValue`.
pub(super) fn key_value(message: &[u8]) -> (&str, Value<'_>) {
    if let Some(attribute) = attribute::plain(message) {
        return attribute;
    }
    let mut key = "";
    let mut fields = Reader::new(message);
    while let Some((number, payload)) = next(&mut fields) {
        if let (1, Payload::Bytes(bytes)) = (number, payload) {
            key = text(bytes);
        }
    }
    (key, merged(message, 2))
}

/// The value of the `AnyValue` that is field `number` of a checked message, in however many pieces.
pub(super) fn merged(message: &[u8], number: u8) -> Value<'_> {
    let mut merged = Merged::new(message);
    let mut fields = Reader::new(message);
    loop {
        let from = fields.rest();
        match next(&mut fields) {
            Some((found, Payload::Bytes(any_value))) if found == u32::from(number) => merged.add(any_value, from),
            Some(_) => {}
            None => return merged.value(|variant| Place::Message { number, variant }),
        }
    }
}

/// An `AnyValue` in the making.
struct Merged<'a> {
    last: Value<'a>,
    variant: u32,
    /// Where the piece stands that made `last` what it is.
    from: &'a [u8],
    /// More pieces of the same list followed.
    several: bool,
}

impl<'a> Merged<'a> {
    fn new(from: &'a [u8]) -> Self {
        Self { last: Value::Empty, variant: 0, from, several: false }
    }

    /// Adds a piece that stands at `from`: a list grows, anything else is replaced.
    fn add(&mut self, any_value: &'a [u8], from: &'a [u8]) {
        let mut fields = Reader::new(any_value);
        while let Some((number, payload)) = next(&mut fields) {
            let Some(value) = one(number, payload) else { continue };
            if self.variant == number && matches!(value, Value::Array(_) | Value::Map(_)) {
                self.several = true;
            } else {
                *self = Self { last: value, variant: number, from, several: false };
            }
        }
    }

    /// The outcome; `place` says how to find all pieces of a list from where its first one stands.
    fn value(self, place: impl Fn(u8) -> Place) -> Value<'a> {
        match self.last {
            Value::Array(_) if self.several => {
                Value::Array(Values { pieces: Pieces { bytes: self.from, place: place(ARRAY) } })
            }
            Value::Map(_) if self.several => {
                Value::Map(Attributes { pieces: Pieces { bytes: self.from, place: place(MAP) } })
            }
            value => value,
        }
    }
}

/// The value that one field of an `AnyValue` states; nothing for unknown fields.
pub(super) fn one(number: u32, payload: Payload<'_>) -> Option<Value<'_>> {
    Some(match (number, payload) {
        (STRING, Payload::Bytes(bytes)) => Value::Str(text(bytes)),
        (BOOL, Payload::Varint(value)) => Value::Bool(value != 0),
        (INT, Payload::Varint(value)) => Value::Int(value.cast_signed()),
        (DOUBLE, Payload::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
        (BYTES, Payload::Bytes(bytes)) => Value::Bytes(bytes),
        (STRING_INDEX, Payload::Varint(_)) => Value::Empty,
        (number, Payload::Bytes(bytes)) if number == u32::from(ARRAY) => {
            Value::Array(Values { pieces: Pieces { bytes, place: Place::Fields(1) } })
        }
        (number, Payload::Bytes(bytes)) if number == u32::from(MAP) => Value::Map(Attributes::new(bytes, 1)),
        _ => return None,
    })
}

impl<'a> Pieces<'a> {
    fn iter(self) -> PieceIter<'a> {
        let nothing = Reader::new(&[]);
        let bytes = Reader::new(self.bytes);
        match self.place {
            Place::Fields(element) => {
                PieceIter { list: bytes, element, pieces: nothing, variant: 0, outer: nothing, number: 0 }
            }
            Place::AnyValue { variant } => PieceIter {
                list: nothing,
                element: 1,
                pieces: last_run(self.bytes, variant),
                variant,
                outer: nothing,
                number: 0,
            },
            Place::Message { number, variant } => {
                PieceIter { list: nothing, element: 1, pieces: nothing, variant, outer: bytes, number }
            }
        }
    }
}

/// Goes through the elements of a list, piece by piece.
#[derive(Clone)]
struct PieceIter<'a> {
    /// The piece being read; its elements are its fields `element`.
    list: Reader<'a>,
    element: u8,
    /// The `AnyValue` being read; its pieces are its fields `variant`.
    pieces: Reader<'a>,
    variant: u8,
    /// The message being read; the `AnyValue` is its fields `number`.
    outer: Reader<'a>,
    number: u8,
}

impl<'a> Iterator for PieceIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            if let Some(element) = next_of(&mut self.list, self.element) {
                return Some(element);
            }
            if let Some(list) = next_of(&mut self.pieces, self.variant) {
                self.list = Reader::new(list);
            } else {
                self.pieces = last_run(next_of(&mut self.outer, self.number)?, self.variant);
            }
        }
    }
}

/// The end of an `AnyValue` behind its last field that is of another variant: what came before was replaced.
fn last_run(any_value: &[u8], variant: u8) -> Reader<'_> {
    let mut fields = Reader::new(any_value);
    let mut run = fields;
    while let Some((number, payload)) = next(&mut fields) {
        if number != u32::from(variant) && one(number, payload).is_some() {
            run = fields;
        }
    }
    run
}

fn next_of<'a>(fields: &mut Reader<'a>, wanted: u8) -> Option<&'a [u8]> {
    loop {
        if let (number, Payload::Bytes(bytes)) = next(fields)?
            && number == u32::from(wanted)
        {
            return Some(bytes);
        }
    }
}

/// The next field of a message that has been checked.
pub(super) fn next<'a>(fields: &mut Reader<'a>) -> Option<Field<'a>> {
    fields.field(REQUEST_DEPTH).ok().flatten()
}

/// A string that has been checked.
pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
