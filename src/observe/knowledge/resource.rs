//! Whose container a record speaks of.
//!
//! In: a record's fields. Out: target, replica and channel, by the first entry of `resources:` that fits. The values of all
//! attributes that any entry asks for are a key: what they came to once is remembered by the mapper (`observe/place.rs`).

use super::field::{FieldNames, View};
use crate::observe::pattern::{Captures, NAME, Piece, fill, fits, pieces_with_stars};
use crate::observe::target::PatternError;
use crate::observe::{Channel, Target};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Longest attribute that is compared with a pattern, bytes: more than any path of a log file has.
const VALUE_LIMIT: usize = 512;

/// An entry of `resources:` as a book or the config writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceSpec {
    /// Attribute and pattern; all must fit. `{model_id}`, `{environment}`, `{deployment_id}` take what they name, the most
    /// characters that fit but no slash; `*` stands for any text.
    #[serde(rename = "match")]
    pub attributes: BTreeMap<String, String>,
    /// The same for attributes that may be missing or empty.
    #[serde(default)]
    pub optional: BTreeMap<String, String>,
    /// The attribute that names the replica.
    #[serde(default)]
    pub replica: Option<String>,
    /// What kind of source this is; default: what the record itself shows, else `container_logs`. An entry with `metrics` is
    /// for points alone.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// The platform; default: the book's. Empty fits every platform.
    #[serde(default)]
    pub platform: Option<String>,
    /// The model id where no pattern takes it: a text, or one with captures such as `chain-{chain_id}`.
    #[serde(default)]
    pub model_id: Option<String>,
    /// The environment where no pattern takes it.
    #[serde(default)]
    pub environment: Option<String>,
    /// The deployment id where no pattern takes it.
    #[serde(default)]
    pub deployment_id: Option<String>,
}

type Pattern = (usize, Vec<Piece>);

#[derive(Debug)]
struct Resource {
    platform: String,
    attributes: Vec<Pattern>,
    optional: Vec<Pattern>,
    replica: Option<usize>,
    spec: ResourceSpec,
}

/// Whose container it is, and what kind of source says so.
#[derive(Debug)]
pub(in crate::observe) struct Placed {
    pub(in crate::observe) target: Target,
    pub(in crate::observe) replica: String,
    pub(in crate::observe) channel: Option<Channel>,
    /// The user declared that this source reports a container's death.
    pub(in crate::observe) declared: bool,
}

/// All entries.
#[derive(Debug)]
pub(in crate::observe) struct Resources {
    entries: Vec<Resource>,
    death_reports: Vec<Vec<Pattern>>,
    /// The fields that any entry asks for.
    pub(in crate::observe) asked: Vec<usize>,
}

impl ResourceSpec {
    /// Checks the patterns alone.
    ///
    /// # Errors
    /// The first pattern that cannot be used.
    pub fn check(&self) -> Result<(), PatternError> {
        Resource::compile(&mut FieldNames::new(), "", self).map(|_| ())
    }

    /// Whether a capture is known: one of a target's, or one that a text of this entry uses.
    fn knows(&self, name: &str) -> bool {
        let texts = [&self.model_id, &self.environment, &self.deployment_id];
        matches!(name, "model_id" | "environment" | "deployment_id")
            || texts.into_iter().flatten().any(|text| text.contains(&format!("{{{name}}}")))
    }
}

