//! What the records of one request say together.
//!
//! In: the view that opened a case and those that joined. Out: class, cause and blame before any evidence, and what evidence may still
//! decide. The class is the counting record's, except where an application's log knows better: the span ended before the error did.

use super::case::{Case, View};
use crate::judge::taxonomy::{Blame, Cause, Class, Confidence};
use crate::judge::{Decision, Rule, Rulebooks};
use crate::observe::{Ending, Observation, Status, Transport, Vantage};
use std::sync::Arc;

/// What all records of a case say together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base<'a> {
    pub(super) class: Class,
    /// The rule of the most specific record: cause, blame, confidence and texts.
    pub(super) rule: &'a Arc<Rule>,
    /// What evidence may still decide.
    pub(super) decide: &'a [Decision],
}

/// Classes that an application's error proves of an answer that had begun well.
const BROKEN: [Class; 3] = [Class::StreamTruncated, Class::ClientTimeout, Class::ModelError];

/// The rule for an error of this kind in an answer that had begun well; `None` where the record proves no such thing.
pub(super) fn over_success(books: &Rulebooks, seen: &Observation) -> Option<Arc<Rule>> {
    let speaks = matches!(seen.vantage, Vantage::App | Vantage::Model);
    if !speaks || !matches!(seen.status, Status::None | Status::Http(200..=299)) {
        return None;
    }
    let ending = seen.ending.or(match seen.transport {
        Some(Transport::Disconnected | Transport::Truncated | Transport::Timeout) => Some(Ending::Truncated),
        _ => None,
    });
    let rule = books.decide(&Observation { status: Status::Http(200), ending, ..seen.clone() });
    BROKEN.contains(&rule.verdict.class).then(|| Arc::clone(rule))
}

/// The rule that a view brings to this case.
fn rule_of<'a>(case: &Case, view: &'a View) -> &'a Arc<Rule> {
    view.over.as_ref().filter(|_| case.answered()).unwrap_or(&view.rule)
}

/// Whether an application's log names the class: a status that says enough is not overruled, and over a good status any proof
/// that the answer broke counts.
fn names_class(case: &Case, view: &View) -> bool {
    let class = rule_of(case, view).verdict.class;
    let caller_or_model = matches!(class, Class::ClientTimeout | Class::ModelError);
    let proof = case.answered() && view.over.is_some() && case.rule.verdict.class != Class::ModelError;
    view.vantage == Vantage::App && !case.refused() && (caller_or_model || proof)
}

/// How much a rule says about the cause; more is better.
fn specificity(rule: &Rule) -> (bool, bool, bool) {
    let verdict = &rule.verdict;
    (verdict.cause != Cause::Unknown, verdict.blame != Blame::Undetermined, verdict.confidence == Confidence::Observed)
}

/// All records of a case together; the order in which they came changes nothing.
pub(super) fn base(case: &Case) -> Base<'_> {
    let mut views: Vec<&View> = case.views().iter().collect();
    views.sort_by(|a, b| (a.vantage, a.end_ns, &a.rule.verdict.rule).cmp(&(b.vantage, b.end_ns, &b.rule.verdict.rule)));
    let class_rule = views.iter().find(|view| names_class(case, view)).map_or(&case.rule, |view| rule_of(case, view));
    let mut rule = class_rule;
    // Whoever gave up is seen to hang up: that is the same event, and no cause of it.
    let echo =
        |other: &Rule| (class_rule.verdict.class, other.verdict.class) == (Class::ClientTimeout, Class::ClientClosed);
    for other in std::iter::once(&case.rule).chain(views.iter().map(|view| rule_of(case, view))) {
        if !echo(other) && specificity(other) > specificity(rule) {
            rule = other;
        }
    }
    // A record that itself says why needs no evidence; what the default is may be decided by all that the class allows.
    let decider = if rule.verdict.confidence == Confidence::Observed { rule } else { class_rule };
    Base { class: class_rule.verdict.class, rule, decide: &decider.decide }
}
