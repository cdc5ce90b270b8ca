//! Words of the protocol: borrowed views over the wire bytes, OTLP/JSON, compression, and how a request is refused.

pub mod compression;
pub mod json;
pub mod rejection;
pub mod signal;
pub mod wire;
