//! Many mutants in one run. In: a test and mutants of one rule. Out: a rules file in which each mutant stands under a name of its own
//! beside the rule, and a test file that expects of each what was expected of the rule; promtool's complaints name those it saw.
//!
//! What other rules read stays the rule as it is, so only what a test asks of the rule itself is asked here.

use super::mutant::{self, Mutant};
use super::suite::{Case, Suite};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What promtool reads, and whether all that the test asks of the rule is in it.
pub(super) struct Batch {
    pub(super) rules: Value,
    pub(super) test: Value,
    /// Nothing that the rule could change was left out.
    pub(super) whole: bool,
}

/// The name of the n-th copy of a rule; 0 is the rule as it is.
fn copy(name: &str, n: usize) -> String {
    format!("{name}_m{n}")
}

/// Puts the name of a copy in place of the rule's, in a query or in the labels of a sample.
fn renamed(text: &str, name: &str, record: bool, to: &str) -> String {
    if record {
        let whole = Regex::new(&format!(r"(^|[^\w:]){}($|[^\w:])", regex::escape(name))).unwrap();
        return whole.replace_all(text, format!("${{1}}{to}${{2}}")).into_owned();
    }
    let named = Regex::new(&format!(r#"alertname\s*=\s*"{name}""#)).unwrap();
    named.replace_all(text, format!("alertname=\"{to}\"")).into_owned()
}

/// One expectation for each copy, or none where it cannot be asked of a copy.
fn query_of(query: &Value, name: &str, record: bool, to: &str) -> Option<Value> {
    let expr = query["expr"].as_str().unwrap();
    let other = renamed(expr, name, record, to);
    // A query that reads several alerts would meet all copies at once.
    let selected = Regex::new(r"ALERTS\w*(\{[^}]*\})?").unwrap();
    let named = format!("alertname=\"{to}\"");
    if other == expr || !record && selected.find_iter(&other).any(|one| !one.as_str().contains(&named)) {
        return None;
    }
    let mut changed = query.clone();
    changed["expr"] = other.into();
    for sample in changed["exp_samples"].as_array_mut().into_iter().flatten() {
        if let Some(labels) = sample["labels"].as_str() {
            sample["labels"] = renamed(labels, name, record, to).into();
        }
    }
    Some(changed)
}

/// All that a test asks of a rule, asked of the rule under another name and of each mutant; none where it asks nothing that can be.
pub(super) fn batch(suite: &Suite, case: &Case, place: usize, mutants: &[&Mutant]) -> Option<Batch> {
    let name = mutant::name(&suite.rules[place]);
    let record = suite.rules[place]["record"].is_string();
    let mut test = case.file.clone();
    let asked = test["tests"][0].clone();
    let mut whole = true;
    let (mut alerts, mut queries) = (Vec::new(), Vec::new());
    for n in 0..=mutants.len() {
        let to = copy(name, n);
        for one in asked["alert_rule_test"].as_array().into_iter().flatten().filter(|one| one["alertname"] == name) {
            let mut one = one.clone();
            one["alertname"] = to.as_str().into();
            alerts.push(one);
        }
        for one in asked["promql_expr_test"].as_array().into_iter().flatten() {
            match query_of(one, name, record, &to) {
                Some(query) => queries.push(query),
                None => whole &= !suite.is_reached(case, one, place),
            }
        }
    }
    if alerts.is_empty() && queries.is_empty() {
        return None;
    }
    whole &= !record || suite.is_last(case, place);
    test["tests"][0]["alert_rule_test"] = alerts.into();
    test["tests"][0]["promql_expr_test"] = queries.into();
    let rules = copies(suite, case, place, mutants);
    Some(Batch { rules, test, whole })
}

fn copies(suite: &Suite, case: &Case, place: usize, mutants: &[&Mutant]) -> Value {
    let rule = &suite.rules[place];
    let (name, field) = (mutant::name(rule), if rule["record"].is_string() { "record" } else { "alert" });
    let mut file = suite.rules_of(case, None);
    for group in file["groups"].as_array_mut().unwrap() {
        let rules = group["rules"].as_array_mut().unwrap();
        let Some(at) = rules.iter().position(|one| one == rule) else { continue };
        let all = [rule].into_iter().chain(mutants.iter().map(|mutant| &mutant.changed));
        for (n, one) in all.enumerate() {
            let mut one = one.clone();
            one[field] = copy(name, n).into();
            rules.insert(at + 1, one);
        }
    }
    file
}

/// What promtool said about the copies of a rule.
pub(super) struct Verdict {
    /// Places in the batch of the mutants that were seen.
    pub(super) seen: BTreeSet<usize>,
    /// The rule itself failed under its other name: nothing can be learnt here.
    pub(super) unsound: bool,
    /// A mutant stopped the run: the others have to be asked again.
    pub(super) stopped: bool,
}

/// Reads promtool's complaints.
pub(super) fn read(output: &str, name: &str) -> Verdict {
    let named = Regex::new(&format!(r"{}_m(\d+)\b", regex::escape(name))).unwrap();
    let numbers: BTreeSet<usize> = named.captures_iter(output).map(|one| one[1].parse().unwrap()).collect();
    Verdict {
        unsound: numbers.contains(&0) || numbers.is_empty(),
        stopped: output.contains("    rule: "),
        seen: numbers.into_iter().filter(|&n| n > 0).map(|n| n - 1).collect(),
    }
}

#[test]
fn copies_are_asked_what_the_rule_was_asked() {
    let query = json!({"expr": "count(ALERTS{alertname=\"A\", alertstate=\"firing\"})", "exp_samples": []});
    let asked = query_of(&query, "A", false, "A_m2").unwrap();
    assert_eq!(asked["expr"], "count(ALERTS{alertname=\"A_m2\", alertstate=\"firing\"})");
    assert!(query_of(&json!({"expr": "count(ALERTS)"}), "A", false, "A_m2").is_none());
    let query = json!({"expr": "m:x:y / m:x:y2", "exp_samples": [{"labels": "m:x:y{a=\"b\"}", "value": 1}]});
    let asked = query_of(&query, "m:x:y", true, "m:x:y_m1").unwrap();
    assert_eq!(asked["expr"], "m:x:y_m1 / m:x:y2");
    assert_eq!(asked["exp_samples"][0]["labels"], "m:x:y_m1{a=\"b\"}");
    let verdict = read("alertname: A_m3, time: 1m\n rule: A_m12, ", "A");
    assert_eq!((verdict.seen, verdict.unsound), (BTreeSet::from([2, 11]), false));
}
