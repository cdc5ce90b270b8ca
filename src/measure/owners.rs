//! Who owns what, and which alert thresholds hold where.
//!
//! In: entries of the config, each with a pattern. Out: one team and one value a target; the first entry that matches decides.

use crate::glob;

/// Who owns the models or callers that a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Model id or caller; `*` stands for any text.
    pub pattern: String,
    /// Label value `team`.
    pub team: String,
}

/// All owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owners {
    /// The team of what no entry matches.
    pub default: String,
    /// By model id.
    pub models: Vec<Owner>,
    /// By caller.
    pub callers: Vec<Owner>,
}

impl Default for Owners {
    fn default() -> Self {
        Self { default: "platform".to_owned(), models: Vec::new(), callers: Vec::new() }
    }
}

impl Owners {
    /// The team that owns a model.
    pub fn of_model(&self, model_id: &str) -> &str {
        self.team(&self.models, model_id)
    }

    /// The team that owns a caller.
    pub fn of_caller(&self, caller: &str) -> &str {
        self.team(&self.callers, caller)
    }

    fn team<'a>(&'a self, owners: &'a [Owner], name: &str) -> &'a str {
        owners
            .iter()
            .find(|owner| glob::matches(&owner.pattern, name))
            .map_or(self.default.as_str(), |owner| &owner.team)
    }
}

/// What a threshold is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The models whose id the pattern matches.
    Models(String),
    /// The callers that the pattern matches.
    Callers(String),
    /// The service itself.
    Service,
}

/// An alert's threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Name of the alert.
    pub alert: String,
    /// What it is about.
    pub subject: Subject,
    /// The value that the rule compares with; NaN, with which no comparison holds, switches the alert off.
    pub value: f64,
}

/// The thresholds of one model: for each alert the first entry that matches.
pub(super) fn of_model<'a>(thresholds: &'a [Threshold], model_id: &str) -> Vec<(&'a str, f64)> {
    first(thresholds, |subject| matches!(subject, Subject::Models(pattern) if glob::matches(pattern, model_id)))
}

/// The thresholds of one caller: for each alert the first entry that matches.
pub(super) fn of_caller<'a>(thresholds: &'a [Threshold], caller: &str) -> Vec<(&'a str, f64)> {
    first(thresholds, |subject| matches!(subject, Subject::Callers(pattern) if glob::matches(pattern, caller)))
}

/// The thresholds of alerts about the service itself: for each the first entry.
pub(super) fn of_service(thresholds: &[Threshold]) -> Vec<(&str, f64)> {
    first(thresholds, |subject| *subject == Subject::Service)
}

fn first(thresholds: &[Threshold], fits: impl Fn(&Subject) -> bool) -> Vec<(&str, f64)> {
    let mut resolved: Vec<(&str, f64)> = Vec::new();
    for entry in thresholds.iter().filter(|entry| fits(&entry.subject)) {
        if !resolved.iter().any(|(alert, _)| *alert == entry.alert) {
            resolved.push((&entry.alert, entry.value));
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_that_matches_decides() {
        let owner = |pattern: &str, team: &str| Owner { pattern: pattern.to_owned(), team: team.to_owned() };
        let owners = Owners { models: vec![owner("vis-*", "vision"), owner("*", "rest")], ..Owners::default() };
        assert_eq!(owners.of_model("vis-1"), "vision");
        assert_eq!(owners.of_model("nlp"), "rest");
        assert_eq!(owners.of_caller("web"), "platform");
    }

    #[test]
    fn of_the_thresholds_of_one_alert_the_first_that_matches_is_the_only_one() {
        let threshold = |alert: &str, subject, value| Threshold { alert: alert.to_owned(), subject, value };
        let models = |pattern: &str| Subject::Models(pattern.to_owned());
        let callers = |pattern: &str| Subject::Callers(pattern.to_owned());
        let thresholds = [
            threshold("A", models("vis-*"), 0.1),
            threshold("A", models("*"), 0.2),
            threshold("A", models("vis-1"), 0.9),
            threshold("B", models("nlp"), 0.3),
            threshold("C", callers("web"), 4.0),
            threshold("C", callers("*"), 5.0),
            threshold("D", Subject::Service, 6.0),
            threshold("D", Subject::Service, 7.0),
        ];
        assert_eq!(of_model(&thresholds, "vis-1"), [("A", 0.1)]);
        assert_eq!(of_model(&thresholds, "nlp"), [("A", 0.2), ("B", 0.3)]);
        assert_eq!(of_caller(&thresholds, "web"), [("C", 4.0)]);
        assert_eq!(of_caller(&thresholds, "batch"), [("C", 5.0)]);
        assert_eq!(of_service(&thresholds), [("D", 6.0)]);
    }
}
