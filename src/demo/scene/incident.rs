//! What goes wrong, and when. In: an entry of `incidents.yaml`, and the tick. Out: what the incident does in it.

use super::{Trouble, whole};
use crate::judge::taxonomy::{Blame, Cause, Class};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A container that dies again and again does so this often in its incident.
const BLOWS: u64 = 20;
/// Shortest time from one blow to the next, ticks.
const SHORTEST_PERIOD: u64 = 4;

/// One incident; `incidents.yaml` says what each field means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Incident {
    pub(in super::super) id: String,
    pub(in super::super) truth: String,
    pub(in super::super) models: Vec<String>,
    pub(in super::super) callers: Vec<String>,
    pub(in super::super) time: (f64, f64),
    #[serde(default = "whole")]
    pub(in super::super) share: f64,
    #[serde(default)]
    pub(in super::super) blows: bool,
    #[serde(default)]
    pub(in super::super) hangs: f64,
    pub(in super::super) answer: Answer,
    #[serde(default)]
    pub(in super::super) logs: Lines,
    #[serde(default)]
    pub(in super::super) provider: Seen,
    pub(in super::super) verdict: Verdict,
    pub(in super::super) alert: Option<String>,
}

/// What a caller gets.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Answer {
    pub(in super::super) status: Option<u16>,
    pub(in super::super) error: Option<Trouble>,
    #[serde(default)]
    pub(in super::super) text: String,
    #[serde(default)]
    pub(in super::super) headers: BTreeMap<String, String>,
    /// How long it takes; none = as long as a good answer.
    pub(in super::super) seconds: Option<f64>,
}

/// What the container writes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct Lines {
    pub(in super::super) begin: Vec<Line>,
    pub(in super::super) end: Vec<Line>,
    pub(in super::super) each: Vec<Line>,
}

/// One line, by its severity; `{restarts}` stands for how often the container was restarted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum Line {
    /// Severity `INFO`.
    Info(String),
    /// Severity `ERROR`.
    Error(String),
}

/// What the platform's own metrics show beside the answers.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct Seen {
    /// The status that the platform counted, where it is not the caller's; `none` = the call never reached the deployment.
    pub(in super::super) status: Option<SeenStatus>,
    /// Each begin of a blow is a restart.
    pub(in super::super) restarts: bool,
    /// The memory climbs to the limit before each blow.
    pub(in super::super) memory: Option<Memory>,
    /// The GPU's memory is full.
    pub(in super::super) gpu_memory: Option<GpuMemory>,
    /// Replicas that serve; none = as ever.
    pub(in super::super) active: Option<u32>,
    /// Replicas that start.
    pub(in super::super) starting: u32,
    /// A new deployment is rolled out.
    pub(in super::super) rollout: bool,
}

/// A status as the platform counted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(in super::super) enum SeenStatus {
    /// This one.
    Counted(u16),
    /// Not counted.
    Nothing(Nothing),
}

/// The word `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum Nothing {
    /// Not counted.
    None,
}

/// What a container's memory does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum Memory {
    /// Up to the limit, then the container is killed.
    Climbs,
}

/// What a GPU's memory does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum GpuMemory {
    /// All of it is used.
    Full,
}

/// The right verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Verdict {
    pub(in super::super) class: Class,
    pub(in super::super) cause: Cause,
    pub(in super::super) blame: Blame,
}

/// What becomes of requests while an incident lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum State {
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
pub(in super::super) struct Phase {
    /// What becomes of requests.
    pub(in super::super) state: State,
    /// A blow falls, or the trouble begins, or says again that it is there.
    pub(in super::super) begins: bool,
    /// What began ends with this tick.
    pub(in super::super) ends: bool,
    /// How far it is from the last blow to the next, 0 to 1; 0 outside of the incident.
    pub(in super::super) climb: f64,
}

impl Phase {
    /// Whether requests are struck in one way or the other.
    pub(in super::super) const fn strikes(self) -> bool {
        matches!(self.state, State::Strikes | State::Hangs)
    }

    /// Whether it is there, and no longer only hanging.
    pub(in super::super) const fn is_on(self) -> bool {
        matches!(self.state, State::Strikes | State::Between)
    }
}

impl Incident {
    /// What it does in a tick of a run of so many ticks.
    pub(in super::super) fn phase(&self, tick: u64, ticks: u64) -> Phase {
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

#[cfg(test)]
mod tests {
    use super::super::Scene;
    use super::*;

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
