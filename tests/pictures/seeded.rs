//! Proof that broken panels are found. In: a board in which each panel has one fault. Out: exactly these faults.

use super::day::Day;
use super::drawing::{Drawing, draw};
use super::faults;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const REQUESTS: &str = "sum(rate(inference_requests_total[$__rate_interval]))";

/// Every way to be broken, with the words that must be found.
fn panels() -> Vec<(&'static str, Value, &'static str)> {
    let panel = |kind: &str, expr: &str, defaults: Value| json!({ "type": kind, "expr": expr, "defaults": defaults });
    let unit = |unit: &str| json!({ "unit": unit });
    let unseen = json!({ "unit": "reqps", "custom": { "lineWidth": 0, "showPoints": "never" } });
    vec![
        ("fine chart", panel("timeseries", REQUESTS, unit("reqps")), ""),
        ("fine number", panel("stat", REQUESTS, unit("reqps")), ""),
        ("fine bars", panel("bargauge", "sum by (status_code) (inference_requests_total)", unit("short")), ""),
        ("fine table", panel("table", "sum by (model_id) (inference_requests_total)", unit("short")), ""),
        ("fine states", panel("state-timeline", "max by (job) (up)", unit("none")), ""),
        ("no query", panel("timeseries", "sum(", unit("reqps")), "parse error"),
        ("no metric", panel("stat", "inference_no_such_total", unit("short")), "empty"),
        ("no unit", panel("stat", REQUESTS, json!({})), "numbers without a unit"),
        ("odd unit", panel("stat", REQUESTS, unit("requests_a_second")), "Grafana has no unit requests_a_second"),
        ("no ratio", panel("stat", REQUESTS, unit("percentunit")), "percentunit is for 0 to 1"),
        ("no percentage", panel("table", "sum(inference_requests_total)", unit("percent")), "percent is for 0 to 100"),
        ("no line", panel("timeseries", REQUESTS, unseen), "no pixel of requests"),
        ("no such type", panel("crystal-ball", REQUESTS, unit("reqps")), "panel type crystal-ball cannot be drawn"),
        (
            "a title that is far too long for a panel that is as narrow as this",
            panel("stat", REQUESTS, unit("reqps")),
            "its title is cut",
        ),
    ]
}

fn board() -> Value {
    let panels: Vec<Value> = panels()
        .into_iter()
        .enumerate()
        .map(|(index, (title, panel, _))| {
            let instant = panel["type"] == "table" || panel["type"] == "bargauge";
            json!({
                "id": index, "title": title, "type": panel["type"],
                "gridPos": { "x": index % 4 * 6, "y": index / 4 * 6, "w": 6, "h": 6 },
                "targets": [{
                    "refId": "A", "expr": panel["expr"], "legendFormat": if instant { "__auto" } else { "requests" },
                    "instant": instant, "range": !instant, "format": if panel["type"] == "table" { "table" } else { "time_series" },
                }],
                "fieldConfig": { "defaults": panel["defaults"], "overrides": [] },
            })
        })
        .collect();
    json!({ "uid": "seeded", "title": "Seeded faults", "panels": panels })
}

/// Draws it and compares.
pub(crate) fn check(day: &Day, out: &Path) {
    let drawing = Drawing {
        name: "seeded".to_owned(),
        board: board(),
        chosen: BTreeMap::new(),
        shut: false,
        from: day.began,
        to: day.at(100),
    };
    let reports = draw(day, out, super::WIDTH, &[drawing]);
    let mut found = faults::of(&reports[0]);
    found.extend(faults::empty(&[&reports[0]]).iter().map(|place| format!("seeded: {place}: empty")));
    let broken: BTreeSet<&str> = found.iter().filter_map(|fault| fault.split(": ").nth(1)).collect();
    let meant: BTreeSet<&str> = panels().iter().filter(|(.., why)| !why.is_empty()).map(|(title, ..)| *title).collect();
    assert_eq!(broken, meant, "{found:#?}");
    for (title, _, why) in panels() {
        let place = format!("seeded: {title}: ");
        assert!(
            why.is_empty() || found.iter().any(|fault| fault.starts_with(&place) && fault.contains(why)),
            "{title}: {found:#?}"
        );
    }
}
