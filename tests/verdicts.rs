//! Recordings that client libraries outside the captures would make of known failures, with their truth.
//!
//! In: `verdicts/*.yaml`, written by hand from what those libraries are known to emit. Out: every case whose target, count
//! or verdict is not what a careful person would conclude from that record alone; all of them are printed.

use coroner::correlate::{Correlator, Ledger, Settings, Settled};
use coroner::judge::{Rulebooks, Verdict};
use coroner::observe::target::Patterns;
use coroner::observe::{Mapper, Observer, Row, Tally, Timing, Vantage, Weights};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event};
use prost::Message;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

const HOST: &str = "model-3yd0k7qn.api.baseten.co";
const NOW_NS: u64 = 1_795_000_000_000_000_000;
const FILES: [(&str, &str); 7] = [
    ("python", include_str!("verdicts/python.yaml")),
    ("node", include_str!("verdicts/node.yaml")),
    ("java", include_str!("verdicts/java.yaml")),
    ("others", include_str!("verdicts/others.yaml")),
    ("genai", include_str!("verdicts/genai.yaml")),
    ("targets", include_str!("verdicts/targets.yaml")),
    ("odd", include_str!("verdicts/odd.yaml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "case")]
    name: String,
    #[serde(default)]
    scope: String,
    spans: Vec<Recorded>,
    truth: Truth,
    /// Requests to be counted; not checked where absent.
    requests: Option<f64>,
    /// Failures to be counted; 1 where absent and the truth is not `none`.
    failures: Option<f64>,
    #[serde(default)]
    target: BTreeMap<String, String>,
    /// The longest duration that may be told, seconds.
    longest: Option<f64>,
    /// The `status_code` labels that may appear.
    statuses: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    id: Option<u8>,
    #[serde(default)]
    parent: u8,
    #[serde(default)]
    kind: String,
    scope: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    description: String,
    /// Type, message and, where it matters, stack trace.
    #[serde(default)]
    exceptions: Vec<Vec<String>>,
    #[serde(default)]
    start: f64,
    seconds: Option<f64>,
    #[serde(default)]
    no_start: bool,
    #[serde(default)]
    tracestate: String,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Value {
    Bool(bool),
    Int(i64),
    Text(String),
    Texts(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Truth {
    Failed { class: Vec<String>, cause: Vec<String>, blame: Vec<String> },
    Fine(String),
}

/// What a case says of its request, by name.
type Labels = [(&'static str, String); 4];

/// Everything that was counted.
#[derive(Default)]
struct Counted {
    requests: f64,
    failures: f64,
    longest: f64,
    statuses: Vec<String>,
    settled: Vec<(Verdict, Labels)>,
}

impl Ledger for Counted {
    fn observed(&mut self, _: &Row) {}
    fn requested(&mut self, row: &Row, timings: &mut dyn Iterator<Item = Timing>) {
        self.requests += row.requests;
        self.statuses.push(row.status.to_string());
        self.longest = timings.map(|t| t.seconds).fold(self.longest, f64::max);
    }
    fn settled(&mut self, case: &Settled<'_>) {
        let t = &*case.failure.target;
        let target = [
            ("platform", t.platform.clone()),
            ("model_id", t.model_id.clone()),
            ("environment", t.environment.clone()),
            ("deployment_id", t.deployment_id.clone()),
        ];
        self.failures += case.failure.weight;
        self.settled.push((case.verdict.clone(), target));
    }
    fn primary(&mut self, _: &Row, _: Vantage) {}
    fn unjoined(&mut self, _: Vantage, _: f64) {}
}

fn filled(text: &str) -> String {
    text.replace("$URL", &format!("https://{HOST}/production/predict")).replace("$HOST", HOST)
}

fn any(value: &Value) -> any_value::Value {
    match value {
        Value::Bool(b) => any_value::Value::BoolValue(*b),
        Value::Int(n) => any_value::Value::IntValue(*n),
        Value::Text(t) => any_value::Value::StringValue(filled(t)),
        Value::Texts(ts) => any_value::Value::ArrayValue(ArrayValue {
            values: ts.iter().map(|t| AnyValue { value: Some(any(&Value::Text(t.clone()))) }).collect(),
        }),
    }
}

fn attribute(key: &str, value: &Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(any(value)) }), ..KeyValue::default() }
}

fn event(parts: &[String]) -> Event {
    let keys = ["exception.type", "exception.message", "exception.stacktrace"];
    let attributes = keys.iter().zip(parts).map(|(key, text)| attribute(key, &Value::Text(text.clone()))).collect();
    Event { name: "exception".into(), attributes, ..Event::default() }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a test")]
fn span(recorded: &Recorded) -> Span {
    let ns = |seconds: f64| NOW_NS.saturating_add_signed((seconds * 1e9) as i64);
    let id = recorded.id.unwrap_or(1);
    Span {
        trace_id: if id == 0 { vec![] } else { vec![9; 16] },
        span_id: if id == 0 { vec![] } else { vec![id; 8] },
        parent_span_id: if recorded.parent == 0 { vec![] } else { vec![recorded.parent; 8] },
        trace_state: recorded.tracestate.clone(),
        kind: match recorded.kind.as_str() {
            "" => 3,
            "internal" => 1,
            "server" => 2,
            other => unreachable!("kind {other}"),
        },
        start_time_unix_nano: if recorded.no_start { 0 } else { ns(recorded.start) },
        end_time_unix_nano: ns(recorded.start + recorded.seconds.unwrap_or(1.5)),
        attributes: recorded.attributes.iter().map(|(key, value)| attribute(key, value)).collect(),
        events: recorded.exceptions.iter().map(|parts| event(parts)).collect(),
        status: Some(Status {
            message: filled(&recorded.description),
            code: match recorded.status.as_str() {
                "" => 0,
                "ok" => 1,
                "error" => 2,
                other => unreachable!("status {other}"),
            },
        }),
        ..Span::default()
    }
}

fn export(case: &Case) -> Vec<u8> {
    let scope_spans = case.spans.iter().map(|recorded| ScopeSpans {
        scope: Some(InstrumentationScope {
            name: recorded.scope.as_ref().unwrap_or(&case.scope).clone(),
            ..InstrumentationScope::default()
        }),
        spans: vec![span(recorded)],
        ..ScopeSpans::default()
    });
    let resource =
        Resource { attributes: vec![attribute("service.name", &Value::Text("shop".into()))], ..Resource::default() };
    let resource_spans = vec![ResourceSpans {
        resource: Some(resource),
        scope_spans: scope_spans.collect(),
        ..ResourceSpans::default()
    }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn misses(case: &Case, counted: &Counted) -> Vec<String> {
    let mut misses = Vec::new();
    let mut wrong = |what: &str, got: &str, expected: &str| misses.push(format!("{what} {got}, not {expected}"));
    if let Some(expected) = case.requests.filter(|n| (counted.requests - n).abs() > 1e-6) {
        wrong("requests", &counted.requests.to_string(), &expected.to_string());
    }
    if let Some(longest) = case.longest.filter(|l| counted.longest > *l) {
        wrong("duration", &counted.longest.to_string(), &format!("over {longest}"));
    }
    if let Some(statuses) = case.statuses.as_ref().filter(|s| **s != counted.statuses) {
        wrong("statuses", &format!("{:?}", counted.statuses), &format!("{statuses:?}"));
    }
    let may_be_fine = match &case.truth {
        Truth::Fine(word) => word == "none",
        Truth::Failed { class, .. } => class.iter().any(|c| c == "none") && counted.settled.is_empty(),
    };
    let failures = case.failures.unwrap_or(if may_be_fine { 0.0 } else { 1.0 });
    if (counted.failures - failures).abs() > 1e-6 {
        wrong("failures", &counted.failures.to_string(), &failures.to_string());
    }
    for (verdict, target) in &counted.settled {
        if let Truth::Failed { class, cause, blame } = &case.truth {
            let parts = [
                ("class", verdict.class.as_str(), class),
                ("cause", verdict.cause.as_str(), cause),
                ("blame", verdict.blame.as_str(), blame),
            ];
            for (what, got, allowed) in parts {
                if !allowed.iter().any(|a| a == got) {
                    wrong(what, got, &format!("{allowed:?} (by {})", verdict.rule));
                }
            }
        }
        for (key, got) in target {
            if let Some(expected) = case.target.get(*key).filter(|e| *e != got) {
                wrong(key, got, expected);
            }
        }
    }
    misses
}

#[test]
fn recordings_of_other_libraries_give_their_truth() {
    let books = Arc::new(Rulebooks::builtin());
    let observer = Observer::new(Patterns::compile(books.targets()).unwrap(), Weights::default());
    // One correlator a recording, none of which proves a success broken.
    let settings = Settings { remember_successes: 0, ..Settings::default() };
    let (mut cases, mut wrong) = (0, Vec::new());
    for (file, text) in FILES {
        let read: Vec<Case> = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{file}.yaml: {error}"));
        for case in read {
            let (mut mapper, mut tally, mut counted) = (Mapper::default(), Tally::default(), Counted::default());
            mapper.traces(&observer, &export(&case), &mut tally).unwrap();
            let rules: Vec<_> = tally.failures.iter().map(|failure| Arc::clone(books.decide(failure))).collect();
            let mut correlator = Correlator::new(&settings, Arc::clone(&books));
            correlator.fold(&tally, &rules, NOW_NS, &mut counted);
            correlator.drain(NOW_NS, &mut counted);
            cases += 1;
            wrong.extend(misses(&case, &counted).into_iter().map(|miss| format!("{file}: {}: {miss}", case.name)));
        }
    }
    assert!(wrong.is_empty(), "{} misses in {cases} cases:\n{}", wrong.len(), wrong.join("\n"));
}
