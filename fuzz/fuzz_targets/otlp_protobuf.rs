//! Any bytes, as a request of each signal: the walk must take what the official decoder takes, and say the same.
//!
//! `cargo +nightly fuzz run otlp_protobuf fuzz/corpus/otlp_protobuf fuzz/seeds`; what it finds goes to `fuzz/seeds`, where
//! `cargo test --test wire` runs it from then on.
#![no_main]

#[path = "../../tests/wire/oracle.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::compare(bytes));
