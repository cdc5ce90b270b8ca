//! The case feed's API as Rust: messages, server and client. In: `proto/coroner/v1/cases.proto`, which says what everything means.
//! Out: what `proto/build.rs` makes of it.

#![expect(unused_qualifications, reason = "generated")]

tonic::include_proto!("coroner.v1");
