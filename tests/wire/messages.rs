//! Official messages of every shape, made by proptest.
//!
//! Out: strategies. Small numbers of everything, but everything: each field of each message is set now and then, text is not only
//! ASCII, lists nest.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z._]{0,30}",
        1 => "\\PC{0,12}",
        1 => "[a-z]{120,140}",
    ]
}

fn ids(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), length), 1 => vec(any::<u8>(), 0..20)]
}

fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::StringValue),
        1 => any::<bool>().prop_map(Value::BoolValue),
        2 => any::<i64>().prop_map(Value::IntValue),
        2 => (0..600_i64).prop_map(Value::IntValue),
        1 => any::<f64>().prop_map(Value::DoubleValue),
        1 => vec(any::<u8>(), 0..20).prop_map(Value::BytesValue),
        1 => any::<i32>().prop_map(Value::StringValueStrindex),
    ];
    let some = |value| AnyValue { value: Some(value) };
    let leaf = prop_oneof![9 => leaf.prop_map(some), 1 => Just(AnyValue::default())];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(move |values| some(Value::ArrayValue(ArrayValue { values }))),
            vec((text(), inner), 0..4).prop_map(move |entries| {
                let values = entries
                    .into_iter()
                    .map(|(key, value)| KeyValue { key, value: Some(value), ..KeyValue::default() })
                    .collect();
                some(Value::KvlistValue(KeyValueList { values }))
            }),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let index = prop_oneof![9 => Just(0), 1 => any::<i32>()];
    vec((text(), of(value()), index).prop_map(|(key, value, key_strindex)| KeyValue { key, value, key_strindex }), 0..5)
}

