//! What is simulated: the fleet, how its libraries write, and what goes wrong. In: the YAML files beside this one. Out: data.

use crate::judge::taxonomy::{Blame, Cause, Class};
use serde::Deserialize;
use std::collections::BTreeMap;

const LIBRARIES: &str = include_str!("scene/libraries.yaml");
const FLEET: &str = include_str!("scene/fleet.yaml");
const INCIDENTS: &str = include_str!("scene/incidents.yaml");

/// A container that dies again and again does so this often in its incident.
const BLOWS: u64 = 20;
/// Shortest time from one blow to the next, ticks.
const SHORTEST_PERIOD: u64 = 4;

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

/// One incident; `incidents.yaml` says what each field means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Incident {
    pub(super) id: String,
    pub(super) truth: String,
    pub(super) models: Vec<String>,
    pub(super) callers: Vec<String>,
    pub(super) time: (f64, f64),
    #[serde(default = "whole")]
    pub(super) share: f64,
    #[serde(default)]
    pub(super) blows: bool,
    #[serde(default)]
    pub(super) hangs: f64,
    pub(super) answer: Answer,
    #[serde(default)]
    pub(super) logs: Lines,
    #[serde(default)]
    pub(super) provider: Seen,
    pub(super) verdict: Verdict,
    pub(super) alert: Option<String>,
}

/// What a caller gets.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) status: Option<u16>,
    pub(super) error: Option<Trouble>,
    #[serde(default)]
    pub(super) text: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// How long it takes; none = as long as a good answer.
    pub(super) seconds: Option<f64>,
}

/// What the container writes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Lines {
    pub(super) begin: Vec<Line>,
    pub(super) end: Vec<Line>,
    pub(super) each: Vec<Line>,
}

/// One line, by its severity; `{restarts}` stands for how often the container was restarted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    /// Severity `INFO`.
    Info(String),
    /// Severity `ERROR`.
    Error(String),
}

/// What the platform's own metrics show beside the answers.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Seen {
    /// The status that the platform counted, where it is not the caller's; `none` = the call never reached the deployment.
    pub(super) status: Option<SeenStatus>,
    /// Each begin of a blow is a restart.
    pub(super) restarts: bool,
    /// The memory climbs to the limit before each blow.
    pub(super) memory: Option<Memory>,
    /// The GPU's memory is full.
    pub(super) gpu_memory: Option<GpuMemory>,
    /// Replicas that serve; none = as ever.
    pub(super) active: Option<u32>,
    /// Replicas that start.
    pub(super) starting: u32,
    /// A new deployment is rolled out.
    pub(super) rollout: bool,
}

/// A status as the platform counted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum SeenStatus {
    /// This one.
    Counted(u16),
    /// Not counted.
    Nothing(Nothing),
}

/// The word `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Nothing {
    /// Not counted.
    None,
}

/// What a container's memory does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Memory {
    /// Up to the limit, then the container is killed.
    Climbs,
}

/// What a GPU's memory does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum GpuMemory {
    /// All of it is used.
    Full,
}

/// The right verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verdict {
    pub(super) class: Class,
    pub(super) cause: Cause,
    pub(super) blame: Blame,
}

const fn whole() -> f64 {
    1.0
}

/// What becomes of requests while an incident lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// It is not there.
    #[default]
    Off,
    /// They do not come back.
    Hangs,
    /// They fail.
    Strikes,
    /// All is well until the next blow.
    Between,
}

/// What an incident does in one tick.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Phase {
    /// What becomes of requests.
    pub(super) state: State,
    /// A blow falls, or the trouble begins, or says again that it is there.
    pub(super) begins: bool,
    /// What began ends with this tick.
    pub(super) ends: bool,
    /// How far it is from the last blow to the next, 0 to 1; 0 outside of the incident.
    pub(super) climb: f64,
}

impl Phase {
    /// Whether requests are struck in one way or the other.
    pub(super) const fn strikes(self) -> bool {
        matches!(self.state, State::Strikes | State::Hangs)
    }

    /// Whether it is there, and no longer only hanging.
    pub(super) const fn is_on(self) -> bool {
        matches!(self.state, State::Strikes | State::Between)
    }
}

impl Incident {
    /// What it does in a tick of a run of so many ticks.
    pub(super) fn phase(&self, tick: u64, ticks: u64) -> Phase {
        let at = |share: f64| share_of(share, ticks);
        let (from, to) = (at(self.time.0), at(self.time.1));
        if (at((self.time.0 - self.hangs).max(0.0))..from).contains(&tick) {
            return Phase { state: State::Hangs, ..Phase::default() };
        }
        if !(from..to).contains(&tick) {
            return Phase::default();
        }
        let period = ((to - from) / BLOWS).max(SHORTEST_PERIOD);
        let down = if self.blows { (period / 4).max(1) } else { period };
        let in_period = (tick - from) % period;
        let last = tick + 1 == to;
        let strikes = in_period < down;
        Phase {
            state: if strikes { State::Strikes } else { State::Between },
            begins: in_period == 0,
            ends: if self.blows { strikes && (in_period + 1 == down || last) } else { last },
            climb: in_period as f64 / period as f64,
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count: positive and small")]
fn share_of(share: f64, ticks: u64) -> u64 {
    (share * ticks as f64).round() as u64
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

    #[test]
    fn a_container_that_dies_again_and_again_is_down_for_a_quarter() {
        let scene = Scene::builtin();
        let storm = scene.incidents.iter().find(|one| one.id == "oom-storm").unwrap();
        for ticks in [24, 180, 2400] {
            let phases: Vec<Phase> = (0..ticks).map(|tick| storm.phase(tick, ticks)).collect();
            let count = |wanted: fn(&Phase) -> bool| phases.iter().filter(|phase| wanted(phase)).count();
            assert_eq!(count(|phase| phase.begins), count(|phase| phase.ends), "{ticks}");
            assert!(phases.iter().all(|phase| phase.strikes() || !(phase.begins || phase.ends)));
            let down = count(|phase| phase.strikes()) as f64 / ticks as f64;
            assert!((0.08..0.16).contains(&down), "{ticks}: {down}");
        }
    }
}
