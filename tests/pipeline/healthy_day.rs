//! A quiet day. In: a simulated history of a healthy fleet over a whole day at full time, with the small noise that every healthy fleet has,
//! and all shipped rules as they are. Out: no page, and how many tickets. The rules run in promtool, which evaluates records and alerts with
//! their `for` and `keep_firing_for` as the server does, 2880 times a day.
//!
//! So that the test can fail: the same night with one model in trouble must page.

mod fleet;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::process::{part, root};
use crate::{fresh_folder, say};
use fleet::{DAY, Day, STEP};

/// One after the other, records first, as the server reads the files in the end.
fn groups() -> Vec<String> {
    let mut groups: Vec<String> = crate::pack::texts("alerts", ".rules.yaml")
        .iter()
        .map(|text| serde_saphyr::from_str::<Value>(text).unwrap())
        .flat_map(|file| file["groups"].as_array().unwrap().clone())
        .map(|group| group["name"].as_str().unwrap().to_owned())
        .collect();
    groups.sort_by_key(|name| !name.ends_with("-records"));
    groups
}

fn values(values: &[Option<f64>]) -> String {
    let mut text = String::new();
    for value in values {
        match value {
            Some(value) => write!(text, "{value} ").unwrap(),
            None => text += "_ ",
        }
    }
    text
}

/// A promtool test: this day, and no alert in it.
fn test_file(folder: &Path, name: &str, day: &Day, seconds: u32) -> PathBuf {
    let series = |(series, samples): (&String, &Vec<Option<f64>>)| {
        let (metric, labels) =
            series.split_once('{').map_or((series.as_str(), ""), |(m, rest)| (m, rest.trim_end_matches('}')));
        let comma = if labels.is_empty() { "" } else { "," };
        json!({ "series": format!("{metric}{{job=\"coroner\",instance=\"a:9464\"{comma}{labels}}}"), "values": values(samples) })
    };
    let none = |severity: &str| {
        let fired = format!(
            "sort(count by (alertname, platform, model_id, environment, caller) (count_over_time(ALERTS{{alertstate=\"firing\", severity=\"{severity}\"}}[{seconds}s])))"
        );
        json!({ "expr": fired, "eval_time": format!("{}s", seconds - STEP / 2), "exp_samples": [] })
    };
    let rules: Vec<_> = std::fs::read_dir(root().join("alerts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".rules.yaml"))
        .collect();
    let file = json!({
        "rule_files": rules,
        "evaluation_interval": format!("{STEP}s"),
        "group_eval_order": groups(),
        "tests": [{ "interval": format!("{STEP}s"), "input_series": day.iter().map(series).collect::<Vec<_>>(),
                    "promql_expr_test": [none("critical"), none("warning"), none("info")] }],
    });
    let path = folder.join(name);
    std::fs::write(&path, file.to_string()).unwrap();
    path
}

/// Which alerts of each severity fired, as promtool's complaint tells; none where it does not complain.
fn fired(tool: &str, file: &Path) -> [Vec<String>; 3] {
    // Whatever else is tested at the same time lives by the clock; this does not.
    let output =
        Command::new("nice").args(["-n", "19"]).arg(part(tool)).args(["test", "rules"]).arg(file).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut found = [vec![], vec![], vec![]];
    for complaint in text.split("expr: ").skip(1) {
        let query = complaint.lines().next().unwrap();
        let at = ["critical", "warning", "info"].iter().position(|severity| query.contains(severity));
        let got = complaint.split("got:").nth(1).unwrap_or_else(|| panic!("{tool}: {text}"));
        found[at.unwrap()].extend(got.split('{').skip(1).map(|one| one.split('}').next().unwrap().to_owned()));
    }
    let told = found.iter().any(|all| !all.is_empty());
    assert_eq!(output.status.success(), !told, "{tool}: {text}");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_day_pages_nobody() {
    let folder = fresh_folder("healthy-day");
    let healthy = test_file(&folder, "healthy.json", &fleet::day(1, DAY, None), DAY);
    let sick = test_file(&folder, "sick.json", &fleet::day(1, 2 * 3600, Some(3600)), 2 * 3600);
    let runs = [("bin/promtool2", healthy.clone()), ("bin/promtool3", healthy), ("bin/promtool3", sick)];
    let runs: Vec<_> =
        runs.into_iter().map(|(tool, file)| tokio::task::spawn_blocking(move || (tool, fired(tool, &file)))).collect();
    for (at, run) in runs.into_iter().enumerate() {
        let (tool, [pages, tickets, informed]) = run.await.unwrap();
        if at == 2 {
            assert!(
                pages.iter().any(|one| one.contains("InferenceBadGatewayRatio")),
                "one request in ten fails, and no page: {pages:?}"
            );
        } else {
            say(&format!(
                "a healthy day with {tool}: {} pages, {} tickets {tickets:?}, {} for information {informed:?}",
                pages.len(),
                tickets.len(),
                informed.len()
            ));
            assert_eq!(pages, Vec::<String>::new(), "{tool}: pages on a healthy day");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
