//! The fast path for attributes, the message that most bytes of a request are made of.
//!
//! In: one `KeyValue` after the other. Out: key and value, where the message has the form that all writers produce: the key, then a
//! value of one field, nothing else. Anything else, right or wrong, is left to the full check. Successive items look
//! alike: the same keys in the same order, most with the same values; and to compare bytes with bytes that were proved good
//! costs a third of proving them. So the attributes of the item before are remembered by their place.

use super::reader::Reader;
use super::value::Value;

/// How many attributes of an item are remembered: 2 KiB, so that it stays in the first-level cache.
const PLACES: usize = 32;

/// The attributes of the items before, by their place in the item.
pub(super) struct Memory<'a> {
    places: [Seen<'a>; PLACES],
    next: usize,
}

/// An attribute, and the bytes that it was read from.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    message: &'a [u8],
    pub(super) key: &'a str,
    pub(super) value: Value<'a>,
}

impl<'a> Memory<'a> {
    pub(super) fn new() -> Self {
        // The empty message is an attribute with neither key nor value.
        Self { places: [Seen { message: &[], key: "", value: Value::Empty }; PLACES], next: 0 }
    }

    /// The next attribute is the first one of an item.
    #[inline]
    pub(super) fn rewind(&mut self) {
        self.next = 0;
    }

    /// Reads the next attribute of the item, if it has the usual form and its place is remembered.
    #[inline]
    pub(super) fn read(&mut self, message: &'a [u8]) -> Option<&Seen<'a>> {
        let seen = self.places.get_mut(self.next)?;
        self.next += 1;
        if !same(seen.message, message) {
            seen.renew(message)?;
        }
        Some(seen)
    }
}

impl<'a> Seen<'a> {
    /// Takes on another attribute. Written in place, field by field: a value that is put together elsewhere and then moved is
    /// read back before its halves have left the processor's store buffer, which costs more than reading the message.
    fn renew(&mut self, message: &'a [u8]) -> Option<()> {
        let (key, any_value) = split(message)?;
        let known = same(self.key.as_bytes(), key);
        if (known || self.name(key)) && plain_value(any_value, &mut self.value).is_some() {
            self.message = message;
            return Some(());
        }
        self.forget();
        None
    }

    /// Takes on another key, if it is text.
    fn name(&mut self, key: &'a [u8]) -> bool {
        let text = std::str::from_utf8(key);
        self.key = text.unwrap_or_default();
        text.is_ok()
    }

    /// Half of another attribute may stand here: back to the empty message, which has neither key nor value.
    #[cold]
    fn forget(&mut self) {
        *self = Self { message: &[], key: "", value: Value::Empty };
    }
}

/// Whether two texts of bytes are equal. Attributes have 15 to 90 bytes: at that length the call of `memcmp` is what costs.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(a_end), Some(b_end)) = (a.last_chunk::<16>(), b.last_chunk::<16>()) else { return a == b };
    // The last chunk overlaps the one before it, so that there is no rest.
    a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0).all(|(a, b)| a == b) && a_end == b_end
}

/// The attribute in a `KeyValue` of the usual form.
#[inline(never)]
pub(super) fn plain(message: &[u8]) -> Option<(&str, Value<'_>)> {
    let (key, any_value) = split(message)?;
    let mut value = Value::Empty;
    plain_value(any_value, &mut value)?;
    Some((std::str::from_utf8(key).ok()?, value))
}

/// The bytes of a key, and the `AnyValue` that follows it.
type Parts<'a> = (&'a [u8], &'a [u8]);

/// Takes a `KeyValue` apart, if it has nothing else.
#[inline]
fn split(key_value: &[u8]) -> Option<Parts<'_>> {
    if key_value.len() >= 0x80 {
        return split_long(key_value);
    }
    // Lengths within are single bytes, or they are wrong.
    let [0x0A, key_length, rest @ ..] = key_value else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*key_length))?;
    let [0x12, length, any_value @ ..] = rest else { return None };
    (any_value.len() == usize::from(*length)).then_some((key, any_value))
}

#[inline(never)]
fn split_long(key_value: &[u8]) -> Option<Parts<'_>> {
    let mut fields = Reader::new(key_value);
    let key = fields.bytes_of(0x0A).ok()??;
    let any_value = fields.bytes_of(0x12).ok()??;
    fields.rest().is_empty().then_some((key, any_value))
}

/// Writes the value of an `AnyValue` with one field of a simple type.
#[inline]
fn plain_value<'a>(any_value: &'a [u8], value: &mut Value<'a>) -> Option<()> {
    match any_value {
        [0x0A, length, text @ ..] if text.len() == usize::from(*length) && *length < 0x80 => {
            *value = Value::Str(std::str::from_utf8(text).ok()?);
        }
        [0x18, varint @ ..] => *value = Value::Int(whole_varint(varint)?.cast_signed()),
        [0x10, flag @ 0..=0x7F] => *value = Value::Bool(*flag != 0),
        [0x21, bits @ ..] => *value = Value::Double(f64::from_le_bytes(bits.try_into().ok()?)),
        [0x0A, text @ ..] => *value = Value::Str(std::str::from_utf8(whole_bytes(text)?).ok()?),
        _ => return None,
    }
    Some(())
}

/// A varint that fills `bytes`. Up to 9 bytes, that is 63 bits; the tenth byte of negative numbers has rules of its own.
#[inline]
fn whole_varint(bytes: &[u8]) -> Option<u64> {
    let (last, before) = bytes.split_last()?;
    if *last >= 0x80 || before.len() > 8 {
        return None;
    }
    let mut value = u64::from(*last) << (7 * before.len());
    for (index, byte) in before.iter().enumerate() {
        if *byte < 0x80 {
            return None;
        }
        value |= u64::from(byte & 0x7F) << (7 * index);
    }
    Some(value)
}

/// Bytes that with their length fill `rest`.
#[inline(never)]
fn whole_bytes(rest: &[u8]) -> Option<&[u8]> {
    let mut rest = Reader::new(rest);
    let bytes = rest.bytes().ok()?;
    rest.rest().is_empty().then_some(bytes)
}
