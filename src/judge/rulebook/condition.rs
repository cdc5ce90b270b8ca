//! What a rule needs: its `when`, ready to be asked.
//!
//! In: an observation. Out: whether everything holds. Cheap tests come first; the text is read once an observation,
//! and only when a rule asks for it whose other conditions hold.

use super::phrases::{PhraseId, Phrases, Said};
use crate::expression::Expression;
use crate::observe::{Api, Ending, Observation, Status, Transport, Vantage};
use std::cell::OnceCell;

/// A status, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusTest {
    /// Exactly this.
    Is(Status),
    /// An HTTP status of this hundred: 5 for `5xx`.
    Hundred(u16),
    /// Any gRPC status but OK.
    Grpc,
    /// Any WebSocket close code.
    WebSocket,
}

/// One response header and the values that will do; none = any value.
#[derive(Clone, Debug)]
pub(super) struct HeaderTest {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

/// Everything in one `when`; an empty list asks for nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct When {
    pub(super) status: Vec<StatusTest>,
    pub(super) transport: Vec<Option<Transport>>,
    pub(super) ending: Vec<Option<Ending>>,
    pub(super) api: Vec<Api>,
    pub(super) vantage: Vec<Vantage>,
    pub(super) answered: Option<bool>,
    pub(super) below: Option<f64>,
    pub(super) at_least: Option<f64>,
    pub(super) path: Vec<Vec<String>>,
    pub(super) headers: Vec<HeaderTest>,
    pub(super) text: Vec<PhraseId>,
    pub(super) code: Vec<PhraseId>,
    pub(super) regex: Vec<Expression>,
}

/// An observation, and what its text says, read at most once.
pub(super) struct Facts<'a> {
    observation: &'a Observation,
    phrases: &'a Phrases,
    said: OnceCell<Said>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(observation: &'a Observation, phrases: &'a Phrases) -> Self {
        Self { observation, phrases, said: OnceCell::new() }
    }

    fn said(&self) -> &Said {
        self.said.get_or_init(|| self.phrases.read(&self.observation.text))
    }
}

impl StatusTest {
    fn holds(self, status: Status) -> bool {
        match self {
            Self::Is(wanted) => wanted == status,
            Self::Hundred(hundred) => matches!(status, Status::Http(code) if code / 100 == hundred),
            Self::Grpc => matches!(status, Status::Grpc(code) if code != 0),
            Self::WebSocket => matches!(status, Status::WebSocket(_)),
        }
    }
}

impl HeaderTest {
    fn holds(&self, observation: &Observation) -> bool {
        observation.header(&self.name).is_some_and(|value| {
            self.values.is_empty() || self.values.iter().any(|v| v.eq_ignore_ascii_case(value.trim()))
        })
    }
}

impl When {
    /// Whether everything holds.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        let seen = facts.observation;
        any(&self.status, |test| test.holds(seen.status))
            && any(&self.transport, |t| *t == seen.transport)
            && any(&self.ending, |e| *e == seen.ending)
            && any(&self.api, |api| *api == seen.api)
            && any(&self.vantage, |v| *v == seen.vantage)
            && self.answered.is_none_or(|wanted| wanted == answered(seen.status))
            && self.lasted(seen)
            && any(&self.path, |glob| glob_fits(glob, &seen.path))
            && self.headers.iter().all(|header| header.holds(seen))
            && self.said(facts)
    }

    fn lasted(&self, seen: &Observation) -> bool {
        self.below.is_none_or(|limit| seen.seconds() < limit)
            && self.at_least.is_none_or(|limit| seen.seconds() >= limit)
    }

    /// Texts and codes are alternatives: a message in prose and its code say the same.
    fn said(&self, facts: &Facts<'_>) -> bool {
        if self.text.is_empty() && self.code.is_empty() && self.regex.is_empty() {
            return true;
        }
        let text = &facts.observation.text;
        !text.is_empty()
            && (self.text.iter().any(|id| facts.said().message(*id))
                || self.code.iter().any(|id| facts.said().code(*id))
                || self.regex.iter().any(|regex| regex.is_match(text)))
    }
}

fn any<T>(tests: &[T], holds: impl FnMut(&T) -> bool) -> bool {
    tests.is_empty() || tests.iter().any(holds)
}

/// A good answer had begun.
fn answered(status: Status) -> bool {
    matches!(status, Status::Http(200..=299))
}

/// Whether a path fits the literal pieces between a glob's stars.
fn glob_fits(pieces: &[String], path: &str) -> bool {
    let (Some((first, rest)), Some(mut left)) =
        (pieces.split_first(), pieces.first().and_then(|p| path.strip_prefix(p.as_str())))
    else {
        return false;
    };
    let Some((last, middle)) = rest.split_last() else { return path == first };
    for piece in middle {
        match left.find(piece.as_str()) {
            Some(at) => left = left.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    left.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(glob: &str, path: &str) -> bool {
        let pieces: Vec<String> = glob.split('*').map(str::to_owned).collect();
        glob_fits(&pieces, path)
    }

    #[test]
    fn stars_stand_for_any_text() {
        assert!(fits("*/async_*", "/environments/production/async_predict"));
        assert!(fits("/v1/models", "/v1/models"));
        assert!(fits("*/wake", "/production/wake"));
        assert!(!fits("*/wake", "/production/wake/now"));
        assert!(!fits("*/async_*", "/production/predict"));
        assert!(!fits("/v1/models", "/v1/models/x"));
        assert!(!fits("/a*a", "/a"), "the pieces may not overlap");
    }
}
