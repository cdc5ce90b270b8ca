//! What metrics mean: which of them measures what of a container.
//!
//! In: a metric's name and a point's fields. Out: what a [`Reading`](crate::observe::Reading) of it measures.

use super::field::{FieldNames, View};
use crate::judge::taxonomy::EvidenceKind;
use crate::observe::ReadingKind;
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// Words and the evidence that each stands for.
pub type Ends = Vec<(String, EvidenceKind)>;

/// An entry of `metrics:` as a book writes it.
#[derive(Clone, Debug)]
pub struct MetricSpec {
    /// Names that mean the same.
    pub metric: Vec<String>,
    /// What they measure.
    pub reading: ReadingKind,
    /// Fields and the words of which each must have one; no words = any value.
    pub fields: Vec<(String, Vec<String>)>,
    /// The field that names the container within its replica.
    pub container: Option<String>,
    /// The field that says how the container's last end came about, and what its words mean.
    pub last_end: Option<(String, Ends)>,
}

#[derive(Debug)]
struct Meaning {
    reading: ReadingKind,
    fields: Vec<(usize, Vec<String>)>,
    container: Option<usize>,
    last_end: Option<(usize, Ends)>,
}

/// What a point says.
#[derive(Clone, Copy, Debug)]
pub(in crate::observe) struct Measured {
    pub(in crate::observe) reading: ReadingKind,
    pub(in crate::observe) container: Option<usize>,
    pub(in crate::observe) last_end: Option<EvidenceKind>,
}

/// All entries.
#[derive(Debug, Default)]
pub(in crate::observe) struct Metrics {
    meanings: Vec<Meaning>,
    by_name: HashMap<String, Vec<usize>, RandomState>,
}

impl Metrics {
    pub(super) fn compile(names: &mut FieldNames, specs: &[MetricSpec]) -> Self {
        let mut metrics = Self::default();
        for spec in specs {
            for name in &spec.metric {
                metrics.by_name.entry(name.clone()).or_default().push(metrics.meanings.len());
            }
            metrics.meanings.push(Meaning {
                reading: spec.reading,
                fields: spec.fields.iter().map(|(name, words)| (names.add(name), words.clone())).collect(),
                container: spec.container.as_ref().map(|name| names.add(name)),
                last_end: spec.last_end.as_ref().map(|(name, words)| (names.add(name), words.clone())),
            });
        }
        metrics
    }

    /// Whether anybody asks for this metric.
    pub(in crate::observe) fn knows(&self, metric: &str) -> bool {
        self.by_name.contains_key(metric)
    }

    /// What a point of this metric says, by the first entry whose fields fit.
    pub(in crate::observe) fn read(&self, metric: &str, view: View<'_, '_>) -> Option<Measured> {
        let fits = |(index, words): &(usize, Vec<String>)| {
            view.get(*index).is_some_and(|value| words.is_empty() || words.iter().any(|word| value.is(word)))
        };
        let meaning = self
            .by_name
            .get(metric)?
            .iter()
            .filter_map(|index| self.meanings.get(*index))
            .find(|meaning| meaning.fields.iter().all(fits))?;
        let last_end = meaning.last_end.as_ref().and_then(|(index, words)| {
            let value = view.get(*index)?;
            words.iter().find(|(word, _)| value.is(word)).map(|(_, kind)| *kind)
        });
        // A last end that no word knows says nothing.
        (meaning.reading != ReadingKind::LastEnd || last_end.is_some()).then_some(Measured {
            reading: meaning.reading,
            container: meaning.container,
            last_end,
        })
    }
}
