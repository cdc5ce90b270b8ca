//! The alert pack as data. In: `alerts/*.rules.yaml` and `alerts/tests/*.test.yaml`. Out: groups, rules and tests with their
//! fields, beside the file that each stands in.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file of rules.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RuleFile {
    pub(crate) groups: Vec<Group>,
}

/// A group of rules, evaluated together.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) interval: String,
    pub(crate) rules: Vec<Rule>,
}

/// A recording or alerting rule.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Rule {
    pub(crate) record: Option<String>,
    pub(crate) alert: Option<String>,
    pub(crate) expr: String,
    #[serde(rename = "for")]
    pub(crate) wait: Option<String>,
    pub(crate) keep_firing_for: Option<String>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Rule {
    /// What it records, or the alert's name.
    pub(crate) fn name(&self) -> &str {
        self.record.as_deref().or(self.alert.as_deref()).expect("a rule records or alerts")
    }
}

/// A file of promtool tests.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TestFile {
    pub(crate) tests: Vec<Test>,
}

/// One test: a history and what must come of it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Test {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default, rename = "alert_rule_test")]
    pub(crate) alerts: Vec<AlertTest>,
    #[serde(default, rename = "promql_expr_test")]
    pub(crate) queries: Vec<QueryTest>,
}

/// The alerts that fire at a moment.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AlertTest {
    #[serde(rename = "alertname")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) exp_alerts: Option<Vec<ExpectedAlert>>,
}

/// One alert that fires.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ExpectedAlert {
    #[serde(default)]
    pub(crate) exp_labels: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) exp_annotations: BTreeMap<String, Value>,
}

/// A query at a moment.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct QueryTest {
    pub(crate) expr: String,
}

/// A path in the project.
pub(crate) fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The files of a folder whose names end so, sorted; a folder without any is a mistake.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no {ending} in {folder}");
    found
}

/// The text of a file.
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A YAML file as data.
pub(crate) fn yaml<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The last part of a path, for messages.
pub(crate) fn short(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Every group of the pack, beside the file it stands in.
pub(crate) fn groups() -> Vec<(PathBuf, Group)> {
    let all = files("alerts", ".rules.yaml").into_iter();
    all.flat_map(|path| yaml::<RuleFile>(&path).groups.into_iter().map(move |group| (path.clone(), group))).collect()
}

/// Every rule of the pack.
pub(crate) fn rules() -> Vec<Rule> {
    groups().into_iter().flat_map(|(_, group)| group.rules).collect()
}

/// Every alerting rule of the pack.
pub(crate) fn alerts() -> Vec<Rule> {
    rules().into_iter().filter(|rule| rule.alert.is_some()).collect()
}

/// Every file of tests.
pub(crate) fn tests() -> Vec<(PathBuf, TestFile)> {
    files("alerts/tests", ".test.yaml").into_iter().map(|path| (path.clone(), yaml(&path))).collect()
}

/// A program that `tests/run` installs.
pub(crate) fn part(name: &str) -> PathBuf {
    let path = root(".parts/bin").join(name);
    assert!(path.exists(), "{} is missing: tests/run installs it", path.display());
    path
}

/// Seconds of a duration such as `1h30m`.
pub(crate) fn seconds(duration: &str) -> u64 {
    promql_parser::util::parse_duration(duration).unwrap_or_else(|error| panic!("{duration}: {error}")).as_secs()
}
