//! The demo's incidents and who should hear of them. In: `coroner demo --list --json`, the simulated fleet's owners, `incidents.yaml`. Out:
//! for each incident the alert that must come, to whom, and which pages it explains.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;

use crate::alertmanager::Alert;
use crate::pack::{Firing, Labels, Promise};
use crate::process::root;

/// One incident, as the demo itself tells it.
#[derive(Deserialize, Clone, Debug)]
pub(crate) struct Incident {
    pub(crate) name: String,
    models: Vec<String>,
    callers: Vec<String>,
    /// Shares of the run.
    pub(crate) from: f64,
    pub(crate) to: f64,
    blame: String,
    alert: Option<String>,
}

/// An alert that must come because of an incident.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) incident: Incident,
    pub(crate) alert: String,
    pages: Vec<String>,
}

impl Expected {
    /// Whether this is it: its name, and the incident's models and callers as far as it names any.
    pub(crate) fn is(&self, labels: &Labels) -> bool {
        labels["alertname"] == self.alert && self.names(labels)
    }

    /// Whether this is a page about its models that the incident explains: it holds back tickets about them.
    pub(crate) fn is_spoken_for_by(&self, receiver: &str, labels: &Labels) -> bool {
        receiver.ends_with("-page") && labels.contains_key("model_id") && self.explains(labels)
    }

    fn names(&self, labels: &Labels) -> bool {
        let among = |name: &str, all: &[String]| labels.get(name).is_none_or(|value| all.contains(value));
        among("model_id", &self.incident.models) && among("caller", &self.incident.callers)
    }

    /// Whether the incident explains this alert: the expected one, one that is listed, or a budget of its models that burns by its blame.
    pub(crate) fn explains(&self, labels: &Labels) -> bool {
        let name = &labels["alertname"];
        let burns = name.starts_with("InferenceErrorBudgetBurn") && labels.get("blame") == Some(&self.incident.blame);
        name == "Watchdog" || (self.names(labels) && (*name == self.alert || burns || self.pages.contains(name)))
    }
}

/// Every alert that must come.
pub(crate) fn expected() -> Vec<Expected> {
    let text = std::fs::read_to_string(root().join("tests/pipeline/incidents.yaml")).unwrap();
    let mut besides: BTreeMap<String, Vec<String>> = serde_saphyr::from_str(&text).unwrap();
    let mut all = Vec::new();
    for incident in incidents() {
        let pages = besides.remove(&incident.name).unwrap_or_default();
        all.extend(incident.alert.clone().map(|alert| Expected { incident, alert, pages }));
    }
    assert!(besides.is_empty(), "incidents.yaml speaks of what the demo does not know: {:?}", besides.keys());
    all
}

fn incidents() -> Vec<Incident> {
    let output = Command::new(env!("CARGO_BIN_EXE_coroner")).args(["demo", "--list", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[derive(Deserialize)]
struct Fleet {
    models: Vec<Owned>,
    callers: Vec<Owned>,
}

#[derive(Deserialize)]
struct Owned {
    #[serde(alias = "service")]
    id: String,
    team: Option<String>,
}

/// Who owns what in the simulated fleet, read from its own description: not from what the rules made of it.
pub(crate) struct Owners {
    models: Labels,
    callers: Labels,
}

impl Owners {
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(root().join("src/demo/scene/fleet.yaml")).unwrap();
        let Fleet { models, callers } = serde_saphyr::from_str(&text).unwrap();
        let teams =
            |all: Vec<Owned>| all.into_iter().map(|one| (one.id, one.team.unwrap_or("platform".to_owned()))).collect();
        Self { models: teams(models), callers: teams(callers) }
    }

    /// The receiver that must get this alert, whatever team it says it is for.
    pub(crate) fn receiver(&self, alert: &Alert, promise: Promise) -> String {
        let label = |name: &str| alert.labels.get(name);
        let by_caller = label("caller").and_then(|caller| self.callers.get(caller));
        let team = by_caller.or(label("model_id").and_then(|model| self.models.get(model)));
        let firing = Firing { labels: alert.labels.clone(), annotations: alert.annotations.clone() };
        promise.receiver(&firing.with("team", team.map_or("platform", String::as_str)))
    }
}
