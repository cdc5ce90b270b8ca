//! Vectors of the JSON mapping, one row of the OTLP checklist each; generated requests are in `generated`.

mod generated;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::to_protobuf;
use crate::otlp::rejection::Rejection;
use crate::otlp::signal::Signal;

const LIMIT: usize = 1 << 20;

fn request(json: &str) -> (ExportTraceServiceRequest, String) {
    let converted = to_protobuf(Signal::Traces, json.as_bytes(), LIMIT).unwrap_or_else(|e| panic!("{json}: {e:?}"));
    (ExportTraceServiceRequest::decode(&converted.body[..]).unwrap(), converted.warning)
}

/// Reads a span with these members.
fn span_and_warning(members: &str) -> (Span, String) {
    let (request, warning) =
        request(&format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#));
    (request.resource_spans[0].scope_spans[0].spans[0].clone(), warning)
}

fn span(members: &str) -> Span {
    let (span, warning) = span_and_warning(members);
    assert_eq!(warning, "", "{members}");
    span
}

/// Reads an attribute with this value.
fn value(json: &str) -> Option<AnyValue> {
    span(&format!(r#""attributes":[{{"key":"k","value":{json}}}]"#)).attributes[0].value.clone()
}

#[expect(clippy::unnecessary_wraps, reason = "compared with fields that are optional")]
fn some(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn refused(json: &str) -> (String, String) {
    match to_protobuf(Signal::Traces, json.as_bytes(), LIMIT) {
        Err(Rejection::Malformed { field, detail }) => (field, detail),
        other => panic!("{json}: {other:?}"),
    }
}

/// A value in `levels` arrays, each in the other.
fn nested(levels: usize) -> String {
    let (open, close) = (r#"{"arrayValue":{"values":["#.repeat(levels), "]}}".repeat(levels));
    format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{open}{{}}{close}}}]}}}}]}}"#)
}

