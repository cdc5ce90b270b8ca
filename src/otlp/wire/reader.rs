//! One field at a time.
//!
//! In: the content of a message. Out: its fields in wire order, each a number and a payload that borrows. Malformed
//! varints, keys, lengths and groups are errors here, so that nobody else looks at single bytes.

use super::WireError;

/// How deep `prost` follows messages within messages; each message's content has one level less left than its parent's.
pub(super) const REQUEST_DEPTH: u32 = 100;

/// What stands behind a field's key.
#[derive(Clone, Copy)]
pub(super) enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// Text, bytes, a message or a packed list: length-delimited.
    Bytes(&'a [u8]),
    /// A whole group, already passed over. No OTLP field is one.
    Group,
}

/// A field's number and payload.
pub(super) type Field<'a> = (u32, Payload<'a>);

/// A place in a message.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What has not been read yet.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Base-128 integer, up to 64 bits; longer forms of small values are valid.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, WireError> {
        match self.rest {
            [byte @ 0..=0x7F, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            // Lengths up to 16 KiB, and the key of a span's flags.
            [first, second @ 0..=0x7F, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*first & 0x7F) | u64::from(*second) << 7)
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7F) << (7 * index);
            if byte < 0x80 {
                // The tenth byte has room for one bit of the 64.
                if index == 9 && byte > 1 {
                    break;
                }
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(WireError::Varint)
    }

    /// A length and as many bytes.
    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let length = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Whether the next byte is `key`, the key of a field; it is passed over then.
    #[inline]
    fn at(&mut self, key: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == key => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// The next field's content if its key is the byte `key` (which must be that of a length-delimited field).
    #[inline]
    pub(super) fn bytes_of(&mut self, key: u8) -> Result<Option<&'a [u8]>, WireError> {
        if self.at(key) { self.bytes().map(Some) } else { Ok(None) }
    }

    /// The next field's value if its key is the byte `key` (which must be that of a varint).
    #[inline]
    pub(super) fn varint_of(&mut self, key: u8) -> Result<Option<u64>, WireError> {
        if self.at(key) { self.varint().map(Some) } else { Ok(None) }
    }

    /// The next field's value if its key is the byte `key` (which must be that of 64 bits).
    #[inline]
    pub(super) fn fixed64_of(&mut self, key: u8) -> Result<Option<u64>, WireError> {
        if self.at(key) { Ok(Some(u64::from_le_bytes(self.array()?))) } else { Ok(None) }
    }

    /// The next field, or nothing at the end. `depth` is how many levels are left in this message.
    #[inline]
    pub(super) fn field(&mut self, depth: u32) -> Result<Option<Field<'a>>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.key()?;
        let payload = match wire_type {
            0 => Payload::Varint(self.varint()?),
            1 => Payload::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => Payload::Bytes(self.bytes()?),
            3 => {
                self.group(number, depth)?;
                Payload::Group
            }
            4 => return Err(WireError::Group),
            5 => Payload::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(WireError::Key),
        };
        Ok(Some((number, payload)))
    }

    #[inline]
    fn key(&mut self) -> Result<(u32, u32), WireError> {
        let key = u32::try_from(self.varint()?).map_err(|_| WireError::Key)?;
        if key < 8 {
            return Err(WireError::Key);
        }
        Ok((key >> 3, key & 7))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    /// Passes over the content of group `number` and its end.
    #[cold]
    fn group(&mut self, number: u32, depth: u32) -> Result<(), WireError> {
        room_for_unknown(depth)?;
        loop {
            let (inner, wire_type) = self.key()?;
            if wire_type == 4 {
                return if inner == number { Ok(()) } else { Err(WireError::Group) };
            }
            room_for_unknown(depth - 1)?;
            match wire_type {
                0 => _ = self.varint()?,
                1 => _ = self.array::<8>()?,
                2 => _ = self.bytes()?,
                3 => self.group(inner, depth - 1)?,
                5 => _ = self.array::<4>()?,
                _ => return Err(WireError::Key),
            }
        }
    }
}

/// An unknown field may only stand where one more level could: `prost` counts passing over a field as one.
#[inline]
pub(super) fn room_for_unknown(depth: u32) -> Result<(), WireError> {
    if depth == 0 { Err(WireError::Depth) } else { Ok(()) }
}

/// A string field's text.
#[inline]
pub(super) fn text(bytes: &[u8]) -> Result<&str, WireError> {
    std::str::from_utf8(bytes).map_err(|_| WireError::Utf8)
}

/// The value of a 32-bit field: the upper half of the varint is dropped, as the protobuf rules say.
#[inline]
pub(super) fn low_u32(varint: u64) -> u32 {
    (varint & 0xFFFF_FFFF) as u32
}

/// The value of an `int32` or an enumeration.
#[inline]
pub(super) fn low_i32(varint: u64) -> i32 {
    low_u32(varint).cast_signed()
}
