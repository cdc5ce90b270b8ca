//! Dashboards keep to the contract. In: `dashboards/`. Out: every metric, label and label value that a panel names exists; `promtool`
//! accepts the queries; the dashboards are what their generator writes (`CORONER_BLESS=1 cargo test --test assets` writes them anew).

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "assets/causes_board.rs"]
mod causes_board;
#[path = "assets/dashboard.rs"]
mod dashboard;
#[path = "assets/fleet_board.rs"]
mod fleet_board;
#[path = "assets/live.rs"]
mod live;
#[path = "assets/promql.rs"]
mod promql;

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

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

fn rules() -> Vec<Rule> {
    files("alerts", ".rules.yaml")
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .flat_map(|text| serde_saphyr::from_str::<RuleFile>(&text).unwrap().groups)
        .flat_map(|group| group.rules)
        .collect()
}

/// Every query of every dashboard with Grafana's variables filled in, beside the file and panel it stands in.
fn dashboard_queries() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in files("dashboards", ".json") {
        let board: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let place = format!("{}: {}", path.file_name().unwrap().to_string_lossy(), panel["title"]);
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
    let records: Vec<_> = dashboard_queries()
        .into_iter()
        .enumerate()
        .map(|(n, (place, expr))| serde_json::json!({"record": format!("q{n}"), "expr": expr, "labels": {"place": place}}))
        .collect();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboards.rules.yaml");
    let file = serde_json::json!({"groups": [{"name": "dashboards", "rules": records}]});
    std::fs::write(&path, file.to_string()).unwrap();
    promtool(&["check", "rules", path.to_str().unwrap()]);
}

#[test]
fn every_name_in_dashboards_exists() {
    let names = promql::Names::read();
    let problems: Vec<String> = dashboard_queries()
        .iter()
        .flat_map(|(place, expr)| names.problems(expr).into_iter().map(move |p| format!("{place}: {p}")))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn dashboards_are_what_the_generator_writes() {
    let boards = [fleet_board::board(), causes_board::board()];
    for board in boards {
        let path = root("dashboards").join(format!("{}.json", board.uid.trim_start_matches("coroner-")));
        let text = board.text();
        if std::env::var_os("CORONER_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "{} is out of date: CORONER_BLESS=1 cargo test --test assets", path.display());
    }
}

#[test]
fn dashboards_keep_to_the_house_rules() {
    for path in files("dashboards", ".json") {
        let text = std::fs::read_to_string(&path).unwrap();
        let board: serde_json::Value = serde_json::from_str(&text).unwrap();
        let panels = board["panels"].as_array().unwrap();
        assert!(panels.len() <= 12, "more than 12 visible panels");
        assert!((39..=42).contains(&board["schemaVersion"].as_u64().unwrap()));
        assert!(!text.contains("__inputs") && !text.contains("${DS_"), "a datasource variable, no inputs");
        for variable in board["templating"]["list"].as_array().unwrap() {
            assert_eq!(variable["current"], serde_json::json!({}), "{}", variable["name"]);
            if variable["type"] == "query" {
                assert_eq!(variable["datasource"]["uid"], "${datasource}");
            }
        }
        for panel in panels {
            let title = &panel["title"];
            assert!(panel["description"].as_str().unwrap().contains("inference_"), "{title}: name the metric");
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(
                !defaults["unit"].as_str().unwrap().is_empty() && !defaults["noValue"].as_str().unwrap().is_empty()
            );
            for target in panel["targets"].as_array().unwrap() {
                let expr = target["expr"].as_str().unwrap();
                assert!(expr.contains("$__rate_interval"), "{title}: {expr}");
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            }
        }
    }
}
