//! The tests, one by one. In: the rule files and the test files. Out: each test with only those rules that it needs, so that it
//! runs in a fraction of the time, and which of them speak of a rule.

use super::mutant;
use crate::pack::{files, short, yaml};
use crate::promql::{parse, selectors};
use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::parse_duration;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Most tests that are asked about one rule.
const FURTHEST: usize = 24;

/// One test.
pub(super) struct Case {
    /// File and number, as a file name.
    pub(super) id: String,
    /// The file that promtool reads.
    pub(super) file: Value,
    /// What it asks for by name.
    direct: BTreeSet<String>,
    /// Places of the rules that are loaded for it.
    pub(super) needs: BTreeSet<usize>,
    /// How often its rules are evaluated.
    evaluations: usize,
}

/// All rules and all tests.
pub(super) struct Suite {
    /// Every rule, in the order of the files.
    pub(super) rules: Vec<Value>,
    /// The group that each rule stands in: its name and interval.
    groups: Vec<(String, Value)>,
    pub(super) cases: Vec<Case>,
    /// The metrics that each rule reads, in its query and in the texts of its annotations.
    reads: Vec<BTreeSet<String>>,
}

impl Suite {
    pub(super) fn read() -> Self {
        let mut suite = Self { rules: Vec::new(), groups: Vec::new(), cases: Vec::new(), reads: Vec::new() };
        let mut places: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for path in files("alerts", ".rules.yaml") {
            let file: Value = yaml(&path);
            for group in file["groups"].as_array().unwrap() {
                for rule in group["rules"].as_array().unwrap() {
                    places.entry(short(&path)).or_default().insert(suite.rules.len());
                    suite.rules.push(printed(rule));
                    suite.groups.push((group["name"].as_str().unwrap().to_owned(), group["interval"].clone()));
                }
            }
        }
        suite.reads = suite.rules.iter().map(|rule| suite.all_reads(rule)).collect();
        for path in files("alerts/tests", ".test.yaml") {
            let file: Value = yaml(&path);
            let named = file["rule_files"].as_array().into_iter().flatten();
            let named = named.map(|one| one.as_str().unwrap().trim_start_matches("../").to_owned());
            let loaded: BTreeSet<usize> =
                named.flat_map(|name| places.get(&name).cloned().unwrap_or_default()).collect();
            for n in 0..file["tests"].as_array().unwrap().len() {
                let case = suite.case(&short(&path), &file, n, &loaded);
                suite.cases.push(case);
            }
        }
        suite
    }

    fn case(&self, path: &str, file: &Value, n: usize, loaded: &BTreeSet<usize>) -> Case {
        let test = &file["tests"][n];
        let id = format!("{}-{n}", path.trim_end_matches(".test.yaml"));
        let mut alone = file.clone();
        alone["rule_files"] = json!([format!("{id}.rules.json")]);
        alone["tests"] = json!([test]);
        let direct = self.asked(test, loaded);
        let needs = self.needed(&direct, loaded);
        Case { id, evaluations: evaluations(file, test), file: alone, direct, needs }
    }

    /// The alerts and records that a test asks for by name.
    fn asked(&self, test: &Value, loaded: &BTreeSet<usize>) -> BTreeSet<String> {
        let alerts = test["alert_rule_test"].as_array().into_iter().flatten();
        let mut found: BTreeSet<String> = alerts.map(|one| one["alertname"].as_str().unwrap().to_owned()).collect();
        for query in test["promql_expr_test"].as_array().into_iter().flatten() {
            let expr = parse(query["expr"].as_str().unwrap()).unwrap();
            found.extend(selectors(&expr));
            crate::promql::walk(&expr, &mut |part| match part {
                Expr::VectorSelector(selector) => found.extend(self.alerts(selector, loaded)),
                Expr::MatrixSelector(matrix) => found.extend(self.alerts(&matrix.vs, loaded)),
                _ => {}
            });
        }
        found
    }

    /// The alerts whose state a query reads.
    fn alerts(&self, selector: &VectorSelector, loaded: &BTreeSet<usize>) -> Vec<String> {
        if !selector.name.as_deref().is_some_and(|name| name.starts_with("ALERTS")) {
            return Vec::new();
        }
        let matchers: Vec<_> =
            selector.matchers.matchers.iter().filter(|matcher| matcher.name == "alertname").collect();
        let all = loaded.iter().filter_map(|&place| self.rules[place]["alert"].as_str());
        let read = |alert: &&str| {
            matchers
                .iter()
                .all(|matcher| !matches!(matcher.op, MatchOp::Equal | MatchOp::Re(_)) || matcher.is_match(alert))
        };
        all.filter(read).map(str::to_owned).collect()
    }

