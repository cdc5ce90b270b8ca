//! Words of the protocol: borrowed views over the wire bytes, OTLP/JSON, compression, and how a request is refused.

pub mod wire;
