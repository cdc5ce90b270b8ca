//! What a person reads at night is right. In: `docs/runbooks/*.md`, the alerts, the names that exist, the built program. Out: one
//! runbook for each alert with its four sections; queries in it parse and name what exists; commands in it exist with their flags.

use crate::pack::{alerts, files, short, text};
use crate::promql::{Names, fill, misses_births};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What every runbook answers, in this order.
const SECTIONS: [&str; 4] = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"];

/// Beginnings of the metrics that a runbook may name.
const METRIC: &str = r"\b(?:inference_|coroner_|model:|caller:|platform:|account:|baseten_)\w[\w:]*";

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// The code in a text: fenced blocks with the language they state, and spans between backticks (language `""`).
fn code(text: &str) -> Vec<(String, String)> {
    let fence = Regex::new(r"(?ms)^[ \t]*```(\w*)\n(.*?)^[ \t]*```").unwrap();
    let span = Regex::new(r"`([^`]+)`").unwrap();
    let mut found: Vec<_> = fence.captures_iter(text).map(|one| (one[1].to_owned(), one[2].to_owned())).collect();
    let rest = fence.replace_all(text, "");
    found.extend(span.captures_iter(&rest).map(|one| (String::new(), one[1].replace('\n', " "))));
    found
}

#[test]
fn each_alert_has_one_runbook_with_four_sections() {
    let names: BTreeSet<String> = alerts().iter().map(|rule| rule.name().to_owned()).collect();
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for path in files("docs/runbooks", ".md") {
        let (name, text) = (short(&path).trim_end_matches(".md").to_owned(), text(&path));
        if !names.contains(&name) {
            problems.push(format!("{name}: no such alert"));
        }
        if !text.starts_with(&format!("# {name}\n")) {
            problems.push(format!("{name}: the title is the alert's name"));
        }
        let places: Vec<_> = SECTIONS.iter().map(|section| text.find(&format!("\n{section}\n"))).collect();
        if places.contains(&None) || !places.is_sorted() {
            problems.push(format!("{name}: sections {SECTIONS:?}, in this order"));
        }
        seen.insert(name);
    }
    problems.extend(names.difference(&seen).map(|name| format!("{name}: no runbook")));
    report(&problems);
}

#[test]
fn queries_in_runbooks_name_what_exists() {
    let names = Names::read();
    let metric = Regex::new(METRIC).unwrap();
    let mut problems = Vec::new();
    for path in files("docs/runbooks", ".md") {
        for (language, code) in code(&text(&path)) {
            let queries: Vec<&str> = match language.as_str() {
                "promql" => code.split("\n\n").map(str::trim).filter(|query| !query.is_empty()).collect(),
                // A span is a query where it names a metric and is no file, flag or key.
                "" if metric.is_match(&code) && !code.contains('/') || code.contains("[5m]") => vec![&code],
                _ => continue,
            };
            for query in queries {
                if misses_births(query) {
                    problems.push(format!("{}: misses the first event of a series: {query}", short(&path)));
                }
                // What Prometheus and Alertmanager say of themselves is theirs to name.
                let theirs = ["no metric is called prometheus_", "no metric is called alertmanager_"];
                let mut found = names.problems(&fill(query));
                found.retain(|problem| !theirs.iter().any(|their| problem.starts_with(their)));
                problems.extend(found.into_iter().map(|problem| format!("{}: {problem}: {query}", short(&path))));
            }
        }
    }
    report(&problems);
}

/// The help of the program's commands, by command; the flags that all of them share stand under `""`.
fn help() -> BTreeMap<String, String> {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_coroner")).args(arguments).output().unwrap();
        assert!(output.status.success(), "coroner {arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let whole = run(&["--help"]);
    let command = Regex::new(r"(?m)^  ([a-z]+)  ").unwrap();
    let names = command.captures_iter(&whole).map(|one| one[1].to_owned());
    let names: Vec<String> = names.filter(|name| name != "help").collect();
    assert!(names.len() > 3, "{whole}");
    let mut help = BTreeMap::from([(String::new(), whole)]);
    for name in names {
        let text = run(&[&name, "--help"]);
        help.insert(name, text);
    }
    help
}

#[test]
fn commands_in_runbooks_exist() {
    let help = help();
    let line = Regex::new(r"(?:^|[\n|;&(] *)(?:\$ )?coroner((?: +[^\n|;]+)?)").unwrap();
    let flag = Regex::new(r"(?:^|\s)(--[a-z][a-z-]*)").unwrap();
    let mut problems = Vec::new();
    for path in files("docs/runbooks", ".md") {
        for (_, code) in code(&text(&path)) {
            for one in line.captures_iter(&code) {
                let words = one[1].trim();
                let first = words.split_whitespace().next().unwrap_or_default();
                let command = if first.starts_with("--") { "" } else { first };
                let Some(text) = help.get(command) else {
                    problems.push(format!("{}: no command {command:?}: coroner {words}", short(&path)));
                    continue;
                };
                let unknown = flag
                    .captures_iter(words)
                    .filter(|flag| !Regex::new(&format!(r"{}\b", regex::escape(&flag[1]))).unwrap().is_match(text));
                problems.extend(unknown.map(|flag| format!("{}: coroner {command} has no {}", short(&path), &flag[1])));
            }
        }
    }
    report(&problems);
}
