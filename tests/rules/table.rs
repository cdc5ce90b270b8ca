//! The list of all alerts, for people. In: the rule files, and what the config may set of them. Out: `docs/alerts.md` is what is written
//! from both (`CORONER_BLESS=1 cargo test --test rules` writes it anew).

use crate::pack::{Rule, groups, root};
use crate::promql::{parse, selectors, walk};
use coroner::config::alerts;
use promql_parser::parser::token::{T_GTE, T_GTR, T_LSS, T_LTE};
use promql_parser::parser::{Expr, Offset};
use promql_parser::util::display_duration;
use regex::Regex;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

const HEAD: &str = "# Alerts

Written from `alerts/*.rules.yaml` and `src/config/alerts.rs` by a test; do not edit. `critical` pages, `warning` is a ticket, `info` waits for the morning.

- **threshold**: what holds where `alerts.thresholds` of the config says nothing for a target or caller; the alert fires above it (at it, where it is a count), unless
  the next column says otherwise.
- **windows**: over which times the rule looks, and how long ago those times are that it compares with.
- **also needed**: what must hold besides; mostly a floor, so that a quiet model does not alert on one failure. What is under the floor is
  never told: a model with less traffic than that is watched by the alerts that count over hours.
- **for**: how long it must hold before the alert fires; then how long it keeps firing after it held for the last time.
";

/// A number without the digits that binary fractions add.
fn number(value: f64) -> String {
    format!("{}", (value * 1e9).round() / 1e9)
}

fn literal(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(number) => Some(number.val),
        Expr::Paren(paren) => literal(&paren.expr),
        _ => None,
    }
}

/// The threshold where the config says nothing, with its unit, and what is compared with it; nothing where the config cannot set one.
fn threshold(name: &str) -> [String; 2] {
    let known = alerts::ALL.iter().find(|alert| alert.name == name);
    known.map_or(["-".to_owned(), "-".to_owned()], |alert| {
        [format!("{} {}", number(alert.default), alert.unit), alert.meaning.to_owned()]
    })
}

/// Comparisons with a number: floors and guards, by the metrics that are compared.
fn guards(expr: &Expr) -> Vec<String> {
    let mut found = Vec::new();
    walk(expr, &mut |part| {
        let Expr::Binary(binary) = part else { return };
        let Some(value) = literal(&binary.rhs) else { return };
        if [T_GTR, T_GTE, T_LSS, T_LTE].contains(&binary.op.id()) {
            let names: Vec<String> = selectors(&binary.lhs).into_iter().collect();
            let line = format!("`{} {} {}`", names.join(", "), binary.op, number(value));
            if !found.contains(&line) {
                found.push(line);
            }
        }
    });
    found
}

/// The windows that a rule reads, shortest first: those of the records that it names and its own; and how long ago it looks.
fn windows(expr: &Expr) -> String {
    let recorded = Regex::new(r":[a-z_]+?(\d+[smhd])$").unwrap();
    let mut found: BTreeSet<Duration> = BTreeSet::new();
    for name in selectors(expr) {
        let window = recorded.captures(&name).map(|one| one[1].to_owned());
        found.extend(window.and_then(|text| promql_parser::util::parse_duration(&text).ok()));
    }
    let mut ago: BTreeSet<Duration> = BTreeSet::new();
    walk(expr, &mut |part| {
        let offset = match part {
            Expr::MatrixSelector(matrix) => {
                found.insert(matrix.range);
                &matrix.vs.offset
            }
            Expr::Subquery(subquery) => {
                found.insert(subquery.range);
                &subquery.offset
            }
            Expr::VectorSelector(selector) => &selector.offset,
            _ => return,
        };
        if let Some(Offset::Pos(offset)) = offset {
            ago.insert(*offset);
        }
    });
    let ago = ago.iter().map(|offset| format!("{} ago", display_duration(offset)));
    found.iter().map(display_duration).chain(ago).collect::<Vec<_>>().join(", ")
}

fn or_none(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

fn line(rule: &Rule) -> String {
    let expr = parse(&rule.expr).unwrap();
    let label = |name: &str| match rule.labels.get(name).map_or("-", String::as_str) {
        value if value.contains("{{") => "by verdict".to_owned(),
        value => value.to_owned(),
    };
    let wait = match (rule.wait.as_deref(), rule.keep_firing_for.as_deref()) {
        (None, None) => "-".to_owned(),
        (wait, None) => wait.unwrap_or("0").to_owned(),
        (wait, Some(keep)) => format!("{}, then {keep}", wait.unwrap_or("0")),
    };
    let url = rule.annotations.get("dashboard_url").map_or("", String::as_str);
    let board = url.split("/d/").nth(1).and_then(|rest| rest.split('?').next()).unwrap_or("-");
    let name = rule.name();
    let [threshold, compared] = threshold(name);
    let cells = [
        format!("[{name}](runbooks/{name}.md)"),
        label("severity"),
        label("blame"),
        threshold,
        compared,
        or_none(windows(&expr)),
        or_none(guards(&expr).join(", ")),
        wait,
        board.to_owned(),
    ];
    format!("| {} |", cells.join(" | "))
}

#[test]
fn the_list_of_alerts_is_what_the_rules_say() {
    let mut text = HEAD.to_owned();
    for (_, group) in groups() {
        let alerts: Vec<&Rule> = group.rules.iter().filter(|rule| rule.alert.is_some()).collect();
        if alerts.is_empty() {
            continue;
        }
        writeln!(text, "\n## {}\n", group.name).unwrap();
        writeln!(text, "| alert | severity | blame | threshold | of what | windows | also needed | for | board |")
            .unwrap();
        writeln!(text, "|---|---|---|---|---|---|---|---|---|").unwrap();
        for rule in alerts {
            writeln!(text, "{}", line(rule)).unwrap();
        }
    }
    let path = root("docs/alerts.md");
    if std::env::var_os("CORONER_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/alerts.md is out of date: CORONER_BLESS=1 cargo test --test rules");
}
