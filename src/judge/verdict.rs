//! The verdict on one failed request.

use super::taxonomy::{Blame, Cause, Class, Confidence, Match, Retry};
use std::sync::Arc;

/// What happened, why, who has to act, and how sure that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What happened.
    pub class: Class,
    /// Why.
    pub cause: Cause,
    /// Who has to act.
    pub blame: Blame,
    /// How sure cause and blame are.
    pub confidence: Confidence,
    /// How the evidence was matched; `none` for a verdict from the record alone.
    pub matched: Match,
    /// Whether and how to try again.
    pub retry: Retry,
    /// Id of the rule that decided, `<book>/<rule>`.
    pub rule: Arc<str>,
    /// What a person should do next, one or two sentences.
    pub next_step: Arc<str>,
}
