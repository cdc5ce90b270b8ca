//! One leaf value. In: what JSON held, and the type that the field has. Out: its protobuf encoding, read as the
//! protobuf JSON mapping reads it, or what was expected in its place.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost::encoding::{encode_varint, encoded_len_varint};

use super::schema::Kind;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD_BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL_SAFE_BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// A JSON value that is no array, no object and not null.
#[derive(Clone, Copy)]
pub(super) enum Leaf<'a> {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(&'a str),
}

/// Protobuf wire type of a leaf of this kind.
pub(super) const fn wire_type(kind: Kind) -> u32 {
    match kind {
        Kind::Bool | Kind::Int64 | Kind::Uint64 | Kind::Uint32 | Kind::Sint32 | Kind::Enum(_) => 0,
        Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => 1,
        Kind::Message(_) | Kind::Value | Kind::String | Kind::Bytes | Kind::Hex => 2,
        Kind::Fixed32 => 5,
    }
}

/// Writes the value without its tag.
///
/// # Errors
/// What would have been right, for people.
pub(super) fn encode(kind: Kind, leaf: Leaf<'_>, out: &mut Vec<u8>) -> Result<(), &'static str> {
    match kind {
        Kind::Message(_) | Kind::Value => return Err("an object"),
        Kind::String => put_bytes(text(leaf).ok_or("a string")?.as_bytes(), out),
        Kind::Hex => put_bytes(&hex(leaf).ok_or("an id in hexadecimal digits")?, out),
        Kind::Bytes => put_bytes(&base64(leaf).ok_or("bytes in base64")?, out),
        Kind::Bool => encode_varint(u64::from(boolean(leaf).ok_or("true or false")?), out),
        Kind::Int64 => encode_varint(signed(leaf).ok_or("a 64-bit integer, as string or number")?.cast_unsigned(), out),
        Kind::Uint64 => encode_varint(unsigned(leaf).ok_or(UNSIGNED)?, out),
        Kind::Fixed64 => out.extend(unsigned(leaf).ok_or(UNSIGNED)?.to_le_bytes()),
        Kind::Sfixed64 => out.extend(signed(leaf).ok_or("a 64-bit integer, as string or number")?.to_le_bytes()),
        Kind::Uint32 => encode_varint(u64::from(small(leaf).ok_or(SMALL)?), out),
        Kind::Fixed32 => out.extend(small(leaf).ok_or(SMALL)?.to_le_bytes()),
        Kind::Sint32 => encode_varint(u64::from(zigzag(signed_small(leaf).ok_or("a 32-bit integer")?)), out),
        Kind::Double => out.extend(double(leaf).ok_or("a number")?.to_le_bytes()),
        Kind::Enum(names) => {
            let number = enumerator(leaf, names).ok_or("the number of an enum value")?;
            encode_varint(i64::from(number).cast_unsigned(), out);
        }
    }
    Ok(())
}

const UNSIGNED: &str = "an unsigned 64-bit integer, as string or number";
const SMALL: &str = "an unsigned 32-bit integer";

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + encoded_len_varint(bytes.len() as u64));
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

const fn zigzag(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)).cast_unsigned()
}

const fn text(leaf: Leaf<'_>) -> Option<&str> {
    match leaf {
        Leaf::Text(text) => Some(text),
        _ => None,
    }
}

fn boolean(leaf: Leaf<'_>) -> Option<bool> {
    match leaf {
        Leaf::Bool(value) => Some(value),
        Leaf::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn signed(leaf: Leaf<'_>) -> Option<i64> {
    match leaf {
        Leaf::Signed(value) => Some(value),
        Leaf::Unsigned(value) => value.try_into().ok(),
        Leaf::Float(value) => integral(value)?.try_into().ok(),
        Leaf::Text(text) => text.parse().ok().or_else(|| integral(decimal(text)?)?.try_into().ok()),
        Leaf::Bool(_) => None,
    }
}

fn unsigned(leaf: Leaf<'_>) -> Option<u64> {
    match leaf {
        Leaf::Signed(value) => value.try_into().ok(),
        Leaf::Unsigned(value) => Some(value),
        Leaf::Float(value) => integral(value)?.try_into().ok(),
        Leaf::Text(text) => text.parse().ok().or_else(|| integral(decimal(text)?)?.try_into().ok()),
        Leaf::Bool(_) => None,
    }
}

fn small(leaf: Leaf<'_>) -> Option<u32> {
    unsigned(leaf)?.try_into().ok()
}

fn signed_small(leaf: Leaf<'_>) -> Option<i32> {
    signed(leaf)?.try_into().ok()
}

/// A float that is a whole number, as an integer: `1.0` and `1e18` are integers in protobuf JSON.
#[expect(clippy::cast_possible_truncation, reason = "whole and within the range of i128 as checked")]
fn integral(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < 1e30).then_some(value as i128)
}

/// A decimal number in a string; the other words that Rust reads as floats are none in JSON.
fn decimal(text: &str) -> Option<f64> {
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    numeric.then(|| text.parse().ok())?
}

fn double(leaf: Leaf<'_>) -> Option<f64> {
    match leaf {
        Leaf::Float(value) => Some(value),
        Leaf::Signed(value) => Some(value as f64),
        Leaf::Unsigned(value) => Some(value as f64),
        Leaf::Text("NaN") => Some(f64::NAN),
        Leaf::Text("Infinity") => Some(f64::INFINITY),
        Leaf::Text("-Infinity") => Some(f64::NEG_INFINITY),
        Leaf::Text(text) => decimal(text),
        Leaf::Bool(_) => None,
    }
}

fn enumerator(leaf: Leaf<'_>, names: &[(&str, i32)]) -> Option<i32> {
    match leaf {
        Leaf::Text(text) => {
            names.iter().find_map(|(name, number)| (*name == text).then_some(*number)).or_else(|| signed_small(leaf))
        }
        _ => signed_small(leaf),
    }
}

fn base64(leaf: Leaf<'_>) -> Option<Vec<u8>> {
    let text = text(leaf)?;
    let engine = if text.contains(['-', '_']) { URL_SAFE_BASE64 } else { STANDARD_BASE64 };
    engine.decode(text).ok()
}

fn hex(leaf: Leaf<'_>) -> Option<Vec<u8>> {
    let (pairs, rest) = text(leaf)?.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes = pairs.iter().map(|[high, low]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok());
    if rest.is_empty() { bytes.collect() } else { None }
}