#[test]
fn ids_are_hex_in_any_case() {
    let read = span(r#""traceId":"5B8EFFF798038103D269B633813FC60c","spanId":"eee19b7ec3c1b174","parentSpanId":"""#);
    assert_eq!(read.trace_id, 0x5b8e_fff7_9803_8103_d269_b633_813f_c60c_u128.to_be_bytes());
    assert_eq!((read.span_id, read.parent_span_id), (0xeee1_9b7e_c3c1_b174_u64.to_be_bytes().to_vec(), vec![]));
}

#[test]
fn null_and_absent_are_the_default_of_any_field() {
    for json in [r#"{"resourceSpans":null}"#, r#"{"resourceSpans":[]}"#, "{}", " { } "] {
        assert_eq!(request(json), (ExportTraceServiceRequest::default(), String::new()), "{json}");
    }
    let nulls =
        ["name", "traceId", "parentSpanId", "kind", "startTimeUnixNano", "flags", "attributes", "status", "links"];
    let members: Vec<_> = nulls.iter().map(|key| format!(r#""{key}":null"#)).collect();
    assert_eq!(span(&members.join(",")), Span::default());
    assert_eq!(value("null"), None);
    assert_eq!(value("{}"), Some(AnyValue::default()));
    assert_eq!(value(r#"{"stringValue":null,"intValue":"5"}"#), some(Value::IntValue(5)));
    assert_eq!(span(r#""attributes":[{}]"#).attributes, [KeyValue::default()]);
}

#[test]
fn numbers_may_be_strings_and_strings_numbers() {
    for (json, number) in [
        ("\"1544712660000000000\"", 1_544_712_660_000_000_000),
        ("1544712660000000000", 1_544_712_660_000_000_000),
        ("1e18", 10_u64.pow(18)),
        ("\"1e3\"", 1000),
        ("1.0", 1),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(span(&format!(r#""startTimeUnixNano":{json}"#)).start_time_unix_nano, number, "{json}");
    }
    for (json, number) in
        [("\"-9223372036854775808\"", i64::MIN), ("9223372036854775807", i64::MAX), ("-0", 0), ("\"7\"", 7)]
    {
        assert_eq!(value(&format!(r#"{{"intValue":{json}}}"#)), some(Value::IntValue(number)), "{json}");
    }
    for (json, number) in [("\"256\"", 256), ("257.0", 257), ("4294967295", u32::MAX)] {
        let read = span(&format!(r#""flags":{json},"droppedLinksCount":{json}"#));
        assert_eq!((read.flags, read.dropped_links_count), (number, number));
    }
    for (json, number) in [
        ("1", 1.0),
        ("-1.5e3", -1500.0),
        ("\"2.5\"", 2.5),
        ("\"Infinity\"", f64::INFINITY),
        ("\"-Infinity\"", f64::NEG_INFINITY),
    ] {
        assert_eq!(value(&format!(r#"{{"doubleValue":{json}}}"#)), some(Value::DoubleValue(number)), "{json}");
    }
    let nan = value(r#"{"doubleValue":"NaN"}"#).unwrap().value.unwrap();
    assert!(matches!(nan, Value::DoubleValue(number) if number.is_nan()));
}

#[test]
fn bytes_are_base64_of_either_alphabet_with_or_without_padding() {
    for json in ["\"+/8=\"", "\"+/8\"", "\"-_8=\"", "\"-_8\""] {
        assert_eq!(value(&format!(r#"{{"bytesValue":{json}}}"#)), some(Value::BytesValue(vec![0xfb, 0xff])), "{json}");
    }
}

#[test]
fn enums_are_numbers_and_names_are_understood() {
    for (json, kind) in [("3", 3), ("3.0", 3), ("\"3\"", 3), ("\"SPAN_KIND_CLIENT\"", 3), ("99", 99), ("-1", -1)] {
        assert_eq!(span(&format!(r#""kind":{json}"#)).kind, kind, "{json}");
    }
    assert_eq!(span(r#""status":{"code":"STATUS_CODE_ERROR"}"#).status.unwrap().code, 2);
}

#[test]
fn collections_may_be_empty_mixed_and_nested() {
    assert_eq!(value(r#"{"arrayValue":{}}"#), some(Value::ArrayValue(ArrayValue::default())));
    assert_eq!(value(r#"{"kvlistValue":{"values":null}}"#), some(Value::KvlistValue(KeyValueList::default())));
    let mixed =
        value(r#"{"arrayValue":{"values":[{"boolValue":false},null,{"kvlistValue":{"values":[{"key":"a"}]}}]}}"#);
    let inner = KeyValueList { values: vec![KeyValue { key: "a".to_owned(), ..KeyValue::default() }] };
    let values =
        vec![some(Value::BoolValue(false)).unwrap(), AnyValue::default(), some(Value::KvlistValue(inner)).unwrap()];
    assert_eq!(mixed, some(Value::ArrayValue(ArrayValue { values })));
}

#[test]
fn an_odd_value_is_left_out_and_the_batch_is_kept() {
    for (members, expected) in [
        (r#""traceId":"W47/95gDgQPSabYzgT/GDA==""#, "traceId: expected an id in hexadecimal digits"),
        (r#""spanId":"abc""#, "spanId: expected an id in hexadecimal digits"),
        (r#""startTimeUnixNano":"soon""#, "startTimeUnixNano: expected an unsigned 64-bit integer"),
        (r#""startTimeUnixNano":-1"#, "startTimeUnixNano: expected an unsigned 64-bit integer"),
        (r#""startTimeUnixNano":1.5"#, "startTimeUnixNano: expected an unsigned 64-bit integer"),
        (r#""flags":4294967296"#, "flags: expected an unsigned 32-bit integer"),
        (r#""kind":"CLIENT""#, "kind: expected the number of an enum value"),
        (r#""traceState":{"a":[1]}"#, "traceState: expected a single value"),
        (r#""traceState":7"#, "traceState: expected a string"),
        (r#""status":{"code":[1]}"#, "status.code: expected a single value"),
        (r#""attributes":[{"key":"k","value":"bare"}]"#, "attributes[0].value: expected an object"),
        (
            r#""attributes":[{"key":"k","value":{"doubleValue":"inf"}}]"#,
            "attributes[0].value.doubleValue: expected a number",
        ),
        (r#""attributes":[{"key":"k","value":{"bytesValue":"%"}}]"#, "attributes[0].value.bytesValue: expected bytes"),
        (r#""attributes":[{"key":"k","value":{"boolValue":1}}]"#, "attributes[0].value.boolValue: expected true"),
    ] {
        let (read, warning) = span_and_warning(&format!(r#"{members},"name":"kept""#));
        assert_eq!(read.name, "kept");
        assert!(
            warning.starts_with("1 ")
                && warning.contains(&format!("$.resourceSpans[0].scopeSpans[0].spans[0].{expected}")),
            "{members}: {warning}"
        );
    }
}

#[test]
fn unknown_keys_are_passed_over_and_snake_case_is_told() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(span(&format!(r#""name":"n","profile":{{"a":[1,{{"b":null}}]}},"newer":{deep}"#)).name, "n");
    let (read, warning) = span_and_warning(r#""trace_id":"00","name":"n","start_time_unix_nano":"1""#);
    assert_eq!(read, Span { name: "n".to_owned(), ..Span::default() });
    assert!(
        warning.starts_with("2 key(s) in snake_case")
            && warning.contains("`trace_id`")
            && warning.contains("`traceId`"),
        "{warning}"
    );
}

#[test]
fn of_two_members_of_one_value_the_last_counts_and_it_is_told() {
    let (read, warning) = span_and_warning(r#""attributes":[{"value":{"stringValue":"a","intValue":"2"}}]"#);
    assert_eq!(read.attributes[0].value, some(Value::IntValue(2)));
    assert!(warning.contains("attributes[0].value"), "{warning}");
}

#[test]
fn what_is_no_request_is_refused_with_the_place_and_what_would_be_right() {
    for (json, place, expected) in [
        ("[]", "$", "expected an object"),
        ("null", "$", "expected an object"),
        ("7", "$", "expected an object"),
        ("", "$", "EOF"),
        ("{} x", "$", "trailing"),
        ("\u{feff}{}", "$", "expected value"),
        (r#"{"resourceSpans":"none"}"#, "$.resourceSpans", "expected an array, found a string"),
        (r#"{"resourceSpans":{}}"#, "$.resourceSpans", "expected an array, found an object"),
        (r#"{"resourceSpans":[{},7]}"#, "$.resourceSpans[1]", "expected an object, found a number"),
        (r#"{"resourceSpans":[[]]}"#, "$.resourceSpans[0]", "expected an object, found an array"),
        (r#"{"resourceSpans":[{"resource":[]}]}"#, "$.resourceSpans[0].resource", "expected an object, found an array"),
        (r#"{"resourceSpans":[],"resourceSpans":[]}"#, "$.resourceSpans", "twice"),
        (r#"{"resourceSpans":[{"schemaUrl":"\ud800"}]}"#, "$.resourceSpans[0].schemaUrl", "escape"),
        (r#"{"resourceSpans":[{"schemaUrl":"#, "$.resourceSpans[0].schemaUrl", "EOF"),
    ] {
        let (field, detail) = refused(json);
        assert_eq!(field, place, "{json}: {detail}");
        assert!(detail.contains(expected), "{json}: {detail}");
    }
    let invalid_utf8 = b"{\"resourceSpans\":[{\"schemaUrl\":\"\xff\"}]}";
    assert!(to_protobuf(Signal::Traces, invalid_utf8, LIMIT).is_err());
}

#[test]
fn nesting_ends_where_protobuf_decoders_end() {
    let deepest =
        (1..200).find(|levels| to_protobuf(Signal::Traces, nested(*levels).as_bytes(), LIMIT).is_err()).unwrap() - 1;
    let mut converted = to_protobuf(Signal::Traces, nested(deepest).as_bytes(), LIMIT).unwrap().body;
    ExportTraceServiceRequest::decode(&converted[..]).unwrap();
    // One level more around the same, put together in protobuf: what is refused there is refused here.
    let mut attribute = AnyValue::default();
    for _ in 0..=deepest {
        attribute = some(Value::ArrayValue(ArrayValue { values: vec![attribute] })).unwrap();
    }
    let (mut request, _) = request(&nested(0));
    request.resource_spans[0].resource.as_mut().unwrap().attributes[0].value = Some(attribute);
    converted = request.encode_to_vec();
    assert!(ExportTraceServiceRequest::decode(&converted[..]).is_err());
    assert!(refused(&nested(deepest + 1)).1.contains("deeper"));
    assert!(refused(&nested(50_000)).1.contains("deeper"));
}

#[test]
fn numbers_that_grow_in_protobuf_stay_below_the_limit() {
    let zeros = "0,".repeat(100_000);
    let json = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{{"bucketCounts":[{zeros}0]}}]}}}}]}}]}}]}}"#
    );
    let limit = 300_000;
    assert_eq!(to_protobuf(Signal::Metrics, json.as_bytes(), limit).unwrap_err(), Rejection::TooLarge { limit });
    assert!(to_protobuf(Signal::Metrics, json.as_bytes(), LIMIT).is_ok());
}

#[test]
fn a_log_record_as_a_model_server_writes_it() {
    let json = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"model_id","value":{"stringValue":"abcd1234"}}]},"scopeLogs":[{"scope":{},"logRecords":[
        {"timeUnixNano":"1764000000000000000","observedTimeUnixNano":1764000000000000001,"severityNumber":17,"severityText":"ERROR",
         "body":{"stringValue":"CUDA out of memory"},"flags":1,"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","eventName":"oom"}]}]}]}"#;
    let converted = to_protobuf(Signal::Logs, json.as_bytes(), LIMIT).unwrap();
    assert_eq!(converted.warning, "");
    let request = ExportLogsServiceRequest::decode(&converted.body[..]).unwrap();
    let record = &request.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!((record.severity_number, record.flags, record.event_name.as_str()), (17, 1, "oom"));
    assert_eq!((record.time_unix_nano + 1, record.span_id.len()), (record.observed_time_unix_nano, 8));
    assert_eq!(record.body, some(Value::StringValue("CUDA out of memory".to_owned())));
}

#[test]
fn a_sum_with_points_of_both_kinds() {
    let json = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"restarts","sum":{"isMonotonic":true,"aggregationTemporality":2,
        "dataPoints":[{"asInt":"3","timeUnixNano":"5"},{"asDouble":2.5,"attributes":[{"key":"pod","value":{"stringValue":"p"}}]}]}}]}]}]}"#;
    let converted = to_protobuf(Signal::Metrics, json.as_bytes(), LIMIT).unwrap();
    let request = ExportMetricsServiceRequest::decode(&converted.body[..]).unwrap();
    let metric = &request.resource_metrics[0].scope_metrics[0].metrics[0];
    let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
    assert_eq!((sum.is_monotonic, sum.aggregation_temporality, sum.data_points.len()), (true, 2, 2));
}
