//! By which keys records of one request meet: marks of successes, enclosing spans, request ids.

use super::export::{attribute, entry, map, observer, placed, record};
use coroner::observe::{Mapper, Tally, join_key};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;

const TRACE: [u8; 16] = [7; 16];
const APP: [u8; 8] = [1; 8];
const SDK: [u8; 8] = [2; 8];
const HTTP: [u8; 8] = [3; 8];

fn span(id: [u8; 8], parent: [u8; 8], attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: TRACE.to_vec(),
        span_id: id.to_vec(),
        parent_span_id: if parent == [0; 8] { Vec::new() } else { parent.to_vec() },
        kind: 3,
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 2_000,
        attributes,
        ..Span::default()
    }
}

fn http(parent: [u8; 8], status: i64, more: Vec<KeyValue>) -> Span {
    let url = "https://model-q4r5s6t7.api.baseten.co/environments/production/predict";
    let mut attributes = vec![
        attribute("http.request.method", "POST"),
        attribute("url.full", url),
        entry("http.response.status_code", Value::IntValue(status)),
    ];
    attributes.extend(more);
    span(HTTP, parent, attributes)
}

fn traces(spans: Vec<Span>) -> Tally {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let mut tally = Tally::default();
    let bytes = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    Mapper::default().traces(&observer("[]"), &bytes, &mut tally).unwrap();
    tally
}

fn keys(tally: &Tally) -> Vec<u64> {
    // Each mark names the next key, and the last one the first.
    for (mark, next) in tally.successes.iter().zip(tally.successes.iter().cycle().skip(1)) {
        assert_eq!(mark.also, if tally.successes.len() == 1 { 0 } else { next.key });
    }
    tally.successes.iter().map(|mark| mark.key).collect()
}

#[test]
fn a_success_leaves_a_mark_under_each_key_that_it_has() {
    let header = |name: &str| {
        let id = AnyValue { value: Some(Value::StringValue("9f0c".to_owned())) };
        entry(name, Value::ArrayValue(ArrayValue { values: vec![id] }))
    };
    let (enclosing, request) = (join_key(&[&TRACE, &APP]), join_key(&[b"9f0c"]));
    assert!(traces(vec![http([0; 8], 200, Vec::new())]).successes.is_empty());
    assert_eq!(keys(&traces(vec![http(APP, 200, Vec::new())])), [enclosing]);
    for name in ["http.response.header.x-baseten-request-id", "http.response.header.x_baseten_request_id"] {
        let tally = traces(vec![http(APP, 200, vec![header(name)])]);
        assert_eq!(keys(&tally), [request, enclosing], "{name}");
        let mark = tally.successes[0];
        assert_eq!((mark.row, mark.end_ns), (0, 2_000));
        assert!((mark.weight - 1.0).abs() < f64::EPSILON);
        let failed = traces(vec![http(APP, 502, vec![header(name)])]);
        assert_eq!((keys(&failed), failed.failures[0].request_id.as_str()), (Vec::new(), "9f0c"), "{name}");
    }
    assert!(traces(vec![http(APP, 502, Vec::new())]).successes.is_empty(), "a failure is no success");
}

#[test]
fn a_models_library_is_part_of_the_call() {
    let sdk = || span(SDK, APP, vec![attribute("gen_ai.request.model", "llama")]);
    let fine = traces(vec![http(SDK, 200, Vec::new()), sdk()]);
    assert_eq!(keys(&fine), [join_key(&[&TRACE, &SDK]), join_key(&[&TRACE, &APP])]);
    let failed = traces(vec![http(SDK, 502, Vec::new()), sdk()]);
    assert_eq!(failed.failures[0].parent_span_id, APP, "the application's log names the span around the library's");
    let alone = traces(vec![sdk()]);
    assert_eq!(keys(&alone), [join_key(&[&TRACE, &APP])]);
    let wrong = Span { status: Some(Status { code: 2, ..Status::default() }), ..sdk() };
    assert_eq!(traces(vec![wrong]).failures[0].parent_span_id, APP);
}

#[test]
fn a_models_lines_say_how_a_request_goes_on() {
    let id = || [attribute("request_id", "9f0c")];
    let export = placed(vec![
        record("working", 1, &id()),
        record("Handled request: POST /v1/models/model:predict HTTP/1.1 500", 2, &id()),
        record("no request", 3, &[]),
    ]);
    let activity: Vec<_> = map(&export).activity.iter().map(|a| (a.key, a.time_ns, a.finished)).collect();
    let key = join_key(&[b"9f0c"]);
    assert_eq!(activity, [(key, 1, false), (key, 2, true)]);
}
