//! Many mutants in one run. In: a test and mutants of one rule. Out: a rules file in which each mutant, and all that reads it, stands
//! under names of its own beside the rules as they are, and a test file that expects of each what was expected of the rules; promtool's
//! complaints name those it saw.

use super::mutant::{self, Mutant};
use super::suite::{Case, Suite};
use regex::{Captures, Regex};
use serde_json::Value;
use std::collections::BTreeSet;

/// What promtool reads.
pub(super) struct Batch {
    pub(super) rules: Value,
    pub(super) test: Value,
}

/// Names that a change of one rule can reach, to be told from those of copies.
pub(super) struct Reach {
    /// Places of the rule and of those that read it.
    places: BTreeSet<usize>,
    names: BTreeSet<String>,
    /// A name of a metric in a query or text, and the name of an alert where a query selects its state.
    metric: Regex,
    alert: Regex,
}

impl Reach {
    pub(super) fn new(suite: &Suite, case: &Case, place: usize) -> Self {
        let places = suite.reading(case, place);
        let names = places.iter().map(|&place| mutant::name(&suite.rules[place]).to_owned()).collect();
        let metric = Regex::new(r"[a-zA-Z_:][\w:]*").unwrap();
        Self { places, names, metric, alert: Regex::new(r#"(alertname\s*=\s*\\?")(\w+)"#).unwrap() }
    }

    /// Puts the names of the n-th copies in place of the rules', in a query or a text.
    fn renamed(&self, text: &str, n: usize) -> String {
        let metrics = self.metric.replace_all(text, |one: &Captures<'_>| {
            let name = &one[0];
            if name.contains(':') && self.names.contains(name) { copy(name, n) } else { name.to_owned() }
        });
        let alerts = self.alert.replace_all(&metrics, |one: &Captures<'_>| {
            let name = if self.names.contains(&one[2]) { copy(&one[2], n) } else { one[2].to_owned() };
            format!("{}{name}", &one[1])
        });
        alerts.into_owned()
    }

    /// What a test asks of a query, asked of the n-th copies; none where no rule here is asked for, or all copies at once would be.
    fn query(&self, query: &Value, n: usize) -> Option<Value> {
        let expr = query["expr"].as_str().unwrap();
        let other = self.renamed(expr, n);
        let selected = Regex::new(r"\bALERTS\w*(\{[^}]*\})?").unwrap();
        if other == expr || selected.find_iter(&other).any(|one| !self.alert.is_match(one.as_str())) {
            return None;
        }
        let mut changed = query.clone();
        changed["expr"] = other.into();
        for sample in changed["exp_samples"].as_array_mut().into_iter().flatten() {
            if let Some(labels) = sample["labels"].as_str() {
                sample["labels"] = self.renamed(labels, n).into();
            }
        }
        Some(changed)
    }

    /// The n-th copy of a rule.
    fn rule(&self, rule: &Value, n: usize) -> Value {
        let mut rule = rule.clone();
        let field = if rule["record"].is_string() { "record" } else { "alert" };
        rule[field] = copy(mutant::name(&rule), n).into();
        rule["expr"] = self.renamed(rule["expr"].as_str().unwrap(), n).into();
        for (_, text) in rule["annotations"].as_object_mut().into_iter().flatten() {
            *text = self.renamed(text.as_str().unwrap_or_default(), n).into();
        }
        rule
    }

    /// The rules of a test with all copies.
    fn rules(&self, suite: &Suite, case: &Case, place: usize, mutants: &[&Mutant]) -> Value {
        let mut file = suite.rules_of(case, None);
        for group in file["groups"].as_array_mut().unwrap() {
            let mut all = Vec::new();
            for rule in group["rules"].as_array().unwrap() {
                all.push(rule.clone());
                let Some(&at) = self.places.iter().find(|&&at| suite.rules[at] == *rule) else { continue };
                all.push(self.rule(rule, 0));
                for (n, mutant) in mutants.iter().enumerate() {
                    all.push(self.rule(if at == place { &mutant.changed } else { rule }, n + 1));
                }
            }
            group["rules"] = all.into();
        }
        file
    }

