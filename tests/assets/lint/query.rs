//! The queries of a panel. In: its JSON and the names that exist. Out: faults of grammar, names, windows, counters, divisions, legends.

use super::{Faults, list, text};
use crate::promql::{Labels, Names, fill, misses_births, parse};
use coroner::telemetry::catalogue::{self, Kind};
use promql_parser::parser::token::{T_BOTTOMK, T_DIV, T_GTR, T_LUNLESS, T_TOPK};
use promql_parser::parser::{Expr, VectorSelector};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;

/// The windows that follow the zoom, and the one that is the whole picture.
const WINDOWS: [&str; 3] = ["$__rate_interval", "$__range", "$__range:1m"];

pub(super) fn check(panel: &Value, names: &Names, faults: &mut Faults) {
    for target in list(panel, "targets") {
        let raw = text(target, "expr");
        let expr = fill(raw);
        let problems = names.problems(&expr);
        for problem in &problems {
            faults.add(format!("{raw}: {problem}"));
        }
        let Ok(tree) = parse(&expr) else { continue };
        windows(raw, faults);
        faults.unless(!misses_births(raw), format!("{raw}: misses the first event of a series"));
        walk(&tree, &mut Vec::new(), &mut |one, above| {
            counters(one, above, faults);
            divisions(one, faults);
        });
        exemplars(panel, target, raw, faults);
        if problems.is_empty() {
            legend(panel, target, &labels(names, &expr), faults);
        }
    }
    columns(panel, names, faults);
}

/// Visits every part of a query with the parts that it stands in, the nearest last.
fn walk<'e>(expr: &'e Expr, above: &mut Vec<&'e Expr>, visit: &mut impl FnMut(&'e Expr, &[&'e Expr])) {
    visit(expr, above);
    above.push(expr);
    match expr {
        Expr::Aggregate(aggregate) => {
            aggregate.param.iter().for_each(|param| walk(param, above, visit));
            walk(&aggregate.expr, above, visit);
        }
        Expr::Unary(unary) => walk(&unary.expr, above, visit),
        Expr::Binary(binary) => {
            walk(&binary.lhs, above, visit);
            walk(&binary.rhs, above, visit);
        }
        Expr::Paren(paren) => walk(&paren.expr, above, visit),
        Expr::Subquery(subquery) => walk(&subquery.expr, above, visit),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| walk(argument, above, visit)),
        _ => {}
    }
    above.pop();
}

/// The labels of a query's answer.
pub(super) fn labels(names: &Names, expr: &str) -> Labels {
    parse(expr).ok().and_then(|tree| names.labels(&tree, &mut Vec::new())).unwrap_or_default()
}

/// The labels that a legend or a text shows.
pub(super) fn named(legend: &str) -> Vec<String> {
    let label = Regex::new(r"\{\{\s*(\w+)\s*\}\}").unwrap();
    label.captures_iter(legend).map(|capture| capture[1].to_owned()).collect()
}

fn windows(raw: &str, faults: &mut Faults) {
    let window = Regex::new(r"\[([^\]]*)\]").unwrap();
    for capture in window.captures_iter(raw) {
        let fault = format!("a window of {} is not one of {WINDOWS:?}: {raw}", &capture[1]);
        faults.unless(WINDOWS.contains(&&capture[1]), fault);
    }
}

fn is_counter(name: &str) -> bool {
    let family = name.trim_end_matches("_bucket");
    let own = catalogue::ALL.iter().find(|metric| metric.name == family).map(|metric| metric.kind);
    match own {
        Some(kind) => kind != Kind::Gauge,
        None => {
            name.starts_with("baseten_")
                && ["_total", "_bucket", "_sum", "_count"].iter().any(|end| name.ends_with(end))
        }
    }
}

fn rated(call: &Expr) -> bool {
    matches!(call, Expr::Call(call) if ["rate", "increase"].contains(&call.func.name))
}

