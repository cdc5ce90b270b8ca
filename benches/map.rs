//! How fast the map is, on one core, next to the official decoder.
//!
//! One element is one span of about 660 bytes with 16 attributes; 1 % of the spans are failures. All run on the same batches:
//! `prost` decodes into the official messages and does nothing with them; `walk` checks all and picks two attributes;
//! `observe` makes tallies; `map` judges the failures besides.

#[path = "map/load.rs"]
mod load;

use coroner::judge::Rulebooks;
use coroner::observe::knowledge::Knowledge;
use coroner::observe::target::Patterns;
use coroner::observe::{Mapper, Observer, Tally, Weights};
use coroner::otlp::wire::{Span, SpanVisitor, Value, traces};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::hint::black_box;

// The service's own allocator, so that the figures are those of the service.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Spans of a batch.
const SPANS: usize = 1000;

/// Picks what any use of a span would.
#[derive(Default)]
struct Pick<'a> {
    url: &'a str,
    status: i64,
    nanoseconds: u64,
}

impl<'a> SpanVisitor<'a> for Pick<'a> {
    fn span_attribute(&mut self, key: &'a str, value: Value<'a>) {
        match (key, value) {
            ("url.full", Value::Str(url)) => self.url = url,
            ("http.response.status_code", Value::Int(status)) => self.status = status,
            _ => {}
        }
    }

    fn span(&mut self, span: &Span<'a>) {
        self.nanoseconds += span.end_ns.saturating_sub(span.start_ns);
        black_box((self.url, self.status));
    }
}

fn map(criterion: &mut Criterion) {
    let mut numbers = load::Numbers::new(7);
    let batches: Vec<_> = (0..8).map(|_| load::batch(SPANS, SPANS / 100, &mut numbers)).collect();
    let mut turns = batches.iter().cycle();
    let mut next = || turns.next().expect("a cycle has no end").as_slice();
    let mut group = criterion.benchmark_group("map");
    group.throughput(Throughput::Elements(SPANS as u64));
    group.bench_function("prost", |bencher| {
        bencher.iter(|| ExportTraceServiceRequest::decode(next()).expect("an official message"));
    });
    group.bench_function("walk", |bencher| {
        bencher.iter(|| {
            let mut pick = Pick::default();
            traces(next(), &mut pick).expect("an official message");
            pick.nanoseconds
        });
    });
    let books = Rulebooks::builtin();
    let patterns = Patterns::compile(books.targets()).expect("built-in patterns");
    let knowledge = Knowledge::compile(books.knowledge()).expect("built-in knowledge");
    let observer = Observer::new(patterns, Weights::default()).knowing(knowledge);
    let (mut mapper, mut tally) = (Mapper::default(), Tally::default());
    group.bench_function("observe", |bencher| {
        bencher.iter(|| {
            tally.clear();
            mapper.traces(&observer, next(), &mut tally).expect("an official message");
            tally.rows.len()
        });
    });
    group.bench_function("map", |bencher| {
        bencher.iter(|| {
            tally.clear();
            mapper.traces(&observer, next(), &mut tally).expect("an official message");
            tally.failures.iter().for_each(|failure| _ = black_box(books.judge(failure)));
        });
    });
    group.finish();
}

criterion_group!(benches, map);
criterion_main!(benches);
