//! One panel without its queries' meaning. In: its JSON. Out: faults of data source, words, units, empty values and targets.

use super::{Faults, list, text};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;

/// The units that boards may use, each of Grafana's own list.
const UNITS: &str = include_str!("../units.txt");

/// The panels that the classic schema of Grafana 10.4 knows and ours are made of.
const TYPES: [&str; 4] = ["stat", "table", "timeseries", "state-timeline"];

/// How often metrics are scraped: ours, and the provider's.
const INTERVALS: [&str; 2] = ["15s", "1m"];

pub(super) fn check(panel: &Value, faults: &mut Faults) {
    let kind = text(panel, "type");
    faults.unless(TYPES.contains(&kind), format!("type {kind} is not among {TYPES:?}"));
    faults.unless(panel["datasource"]["uid"] == "${datasource}", "its data source is not the variable");
    faults.unless(!text(panel, "title").is_empty(), "no title");
    faults.unless(INTERVALS.contains(&text(panel, "interval")), "interval is not how often metrics are scraped");
    describes(panel, faults);
    units(panel, faults);
    nothing(panel, faults);
    targets(panel, faults);
}

/// The description names a metric that the panel reads, and says more than that.
fn describes(panel: &Value, faults: &mut Faults) {
    let description = text(panel, "description");
    let metric =
        Regex::new(r"\b(?:(?:inference|coroner|baseten)_\w+|(?:\w+:){1,2}\w+|ALERTS(?:_FOR_STATE)?)\b").unwrap();
    let read: String = list(panel, "targets").iter().map(|target| text(target, "expr")).collect::<Vec<_>>().join("\n");
    let named: Vec<&str> = metric.find_iter(description).map(|found| found.as_str()).collect();
    faults.unless(!named.is_empty(), "the description names no metric");
    for name in named {
        faults.unless(read.contains(name), format!("the description names {name}, which no query reads"));
    }
    faults.unless(description.len() > 40, "the description does not say what to look for");
}

fn units(panel: &Value, faults: &mut Faults) {
    let known: BTreeSet<&str> = UNITS.lines().collect();
    let mut used = vec![panel["fieldConfig"]["defaults"]["unit"].clone()];
    for one in list(&panel["fieldConfig"], "overrides") {
        used.extend(
            list(one, "properties")
                .iter()
                .filter(|property| property["id"] == "unit")
                .map(|unit| unit["value"].clone()),
        );
    }
    for unit in used {
        faults
            .unless(unit.as_str().is_some_and(|unit| known.contains(unit)), format!("unit {unit} is not in units.txt"));
    }
}

/// What stands where there is no number: words, never `NaN`.
fn nothing(panel: &Value, faults: &mut Faults) {
    let defaults = &panel["fieldConfig"]["defaults"];
    let words = defaults["noValue"].as_str();
    faults.unless(words.is_some(), "no noValue");
    let mapped = list(defaults, "mappings").iter().any(|mapping| {
        mapping["options"]["match"] == "null+nan" && mapping["options"]["result"]["text"].as_str() == words
    });
    faults.unless(mapped, "NaN is not shown as noValue");
}

fn targets(panel: &Value, faults: &mut Faults) {
    let targets = list(panel, "targets");
    faults.unless(!targets.is_empty(), "no targets");
    let ids: BTreeSet<&str> = targets.iter().map(|target| text(target, "refId")).collect();
    faults.unless(ids.len() == targets.len() && !ids.contains(""), "refIds are not unique");
    let at_once = ["stat", "table"].contains(&text(panel, "type"));
    for target in targets {
        faults.unless(target["datasource"]["uid"] == "${datasource}", "a target's data source is not the variable");
        let form = if text(panel, "type") == "table" { "table" } else { "time_series" };
        faults.unless(target["format"] == form, format!("format is not {form}"));
        let right = target["instant"] == at_once && target["range"] == !at_once;
        faults.unless(right, "pictures over time ask for a range, numbers and tables for one moment");
    }
}
