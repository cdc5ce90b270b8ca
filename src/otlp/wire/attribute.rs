//! The fast path for attributes, the message that most bytes of a request are made of.
//!
//! In: one `KeyValue`. Out: key and value if it has the form that all writers produce (the key, then a value of one field,
//! nothing else). Anything else, right or wrong, is left to the full check. It is fast because a whole stretch of attributes is
//! checked for UTF-8 at once, and each string is then cut out of it, which only looks at its two ends.

use super::reader::Reader;
use super::value::Value;

/// Cuts strings out of a message, checking long stretches of it at a time.
pub(super) struct Strings<'a> {
    message: &'a [u8],
    /// The stretch that is known to be UTF-8, and where it starts.
    stretch: &'a str,
    start: usize,
}

impl<'a> Strings<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { message, stretch: "", start: 0 }
    }

    /// The `length` bytes before `end`, unless they are not UTF-8.
    #[inline]
    fn before(&mut self, end: usize, length: usize) -> Option<&'a str> {
        let from = end.wrapping_sub(length).wrapping_sub(self.start);
        match self.stretch.get(from..end.wrapping_sub(self.start)) {
            Some(text) => Some(text),
            None => self.advance(end, length),
        }
    }

    /// The same with a new stretch, which reaches to the next byte that is not UTF-8.
    #[inline(never)]
    fn advance(&mut self, end: usize, length: usize) -> Option<&'a str> {
        self.start = end.checked_sub(length)?;
        let rest = self.message.get(self.start..)?;
        self.stretch = match std::str::from_utf8(rest) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(rest.get(..error.valid_up_to())?).ok()?,
        };
        self.stretch.get(..length)
    }
}

/// The attribute in a `KeyValue` of the usual form that ends at `end` of the message `strings` cuts from.
#[inline(always)]
pub(super) fn plain<'a>(key_value: &'a [u8], end: usize, strings: &mut Strings<'a>) -> Option<(&'a str, Value<'a>)> {
    let mut fields = Reader::new(key_value);
    let key = fields.bytes_of(0x0A).ok()??;
    let key_end = end - fields.rest().len();
    let any_value = fields.bytes_of(0x12).ok()??;
    if !fields.rest().is_empty() {
        return None;
    }
    let key = strings.before(key_end, key.len())?;
    let [kind, rest @ ..] = any_value else { return None };
    let mut value = Reader::new(rest);
    let (value, rest) = match kind {
        0x0A => {
            let length = value.bytes().ok()?.len();
            if !value.rest().is_empty() {
                return None;
            }
            (Value::Str(strings.before(end, length)?), value.rest())
        }
        0x10 => (Value::Bool(value.varint().ok()? != 0), value.rest()),
        0x18 => (Value::Int(value.varint().ok()?.cast_signed()), value.rest()),
        0x21 => {
            let (bits, rest) = rest.split_first_chunk()?;
            (Value::Double(f64::from_le_bytes(*bits)), rest)
        }
        _ => return None,
    };
    rest.is_empty().then_some((key, value))
}
