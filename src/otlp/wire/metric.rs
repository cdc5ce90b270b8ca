//! Metrics and their points.
//!
//! In: a metrics export request. Out: each metric, then its points. Metrics are few next to spans and logs, so a metric is checked
//! first and read after.

use super::WireError;
use super::envelope::{self, ITEM_DEPTH, Signal};
use super::reader::{Payload, Reader, low_i32, low_u32};
use super::schema::{METRIC, check};
use super::value::{Attributes, Value, next, text};

/// What is done with a metrics export request; the order of resources and scopes is that of `SpanVisitor`; after each metric
/// come its points.
pub trait MetricVisitor<'a> {
    /// A resource begins; its attributes follow.
    fn resource_begin(&mut self) {}
    /// An attribute of the resource.
    fn resource_attribute(&mut self, _key: &'a str, _value: Value<'a>) {}
    /// All attributes of the resource were seen; its scopes follow.
    fn resource_end(&mut self) {}
    /// An instrumentation scope; its metrics follow.
    fn scope(&mut self, _name: &'a str, _version: &'a str) {}
    /// A metric; its points follow.
    fn metric(&mut self, _metric: &Metric<'a>) {}
    /// A point of the metric.
    fn point(&mut self, metric: &Metric<'a>, point: &Point<'a>);
}

/// What kind of data a metric has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// No data, or a kind that is not known here.
    None,
    /// The current value.
    Gauge,
    /// A sum over time.
    Sum,
    /// Counts in buckets with stated bounds.
    Histogram,
    /// Counts in buckets whose bounds grow by a factor.
    ExponentialHistogram,
    /// Quantiles computed by the sender.
    Summary,
}

/// `Metric`.
#[derive(Clone, Copy, Debug)]
pub struct Metric<'a> {
    /// What is measured.
    pub name: &'a str,
    /// What it means, for people.
    pub description: &'a str,
    /// UCUM unit.
    pub unit: &'a str,
    /// What kind of data it has.
    pub kind: MetricKind,
    /// Of sums and histograms: 1 delta, 2 cumulative; else 0.
    pub temporality: i32,
    /// Of sums: it never goes down.
    pub monotonic: bool,
}

/// What a point states.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PointValue {
    /// A number point without a number.
    None,
    /// An integer.
    Int(i64),
    /// A float.
    Double(f64),
    /// Histograms and summaries.
    Distribution {
        /// How many values.
        count: u64,
        /// Their sum, where it is stated (a summary always states one).
        sum: Option<f64>,
    },
}

/// A data point of any kind.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// What it states.
    pub value: PointValue,
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Since when a sum or histogram counts: nanoseconds since the Unix epoch, 0 if not stated.
    pub start_ns: u64,
    /// Bit 0: no value was recorded.
    pub flags: u32,
    bytes: &'a [u8],
    attributes: u8,
}

impl<'a> Point<'a> {
    /// All attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.bytes, self.attributes)
    }
}

/// Walks a metrics export request.
///
/// # Errors
/// When the bytes are not one, as a whole.
pub fn metrics<'a, V: MetricVisitor<'a>>(bytes: &'a [u8], visitor: &mut V) -> Result<(), WireError> {
    envelope::request(bytes, &mut Metrics(visitor))
}

struct Metrics<'v, V>(&'v mut V);

impl<'a, V: MetricVisitor<'a>> Signal<'a> for Metrics<'_, V> {
    fn resource_begin(&mut self) {
        self.0.resource_begin();
    }

    fn resource_attribute(&mut self, key: &'a str, value: Value<'a>) {
        self.0.resource_attribute(key, value);
    }

    fn resource_end(&mut self) {
        self.0.resource_end();
    }

    fn scope(&mut self, name: &'a str, version: &'a str) {
        self.0.scope(name, version);
    }

    fn item(&mut self, item: &'a [u8]) -> Result<(), WireError> {
        check(item, &METRIC, ITEM_DEPTH)?;
        let (metric, data) = Metric::read(item);
        self.0.metric(&metric);
        data.points(|kind, bytes| self.0.point(&metric, &Point::read(kind, bytes)));
        Ok(())
    }
}