    /// The rules with these names, and all that they build on.
    fn needed(&self, names: &BTreeSet<String>, loaded: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut wanted: Vec<String> = names.iter().cloned().collect();
        while let Some(name) = wanted.pop() {
            for &place in loaded.iter().filter(|&&place| mutant::name(&self.rules[place]) == name) {
                if found.insert(place) {
                    wanted.extend(self.reads[place].iter().cloned());
                }
            }
        }
        found
    }

    /// The metrics that a rule's query reads, and the records that its texts ask for.
    fn all_reads(&self, rule: &Value) -> BTreeSet<String> {
        let texts = rule["annotations"].to_string();
        let records = self.rules.iter().filter_map(|other| other["record"].as_str());
        let told = records.filter(|record| texts.contains(record)).map(str::to_owned);
        selectors(&parse(rule["expr"].as_str().unwrap()).unwrap()).into_iter().chain(told).collect()
    }

    /// A test's rules as a file, one of them changed.
    pub(super) fn rules_of(&self, case: &Case, changed: Option<(usize, &Value)>) -> Value {
        let mut groups: Vec<Value> = Vec::new();
        for &place in &case.needs {
            let rule = changed.filter(|(other, _)| *other == place).map_or(&self.rules[place], |(_, rule)| rule);
            let (name, interval) = &self.groups[place];
            match groups.last_mut().filter(|group| group["name"] == name.as_str()) {
                Some(group) => group["rules"].as_array_mut().unwrap().push(rule.clone()),
                None => groups.push(json!({"name": name, "interval": interval, "rules": [rule]})),
            }
        }
        json!({ "groups": groups })
    }

    /// The tests that a change of this rule could reach: those that ask for it first, quick ones before slow ones.
    pub(super) fn reached(&self, place: usize) -> Vec<usize> {
        let name = mutant::name(&self.rules[place]);
        let mut found: Vec<usize> = (0..self.cases.len()).filter(|&n| self.cases[n].needs.contains(&place)).collect();
        found.sort_by_key(|&n| {
            let case = &self.cases[n];
            (!case.direct.contains(name), case.evaluations * case.needs.len(), n)
        });
        found.truncate(FURTHEST);
        found
    }

    /// Places of a rule and of all that read it, among those that are loaded for a test.
    pub(super) fn reading(&self, case: &Case, place: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::from([place]);
        let mut names = vec![mutant::name(&self.rules[place])];
        while let Some(name) = names.pop() {
            for &other in &case.needs {
                if self.reads[other].contains(name) && found.insert(other) {
                    names.push(mutant::name(&self.rules[other]));
                }
            }
        }
        found
    }

    /// A number that is another one whenever anything in the pack changes.
    pub(super) fn draw(&self, place: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        (mutant::name(&self.rules[place]), Value::from(self.rules.clone()).to_string()).hash(&mut hasher);
        hasher.finish()
    }

    /// About what so many mutants of a rule cost, in evaluations of a rule.
    pub(super) fn cost(&self, place: usize, mutants: usize) -> usize {
        let of = |n: usize| {
            let case = &self.cases[n];
            case.evaluations * (case.needs.len() + mutants * self.reading(case, place).len())
        };
        self.reached(place).into_iter().map(of).sum()
    }
}

/// How often rules are evaluated before the last question of a test.
fn evaluations(file: &Value, test: &Value) -> usize {
    let of = |text: &Value| parse_duration(text.as_str().unwrap_or("1m")).map_or(60, |time| time.as_secs());
    let asked = ["alert_rule_test", "promql_expr_test"]
        .into_iter()
        .flat_map(|kind| test[kind].as_array().into_iter().flatten());
    let last = asked.map(|one| of(&one["eval_time"])).max().unwrap_or_default();
    usize::try_from(last / of(&file["evaluation_interval"]).max(1)).expect("some days")
}

/// The rule with its query as the parser prints it, as mutants are.
fn printed(rule: &Value) -> Value {
    let mut rule = rule.clone();
    let expr = parse(rule["expr"].as_str().unwrap()).unwrap();
    rule["expr"] = expr.to_string().into();
    rule
}
