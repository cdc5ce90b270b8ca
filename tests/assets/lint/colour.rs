//! Colours. In: panels as JSON. Out: words without their fixed colour, and names that have different colours on different boards.

use super::{Faults, list, panels, text};
use crate::colours::Words;
use crate::promql::{Names, fill};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The name that an override or a mapping colours: of `/\bword$/` the word.
fn word(matcher: &str) -> &str {
    matcher.strip_prefix(r"/\b").and_then(|rest| rest.strip_suffix("$/")).unwrap_or(matcher)
}

/// Every word that has a fixed colour in a panel.
fn coloured(panel: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for one in list(&panel["fieldConfig"], "overrides") {
        for property in list(one, "properties") {
            if property["id"] == "color" {
                let name = word(text(&one["matcher"], "options"));
                found.insert(name.to_owned(), text(&property["value"], "fixedColor").to_owned());
            }
            if property["id"] == "mappings" {
                found.extend(list(property, "value").iter().flat_map(mapped));
            }
        }
    }
    found.extend(list(&panel["fieldConfig"]["defaults"], "mappings").iter().flat_map(mapped));
    found
}

fn mapped(mapping: &Value) -> Vec<(String, String)> {
    let options = mapping["options"].as_object().filter(|_| mapping["type"] == "value");
    let all = options.into_iter().flat_map(|options| options.values());
    all.map(|one| (text(one, "text").to_owned(), text(one, "color").to_owned())).collect()
}

/// Where a panel shows a label whose values are a closed set, each of them has its colour.
pub(super) fn check(panel: &Value, names: &Names, faults: &mut Faults) {
    let found = coloured(panel);
    let shown: BTreeSet<String> = list(panel, "targets")
        .iter()
        .flat_map(|target| match text(panel, "type") {
            "table" => super::query::labels(names, &fill(text(target, "expr"))).into_iter().collect(),
            _ => super::query::named(text(target, "legendFormat")),
        })
        .collect();
    for set in Words::ALL.iter().filter(|set| set.label().is_some_and(|label| shown.contains(label))) {
        if set.label() == Some("kind") && !panel["targets"].to_string().contains("evidence") {
            continue;
        }
        for (word, colour) in set.colours() {
            faults.unless(found.get(word) == Some(&colour), format!("{word} has not its colour {colour}"));
        }
    }
}

/// One name, one colour, on all boards.
pub(super) fn check_between(boards: &[Value], faults: &mut Faults) {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for panel in boards.iter().flat_map(panels) {
        for (name, colour) in coloured(panel) {
            let first = all.entry(name.clone()).or_insert_with(|| colour.clone());
            faults.unless(*first == colour, format!("{name} is {first} and {colour}"));
        }
    }
}
