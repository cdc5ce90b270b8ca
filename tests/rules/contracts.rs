//! What every rule and alert must carry. In: the rule files, the dashboards, the example of routing. Out: names exist; labels,
//! annotations and links are complete and lead somewhere; what inhibits and what is inhibited share the labels they are compared by.

use crate::pack::{Rule, alerts, files, groups, root, rules, seconds, text, yaml};
use crate::promql::{Labels, Names, misses_births, parse};
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a severity may be: page, ticket, context, and none for the alert that always fires.
const SEVERITIES: [&str; 4] = ["critical", "warning", "info", "none"];

/// The annotations that whoever is woken up needs.
const ANNOTATIONS: [&str; 5] = ["summary", "description", "next_step", "runbook_url", "dashboard_url"];

/// The labels that an alert carries: those of its query and its own.
fn carried(names: &Names, rule: &Rule) -> Labels {
    let expr = parse(&rule.expr).unwrap_or_else(|error| panic!("{}: {error}", rule.name()));
    let mut labels = names.labels(&expr, &mut Vec::new()).unwrap_or_default();
    labels.extend(rule.labels.keys().cloned());
    labels
}

/// The queries that the templates of an alert run, with a word in place of each value.
fn template_queries(rule: &Rule) -> Vec<String> {
    let query = Regex::new(r#"query \(?(?:printf )?"((?:[^"\\]|\\.)*)""#).unwrap();
    let value = Regex::new(r"%(?:\[\d\])?q").unwrap();
    let filled = |text: &str| value.replace_all(&text.replace("\\\"", "\""), "\"\"").replace("%s", "x");
    let all = rule.annotations.values();
    all.flat_map(|text| query.captures_iter(text).map(|one| filled(&one[1])).collect::<Vec<_>>()).collect()
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn every_name_in_the_rules_exists() {
    let names = Names::read();
    let mut problems = Vec::new();
    for rule in rules() {
        let asked = template_queries(&rule);
        let blind = asked.iter().filter(|query| misses_births(query));
        problems.extend(blind.map(|query| format!("{}: misses the first event of a series: {query}", rule.name())));
        for query in asked.into_iter().chain([rule.expr.clone()]) {
            problems.extend(names.problems(&query).into_iter().map(|problem| format!("{}: {problem}", rule.name())));
        }
    }
    report(&problems);
}

#[test]
fn groups_share_one_interval_and_no_rule_stands_twice() {
    let mut problems = Vec::new();
    let (mut seen, mut titles) = (BTreeSet::new(), BTreeSet::new());
    for (_, group) in groups() {
        if group.interval != "30s" {
            problems.push(format!("{}: interval {}", group.name, group.interval));
        }
        if !titles.insert(group.name.clone()) {
            problems.push(format!("two groups are called {}", group.name));
        }
        let again = group.rules.iter().filter(|rule| !seen.insert(rule.name().to_owned()));
        problems.extend(again.map(|rule| format!("{} stands twice", rule.name())));
    }
    report(&problems);
}

#[test]
fn every_alert_carries_its_labels() {
    let names = Names::read();
    let problems: Vec<String> = alerts()
        .iter()
        .flat_map(|rule| {
            label_problems(rule, &carried(&names, rule)).into_iter().map(|p| format!("{}: {p}", rule.name()))
        })
        .collect();
    report(&problems);
}

fn label_problems(rule: &Rule, carried: &Labels) -> Vec<String> {
    let mut found = Vec::new();
    let label = |name: &str| rule.labels.get(name).map_or("", String::as_str);
    if !SEVERITIES.contains(&label("severity")) {
        found.push(format!("severity {:?}", label("severity")));
    }
    let own = label("component") == "coroner";
    if !own && label("component") != "inference" {
        found.push(format!("component {:?}", label("component")));
    }
    let wanted: &[&str] = if own { &[] } else { &["blame", "team", "platform"] };
    found.extend(wanted.iter().filter(|&&name| !carried.contains(name)).map(|name| format!("carries no {name}")));
    let blame = label("blame");
    let words = coroner::judge::taxonomy::Blame::ALL;
    if !blame.is_empty() && !blame.contains("{{") && !words.iter().any(|word| word.as_str() == blame) {
        found.push(format!("blame is never {blame}"));
    }
    for name in ["instance", "job"] {
        if carried.contains(name) {
            found.push(format!("carries {name}: two instances would be two alerts"));
        }
    }
    if carried.contains("model_id") && !carried.contains("environment") {
        found.push("speaks of a model without its environment".to_owned());
    }
    if rule.labels.values().any(|value| value.contains("$value")) {
        found.push("a value in a label is another alert at each evaluation".to_owned());
    }
    // What always fires has nothing to wait for.
    if label("severity") != "none" && rule.wait.as_deref().map_or(0, seconds) < 60 {
        found.push("for is under a minute".to_owned());
    }
    found
}

#[test]
fn every_alert_is_annotated() {
    let names = Names::read();
    let boards = boards();
    let mut problems = Vec::new();
    for rule in alerts() {
        let carried = carried(&names, &rule);
        let found = annotation_problems(&rule, &carried).into_iter().chain(link_problems(&rule, &boards));
        problems.extend(found.map(|problem| format!("{}: {problem}", rule.name())));
    }
    report(&problems);
}

fn annotation_problems(rule: &Rule, carried: &Labels) -> Vec<String> {
    let mut found = Vec::new();
    for name in ANNOTATIONS {
        if rule.annotations.get(name).is_none_or(|text| text.trim().is_empty()) {
            found.push(format!("no annotation {name}"));
        }
    }
    found.extend(
        rule.annotations
            .keys()
            .filter(|name| !ANNOTATIONS.contains(&name.as_str()))
            .map(|name| format!("annotation {name} is not one of {ANNOTATIONS:?}")),
    );
    if !rule.annotations.get("description").is_some_and(|text| text.to_lowercase().contains("resolves")) {
        found.push("the description does not say when it resolves".to_owned());
    }
    let used = Regex::new(r"\$labels\.(\w+)").unwrap();
    for text in rule.annotations.values().chain(rule.labels.values()) {
        let missing = used.captures_iter(text).filter(|one| !carried.contains(&one[1]));
        found.extend(missing.map(|one| format!("$labels.{} is always empty", &one[1])));
    }
    found
}

/// The variables of each dashboard, by the dashboard's uid.
fn boards() -> BTreeMap<String, Labels> {
    let mut found = BTreeMap::new();
    for path in files("dashboards", ".json") {
        let board: Value = serde_json::from_str(&text(&path)).unwrap();
        let variables = board["templating"]["list"].as_array().unwrap();
        let variables = variables.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        found.insert(board["uid"].as_str().unwrap().to_owned(), variables);
    }
    found
}

fn link_problems(rule: &Rule, boards: &BTreeMap<String, Labels>) -> Vec<String> {
    let mut found = Vec::new();
    let text = |name: &str| rule.annotations.get(name).map_or("", String::as_str);
    let runbook =
        format!("{{{{ with $externalLabels.runbooks_url }}}}{{{{ . }}}}/{{{{ end }}}}docs/runbooks/{}.md", rule.name());
    if text("runbook_url") != runbook {
        found.push(format!("runbook_url is not {runbook}"));
    }
    let link = Regex::new(r"^\{\{ \$externalLabels\.grafana_url \}\}/d/([\w-]+)\?(.*)$").unwrap();
    let Some(link) = link.captures(text("dashboard_url")) else {
        found.push(format!("dashboard_url leads nowhere: {}", text("dashboard_url")));
        return found;
    };
    let Some(variables) = boards.get(&link[1]) else {
        found.push(format!("no dashboard {}", &link[1]));
        return found;
    };
    let parameters: BTreeSet<&str> = link[2].split('&').map(|one| one.split('=').next().unwrap_or(one)).collect();
    for parameter in &parameters {
        match parameter.strip_prefix("var-") {
            Some(name) if !variables.contains(name) => {
                found.push(format!("dashboard {} has no variable {name}", &link[1]));
            }
            None if !["from", "to"].contains(parameter) => found.push(format!("dashboard_url: {parameter}")),
            _ => {}
        }
    }
    if parameters.contains("var-model_id") != parameters.contains("var-environment") {
        found.push("dashboard_url: a model of which environment?".to_owned());
    }
    if !parameters.contains("from") || !parameters.contains("to") {
        found.push("dashboard_url states no time".to_owned());
    }
    found
}

/// Whether an alert can meet a matcher, judged by the labels that its rule states; what a query gives may be anything.
fn can_match(matcher: &str, rule: &Rule, carried: &Labels) -> bool {
    let form = Regex::new(r#"^\s*(\w+)\s*(=~|!~|!=|=)\s*"?([^"]*)"?\s*$"#).unwrap();
    let parts = form.captures(matcher).unwrap_or_else(|| panic!("matcher {matcher:?}"));
    let value = match rule.labels.get(&parts[1]) {
        Some(value) if value.contains("{{") => return true,
        Some(value) => value.as_str(),
        None if &parts[1] == "alertname" => rule.name(),
        None if carried.contains(&parts[1]) => return true,
        None => "",
    };
    let pattern = Regex::new(&format!("^(?:{})$", &parts[3])).unwrap();
    match &parts[2] {
        "=" => value == &parts[3],
        "!=" => value != &parts[3],
        "=~" => pattern.is_match(value),
        _ => !pattern.is_match(value),
    }
}

#[test]
fn what_inhibits_shares_its_labels_with_what_it_silences() {
    let routing: Value = yaml(&root("alerts/alertmanager.yaml"));
    let names = Names::read();
    let alerts: Vec<(Rule, Labels)> = alerts().into_iter().map(|rule| (rule.clone(), carried(&names, &rule))).collect();
    let mut problems = Vec::new();
    for inhibition in routing["inhibit_rules"].as_array().unwrap() {
        for side in ["source_matchers", "target_matchers"] {
            let matchers: Vec<&str> =
                inhibition[side].as_array().unwrap().iter().map(|m| m.as_str().unwrap()).collect();
            let matched = |(rule, carried): &&(Rule, Labels)| matchers.iter().all(|one| can_match(one, rule, carried));
            let matched: Vec<_> = alerts.iter().filter(matched).collect();
            if matched.is_empty() {
                problems.push(format!("{side} {matchers:?} match no alert"));
            }
            // A label that both sides lack counts as equal, and silences what has nothing to do with it.
            for label in inhibition["equal"].as_array().into_iter().flatten().map(|label| label.as_str().unwrap()) {
                let lacking = matched.iter().filter(|(_, carried)| label != "alertname" && !carried.contains(label));
                problems
                    .extend(lacking.map(|(rule, _)| format!("{side} {matchers:?}: {} has no {label}", rule.name())));
            }
        }
    }
    report(&problems);
}
