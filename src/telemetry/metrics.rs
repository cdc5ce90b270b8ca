//! The service's own counters and gauges.
//!
//! In: a stage asks once, at start, for the [`Value`] behind a metric of the catalogue and one set of label values, then sets it
//! without locks. Out: [`Metrics::visit`], which the admin page reads.

use super::catalogue::Metric;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One number that the service says about itself. Clones are the same number.
#[derive(Clone, Debug, Default)]
pub struct Value(Arc<AtomicU64>);

impl Value {
    /// Adds to it; what is not above zero is ignored, so that counters only grow.
    pub fn add(&self, amount: f64) {
        if amount > 0.0 {
            self.change(amount);
        }
    }

    /// Adds to a gauge or, where negative, takes from it.
    pub fn change(&self, amount: f64) {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let next = (f64::from_bits(seen) + amount).to_bits();
            match self.0.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Sets a gauge.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// What it is now.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// The series of one metric, by label values.
type Family = (&'static Metric, BTreeMap<Vec<String>, Value>);

/// All families, by name.
type Families = BTreeMap<&'static str, Family>;

/// All own metrics of one process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<Families>>);

impl Metrics {
    /// The value behind `metric` with these label values, at 0 where it is new. Ask once and keep it: this takes a lock.
    pub fn value(&self, metric: &'static Metric, labels: &[&str]) -> Value {
        debug_assert_eq!(metric.labels.len(), labels.len(), "label values of {}", metric.name);
        let mut families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, series) = families.entry(metric.name).or_insert_with(|| (metric, BTreeMap::new()));
        series.entry(labels.iter().map(|v| (*v).to_owned()).collect()).or_default().clone()
    }

    /// Shows every series of `metric` to `show`, with its label values.
    pub fn visit(&self, metric: &'static Metric, mut show: impl FnMut(&[&str], f64)) {
        let families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, series)) = families.get(metric.name) else { return };
        for (labels, value) in series {
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            show(&labels, value.get());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::catalogue;

    #[test]
    fn the_same_labels_are_the_same_number() {
        let metrics = Metrics::default();
        metrics.value(&catalogue::REJECTED, &["grpc", "overload"]).add(1.0);
        metrics.clone().value(&catalogue::REJECTED, &["grpc", "overload"]).add(2.5);
        metrics.value(&catalogue::REJECTED, &["http", "overload"]);
        let mut seen = Vec::new();
        metrics.visit(&catalogue::REJECTED, |labels, value| seen.push((labels.join(","), value)));
        assert_eq!(seen, [("grpc,overload".to_owned(), 3.5), ("http,overload".to_owned(), 0.0)]);
    }

    #[test]
    fn a_counter_never_falls() {
        let value = Value::default();
        value.add(2.0);
        value.add(-1.0);
        value.add(f64::NAN);
        assert!((value.get() - 2.0).abs() < f64::EPSILON);
    }
}
