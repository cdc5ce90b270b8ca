//! Dashboards keep to the contract. In: `dashboards/`, and the names that exist. Out: the dashboards are what their generator writes
//! (`CORONER_BLESS=1 cargo test --test assets` writes them anew) and have no fault; every query is accepted by `promtool` of both versions
//! and returns data from the demo.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "assets/boards.rs"]
mod boards;
#[path = "assets/colours.rs"]
mod colours;
#[path = "pipeline/compress.rs"]
mod compress;
#[path = "assets/dashboard.rs"]
mod dashboard;
#[path = "assets/grafana.rs"]
mod grafana;
#[path = "assets/lint.rs"]
mod lint;
#[path = "assets/live.rs"]
mod live;
#[path = "assets/promql.rs"]
mod promql;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no {ending} in {folder}");
    found
}

/// Every dashboard that ships.
fn dashboards() -> Vec<Value> {
    let read = |path: PathBuf| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    files("dashboards", ".json").into_iter().map(read).collect()
}

/// Every query of every dashboard with Grafana's variables filled in, beside the board and panel it stands in.
fn dashboard_queries() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for board in dashboards() {
        for panel in lint::panels(&board) {
            for target in panel["targets"].as_array().unwrap() {
                let place = format!("{}: {} {}", board["uid"], panel["title"], target["refId"]);
                found.push((place, promql::fill(target["expr"].as_str().unwrap())));
            }
        }
    }
    found
}

/// A program that `tests/run` installs.
fn part(name: &str) -> PathBuf {
    let path = root(".parts/bin").join(name);
    assert!(path.exists(), "{} is missing: tests/run installs it", path.display());
    path
}

/// Debian's 2.42 and a 3.x must both agree.
fn promtool(arguments: &[&str]) {
    for tool in ["promtool2", "promtool3"] {
        let output = Command::new(part(tool)).args(arguments).current_dir(root("alerts")).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{tool} {arguments:?}:\n{text}");
    }
}

#[test]
fn promtool_accepts_the_dashboards_queries() {
    let mut queries = dashboard_queries();
    for board in dashboards() {
        for annotation in board["annotations"]["list"].as_array().unwrap() {
            queries.push((board["uid"].to_string(), promql::fill(annotation["expr"].as_str().unwrap())));
        }
    }
    let records: Vec<_> = queries
        .into_iter()
        .enumerate()
        .map(|(n, (place, expr))| serde_json::json!({"record": format!("q{n}"), "expr": expr, "labels": {"place": place}}))
        .collect();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboards.rules.yaml");
    let file = serde_json::json!({"groups": [{"name": "dashboards", "rules": records}]});
    std::fs::write(&path, file.to_string()).unwrap();
    promtool(&["check", "rules", path.to_str().unwrap()]);
}

/// Nothing is written that has a fault: above all nothing that asks for a name that does not exist.
#[test]
fn dashboards_are_what_the_generator_writes() {
    let boards = boards::all();
    let written: Vec<Value> = boards.iter().map(|board| serde_json::from_str(&board.text()).unwrap()).collect();
    let faults = lint::faults(&written, &promql::Names::read());
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    let mut kept: Vec<PathBuf> = Vec::new();
    for board in boards {
        let path = root("dashboards").join(format!("{}.json", board.uid.trim_start_matches("coroner-")));
        let text = board.text();
        if std::env::var_os("CORONER_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{} is out of date: CORONER_BLESS=1 cargo test --test assets", path.display());
        kept.push(path);
    }
    kept.sort();
    assert_eq!(files("dashboards", ".json"), kept, "a board that no code writes");
}

#[test]
fn every_board_is_documented() {
    let page = std::fs::read_to_string(root("docs/dashboards.md")).unwrap();
    let heads: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    for board in boards::all() {
        let head = format!("{} (`{}`)", board.title, board.uid);
        assert!(heads.contains(&head.as_str()), "docs/dashboards.md has no section `{head}`");
    }
}
