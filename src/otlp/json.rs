//! OTLP/JSON. In: the JSON text of an export request. Out: the same request in protobuf, so that there is one path
//! after decoding, and a note for the sender about what was passed over.
//!
//! Read as the protobuf JSON mapping reads: `null` and absent fields are defaults, numbers may be strings, unknown
//! keys are passed over. One odd leaf value does not lose the batch: it is left out and noted, with its JSON path and
//! what would have been right. Broken structure (no object where one belongs, a key given twice, nesting deeper than
//! protobuf allows) refuses the request. Of two members of one `oneof` the last counts, as in protobuf, with a note.

mod message;
mod notes;
mod scalar;
mod schema;

use serde::de::DeserializeSeed;

use self::message::{Body, Writer};
use super::rejection::Rejection;
use super::signal::Signal;

/// A JSON request turned into protobuf.
#[derive(Debug)]
pub struct Converted {
    /// The encoded export request.
    pub body: Vec<u8>,
    /// What the sender should know: keys that were ignored, values that were left out. Empty if all is well.
    pub warning: String,
}

/// Turns an OTLP/JSON export request into protobuf of at most `limit` bytes.
///
/// # Errors
/// [`Rejection::Malformed`] with the JSON path, or [`Rejection::TooLarge`].
pub fn to_protobuf(signal: Signal, json: &[u8], limit: usize) -> Result<Converted, Rejection> {
    let mut writer = Writer::new(json.len() / 2, limit);
    let mut reader = serde_json::Deserializer::from_slice(json);
    // The writer counts the levels itself, as protobuf does; what it does not know is skipped without recursion.
    reader.disable_recursion_limit();
    let read = Body { writer: &mut writer, message: schema::request(signal) }.deserialize(&mut reader);
    match read.and_then(|()| reader.end()) {
        Ok(()) => Ok(Converted { warning: writer.notes.summary(), body: writer.out }),
        Err(_) if writer.out.len() > limit => Err(Rejection::TooLarge { limit }),
        Err(error) => Err(Rejection::Malformed { field: writer.notes.path(), detail: error.to_string() }),
    }
}

#[cfg(test)]
mod tests;
