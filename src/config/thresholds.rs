//! `alerts.thresholds`: which entry sets which alert for whom.
//!
//! In: the entries as they are written. Out: one [`Threshold`] an alert and entry, in their order, so that the first that fits still decides; and
//! warnings, no errors, about names that no shipped rule reads: rules of the user's own may.

use super::alerts::{self, Alert, Scope};
use super::read::Reader;
use super::units::{Kind, NUMBER, TEXT};
use super::yaml::{Node, Value};
use super::{Subject, Threshold};
use crate::glob;

/// A threshold, or `off`, which the YAML reader takes for a boolean unless it is quoted. With NaN no comparison holds, whichever way it runs.
const VALUE: Kind<f64> = Kind {
    noun: "a threshold",
    right: "a number such as 0.05, or off",
    parse: |text| if matches!(text, "off" | "false") { Some(f64::NAN) } else { (NUMBER.parse)(text) },
};

/// One entry: the thresholds that it sets.
pub(super) fn entry(r: &Reader<'_>, path: &str, node: &Node) -> Option<Vec<Threshold>> {
    let record = r.record(node, path, &["alert", "match", "caller", "value"])?;
    let alert = r.need(&record, path, "alert", &TEXT);
    // A pattern without a text fits all, as if it were not there.
    let pattern = |name: &str| {
        let written = record.find(name).is_some_and(|node| node.value != Value::Empty);
        if written { r.may(&record, path, name, &TEXT).map(Some) } else { Some(None) }
    };
    let (models, callers) = (pattern("match"), pattern("caller"));
    let value = r.need(&record, path, "value", &VALUE);
    let (alert, value) = (alert?, value?);
    let place = (r, node.line, path);
    let set = |name: &str, subject| Threshold { alert: name.to_owned(), subject, value };
    match (models?, callers?) {
        (Some(_), Some(_)) => {
            r.note(node.line, path, "`match` chooses models and `caller` chooses callers", "one of them");
            None
        }
        (models, callers) if alert.contains('*') => {
            let fits = |shipped: &&Alert| {
                glob::matches(&alert, shipped.name)
                    && (models.is_none() || shipped.scope == Scope::Model)
                    && (callers.is_none() || shipped.scope == Scope::Caller)
            };
            let all: Vec<Threshold> = alerts::ALL
                .iter()
                .filter(fits)
                .map(|shipped| set(shipped.name, subject(shipped.scope, models.clone(), callers.clone())))
                .collect();
            if all.is_empty() {
                let wrong = format!("`{alert}` fits no alert that such an entry can set");
                r.warn(node.line, path, &wrong, "a name of docs/alerts.md; `*` stands for any text");
            }
            Some(all)
        }
        (models, callers) => {
            let scope = scope(place, &alert, models.is_some(), callers.is_some());
            Some(scope.map(|scope| set(&alert, subject(scope, models, callers))).into_iter().collect())
        }
    }
}

/// What the alert of this name speaks of; warns where no shipped rule will read the entry. None where the entry chooses what the alert does
/// not speak of: the threshold of one model would hold for its whole platform.
fn scope((r, line, path): (&Reader<'_>, u64, &str), name: &str, models: bool, callers: bool) -> Option<Scope> {
    let Some(alert) = alerts::find(name) else {
        let wrong = format!("no shipped rule reads a threshold of `{name}`");
        let right = format!("`{}`, if that is meant; rules of your own may read it", alerts::nearest(name));
        r.warn(line, path, &wrong, &right);
        return Some(Scope::Model);
    };
    let neither = "neither `match` nor `caller`";
    let (strange, right) = match (alert.scope, models, callers) {
        (Scope::Model, _, true) => ("callers", "`match` instead"),
        (Scope::Caller, true, _) => ("single models", "`caller` instead"),
        (Scope::Platform | Scope::Service, true, _) => ("single models", neither),
        (Scope::Platform | Scope::Service, _, true) => ("callers", neither),
        (scope, ..) => return Some(scope),
    };
    r.warn(line, path, &format!("`{name}` is not about {strange}, so this entry sets nothing"), right);
    None
}

/// What an entry is about: as it says, else as its alert does.
fn subject(scope: Scope, models: Option<String>, callers: Option<String>) -> Subject {
    let all = || "*".to_owned();
    match (models, callers, scope) {
        (Some(pattern), _, _) => Subject::Models(pattern),
        (None, Some(pattern), _) => Subject::Callers(pattern),
        (None, None, Scope::Caller) => Subject::Callers(all()),
        (None, None, Scope::Service) => Subject::Service,
        (None, None, Scope::Model | Scope::Platform) => Subject::Models(all()),
    }
}