fn resource() -> impl Strategy<Value = Option<Resource>> {
    let reference = (text(), text(), vec(text(), 0..3), vec(text(), 0..3)).prop_map(
        |(schema_url, r#type, id_keys, description_keys)| EntityRef { schema_url, r#type, id_keys, description_keys },
    );
    of((attributes(), any::<u32>(), vec(reference, 0..2)).prop_map(
        |(attributes, dropped_attributes_count, entity_refs)| Resource {
            attributes,
            dropped_attributes_count,
            entity_refs,
        },
    ))
}

fn scope() -> impl Strategy<Value = Option<InstrumentationScope>> {
    of((text(), text(), attributes(), any::<u32>()).prop_map(
        |(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count,
        },
    ))
}

fn span() -> impl Strategy<Value = Span> {
    let event = (any::<u64>(), text(), attributes(), any::<u32>()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    );
    let link = (ids(16), ids(8), text(), attributes(), any::<u32>()).prop_map(
        |(trace_id, span_id, trace_state, attributes, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count: flags >> 3,
            flags,
        },
    );
    let status = (text(), any::<i32>()).prop_map(|(message, code)| Status { message, code });
    let identity = (ids(16), ids(8), text(), ids(8), any::<u32>(), text());
    let rest = (any::<i32>(), any::<u64>(), any::<u64>(), vec(event, 0..3), vec(link, 0..2), of(status));
    (identity, attributes(), rest).prop_map(|(identity, attributes, rest)| {
        let (trace_id, span_id, trace_state, parent_span_id, flags, name) = identity;
        let (kind, start_time_unix_nano, end_time_unix_nano, events, links, status) = rest;
        let dropped = flags >> 7;
        Span {
            trace_id,
            span_id,
            trace_state,
            parent_span_id,
            flags,
            name,
            kind,
            start_time_unix_nano,
            end_time_unix_nano,
            attributes,
            dropped_attributes_count: dropped,
            events,
            dropped_events_count: dropped,
            links,
            dropped_links_count: dropped,
            status,
        }
    })
}

fn record() -> impl Strategy<Value = LogRecord> {
    let times = (any::<u64>(), any::<u64>(), any::<i32>(), any::<u32>());
    (times, text(), of(value()), attributes(), (ids(16), ids(8)), text()).prop_map(
        |(times, severity_text, body, attributes, (trace_id, span_id), event_name)| LogRecord {
            time_unix_nano: times.0,
            observed_time_unix_nano: times.1,
            severity_number: times.2,
            severity_text,
            body,
            attributes,
            dropped_attributes_count: times.3 >> 9,
            flags: times.3,
            trace_id,
            span_id,
            event_name,
        },
    )
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let value = of(prop_oneof![
        any::<f64>().prop_map(exemplar::Value::AsDouble),
        any::<i64>().prop_map(exemplar::Value::AsInt)
    ]);
    let exemplar = (attributes(), any::<u64>(), ids(8), ids(16), value).prop_map(
        |(filtered_attributes, time_unix_nano, span_id, trace_id, value)| Exemplar {
            filtered_attributes,
            time_unix_nano,
            span_id,
            trace_id,
            value,
        },
    );
    vec(exemplar, 0..2)
}

/// What points of all kinds have: attributes, start, time, exemplars, flags.
type Base = (Vec<KeyValue>, u64, u64, Vec<Exemplar>, u32);

fn base() -> impl Strategy<Value = Base> {
    (attributes(), any::<u64>(), any::<u64>(), exemplars(), any::<u32>())
}

fn number_points() -> impl Strategy<Value = Vec<NumberDataPoint>> {
    let value = of(prop_oneof![
        any::<f64>().prop_map(number_data_point::Value::AsDouble),
        any::<i64>().prop_map(number_data_point::Value::AsInt)
    ]);
    let point = (base(), value).prop_map(|(base, value)| NumberDataPoint {
        attributes: base.0,
        start_time_unix_nano: base.1,
        time_unix_nano: base.2,
        exemplars: base.3,
        flags: base.4,
        value,
    });
    vec(point, 0..3)
}

fn histogram_points() -> impl Strategy<Value = Vec<HistogramDataPoint>> {
    let point = (base(), any::<u64>(), of(any::<f64>()), vec(any::<u64>(), 0..4), vec(any::<f64>(), 0..4)).prop_map(
        |(base, count, sum, bucket_counts, explicit_bounds)| HistogramDataPoint {
            attributes: base.0,
            start_time_unix_nano: base.1,
            time_unix_nano: base.2,
            exemplars: base.3,
            flags: base.4,
            count,
            sum,
            bucket_counts,
            explicit_bounds,
            min: sum,
            max: sum,
        },
    );
    vec(point, 0..3)
}

fn exponential_points() -> impl Strategy<Value = Vec<ExponentialHistogramDataPoint>> {
    let buckets = || {
        of((any::<i32>(), vec(any::<u64>(), 0..4))
            .prop_map(|(offset, bucket_counts)| Buckets { offset, bucket_counts }))
    };
    let point = (base(), any::<u64>(), of(any::<f64>()), any::<i32>(), buckets(), buckets()).prop_map(
        |(base, count, sum, scale, positive, negative)| ExponentialHistogramDataPoint {
            attributes: base.0,
            start_time_unix_nano: base.1,
            time_unix_nano: base.2,
            exemplars: base.3,
            flags: base.4,
            count,
            sum,
            scale,
            zero_count: count,
            positive,
            negative,
            min: sum,
            max: sum,
            zero_threshold: sum.unwrap_or_default(),
        },
    );
    vec(point, 0..3)
}

fn summary_points() -> impl Strategy<Value = Vec<SummaryDataPoint>> {
    let quantile = (any::<f64>(), any::<f64>()).prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    let point =
        (base(), any::<u64>(), any::<f64>(), vec(quantile, 0..3)).prop_map(|(base, count, sum, quantile_values)| {
            SummaryDataPoint {
                attributes: base.0,
                start_time_unix_nano: base.1,
                time_unix_nano: base.2,
                flags: base.4,
                count,
                sum,
                quantile_values,
            }
        });
    vec(point, 0..3)
}

fn metric() -> impl Strategy<Value = Metric> {
    let data = of(prop_oneof![
        number_points().prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (number_points(), any::<i32>(), any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| Data::Sum(Sum {
                data_points,
                aggregation_temporality,
                is_monotonic
            })
        ),
        (histogram_points(), any::<i32>()).prop_map(|(data_points, aggregation_temporality)| Data::Histogram(
            Histogram { data_points, aggregation_temporality }
        )),
        (exponential_points(), any::<i32>()).prop_map(|(data_points, aggregation_temporality)| {
            Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
        }),
        summary_points().prop_map(|data_points| Data::Summary(Summary { data_points })),
    ]);
    (text(), text(), text(), attributes(), data).prop_map(|(name, description, unit, metadata, data)| Metric {
        name,
        description,
        unit,
        metadata,
        data,
    })
}

/// Trace export requests.
pub(crate) fn traces() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scopes = vec(
        (scope(), vec(span(), 0..3), text()).prop_map(|(scope, spans, schema_url)| ScopeSpans {
            scope,
            spans,
            schema_url,
        }),
        0..3,
    );
    let groups = (resource(), scopes, text()).prop_map(|(resource, scope_spans, schema_url)| ResourceSpans {
        resource,
        scope_spans,
        schema_url,
    });
    vec(groups, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

/// Logs export requests.
pub(crate) fn logs() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let scopes = vec(
        (scope(), vec(record(), 0..3), text()).prop_map(|(scope, log_records, schema_url)| ScopeLogs {
            scope,
            log_records,
            schema_url,
        }),
        0..3,
    );
    let groups = (resource(), scopes, text()).prop_map(|(resource, scope_logs, schema_url)| ResourceLogs {
        resource,
        scope_logs,
        schema_url,
    });
    vec(groups, 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

/// Metrics export requests.
pub(crate) fn metrics() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let scopes = vec(
        (scope(), vec(metric(), 0..3), text()).prop_map(|(scope, metrics, schema_url)| ScopeMetrics {
            scope,
            metrics,
            schema_url,
        }),
        0..3,
    );
    let groups = (resource(), scopes, text()).prop_map(|(resource, scope_metrics, schema_url)| ResourceMetrics {
        resource,
        scope_metrics,
        schema_url,
    });
    vec(groups, 0..3).prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}
