//! The case feed's API as Rust: messages, server and client. In: `proto/coroner/v1/cases.proto`, which says what everything means.
//! Out: what `proto/build.rs` makes of it.

#![expect(
    unused_qualifications,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    reason = "generated"
)]

tonic::include_proto!("coroner.v1");
