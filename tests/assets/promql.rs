//! What a query names. In: `PromQL` and the names that exist. Out: the names in it that do not exist.
//!
//! No parser: metric names, matchers and grouping labels are found by pattern. `promtool` checks the grammar.

use coroner::judge::taxonomy::{Blame, Cause, Class, Confidence, EvidenceKind, Match};
use coroner::observe::{Ending, Outcome, Vantage};
use coroner::telemetry::catalogue;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// Fills in what Grafana would: every variable by "all", the interval by one minute.
pub(crate) fn fill(expr: &str) -> String {
    let variable = Regex::new(r"\$\{?[a-z_]+(:\w+)?\}?").unwrap();
    let expr = expr.replace("$__rate_interval", "1m").replace("$__interval", "1m").replace("$__range", "1h");
    variable.replace_all(&expr, ".*").into_owned()
}

/// The labels of each metric that the service exposes.
fn contract() -> BTreeMap<&'static str, &'static [&'static str]> {
    catalogue::ALL.iter().map(|metric| (metric.name, metric.labels)).collect()
}

fn words<W: Copy>(all: &[W], word: fn(W) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| word(*one)).collect()
}

/// The closed set of a label's values, where it has one.
fn closed_set(label: &str) -> Option<Vec<&'static str>> {
    match label {
        "class" => Some(Class::ALL.iter().map(|word| word.as_str()).collect()),
        "cause" => Some(Cause::ALL.iter().map(|word| word.as_str()).collect()),
        "blame" => Some(Blame::ALL.iter().map(|word| word.as_str()).collect()),
        "confidence" => Some(Confidence::ALL.iter().map(|word| word.as_str()).collect()),
        "match" => Some(Match::ALL.iter().map(|word| word.as_str()).collect()),
        "kind" => Some(EvidenceKind::ALL.iter().map(|word| word.as_str()).collect()),
        "ending" => {
            Some(words(&[Ending::Complete, Ending::Truncated, Ending::Cancelled, Ending::Unknown], Ending::as_str))
        }
        "outcome" => Some(words(&[Outcome::Success, Outcome::Error, Outcome::Cancelled], Outcome::as_str)),
        "vantage" => Some(words(
            &[Vantage::Client, Vantage::Sdk, Vantage::App, Vantage::Gateway, Vantage::Model],
            Vantage::as_str,
        )),
        _ => None,
    }
}

/// Every name in the query that does not exist.
pub(crate) fn problems(expr: &str, recorded: &BTreeSet<&str>) -> Vec<String> {
    let contract = contract();
    let mut found = Vec::new();
    let selector = Regex::new(r"\b((?:inference|coroner)_\w+|model:[\w:]+)(?:\{([^}]*)\})?").unwrap();
    let grouping = Regex::new(r"(?:by|on|group_left|without)\s*\(([^)]*)\)").unwrap();
    let mut labels: BTreeSet<&str> = ["job", "instance", "le"].into();
    let mut named = 0;
    for capture in selector.captures_iter(expr) {
        let name = capture.get(1).unwrap().as_str();
        named += 1;
        let matchers = capture.get(2).map_or("", |m| m.as_str());
        if name.starts_with("model:") {
            if !recorded.contains(name) {
                found.push(format!("no rule records {name}"));
            }
            labels.extend(contract.values().copied().flatten());
            found.extend(wrong_values(matchers, None));
        } else if let Some(own) = contract.get(name.trim_end_matches("_bucket")) {
            labels.extend(own.iter());
            found.extend(wrong_values(matchers, Some(own)));
        } else {
            found.push(format!("no metric is called {name}"));
        }
    }
    for group in grouping.captures_iter(expr) {
        let unknown = group[1].split(',').map(str::trim).filter(|label| !label.is_empty() && !labels.contains(label));
        found.extend(unknown.map(|label| format!("no metric here has the label {label}")));
    }
    if named == 0 {
        found.push(format!("names no metric: {expr}"));
    }
    found
}

fn wrong_values(matchers: &str, labels: Option<&[&str]>) -> Vec<String> {
    let matcher = Regex::new(r#"(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)""#).unwrap();
    let mut found = Vec::new();
    for capture in matcher.captures_iter(matchers) {
        let (label, value) = (&capture[1], &capture[2]);
        if labels.is_some_and(|labels| !labels.contains(&label)) {
            found.push(format!("the metric has no label {label}"));
        }
        if let Some(words) = closed_set(label) {
            found.extend(
                value.split('|').filter(|v| *v != ".*" && !words.contains(v)).map(|v| format!("{label} is never {v}")),
            );
        }
    }
    found
}

#[test]
fn wrong_names_are_found() {
    let recorded = BTreeSet::from(["model:inference_requests:increase5m"]);
    let wrong = |expr: &str| !problems(expr, &recorded).is_empty();
    assert!(!wrong(
        r#"sum by (blame) (rate(inference_failures_total{blame!="client", cause=~"oom_killed|gpu_oom"}[5m]))"#
    ));
    assert!(!wrong("model:inference_requests:increase5m"));
    assert!(wrong("rate(inference_failure_total[5m])"));
    assert!(wrong("model:inference_requests:rate5m"));
    assert!(wrong(r#"inference_failures_total{blame="user"}"#));
    assert!(wrong(r#"inference_failures_total{cause=~"oom_killed|out_of_memory"}"#));
    assert!(wrong(r#"inference_evidence_total{kind="oom"}"#));
    assert!(wrong(r#"inference_streams_total{cause="unknown"}"#));
    assert!(wrong("sum by (model) (inference_failures_total)"));
    assert!(wrong("up"));
}
