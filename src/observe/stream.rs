//! How a stream ended, as far as a span of a given instrumentation scope can show it.
//!
//! In: the scope's rule (`transport.yaml`) and what a `GenAI` span says. Out: an [`Ending`]. Absence of a finish reason
//! proves something in some scopes and nothing in others, so the rule is the scope's, never global.

use super::Ending;
use serde::Deserialize;

/// What a scope's spans show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScopeRule {
    /// Prefix of the scope's name.
    #[serde(default)]
    pub(super) scope: String,
    /// When the span ends.
    #[serde(default)]
    pub(super) ends: Ends,
    /// What finish reasons mean.
    #[serde(default)]
    pub(super) finish_reasons: FinishReasons,
}

/// When a client span ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ends {
    /// At the response headers; what comes after is not seen.
    #[default]
    Headers,
    /// At the end of the body.
    Body,
}

/// What the absence of finish reasons means in a scope.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FinishReasons {
    absent: Meaning,
    empty: Meaning,
}

impl Default for FinishReasons {
    /// Unknown scopes: absence proves nothing, an empty list is a stream that gave no reason.
    fn default() -> Self {
        Self { absent: Meaning::Unknown, empty: Meaning::Truncated }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Meaning {
    Truncated,
    Unknown,
}

/// What a `GenAI` span says of its stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StreamClues {
    /// The streaming flag, where set.
    pub(super) flag: bool,
    /// Number of non-empty finish reasons; `None` = no such attribute.
    pub(super) finish_reasons: Option<usize>,
}

impl ScopeRule {
    /// How the stream ended; `None` where nothing says that it was a stream.
    pub(super) fn ending(&self, clues: StreamClues) -> Option<Ending> {
        let by = |meaning| match meaning {
            Meaning::Truncated => Ending::Truncated,
            Meaning::Unknown => Ending::Unknown,
        };
        match (clues.finish_reasons, clues.flag) {
            (Some(1..), true) => Some(Ending::Complete),
            (Some(1..) | None, false) => None,
            (Some(0), true) => Some(by(self.finish_reasons.empty)),
            // An empty list without a flag: only streams leave it empty.
            (Some(0), false) => match self.finish_reasons.empty {
                Meaning::Truncated => Some(Ending::Truncated),
                Meaning::Unknown => None,
            },
            (None, true) => Some(by(self.finish_reasons.absent)),
        }
    }
}
