//! `otlp::wire` against the official decoder.
//!
//! Scenario: official messages of every shape, the same damaged in ways that matter, hostile ones written by hand, recorded exports of
//! real clients, and the seeds of the fuzz target.
//! Guarantees: the walk takes exactly the bytes that `prost` takes, and says the same about them.

#[path = "wire/damage.rs"]
mod damage;
#[path = "wire/hostile.rs"]
mod hostile;
#[path = "wire/messages.rs"]
mod messages;
#[path = "wire/oracle.rs"]
mod oracle;

use base64::Engine as _;
use coroner::otlp::wire::{Span, SpanVisitor, Value, traces};
use damage::{Choices, damage};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;
use std::path::{Path, PathBuf};

/// An encoded request and choices of damage.
fn encoded() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        messages::traces().prop_map(|message| message.encode_to_vec()),
        messages::logs().prop_map(|message| message.encode_to_vec()),
        messages::metrics().prop_map(|message| message.encode_to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn official_messages_are_read_as_the_official_decoder_reads_them(bytes in encoded()) {
        oracle::compare(&bytes);
    }

    #[test]
    fn damaged_messages_are_judged_as_the_official_decoder_judges_them(
        bytes in encoded(),
        damages in vec(vec(any::<u32>(), 32), 1..24),
    ) {
        // One more damage each time, as long as the message is still read.
        let mut bytes = bytes;
        for choices in &damages {
            let mut damaged = bytes.clone();
            damage(&mut damaged, &mut Choices(choices.iter()));
            oracle::compare(&damaged);
            if coroner_reads(&damaged) {
                bytes = damaged;
            }
        }
    }

    #[test]
    fn any_bytes_are_judged_as_the_official_decoder_judges_them(bytes in vec(any::<u8>(), 0..64)) {
        oracle::compare(&bytes);
    }
}

fn coroner_reads(bytes: &[u8]) -> bool {
    struct Nothing;
    impl<'a> SpanVisitor<'a> for Nothing {
        fn span_attribute(&mut self, _key: &'a str, _value: Value<'a>) {}
        fn span(&mut self, _span: &Span<'a>) {}
    }
    traces(bytes, &mut Nothing).is_ok()
}

#[test]
fn recorded_exports_are_read_as_the_official_decoder_reads_them() {
    let mut read = 0;
    for file in
        files("tests/fixtures/captures").into_iter().filter(|file| file.extension().is_some_and(|e| e == "jsonl"))
    {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let capture: serde_json::Value = serde_json::from_str(line).unwrap();
            let body = capture["traces"].as_str().expect("each recording has an export");
            oracle::compare(&base64::engine::general_purpose::STANDARD.decode(body).unwrap());
            read += 1;
        }
    }
    assert!(read >= 1000, "only {read} recordings found");
}

/// The way to run what the fuzzer found as a normal test: put it into `fuzz/seeds`.
#[test]
fn seeds_of_the_fuzz_target() {
    let seeds = files("fuzz/seeds");
    for seed in &seeds {
        oracle::compare(&std::fs::read(seed).unwrap());
    }
    assert!(seeds.len() >= 6, "only {} seeds found", seeds.len());
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    std::fs::read_dir(folder)
        .expect("part of the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .collect()
}
