//! What lets a newcomer try everything: `deploy/`. In: its files, promtool and real servers. Out: each file that is named exists, each port is
//! open on this machine only, and the script without Docker starts what it says and stops all of it.
//!
//! No container engine runs where these tests run: the images are not built and not started.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]
#![expect(clippy::panic, reason = "a test that meets an error has failed")]

#[path = "deploy/compose.rs"]
mod compose;
#[path = "deploy/install.rs"]
mod install;
#[path = "deploy/script.rs"]
mod script;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The project's root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that `tests/run` installs.
fn part(name: &str) -> PathBuf {
    let path = root().join(".parts/bin").join(name);
    assert!(path.exists(), "{} is missing: run tests/run once, it installs it", path.display());
    path
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The texts of a list.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// Prometheus' config without the line that 2.42 does not know.
fn for_oldest(config: &str) -> String {
    config.split_inclusive('\n').filter(|line| !line.trim_end().ends_with("# 3.8 or later only")).collect()
}

#[test]
fn both_versions_of_promtool_accept_the_config_and_find_the_rules() {
    let config = read("deploy/prometheus.yaml");
    let old = for_oldest(&config);
    assert_eq!(config.lines().count() - old.lines().count(), 1, "one line is for 3.8 or later only");
    let rules = format!("{}/alerts/*.rules.yaml", root().display());
    for (tool, text) in [("promtool2", old), ("promtool3", config)] {
        // Relative paths start at the config's folder; this copy stands elsewhere.
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{tool}.yaml"));
        std::fs::write(&file, text.replace("../alerts/*.rules.yaml", &rules)).unwrap();
        let output = Command::new(part(tool)).args(["check", "config"]).arg(&file).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{tool}: {said}");
        let files = std::fs::read_dir(root().join("alerts"))
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".rules.yaml"));
        assert_eq!(said.matches("rules found").count(), files.count(), "{tool}: {said}");
    }
}

#[test]
fn base_addresses_do_not_stay_as_labels() {
    let config = yaml("deploy/prometheus.yaml");
    let labels = config["global"]["external_labels"].as_object().unwrap();
    let relabel = &config["alerting"]["alert_relabel_configs"][0];
    assert_eq!(relabel["action"], "labeldrop");
    let dropped: Vec<&str> = relabel["regex"].as_str().unwrap().split('|').collect();
    assert!(labels.keys().all(|label| dropped.contains(&label.as_str())), "{labels:?}");
    // Both are named by the rules.
    let rules: String = std::fs::read_dir(root().join("alerts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert!(dropped.iter().all(|label| rules.contains(&format!("$externalLabels.{label}"))), "{dropped:?}");
}
