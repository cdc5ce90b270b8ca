//! Admission as a whole: what is refused leaves no trace, what is taken is taken once.

use super::*;
use crate::observe::Weights;
use crate::observe::target::Patterns;
use crate::telemetry::{Metrics, catalogue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

struct Bench {
    pipeline: Pipeline,
    batches: mpsc::Receiver<Batch>,
    metrics: Metrics,
    counters: Arc<Counters>,
    room: Arc<Admission>,
    spent: Arc<Spent>,
}

/// A pipeline whose queue has `slots` and whose waiting batches may hold `bytes`.
fn bench(slots: usize, bytes: usize) -> Bench {
    let (queue, batches) = mpsc::channel(slots);
    let (metrics, counters) = (Metrics::default(), Arc::new(Counters::default()));
    let (room, spent) = (Admission::new(bytes), Arc::new(Spent::new(4)));
    let books = Arc::new(Rulebooks::builtin());
    let pipeline = Pipeline {
        observer: Observer::new(Patterns::compile(books.targets()).unwrap(), Weights::default()),
        books,
        repeats: Repeats::new(Duration::from_mins(5), 100),
        queue,
        room: Arc::clone(&room),
        mappers: Pool::new(4),
        spent: Arc::clone(&spent),
        progress: Arc::default(),
        counters: Arc::clone(&counters),
        numbers: Numbers::new(&metrics),
    };
    Bench { pipeline, batches, metrics, counters, room, spent }
}

impl Bench {
    fn counted(&self) -> f64 {
        self.metrics.value(&catalogue::RECORDS, &["traces", "inference"]).get()
    }

    fn accept(&self, body: &[u8]) -> Result<Accepted, Rejection> {
        self.pipeline.accept(Signal::Traces, body)
    }
}

/// An export request of one failed call; `id` tells bodies apart.
fn export(id: u8) -> Vec<u8> {
    let attribute = |key: &str, value: Value| KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let span = Span {
        trace_id: vec![id; 16],
        span_id: vec![id; 8],
        kind: 3,
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 2_000_000_000,
        attributes: vec![
            attribute("http.request.method", Value::StringValue("POST".into())),
            attribute("url.full", Value::StringValue("https://model-m1.api.baseten.co/production/predict".into())),
            attribute("http.response.status_code", Value::IntValue(504)),
        ],
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

#[test]
fn what_is_acknowledged_is_in_the_queue_with_its_verdict() {
    let mut bench = bench(4, 1 << 20);
    assert_eq!(bench.accept(&export(1)), Ok(Accepted::default()));
    let batch = bench.batches.try_recv().unwrap();
    assert_eq!(batch.findings.tally.failures.len(), 1);
    assert_eq!(batch.findings.rules[0].verdict.class.as_str(), "timeout");
    assert!(batch.arrival_ns > 0);
    assert!((bench.counted() - 1.0).abs() < f64::EPSILON);
}

#[test]
fn a_full_queue_refuses_and_counts_nothing() {
    let mut bench = bench(1, 1 << 20);
    bench.accept(&export(1)).unwrap();
    assert_eq!(bench.accept(&export(2)), Err(Rejection::busy()));
    assert!((bench.counted() - 1.0).abs() < f64::EPSILON);
    // The sender comes again with the same body: it was not remembered, so it counts now.
    drop(bench.batches.try_recv().unwrap());
    bench.accept(&export(2)).unwrap();
    assert!((bench.counted() - 2.0).abs() < f64::EPSILON);
    assert_eq!(bench.counters.repeats(), 0);
}

#[test]
fn waiting_batches_are_bounded_in_bytes_too() {
    let mut bench = bench(100, 2000);
    bench.accept(&export(1)).unwrap();
    let held = bench.room.used();
    assert!(held > size_of::<Observation>() && held < 2000, "{held}");
    let refused = (2..100).find(|id| bench.accept(&export(*id)) == Err(Rejection::busy()));
    assert!(refused.is_some());
    while bench.batches.try_recv().is_ok() {}
    assert_eq!(bench.room.used(), 0);
    bench.accept(&export(refused.unwrap())).unwrap();
}

#[test]
fn a_repeat_is_acknowledged_and_not_counted() {
    let mut bench = bench(4, 1 << 20);
    for _ in 0..3 {
        assert_eq!(bench.accept(&export(1)), Ok(Accepted::default()));
    }
    assert!(bench.batches.try_recv().is_ok() && bench.batches.try_recv().is_err());
    assert_eq!(bench.counters.repeats(), 2);
    assert!((bench.counted() - 1.0).abs() < f64::EPSILON);
}

#[test]
fn a_corrupt_body_is_refused_as_a_whole() {
    let mut bench = bench(4, 1 << 20);
    let mut body = export(1);
    body.extend([0x0a, 0x7f]);
    assert!(matches!(bench.accept(&body), Err(Rejection::Malformed { .. })));
    assert!(bench.batches.try_recv().is_err());
    assert!(bench.counted().abs() < f64::EPSILON);
    // Its half-filled memory must not show up in the next request.
    bench.accept(&export(1)).unwrap();
    assert_eq!(bench.batches.try_recv().unwrap().findings.tally.failures.len(), 1);
}

#[test]
fn empty_requests_succeed_and_are_no_repeats() {
    let bench = bench(1, 1 << 20);
    for _ in 0..3 {
        assert_eq!(bench.accept(&[]), Ok(Accepted::default()));
    }
    assert_eq!(bench.counters.repeats(), 0);
}

#[test]
fn memory_of_folded_batches_is_used_again() {
    let mut bench = bench(4, 1 << 20);
    bench.accept(&export(1)).unwrap();
    let mut findings = bench.batches.try_recv().unwrap().findings;
    findings.tally.timings.reserve(1000);
    bench.spent.give(findings);
    bench.accept(&export(2)).unwrap();
    let again = bench.batches.try_recv().unwrap().findings;
    assert!(again.tally.timings.capacity() >= 1000);
    assert_eq!((again.tally.failures.len(), again.rules.len()), (1, 1));
}
