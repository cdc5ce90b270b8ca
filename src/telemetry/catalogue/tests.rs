//! The catalogue against the naming rules, and `docs/metrics.md` against the catalogue.

use super::{ALL, Kind, Metric};
use std::fmt::Write;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");

fn table(page: &mut String, own: bool) {
    page.push_str("| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for Metric { name, kind, labels, help } in ALL.iter().copied().filter(|metric| metric.is_own() == own) {
        let labels = labels.iter().map(|l| format!("`{l}`")).collect::<Vec<_>>().join(", ");
        writeln!(page, "| `{name}` | {} | {labels} | {help} |", kind.as_str()).unwrap();
    }
}

fn document() -> String {
    let mut page = "# Metrics\n\n\
        Generated from `src/telemetry/catalogue.rs`; a test keeps it in step (`CORONER_BLESS=1 cargo test catalogue` rewrites it).\n\n\
        Counts carry sampling weights, so they may be fractions. Label values come from closed sets or are capped: past a limit they are\n\
        `_other` (callers without a name: `_unknown`; targets that only ever answered 401, 403 or 404: `_unverified`).\n\n\
        ## Inference\n\n"
        .to_owned();
    table(&mut page, false);
    page.push_str("\n## The service itself\n\n");
    table(&mut page, true);
    page
}

#[test]
fn the_document_is_current() {
    let expected = document();
    if std::env::var_os("CORONER_BLESS").is_some() {
        std::fs::write(DOCUMENT, &expected).unwrap();
    }
    let found = std::fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(found == expected, "docs/metrics.md is stale: CORONER_BLESS=1 cargo test catalogue");
}

#[test]
fn names_follow_the_rules() {
    for metric in ALL {
        let name = metric.name;
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert!(name.starts_with("inference_") || name.starts_with("coroner_"), "{name}");
        assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        assert!(metric.help.ends_with('.') && !metric.help.contains(['\n', '|']), "{name}: {}", metric.help);
        assert_eq!(ALL.iter().filter(|m| m.name == name).count(), 1, "{name} is declared twice");
    }
    assert_eq!(super::DURATION.unit(), Some("seconds"));
    assert_eq!(super::RECEIVED_BYTES.unit(), Some("bytes"));
    assert_eq!(super::REQUESTS.unit(), None);
}
