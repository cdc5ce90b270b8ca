//! Metric points about containers.
//!
//! In: the walk's calls. Out: a [`Reading`] for every point of a metric that the books know and whose container
//! `resources:` places; and that its source was heard. What a reading proves, the fold says: it knows the one before.

use super::knowledge::{Scalar, Slots, View};
use super::mapper::{Mapper, Observer};
use super::{Channel, Reading, Tally, join_key};
use crate::otlp::wire::{Metric, MetricVisitor, Point, PointValue, Value};
use std::sync::Arc;

/// The flag of a point that says: no value was recorded.
const NO_VALUE: u32 = 1;

/// Receives the walk's calls for one export of metrics.
pub(super) struct Visitor<'m, 'a> {
    observer: &'m Observer,
    mapper: &'m mut Mapper,
    tally: &'m mut Tally,
    resource: Slots<'a>,
    point: Slots<'a>,
    /// The metric is one that a book knows.
    known: bool,
}

impl<'m> Visitor<'m, '_> {
    pub(super) fn new(observer: &'m Observer, mapper: &'m mut Mapper, tally: &'m mut Tally) -> Self {
        let slots = || Slots::of(&observer.knowledge.names);
        let (resource, point) = (slots(), slots());
        Self { observer, mapper, tally, resource, point, known: false }
    }

    fn read(&mut self, metric: &Metric<'_>, value: f64, time_ns: u64) -> bool {
        let knowledge = &self.observer.knowledge;
        let view = View { record: &self.point, resource: &self.resource };
        let Some(measured) = knowledge.metrics.read(metric.name, view) else { return false };
        let Some(index) = self.mapper.places.find(&knowledge.resources, view, true) else { return false };
        self.mapper.places.hear(index, Channel::Metrics, time_ns, self.tally);
        let Some(place) = self.mapper.places.get(index) else { return false };
        let container = measured.container.map_or("", |index| view.text(index));
        self.tally.readings.push(Reading {
            target: Arc::clone(&place.target),
            replica: Arc::clone(&place.replica),
            container: if container.is_empty() { 0 } else { join_key(&[container.as_bytes()]) },
            kind: measured.reading,
            value,
            time_ns,
            last_end: measured.last_end,
        });
        true
    }
}

impl<'a> MetricVisitor<'a> for Visitor<'_, 'a> {
    fn resource_begin(&mut self) {
        self.resource.clear();
    }

    fn resource_attribute(&mut self, key: &'a str, value: Value<'a>) {
        if let (Some(index), Some(value)) = (self.observer.knowledge.names.find(key), Scalar::of(value)) {
            self.resource.set(index, value);
        }
    }

    fn metric(&mut self, metric: &Metric<'a>) {
        self.known = self.observer.knowledge.metrics.knows(metric.name);
    }

    fn point(&mut self, metric: &Metric<'a>, point: &Point<'a>) {
        let value = match point.value {
            PointValue::Int(n) => Some(n as f64),
            PointValue::Double(d) if d.is_finite() => Some(d),
            _ => None,
        };
        let value = value.filter(|_| self.known && point.flags & NO_VALUE == 0);
        self.point.clear();
        for (key, value) in point.attributes().iter().filter(|_| value.is_some()) {
            if let (Some(index), Some(value)) = (self.observer.knowledge.names.find(key), Scalar::of(value)) {
                self.point.set(index, value);
            }
        }
        if value.is_some_and(|value| self.read(metric, value, point.time_ns)) {
            self.tally.records.enriching += 1;
        } else {
            self.tally.records.not_inference += 1;
        }
    }
}
