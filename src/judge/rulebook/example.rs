//! Examples: observations in short form, which every rule carries at least one of.
//!
//! An example is a promise: judged through all books, it is decided by the rule that it stands under.

use super::read::{Fields, Reader};
use super::when;
use crate::observe::{Api, Observation, Outcome, Status, Target, Transport, Vantage};
use crate::yaml::Node;
use std::sync::Arc;

/// A request starts at this time in examples, ns since 1970.
const START_NS: u64 = 1_790_000_000_000_000_000;

const KEYS: &[&str] =
    &["status", "transport", "ending", "api", "vantage", "seconds", "path", "headers", "text", "platform"];

/// Reads an example; a key that is left out means that the record does not show it.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, platform: &str) -> Option<Observation> {
    let fields = reader.fields(node, "example", KEYS)?;
    if fields.all().is_empty() {
        reader.wrong(node.at, "the example is empty; write for example `{ status: 502 }`");
        return None;
    }
    let before = reader.errors.len();
    let platform = match fields.get("platform") {
        Some(n) => reader.text(n, "platform").unwrap_or_default(),
        None => (if platform == super::ANY_PLATFORM { "other" } else { platform }).to_owned(),
    };
    let seconds = fields.get("seconds").and_then(|n| reader.value(n, "seconds")).unwrap_or(1.0_f64);
    let transport: Option<Transport> = fields.get("transport").and_then(|n| reader.value(n, "transport"));
    let text = |reader: &mut Reader<'_>, key| fields.get(key).and_then(|n| reader.text(n, key)).unwrap_or_default();
    let observation = Observation {
        vantage: fields.get("vantage").and_then(|n| when::vantage(reader, n)).unwrap_or(Vantage::Client),
        target: Arc::new(Target { platform, model_id: "q4r5s6t7".to_owned(), ..Target::default() }),
        api: fields.get("api").and_then(|n| reader.value(n, "api")).unwrap_or(Api::Dedicated),
        caller: Arc::from("example"),
        status: fields.get("status").and_then(|n| when::status(reader, n)).unwrap_or(Status::None),
        transport,
        ending: fields.get("ending").and_then(|n| when::ending(reader, n)),
        path: text(reader, "path"),
        text: text(reader, "text"),
        headers: headers(reader, fields),
        request_id: String::new(),
        start_ns: START_NS,
        end_ns: START_NS.saturating_add(nanoseconds(seconds)),
        trace_id: [1; 16],
        span_id: [1; 8],
        parent_span_id: [0; 8],
        weight: 1.0,
        outcome: if transport == Some(Transport::Cancelled) { Outcome::Cancelled } else { Outcome::Error },
    };
    (reader.errors.len() == before).then_some(observation)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a u64 of ns can hold")]
fn nanoseconds(seconds: f64) -> u64 {
    (seconds.clamp(0.0, 1e6) * 1e9) as u64
}

fn headers(reader: &mut Reader<'_>, fields: Fields<'_>) -> Vec<(String, String)> {
    let Some(node) = fields.get("headers") else { return Vec::new() };
    let Some(entries) = node.entries() else {
        reader.wrong(node.at, "`headers` must be a map of names and values");
        return Vec::new();
    };
    let read = |entry: &crate::yaml::Entry| Some((entry.key.clone(), reader.text(&entry.node, &entry.key)?));
    entries.iter().filter_map(read).collect()
}
