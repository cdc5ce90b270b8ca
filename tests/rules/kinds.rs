//! Every alert is tested in every way in which alerts fail. In: the tests in `alerts/tests/`, named by their kind, and
//! `excused-kinds.yaml`. Out: each alert has a file of tests with every kind, or a reason why a kind has no sense for it.

use crate::pack::{Test, alerts, root, short, tests, yaml};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the name of a test begins with, and every alert needs.
const KINDS: [&str; 8] =
    ["fires", "not yet", "low traffic", "counter reset", "born at 1", "no data", "resolves", "threshold"];

/// What else a test's name may begin with: look-alikes, the rest, and records.
const FREE: [&str; 3] = ["not:", "also:", "records:"];

/// Most characters of a summary, filled in: what a phone shows.
const SUMMARY: usize = 120;

/// Kinds that have no sense for an alert.
#[derive(Deserialize)]
struct Excuse {
    alert: String,
    kinds: Vec<String>,
    reason: String,
}

/// The kinds of tests of each alert.
type Kinds = BTreeMap<String, BTreeSet<&'static str>>;

fn excuses() -> Vec<Excuse> {
    yaml(&root("alerts/tests/excused-kinds.yaml"))
}

fn kind(test: &Test) -> Option<&'static str> {
    KINDS.into_iter().chain(FREE).find(|kind| test.name.starts_with(kind))
}

/// Whether a test says anything about an alert.
fn speaks_of(test: &Test, alert: &str) -> bool {
    test.alerts.iter().any(|one| one.name == alert)
        || test.queries.iter().any(|one| one.expr.contains(&format!("\"{alert}\"")))
}

/// The kinds of tests that each alert has in its own file, and what is wrong with files and names.
fn found() -> (Kinds, Vec<String>) {
    let names: BTreeSet<String> = alerts().iter().map(|rule| rule.name().to_owned()).collect();
    let (mut kinds, mut problems) = (BTreeMap::new(), Vec::new());
    for (path, file) in tests() {
        let stem = short(&path).trim_end_matches(".test.yaml").to_owned();
        let is_alert = names.contains(&stem);
        if !is_alert && !stem.starts_with("records-") {
            problems.push(format!("{stem} is no alert; tests of records are called records-*.test.yaml"));
        }
        let mut seen = BTreeSet::new();
        for test in &file.tests {
            if !seen.insert(&test.name) {
                problems.push(format!("{stem}: two tests are called {:?}", test.name));
            }
            let Some(kind) = kind(test) else {
                problems.push(format!("{stem}: {:?} begins with no kind: {KINDS:?} {FREE:?}", test.name));
                continue;
            };
            if is_alert && kind != "also:" && !speaks_of(test, &stem) {
                problems.push(format!("{stem}: {:?} expects nothing of the alert", test.name));
            } else if is_alert {
                kinds.entry(stem.clone()).or_insert_with(BTreeSet::new).insert(kind);
            }
        }
    }
    (kinds, problems)
}

#[test]
fn every_alert_is_tested_in_every_kind() {
    let (kinds, mut problems) = found();
    let list = excuses();
    for excuse in &list {
        assert!(excuse.reason.len() > 10, "{}: a reason", excuse.alert);
        for kind in &excuse.kinds {
            if !KINDS.contains(&kind.as_str()) || kinds.get(&excuse.alert).is_none_or(|has| has.contains(kind.as_str()))
            {
                problems.push(format!("{}: {kind} needs no excuse", excuse.alert));
            }
        }
    }
    for rule in alerts() {
        let has = kinds.get(rule.name()).cloned().unwrap_or_default();
        let excused = |kind: &str| {
            list.iter().any(|excuse| excuse.alert == rule.name() && excuse.kinds.iter().any(|one| one == kind))
        };
        let missing: Vec<_> = KINDS.into_iter().filter(|kind| !has.contains(kind) && !excused(kind)).collect();
        if !missing.is_empty() {
            problems.push(format!("{}: no test of kind {missing:?}", rule.name()));
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn every_alert_is_seen_once_in_full() {
    let mut problems = Vec::new();
    let mut whole = BTreeSet::new();
    for (path, file) in tests() {
        for one in file.tests.iter().flat_map(|test| &test.alerts) {
            for fired in one.exp_alerts.iter().flatten() {
                if !fired.exp_labels.is_empty() && !fired.exp_annotations.is_empty() {
                    whole.insert(one.name.clone());
                }
                let text = |name: &str| fired.exp_annotations.get(name).and_then(|t| t.as_str()).unwrap_or_default();
                if text("summary").chars().count() > SUMMARY {
                    problems.push(format!("{}: summary over {SUMMARY}: {}", short(&path), text("summary")));
                }
                if fired.exp_annotations.values().any(|text| text.as_str().is_some_and(|t| t.contains("<no value>"))) {
                    problems.push(format!("{}: an annotation says <no value>", short(&path)));
                }
            }
        }
    }
    let unseen = alerts().into_iter().filter(|rule| !whole.contains(rule.name()));
    problems.extend(unseen.map(|rule| format!("{}: no test writes out its labels and annotations", rule.name())));
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
