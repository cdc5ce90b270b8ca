//! What a scenario file may say (`README.md` explains it to its writers).
//!
//! In: the text of one file. Out: its scenarios, or one error with file, line and column. Unknown keys are refused.

use super::records::Record;
use super::words::{Clock, Expected, Span};
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

/// One story: what arrives when, and what must come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// One sentence: the situation and its outcome.
    pub(crate) title: Spanned<String>,
    /// Where the outcome follows from.
    pub(crate) why: String,
    /// Where the model runs.
    #[serde(default, rename = "where")]
    pub(crate) place: Place,
    /// Settings that differ from the defaults.
    #[serde(default)]
    pub(crate) settings: Settings,
    /// The records, in any order.
    pub(crate) happens: Vec<Record>,
    /// Also replayed in every order of arrival (a hundred of them where there are more), one record a second after the last
    /// event (what came a minute before stays); then `at` in a verdict is not compared.
    #[serde(default)]
    pub(crate) any_order: bool,
    /// The service is told to stop at this time: open cases settle with what is known.
    pub(crate) shutdown: Option<Clock>,
    /// How long the scenario goes on after the last arrival.
    #[serde(default = "five_minutes")]
    pub(crate) watch_for: Span,
    pub(crate) expect: Expect,
}

fn five_minutes() -> Span {
    Span(300_000_000_000)
}

/// Whose book and URLs a scenario uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// `https://model-<model>.api.baseten.co/environments/<environment>/predict`, Baseten's log export.
    #[default]
    Baseten,
    /// `https://<model>.models.internal/predict`, pods of the namespace `models` (`books/cluster.yaml`).
    Cluster,
}

/// Keys of the config that a scenario may change.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) settle: Option<Span>,
    /// Cases that may be open at once.
    pub(crate) open_cases: Option<usize>,
    /// Facts about containers that may be held at once.
    pub(crate) facts: Option<usize>,
    /// The container logs of the cluster are declared able to report a death.
    #[serde(default)]
    pub(crate) container_logs_report_death: bool,
}

/// What must come of it. What is not named here must not have happened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// By name of the call; `A` stands for all of `A-1`, `A-2` ... too.
    #[serde(default)]
    pub(crate) verdicts: BTreeMap<String, Expected>,
    /// What evidence that came too late would have made of it.
    #[serde(default)]
    pub(crate) corrected: BTreeMap<String, Expected>,
    /// Only `requests` may be left out without meaning 0 (`failures`: as many as `verdicts` says).
    #[serde(default)]
    pub(crate) counts: BTreeMap<Count, f64>,
    /// Open cases at a time.
    #[serde(default)]
    pub(crate) open: BTreeMap<Clock, i64>,
}

/// What the ledger counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Count {
    /// Requests of the primary vantage.
    Requests,
    /// Settled failures, by weight.
    Failures,
    /// Facts that came after the case that they speak of had settled.
    Late,
    /// Facts that name no known target.
    Unplaced,
    /// Facts about containers whose target is known.
    Evidence,
    /// Requests counted as fine that were proved broken.
    StreamsCorrected,
    /// Failures of another vantage that joined nothing.
    Unjoined,
    /// Failures that came again.
    Repeated,
    /// Cases that a limit closed.
    DroppedCases,
    /// Facts about containers that a limit let go.
    DroppedFacts,
    /// Sources whose times were shifted.
    Shifted,
}

impl Count {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 11] = [
        Self::Requests,
        Self::Failures,
        Self::Late,
        Self::Unplaced,
        Self::Evidence,
        Self::StreamsCorrected,
        Self::Unjoined,
        Self::Repeated,
        Self::DroppedCases,
        Self::DroppedFacts,
        Self::Shifted,
    ];
}

/// Reads a file.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<Scenario>, String> {
    let scenarios: Vec<Scenario> = serde_saphyr::from_str(text).map_err(|error| {
        let at = error.location().map_or_else(String::new, |at| format!("{}:{}:", at.line(), at.column()));
        format!("{file}:{at} {error}")
    })?;
    for scenario in &scenarios {
        if scenario.expect.verdicts.is_empty() && scenario.expect.counts.is_empty() {
            let line = scenario.title.referenced.line();
            return Err(format!("{file}:{line}: `{}` expects nothing", scenario.title.value));
        }
    }
    Ok(scenarios)
}
