//! What is simulated: the fleet, how its libraries write, and what goes wrong. In: the YAML files beside this one. Out: data.

mod incident;

use serde::Deserialize;
use std::collections::BTreeMap;

pub(super) use incident::{Answer, GpuMemory, Incident, Line, Memory, Nothing, Phase, SeenStatus, State};

const LIBRARIES: &str = include_str!("scene/libraries.yaml");
const FLEET: &str = include_str!("scene/fleet.yaml");
const INCIDENTS: &str = include_str!("scene/incidents.yaml");

/// Everything about a run that does not change.
#[derive(Debug)]
pub(super) struct Scene {
    /// Instrumentations by name.
    pub(super) libraries: BTreeMap<String, Library>,
    /// Everybody who is called.
    pub(super) models: Vec<Model>,
    /// Everybody who calls.
    pub(super) callers: Vec<Caller>,
    /// What goes wrong; the first that strikes a call has it.
    pub(super) incidents: Vec<Incident>,
}

/// How an instrumentation writes its spans.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Library {
    /// Name of its scope.
    pub(super) scope: String,
    /// `telemetry.sdk.language`.
    pub(super) language: String,
    /// Name of its spans.
    pub(super) span: String,
    /// Which attributes it writes.
    pub(super) conventions: Conventions,
    /// What the application around it raises for an answer that is no success.
    pub(super) app_error: String,
    /// What it writes for each trouble on the way.
    #[serde(default)]
    pub(super) errors: BTreeMap<Trouble, Words>,
}

/// Which attributes a library writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Conventions {
    /// HTTP, before they were stable.
    Old,
    /// HTTP, stable.
    Stable,
    /// `GenAI` spans of streams.
    GenAi,
}

/// What can happen on the way, whatever the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Trouble {
    /// The caller's own time limit ran out before an answer.
    Timeout,
    /// The answer began and its body ended early.
    Cut,
    /// The answer began and fell silent until the caller's limit.
    Stall,
    /// The caller's connection pool was used up.
    Pool,
    /// The host name did not resolve.
    Dns,
    /// The connection died before an answer.
    Reset,
    /// The caller left.
    Cancel,
}

/// A library's words for a trouble.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    /// `error.type`.
    pub(super) r#type: String,
    /// Type of the exception, where it writes an event.
    pub(super) exception: Option<String>,
    /// The message.
    pub(super) text: String,
}

/// One model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Model {
    /// Its id.
    pub(super) id: String,
    /// Who owns it; none = the default team.
    pub(super) team: Option<String>,
    /// Share of the usual calls.
    #[serde(default = "whole")]
    pub(super) rate: f64,
    /// Its logs are exported.
    #[serde(default)]
    pub(super) logs: bool,
    /// It answers with a stream whose end the caller's library does not see.
    #[serde(default)]
    pub(super) event_stream: bool,
    /// It is the platform's own and has no deployment.
    #[serde(default)]
    pub(super) serverless: bool,
}

/// Who calls.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caller {
    /// Its `service.name`.
    pub(super) service: String,
    /// Who owns it.
    pub(super) team: String,
    /// Key in [`Scene::libraries`].
    pub(super) library: String,
    /// Exports by gRPC, else by HTTP.
    #[serde(default)]
    pub(super) grpc: bool,
    /// The end of the path that it calls.
    #[serde(default)]
    pub(super) endpoint: String,
    /// Typical duration of a good answer, seconds.
    pub(super) seconds: f64,
    /// Ids of the models it calls.
    pub(super) models: Vec<String>,
}

const fn whole() -> f64 {
    1.0
}

/// An incident that nobody knows.
#[derive(Debug, thiserror::Error)]
#[error("there is no incident `{0}`; `coroner demo --list` names them all")]
pub struct UnknownIncident(String);

impl Scene {
    /// The scene that ships with the program.
    pub(super) fn builtin() -> Self {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fleet {
            models: Vec<Model>,
            callers: Vec<Caller>,
        }
        const READ: &str = "the built-in scene is read by a test";
        let fleet: Fleet = serde_saphyr::from_str(FLEET).expect(READ);
        Self {
            libraries: serde_saphyr::from_str(LIBRARIES).expect(READ),
            models: fleet.models,
            callers: fleet.callers,
            incidents: serde_saphyr::from_str(INCIDENTS).expect(READ),
        }
    }

    /// Keeps only these incidents.
    pub(super) fn only(&mut self, ids: &[String]) -> Result<(), UnknownIncident> {
        if let Some(unknown) = ids.iter().find(|id| !self.incidents.iter().any(|one| one.id == **id)) {
            return Err(UnknownIncident(unknown.clone()));
        }
        self.incidents.retain(|one| ids.contains(&one.id));
        Ok(())
    }

    /// Index of a model.
    pub(super) fn model(&self, id: &str) -> Option<usize> {
        self.models.iter().position(|model| model.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_known() {
        let scene = Scene::builtin();
        assert!(scene.models.len() > 40);
        for caller in &scene.callers {
            let library = scene.libraries.get(&caller.library).unwrap();
            assert!(caller.models.iter().all(|id| scene.model(id).is_some()), "{}", caller.service);
            assert!(library.conventions == Conventions::GenAi || !caller.endpoint.is_empty());
        }
        let called = |id: &String| scene.callers.iter().any(|caller| caller.models.contains(id));
        assert!(scene.models.iter().all(|model| called(&model.id)));
    }

    #[test]
    fn every_incident_can_happen_and_leaves_the_fleet_healthy_before_and_after() {
        let scene = Scene::builtin();
        let ids: BTreeSet<&str> = scene.incidents.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids.len(), scene.incidents.len());
        for one in &scene.incidents {
            let callers: Vec<&Caller> = scene.callers.iter().filter(|c| one.callers.contains(&c.service)).collect();
            assert_eq!(callers.len(), one.callers.len(), "{}", one.id);
            for model in &one.models {
                assert!(callers.iter().any(|caller| caller.models.contains(model)), "{}: {model}", one.id);
            }
            assert!(
                one.time.0 - one.hangs >= 0.1 && one.time.1 - one.time.0 >= 0.099 && one.time.1 <= 0.85,
                "{}",
                one.id
            );
            // Each library that is struck has words for the trouble.
            for caller in callers {
                let library = &scene.libraries[&caller.library];
                let known = one.answer.error.is_none_or(|trouble| library.errors.contains_key(&trouble));
                assert!(known || library.conventions == Conventions::GenAi, "{}: {}", one.id, caller.service);
            }
        }
    }

    #[test]
    fn a_failure_tells_its_incident_by_model_and_verdict() {
        let scene = Scene::builtin();
        for (at, one) in scene.incidents.iter().enumerate() {
            for other in &scene.incidents[at + 1..] {
                let shared = one.models.iter().any(|model| other.models.contains(model));
                assert!(!shared || one.verdict != other.verdict, "{} and {}", one.id, other.id);
            }
        }
    }
}