    /// Reads promtool's complaints.
    pub(super) fn read(&self, output: &str) -> Verdict {
        let copies = Regex::new(r"([a-zA-Z_:][\w:]*)_m(\d+)\b").unwrap();
        let of_these = copies.captures_iter(output).filter(|one| self.names.contains(&one[1]));
        let numbers: BTreeSet<usize> = of_these.map(|one| one[2].parse().unwrap()).collect();
        Verdict {
            unsound: numbers.contains(&0) || numbers.is_empty(),
            stopped: output.contains("    rule: "),
            seen: numbers.into_iter().filter(|&n| n > 0).map(|n| n - 1).collect(),
        }
    }
}

/// The name of the n-th copy of a rule; 0 is the rule as it is.
fn copy(name: &str, n: usize) -> String {
    format!("{name}_m{n}")
}

/// All that a test asks of a rule and of those that read it, asked of each copy; none where it asks nothing that can be.
pub(super) fn batch(suite: &Suite, case: &Case, reach: &Reach, place: usize, mutants: &[&Mutant]) -> Option<Batch> {
    let mut test = case.file.clone();
    let asked = test["tests"][0].clone();
    let list = |kind: &str| asked[kind].as_array().cloned().unwrap_or_default();
    let (mut alerts, mut queries) = (Vec::new(), Vec::new());
    for n in 0..=mutants.len() {
        for mut one in list("alert_rule_test") {
            let name = one["alertname"].as_str().unwrap().to_owned();
            if reach.names.contains(&name) {
                one["alertname"] = copy(&name, n).into();
                alerts.push(one);
            }
        }
        queries.extend(list("promql_expr_test").iter().filter_map(|one| reach.query(one, n)));
    }
    if alerts.is_empty() && queries.is_empty() {
        return None;
    }
    test["tests"][0]["alert_rule_test"] = alerts.into();
    test["tests"][0]["promql_expr_test"] = queries.into();
    Some(Batch { rules: reach.rules(suite, case, place, mutants), test })
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

#[test]
fn copies_are_asked_what_the_rules_were_asked() {
    use serde_json::json;
    let names = ["A", "m:x:y"].map(str::to_owned).into();
    let metric = Regex::new(r"[a-zA-Z_:][\w:]*").unwrap();
    let alert = Regex::new(r#"(alertname\s*=\s*\\?")(\w+)"#).unwrap();
    let reach = Reach { places: BTreeSet::new(), names, metric, alert };
    let query = json!({"expr": "count(ALERTS{alertname=\"A\", alertstate=\"firing\"})", "exp_samples": []});
    let asked = reach.query(&query, 2).unwrap();
    assert_eq!(asked["expr"], "count(ALERTS{alertname=\"A_m2\", alertstate=\"firing\"})");
    assert!(reach.query(&json!({"expr": "count(ALERTS) / m:x:y"}), 2).is_none());
    let query = json!({"expr": "m:x:y / m:x:y2", "exp_samples": [{"labels": "m:x:y{a=\"b\"}", "value": 1}]});
    let asked = reach.query(&query, 1).unwrap();
    assert_eq!(asked["expr"], "m:x:y_m1 / m:x:y2");
    assert_eq!(asked["exp_samples"][0]["labels"], "m:x:y_m1{a=\"b\"}");
    assert_eq!(reach.renamed("sum(m:x:y) > t{alert=\"A\"}", 3), "sum(m:x:y_m3) > t{alert=\"A\"}");
    let verdict = reach.read("alertname: A_m3, time: 1m\n rule: m:x:y_m12, model_m7");
    assert_eq!((verdict.seen, verdict.unsound), (BTreeSet::from([2, 11]), false));
}
