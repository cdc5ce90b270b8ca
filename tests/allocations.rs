//! The success path builds no objects.
//!
//! Scenario: exports of 1000 client spans, and of 1000 innocent lines of models' logs, mapped and judged one after the other by
//! one thread with the memory it reuses, as the service does it.
//! Guarantee: once that memory has grown, exports of successes allocate nothing, also after failures, which may; and what an
//! export of innocent lines allocates does not depend on how many they are.

#[path = "evidence/export.rs"]
#[expect(dead_code, reason = "the other tests of evidence use the rest")]
mod export;
#[path = "../benches/map/load.rs"]
mod load;

use allocation_counter::measure;
use coroner::judge::Rulebooks;
use coroner::observe::knowledge::Knowledge;
use coroner::observe::target::Patterns;
use coroner::observe::{Mapper, Observer, Tally, Weights};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

/// Spans of an export.
const SPANS: usize = 1000;

#[test]
fn successes_allocate_nothing() {
    let books = Rulebooks::builtin();
    let observer = Observer::new(Patterns::compile(books.targets()).expect("built-in patterns"), Weights::default())
        .knowing(Knowledge::compile(books.knowledge()).expect("built-in knowledge"));
    let (mut mapper, mut tally) = (Mapper::default(), Tally::default());
    let mut run = |export: &[u8]| {
        tally.clear();
        mapper.traces(&observer, export, &mut tally).expect("an official message");
        let verdicts: Vec<_> = tally.failures.iter().map(|failure| books.judge(failure)).collect();
        let counted: f64 = tally.rows.iter().map(|row| row.requests).sum();
        assert!(tally.successes.len() >= 990, "each success leaves its mark");
        (counted, verdicts.len())
    };
    let mut numbers = load::Numbers::new(7);
    let successes: Vec<_> = (0..20).map(|_| enclosed(&load::batch(SPANS, 0, &mut numbers))).collect();
    let mixed = enclosed(&load::batch(SPANS, SPANS / 100, &mut numbers));

    // The memory grows; and the test could fail: failures allocate, and the counter sees it.
    for export in &successes {
        assert_eq!(run(export), (1000.0, 0));
    }
    let failing = measure(|| assert_eq!(run(&mixed), (990.0, 10)));
    assert!(failing.count_total > 0, "ten observations and their verdicts are built");

    let steady = measure(|| successes.iter().for_each(|export| assert_eq!(run(export), (1000.0, 0))));
    assert_eq!(steady.count_total, 0, "allocations for {} successes: {steady:?}", SPANS * successes.len());
}

/// The same spans, each inside one of the application's, by which its log could prove it broken.
fn enclosed(export: &[u8]) -> Vec<u8> {
    let mut request = ExportTraceServiceRequest::decode(export).expect("an official message");
    for span in request.resource_spans.iter_mut().flat_map(|r| &mut r.scope_spans).flat_map(|s| &mut s.spans) {
        span.parent_span_id = span.span_id.iter().map(|byte| !byte).collect();
    }
    request.encode_to_vec()
}

/// An export of innocent lines, a millisecond apart, of two replicas, in the shapes of Truss and of custom servers.
fn innocent(lines: u64) -> Vec<u8> {
    let record = |n: u64| {
        let body = match n % 4 {
            0 => "Handled request: POST /v1/models/model:predict HTTP/1.1 200".to_owned(),
            1 => format!(
                r#"{{"asctime": "2026-11-22 08:47:44,123", "levelname": "INFO", "message": "step {n}", "request_id": "r{n}"}}"#
            ),
            2 => format!("2026-11-22T08:47:44.123Z stdout F generated {n} tokens"),
            _ => format!("INFO:     127.0.0.1:57752 - \"POST /predict HTTP/1.1\" 200 OK {n}"),
        };
        let request = export::attribute("request_id", &format!("request-{n}"));
        export::record(&body, 1_795_337_264_000_000_000 + n * 1_000_000, &[request])
    };
    export::placed((0..lines).map(record).collect())
}

#[test]
fn innocent_lines_allocate_nothing() {
    let observer = export::observer("[{ match: { k8s.namespace.name: models, k8s.pod.name: '{model_id}-*-*' } }]");
    let (mut mapper, mut tally) = (Mapper::default(), Tally::default());
    let mut run = |export: &[u8], lines: usize| {
        tally.clear();
        mapper.logs(&observer, export, &mut tally).expect("an official message");
        assert_eq!(tally.heard.iter().map(|h| h.records as usize).sum::<usize>(), lines);
        assert_eq!(tally.activity.len(), lines);
        tally.evidence.len()
    };
    let (one, many) = (innocent(1), innocent(1000));
    // The memory grows: texts are searched, rows and lists get their room.
    for _ in 0..3 {
        run(&one, 1);
        assert_eq!(run(&many, 1000), 1, "one sign of life a second");
    }
    let single = measure(|| _ = run(&one, 1)).count_total;
    let steady = measure(|| _ = run(&many, 1000)).count_total;
    assert_eq!(steady, single, "a thousand lines allocate as often as one");
    assert!(single <= 4, "the slots of an export: {single}");
    let guilty = export::lines(&["CUDA out of memory"], 1);
    assert!(measure(|| _ = run_once(&observer, &guilty)).count_total > steady, "the counter sees evidence");
}

fn run_once(observer: &Observer, export: &[u8]) -> usize {
    let mut tally = Tally::default();
    Mapper::default().logs(observer, export, &mut tally).expect("an official message");
    tally.evidence.len()
}
