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

/// An alert's threshold for the models that a pattern matches.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Name of the alert.
    pub alert: String,
    /// Model id; `*` stands for any text.
    pub pattern: String,
    /// The value that the rule compares with.
    pub value: f64,
}

/// The thresholds of one model: for each alert the first entry that matches.
pub(super) fn resolve<'a>(thresholds: &'a [Threshold], model_id: &str) -> Vec<(&'a str, f64)> {
    let mut resolved: Vec<(&str, f64)> = Vec::new();
    for entry in thresholds.iter().filter(|entry| glob::matches(&entry.pattern, model_id)) {
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
        let threshold = |alert: &str, pattern: &str, value| Threshold {
            alert: alert.to_owned(),
            pattern: pattern.to_owned(),
            value,
        };
        let thresholds = [threshold("A", "vis-*", 0.1), threshold("A", "*", 0.2), threshold("B", "nlp", 0.3)];
        assert_eq!(resolve(&thresholds, "vis-1"), [("A", 0.1)]);
        assert_eq!(resolve(&thresholds, "nlp"), [("A", 0.2), ("B", 0.3)]);
    }
}