impl Resource {
    fn compile(names: &mut FieldNames, platform: &str, spec: &ResourceSpec) -> Result<Self, PatternError> {
        for text in [&spec.model_id, &spec.environment, &spec.deployment_id].into_iter().flatten() {
            pieces_with_stars(text)?;
        }
        let mut patterns = |given: &BTreeMap<String, String>| {
            given.iter().map(|(name, text)| Ok((names.add(name), checked(spec, text)?))).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            attributes: patterns(&spec.attributes)?,
            optional: patterns(&spec.optional)?,
            platform: spec.platform.clone().unwrap_or_else(|| platform.to_owned()),
            replica: spec.replica.as_ref().map(|name| names.add(name)),
            spec: spec.clone(),
        })
    }

    fn place(&self, view: View<'_, '_>) -> Option<Placed> {
        let values = Values::of(view, self.attributes.iter().chain(&self.optional));
        let mut captures = Captures::new();
        for (n, (_, pattern)) in self.attributes.iter().enumerate() {
            if !fits(NAME, pattern, values.get(n)?, &mut captures) {
                return None;
            }
        }
        for (n, (_, pattern)) in self.optional.iter().enumerate() {
            if let Some(value) = values.get(self.attributes.len() + n) {
                // What does not fit is as good as missing.
                fits(NAME, pattern, value, &mut captures);
            }
        }
        let taken = |name: &str, otherwise: &Option<String>| {
            let capture = captures.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            capture.or_else(|| otherwise.as_deref().map(|text| fill(text, &captures))).unwrap_or_default()
        };
        let target = Target {
            platform: self.platform.clone(),
            model_id: taken("model_id", &self.spec.model_id),
            environment: taken("environment", &self.spec.environment),
            deployment_id: taken("deployment_id", &self.spec.deployment_id),
        };
        let mut replica = String::new();
        if let Some(value) = self.replica.and_then(|index| view.get(index)) {
            value.write(&mut replica);
        }
        replica.truncate(replica.floor_char_boundary(VALUE_LIMIT));
        Some(Placed { target, replica, channel: self.spec.channel, declared: false })
    }
}

/// The values of some fields, as texts.
struct Values(Vec<Option<String>>);

impl Values {
    fn of<'p>(view: View<'_, '_>, patterns: impl Iterator<Item = &'p Pattern>) -> Self {
        let text = |(index, _): &Pattern| {
            let mut text = String::new();
            view.get(*index)?.write(&mut text);
            (!text.is_empty() && text.len() <= VALUE_LIMIT).then_some(text)
        };
        Self(patterns.map(text).collect())
    }

    fn get(&self, n: usize) -> Option<&str> {
        self.0.get(n)?.as_deref()
    }
}

impl Resources {
    pub(super) fn compile(
        names: &mut FieldNames,
        resources: &[(String, ResourceSpec)],
        death_reports: &[ResourceSpec],
    ) -> Result<Self, PatternError> {
        let entries =
            resources.iter().map(|(p, spec)| Resource::compile(names, p, spec)).collect::<Result<Vec<_>, _>>()?;
        let death_reports = death_reports
            .iter()
            .map(|spec| Resource::compile(names, "", spec).map(|r| r.attributes))
            .collect::<Result<Vec<_>, _>>()?;
        let patterns = entries.iter().flat_map(|e| e.attributes.iter().chain(&e.optional));
        let mut asked: Vec<usize> = patterns.chain(death_reports.iter().flatten()).map(|(index, _)| *index).collect();
        asked.extend(entries.iter().filter_map(|e| e.replica));
        asked.sort_unstable();
        asked.dedup();
        Ok(Self { entries, death_reports, asked })
    }

    /// Whose container a record speaks of.
    ///
    /// `point`: it is a metric's point, not a record; entries whose channel is `metrics` are for points alone.
    pub(in crate::observe) fn place(&self, view: View<'_, '_>, point: bool) -> Option<Placed> {
        let mut entries = self.entries.iter().filter(|e| point || e.spec.channel != Some(Channel::Metrics));
        let placed = entries.find_map(|entry| entry.place(view))?;
        let declared = self.death_reports.iter().any(|patterns| {
            let values = Values::of(view, patterns.iter());
            let fit = |(n, (_, pattern)): (usize, &Pattern)| {
                values.get(n).is_some_and(|value| fits(NAME, pattern, value, &mut Captures::new()))
            };
            patterns.iter().enumerate().all(fit)
        });
        Some(Placed { declared, ..placed })
    }
}

fn checked(spec: &ResourceSpec, text: &str) -> Result<Vec<Piece>, PatternError> {
    let pieces = pieces_with_stars(text)?;
    for piece in &pieces {
        if let Piece::Capture { name, .. } = piece
            && !spec.knows(name)
        {
            return Err(PatternError::UnknownCapture { pattern: text.to_owned(), name: name.clone() });
        }
    }
    Ok(pieces)
}
