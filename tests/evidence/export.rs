//! Exports of logs as official messages, and what observe makes of them.

use coroner::judge::Rulebooks;
use coroner::judge::rulebook::Source;
use coroner::observe::knowledge::Knowledge;
use coroner::observe::target::Patterns;
use coroner::observe::{Mapper, Observer, Tally, Weights};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use std::sync::OnceLock;

/// The service's observer, with a book of one's own that only has these `resources`.
pub(crate) fn observer(resources: &str) -> Observer {
    let text = format!("platform: '*'\nresources: {resources}\n");
    let books = Rulebooks::compile(vec![Source { name: "mine.yaml".to_owned(), text }]);
    let books = books.expect("the resources of a test");
    let knowledge = Knowledge::compile(books.knowledge()).expect("compiled as a test of the book");
    Observer::new(Patterns::compile(books.targets()).expect("built-in patterns"), Weights::default()).knowing(knowledge)
}

/// What an export of logs comes to.
pub(crate) fn map(logs: &[u8]) -> Tally {
    static OBSERVER: OnceLock<Observer> = OnceLock::new();
    let mut tally = Tally::default();
    Mapper::default().logs(OBSERVER.get_or_init(|| observer("[]")), logs, &mut tally).expect("an official message");
    tally
}

/// The same, with resources of one's own.
pub(crate) fn map_with(resources: &str, logs: &[u8]) -> Tally {
    let mut tally = Tally::default();
    Mapper::default().logs(&observer(resources), logs, &mut tally).expect("an official message");
    tally
}

pub(crate) fn attribute(key: &str, value: &str) -> KeyValue {
    entry(key, Value::StringValue(value.to_owned()))
}

pub(crate) fn entry(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

pub(crate) fn record(body: &str, time_ns: u64, attributes: &[KeyValue]) -> LogRecord {
    LogRecord {
        time_unix_nano: time_ns,
        body: Some(AnyValue { value: Some(Value::StringValue(body.to_owned())) }),
        attributes: attributes.to_vec(),
        ..LogRecord::default()
    }
}

/// A record whose body is this JSON as a map.
pub(crate) fn object(json: &str, time_ns: u64) -> LogRecord {
    let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
    LogRecord { time_unix_nano: time_ns, body: Some(any(&json)), ..LogRecord::default() }
}

fn any(json: &serde_json::Value) -> AnyValue {
    use serde_json::Value as Json;
    let value = match json {
        Json::Null => return AnyValue::default(),
        Json::Bool(b) => Value::BoolValue(*b),
        Json::Number(n) => {
            n.as_i64().map_or_else(|| Value::DoubleValue(n.as_f64().expect("a number")), Value::IntValue)
        }
        Json::String(text) => Value::StringValue(text.clone()),
        Json::Array(items) => Value::ArrayValue(ArrayValue { values: items.iter().map(any).collect() }),
        Json::Object(members) => {
            let entry = |(key, value): (&String, &Json)| KeyValue {
                key: key.clone(),
                value: Some(any(value)),
                ..KeyValue::default()
            };
            Value::KvlistValue(KeyValueList { values: members.iter().map(entry).collect() })
        }
    };
    AnyValue { value: Some(value) }
}

pub(crate) fn logs(resource: &[KeyValue], log_records: Vec<LogRecord>) -> Vec<u8> {
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource = Some(Resource { attributes: resource.to_vec(), ..Resource::default() });
    let resource_logs = vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// Records of Baseten's export, each of the same container.
pub(crate) fn placed(mut records: Vec<LogRecord>) -> Vec<u8> {
    for record in &mut records {
        record.attributes.extend([
            attribute("model_id", "q4r5s6t7"),
            attribute("model_version_id", "k9m2n4p"),
            attribute("environment", "production"),
            attribute("replica", "x7k2p"),
        ]);
    }
    logs(&[attribute("service.name", "baseten")], records)
}

/// Plain lines of one container of Baseten.
pub(crate) fn lines(lines: &[&str], time_ns: u64) -> Vec<u8> {
    placed(lines.iter().map(|line| record(line, time_ns, &[])).collect())
}

/// Kind, model, replica and request id of all evidence.
pub(crate) fn shown(tally: &Tally) -> Vec<[&str; 4]> {
    tally
        .evidence
        .iter()
        .map(|e| {
            let model = e.target.as_ref().map_or("", |t| t.model_id.as_str());
            [e.kind.as_str(), model, &*e.replica, e.request_id.as_str()]
        })
        .collect()
}