/// Where a metric's data stand: its fields `number`, from here on (earlier ones were of another kind, so they are replaced).
struct Data<'a> {
    number: u32,
    from: &'a [u8],
}

impl<'a> Data<'a> {
    fn points(&self, mut visit: impl FnMut(MetricKind, &'a [u8])) {
        let kind = MetricKind::of(self.number);
        let mut pieces = Reader::new(self.from);
        while let Some((number, payload)) = next(&mut pieces) {
            let Payload::Bytes(piece) = payload else { continue };
            if number != self.number {
                continue;
            }
            let mut fields = Reader::new(piece);
            while let Some((number, payload)) = next(&mut fields) {
                if let (1, Payload::Bytes(point)) = (number, payload) {
                    visit(kind, point);
                }
            }
        }
    }
}

impl MetricKind {
    fn of(number: u32) -> Self {
        match number {
            5 => Self::Gauge,
            7 => Self::Sum,
            9 => Self::Histogram,
            10 => Self::ExponentialHistogram,
            11 => Self::Summary,
            _ => Self::None,
        }
    }
}

impl<'a> Metric<'a> {
    fn read(bytes: &'a [u8]) -> (Self, Data<'a>) {
        let mut metric =
            Self { name: "", description: "", unit: "", kind: MetricKind::None, temporality: 0, monotonic: false };
        let mut data = Data { number: 0, from: &[] };
        let mut fields = Reader::new(bytes);
        loop {
            let from = fields.rest();
            match next(&mut fields) {
                Some((1, Payload::Bytes(bytes))) => metric.name = text(bytes),
                Some((2, Payload::Bytes(bytes))) => metric.description = text(bytes),
                Some((3, Payload::Bytes(bytes))) => metric.unit = text(bytes),
                Some((number @ (5 | 7 | 9 | 10 | 11), Payload::Bytes(piece))) => {
                    if data.number != number {
                        data = Data { number, from };
                        (metric.kind, metric.temporality, metric.monotonic) = (MetricKind::of(number), 0, false);
                    }
                    metric.take_up(piece);
                }
                Some(_) => {}
                None => return (metric, data),
            }
        }
    }

    /// Takes up what a piece of the data says besides points.
    fn take_up(&mut self, piece: &[u8]) {
        if matches!(self.kind, MetricKind::Gauge | MetricKind::Summary) {
            return;
        }
        let mut fields = Reader::new(piece);
        while let Some((number, payload)) = next(&mut fields) {
            match (number, payload) {
                (2, Payload::Varint(temporality)) => self.temporality = low_i32(temporality),
                (3, Payload::Varint(monotonic)) if self.kind == MetricKind::Sum => self.monotonic = monotonic != 0,
                _ => {}
            }
        }
    }
}

impl<'a> Point<'a> {
    fn read(kind: MetricKind, bytes: &'a [u8]) -> Self {
        let (attributes, flags) = match kind {
            MetricKind::Histogram => (9, 10),
            MetricKind::ExponentialHistogram => (1, 10),
            _ => (7, 8),
        };
        let number = matches!(kind, MetricKind::Gauge | MetricKind::Sum | MetricKind::None);
        let mut point = Self { value: PointValue::None, time_ns: 0, start_ns: 0, flags: 0, bytes, attributes };
        let (mut count, mut sum) = (0, (kind == MetricKind::Summary).then_some(0.0));
        let mut fields = Reader::new(bytes);
        while let Some((field, payload)) = next(&mut fields) {
            match (field, payload) {
                (2, Payload::Fixed64(time)) => point.start_ns = time,
                (3, Payload::Fixed64(time)) => point.time_ns = time,
                (4, Payload::Fixed64(bits)) if number => point.value = PointValue::Double(f64::from_bits(bits)),
                (6, Payload::Fixed64(bits)) if number => point.value = PointValue::Int(bits.cast_signed()),
                (4, Payload::Fixed64(stated)) => count = stated,
                (5, Payload::Fixed64(bits)) if !number => sum = Some(f64::from_bits(bits)),
                (found, Payload::Varint(stated)) if found == flags => point.flags = low_u32(stated),
                _ => {}
            }
        }
        if !number {
            point.value = PointValue::Distribution { count, sum };
        }
        point
    }
}
