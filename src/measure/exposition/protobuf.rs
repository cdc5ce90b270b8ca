//! The page as length-delimited `io.prometheus.client.MetricFamily` messages: the only format with native histograms.
//!
//! In: numbers. Out: one message a metric. A family is appended to its bytes a few series at a time (protobuf messages may be
//! concatenated), so that no whole family ever exists as objects.

use super::super::histogram::{Histogram, Mark, ZERO_THRESHOLD};
use super::{Page, text};
use crate::telemetry::catalogue::{Kind, Metric};
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model as model;
use prost::Message;
use std::time::{Duration, SystemTime};

/// A page of delimited messages.
#[derive(Debug, Default)]
pub(super) struct Delimited {
    page: Vec<u8>,
    /// The bytes of the family at hand, without its length.
    family: Vec<u8>,
    metric: Option<&'static Metric>,
    series: usize,
}

impl Delimited {
    pub(super) fn finish(self) -> Vec<u8> {
        self.page
    }

    fn labels(&self, values: &[&str]) -> Vec<model::LabelPair> {
        let names = self.metric.map_or(&[][..], |metric| metric.labels);
        let pair =
            |(name, value): (&&str, &&str)| model::LabelPair { name: (*name).to_owned(), value: (*value).to_owned() };
        names.iter().zip(values).map(pair).collect()
    }

    fn push(&mut self, metric: model::Metric) {
        append(&mut self.family, &model::MetricFamily { metric: vec![metric], ..Default::default() });
        self.series += 1;
    }
}

impl Page for Delimited {
    fn begin(&mut self, metric: &'static Metric) {
        self.metric = Some(metric);
        self.series = 0;
        self.family.clear();
        let kind = match metric.kind {
            Kind::Counter => model::MetricType::Counter,
            Kind::Gauge => model::MetricType::Gauge,
            Kind::Histogram => model::MetricType::Histogram,
        };
        let head = model::MetricFamily {
            name: metric.name.to_owned(),
            help: metric.help.to_owned(),
            r#type: kind.into(),
            unit: metric.unit().unwrap_or_default().to_owned(),
            ..Default::default()
        };
        append(&mut self.family, &head);
    }

    fn number(&mut self, labels: &[&str], value: f64, mark: Option<&Mark>, born_ns: u64) {
        let mut metric = model::Metric { label: self.labels(labels), ..Default::default() };
        if self.metric.is_some_and(|metric| metric.kind == Kind::Counter) {
            let exemplar = mark.map(exemplar);
            metric.counter =
                Some(model::Counter { value, exemplar, start_timestamp: (born_ns > 0).then(|| timestamp(born_ns)) });
        } else {
            metric.gauge = Some(model::Gauge { value });
        }
        self.push(metric);
    }

    fn histogram(&mut self, labels: &[&str], histogram: &Histogram, born_ns: u64) {
        let mut total = 0;
        let buckets = histogram.classic().map(|(upper_bound, count, mark)| {
            total += count;
            model::Bucket { cumulative_count: total, upper_bound, exemplar: mark.map(exemplar), ..Default::default() }
        });
        let bucket = buckets.collect();
        let (positive_span, positive_delta) = sparse(histogram.native());
        let histogram = model::Histogram {
            sample_count: histogram.count(),
            sample_sum: histogram.sum(),
            bucket,
            start_timestamp: (born_ns > 0).then(|| timestamp(born_ns)),
            schema: histogram.schema(),
            zero_threshold: ZERO_THRESHOLD,
            zero_count: histogram.zero_count(),
            positive_span,
            positive_delta,
            ..Default::default()
        };
        let label = self.labels(labels);
        self.push(model::Metric { label, histogram: Some(histogram), ..Default::default() });
    }

    fn end(&mut self) {
        if self.series > 0 {
            prost::encode_length_delimiter(self.family.len(), &mut self.page).expect("a Vec grows as needed");
            self.page.extend_from_slice(&self.family);
        }
    }
}

fn append(bytes: &mut Vec<u8>, message: &model::MetricFamily) {
    message.encode(bytes).expect("a Vec grows as needed");
}

/// Native buckets as runs of neighbours and the difference of each count to the one before.
fn sparse(buckets: impl Iterator<Item = (i32, u64)>) -> (Vec<model::BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas): (Vec<model::BucketSpan>, Vec<i64>) = (Vec::new(), Vec::new());
    let (mut next, mut before) = (0, 0);
    for (index, count) in buckets {
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => spans.push(model::BucketSpan { offset: index - next, length: 1 }),
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        deltas.push(count - before);
        (next, before) = (index + 1, count);
    }
    (spans, deltas)
}

fn exemplar(mark: &Mark) -> model::Exemplar {
    let label = [("trace_id", &mark.trace_id[..]), ("span_id", &mark.span_id[..])];
    let pair = |(name, bytes): (&str, &[u8])| {
        let mut value = String::with_capacity(2 * bytes.len());
        text::hex(bytes, &mut value);
        model::LabelPair { name: name.to_owned(), value }
    };
    model::Exemplar { label: label.map(pair).into(), value: mark.value, timestamp: Some(timestamp(mark.time_ns)) }
}

/// The message type is the client's own, so it is reached by conversion rather than by name.
fn timestamp<T: From<SystemTime>>(ns: u64) -> T {
    T::from(SystemTime::UNIX_EPOCH + Duration::from_nanos(ns))
}
