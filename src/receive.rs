//! Stage 1: the ports. In: export requests over OTLP/gRPC and OTLP/HTTP. Out: protobuf bytes, handed to the
//! [`Intake`] behind the ports, and the answer that OTLP asks for.
//!
//! Bytes are bounded at the door: room is reserved before a body is read, and before it grows while it is opened.
//! What is refused is refused by the one table in [`crate::otlp::rejection`].

mod admission;
mod answer;
mod body;
mod counters;
pub mod grpc;
pub mod http;
mod limits;
mod receiver;
pub mod repeat;
mod server;

pub use admission::{Admission, Permit};
pub use counters::{Counters, Protocol, ReceivedRow};
pub use limits::Limits;
pub use receiver::{Accepted, Intake, Receiver};
pub(crate) use server::begins;

#[cfg(test)]
mod tests;