/// Counters are read by how fast they grow, and the instances' growth is added up; gauges have no rate.
fn counters(one: &Expr, above: &[&Expr], faults: &mut Faults) {
    match one {
        Expr::VectorSelector(VectorSelector { name: Some(name), .. }) if is_counter(name) => {
            // `x unless x offset 5m`: the value of a series that is new is its growth.
            let birth = above.iter().any(|expr| matches!(expr, Expr::Binary(binary) if binary.op.id() == T_LUNLESS));
            faults.unless(birth, format!("the counter {name} is read without rate or increase"));
        }
        Expr::MatrixSelector(matrix) => {
            let name = matrix.vs.name.as_deref().unwrap_or_default();
            let growing = above.last().is_some_and(|call| rated(call));
            faults.unless(growing == is_counter(name), format!("{name}: rate and increase are for counters alone"));
            let added = above.iter().any(|expr| matches!(expr, Expr::Aggregate(_)));
            faults.unless(added, format!("{name} is not aggregated"));
        }
        _ => {}
    }
}

fn is_positive(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(paren) => is_positive(&paren.expr),
        Expr::NumberLiteral(number) => number.val != 0.0,
        Expr::Binary(binary) => {
            binary.op.id() == T_GTR && matches!(&*binary.rhs, Expr::NumberLiteral(number) if number.val >= 0.0)
        }
        _ => false,
    }
}

/// What is divided by is more than nothing, so that there is no `NaN`.
fn divisions(one: &Expr, faults: &mut Faults) {
    if let Expr::Binary(binary) = one
        && binary.op.id() == T_DIV
    {
        faults.unless(is_positive(&binary.rhs), format!("divides by what may be nothing; `> 0` is missing: {binary}"));
    }
}

/// Failures by cause and latency lead to traces; elsewhere the dots would only be in the way.
fn exemplars(panel: &Value, target: &Value, raw: &str, faults: &mut Faults) {
    let traced = raw.starts_with("sum by (cause) (rate(inference_failures_total{")
        || raw.contains("rate(inference_request_duration_seconds{");
    let wanted = traced && text(panel, "type") == "timeseries";
    faults.unless(target["exemplar"] == wanted, format!("exemplar is not {wanted}"));
}

/// A legend shows labels that the query keeps, and one without labels stands for one series.
fn legend(panel: &Value, target: &Value, labels: &Labels, faults: &mut Faults) {
    let legend = text(target, "legendFormat");
    faults.unless(!legend.is_empty(), "no legend");
    if text(panel, "type") == "table" {
        return;
    }
    let named = named(legend);
    for label in &named {
        faults.unless(labels.contains(label), format!("the legend shows {label}, which the query loses"));
    }
    faults.unless(!named.is_empty() || labels.is_empty(), format!("`{legend}` stands for many series: {labels:?}"));
}

/// A table has a column for each label that its queries keep, and no other.
fn columns(panel: &Value, names: &Names, faults: &mut Faults) {
    if text(panel, "type") != "table" {
        return;
    }
    let kept: Labels =
        list(panel, "targets").iter().flat_map(|target| labels(names, &fill(text(target, "expr")))).collect();
    let organized = list(panel, "transformations").iter().find(|one| one["id"] == "organize");
    let shown: BTreeSet<String> = organized
        .and_then(|one| one["options"]["indexByName"].as_object())
        .map(|order| order.keys().filter(|key| !key.starts_with("Value")).cloned().collect())
        .unwrap_or_default();
    faults.unless(kept == shown, format!("the queries keep {kept:?}, the columns are {shown:?}"));
    let asked: Vec<&str> = list(panel, "targets").iter().map(|target| text(target, "expr")).collect();
    for raw in asked.iter().filter(|_| asked.len() > 1) {
        let bare = parse(&fill(raw)).is_ok_and(|tree| keeps_name(&tree));
        faults.unless(
            !bare,
            format!("{raw}: keeps the metric's name, so its rows do not join those of the other queries"),
        );
    }
}

/// Whether the answer still has `__name__`.
fn keeps_name(expr: &Expr) -> bool {
    match expr {
        Expr::VectorSelector(_) => true,
        Expr::Paren(paren) => keeps_name(&paren.expr),
        Expr::Binary(binary) => {
            (binary.op.is_comparison_operator() || binary.op.is_set_operator())
                && !binary.return_bool()
                && keeps_name(&binary.lhs)
        }
        Expr::Aggregate(aggregate) => [T_TOPK, T_BOTTOMK].contains(&aggregate.op.id()) && keeps_name(&aggregate.expr),
        Expr::Call(call) => {
            call.func.name == "label_replace" && call.args.args.first().is_some_and(|of| keeps_name(of))
        }
        _ => false,
    }
}
