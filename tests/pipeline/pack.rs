//! The shipped alerts as they really look. In: `alerts/*.rules.yaml` and the alerts that the unit tests in `alerts/tests` expect, which
//! promtool has proved of real rules. Out: every alert with its labels and annotations, and who is to get it (`receivers.yaml`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::process::root;

pub(crate) type Labels = BTreeMap<String, String>;

/// One alert that fires.
#[derive(Clone, Debug)]
pub(crate) struct Firing {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
}

impl Firing {
    pub(crate) fn name(&self) -> &str {
        &self.labels["alertname"]
    }

    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The same with this label; an empty value takes it away, as in Prometheus.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if value.is_empty() {
            self.labels.remove(name);
        } else {
            self.labels.insert(name.to_owned(), value.to_owned());
        }
        self
    }
}

/// Who is to get an alert, as `receivers.yaml` says it.
#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Whom {
    Owner,
    Caller,
    Blamed,
    Platform,
    Observability,
    Digest,
    Deadman,
}

#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum How {
    Page,
    Ticket,
}

#[derive(Deserialize, Clone, Copy, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Promise {
    pub(crate) to: Whom,
    #[serde(rename = "as")]
    pub(crate) how: Option<How>,
}

/// Teams of the example that can be paged; the pages of everybody else go to those who run the platform.
const PAGED_TEAMS: [&str; 4] = ["vision", "search", "chat", "platform"];
/// Teams that get tickets.
pub(crate) const TEAMS: [&str; 6] = ["vision", "search", "chat", "platform", "batch", "mobile"];

impl Promise {
    /// The receiver's name in `alerts/alertmanager.yaml`, for an alert with these labels.
    pub(crate) fn receiver(self, firing: &Firing) -> String {
        let (teams, kind) = match self.how {
            None if self.to == Whom::Digest => return "digest".to_owned(),
            None => return "deadman".to_owned(),
            Some(How::Page) => (&PAGED_TEAMS[..], "page"),
            Some(How::Ticket) => (&TEAMS[..], "ticket"),
        };
        let team = match self.to {
            Whom::Observability => "observability",
            Whom::Owner | Whom::Caller => firing.label("team"),
            Whom::Blamed if firing.label("blame") != "platform" => firing.label("team"),
            _ => "platform",
        };
        let team = if teams.contains(&team) || self.to == Whom::Observability { team } else { "platform" };
        format!("{team}-{kind}")
    }
}

/// Who is to get which alert.
pub(crate) fn promises() -> BTreeMap<String, Promise> {
    let text = std::fs::read_to_string(root().join("tests/pipeline/receivers.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

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
    labels: Labels,
}

/// The name and the labels that stand in the rule, of every alert of every rules file.
pub(crate) fn rules() -> Vec<(String, Labels)> {
    let rules = texts("alerts", ".rules.yaml").into_iter();
    let rules = rules.flat_map(|text| serde_saphyr::from_str::<RuleFile>(&text).unwrap().groups);
    rules.flat_map(|group| group.rules).filter_map(|rule| Some((rule.alert?, rule.labels))).collect()
}

#[derive(Deserialize)]
struct TestFile {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(default)]
    alert_rule_test: Vec<AlertTest>,
}

#[derive(Deserialize)]
struct AlertTest {
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    #[serde(default)]
    exp_labels: Labels,
    #[serde(default)]
    exp_annotations: Labels,
}

/// Every different alert that a unit test writes out with its annotations.
pub(crate) fn firing() -> &'static [Firing] {
    static FIRING: LazyLock<Vec<Firing>> = LazyLock::new(read_firing);
    &FIRING
}

fn read_firing() -> Vec<Firing> {
    let mut found = Vec::new();
    for text in texts("alerts/tests", ".test.yaml") {
        let tests = serde_saphyr::from_str::<TestFile>(&text).unwrap().tests;
        for test in tests.into_iter().flat_map(|test| test.alert_rule_test) {
            for one in test.exp_alerts.into_iter().filter(|one| !one.exp_annotations.is_empty()) {
                let firing = Firing { labels: one.exp_labels, annotations: one.exp_annotations };
                found.push(firing.with("alertname", &test.alertname));
            }
        }
    }
    found.sort_by(|a, b| a.labels.cmp(&b.labels));
    found.dedup_by(|a, b| a.labels == b.labels);
    found
}

/// The first of them with this name.
pub(crate) fn one_firing(name: &str) -> Firing {
    let found = firing().iter().find(|one| one.name() == name).cloned();
    found.unwrap_or_else(|| panic!("no test in alerts/tests expects {name} with its annotations"))
}

pub(crate) fn texts(folder: &str, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no {ending} in {folder}");
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}
