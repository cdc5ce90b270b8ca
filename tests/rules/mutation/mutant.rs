//! Small mistakes in a rule. In: the rules as data. Out: every copy with one mistake, in the query or beside it.

use super::expression;
use crate::promql::parse;
use promql_parser::util::{display_duration, parse_duration};
use serde_json::Value;
use std::collections::BTreeMap;

/// A rule with one mistake.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mutant {
    /// Place of the rule in the pack.
    pub(super) place: usize,
    /// What the rule records, or the alert's name.
    pub(super) rule: String,
    /// What was changed; once in a rule.
    pub(super) what: String,
    /// The rule, changed.
    pub(super) changed: Value,
}

/// What a rule records, or the alert's name.
pub(super) fn name(rule: &Value) -> &str {
    rule["record"].as_str().or(rule["alert"].as_str()).expect("a rule records or alerts")
}

/// Every mutant of every rule.
pub(super) fn all(rules: &[Value]) -> Vec<Mutant> {
    let mut found = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (what, changed) in mistakes(rule) {
            let times = seen.entry(what.clone()).or_default();
            *times += 1;
            let what = if *times > 1 { format!("{what} (#{times})") } else { what };
            found.push(Mutant { place, rule: name(rule).to_owned(), what, changed });
        }
    }
    found
}

fn mistakes(rule: &Value) -> Vec<(String, Value)> {
    let with = |field: &str, value: Value| {
        let mut changed = rule.clone();
        changed[field] = value;
        changed
    };
    let expr = parse(rule["expr"].as_str().unwrap()).unwrap();
    let mut found = Vec::new();
    for (what, changed) in expression::mutants(&expr) {
        let text = changed.to_string();
        // What does not even load is no mistake that could be made.
        if parse(&text).is_ok() {
            found.push((what, with("expr", text.into())));
        }
    }
    for field in ["for", "keep_firing_for"] {
        let Some(window) = rule[field].as_str().and_then(|text| parse_duration(text).ok()) else { continue };
        for other in expression::windows(window) {
            let other = display_duration(&other);
            found.push((format!("{field} {} -> {other}", display_duration(&window)), with(field, other.into())));
        }
    }
    for (label, value) in rule["labels"].as_object().into_iter().flatten() {
        let mut changed = rule.clone();
        changed["labels"][label] = format!("{}_", value.as_str().unwrap()).into();
        found.push((format!("label {label} changed"), changed));
    }
    found
}
