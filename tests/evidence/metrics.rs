//! What metric points say about containers.

use super::export::{attribute, observer};
use coroner::judge::taxonomy::EvidenceKind;
use coroner::observe::{Channel, Mapper, ReadingKind, Tally};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data, number_data_point::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

const PODS: &str = "[{ match: { k8s.namespace.name: models, k8s.deployment.name: '{model_id}' }, replica: k8s.pod.name }, \
    { match: { namespace: models, pod: '{model_id}-*-*' }, replica: pod }]";

fn map(name: &str, resource: &[KeyValue], points: Vec<NumberDataPoint>) -> Tally {
    let data = Some(Data::Gauge(Gauge { data_points: points }));
    let metrics = vec![Metric { name: name.to_owned(), data, ..Metric::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource = Some(Resource { attributes: resource.to_vec(), ..Resource::default() });
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
    let bytes = ExportMetricsServiceRequest { resource_metrics }.encode_to_vec();
    let mut tally = Tally::default();
    Mapper::default().metrics(&observer(PODS), &bytes, &mut tally).unwrap();
    tally
}

fn point(value: f64, attributes: &[KeyValue]) -> NumberDataPoint {
    let value = Some(Value::AsDouble(value));
    NumberDataPoint { time_unix_nano: 9, value, attributes: attributes.to_vec(), ..NumberDataPoint::default() }
}

fn cluster(more: &[KeyValue]) -> Vec<KeyValue> {
    let names = [
        ("k8s.namespace.name", "models"),
        ("k8s.deployment.name", "chat"),
        ("k8s.pod.name", "p"),
        ("k8s.container.name", "m"),
    ];
    names.iter().map(|(key, value)| attribute(key, value)).chain(more.iter().cloned()).collect()
}

#[test]
fn a_restart_counter_says_what_the_last_end_was() {
    for (reason, last_end) in [
        ("OOMKilled", Some(EvidenceKind::OomKilled)),
        ("Error", Some(EvidenceKind::ContainerExit)),
        ("Completed", None),
    ] {
        let resource = cluster(&[attribute("k8s.container.status.last_terminated_reason", reason)]);
        let tally = map("k8s.container.restarts", &resource, vec![point(3.0, &[])]);
        let [reading] = &tally.readings[..] else { panic!("{:?}", tally.readings) };
        assert_eq!((reading.kind, reading.last_end, reading.time_ns), (ReadingKind::Restarts, last_end, 9), "{reason}");
        assert!((reading.value - 3.0).abs() < f64::EPSILON && reading.container != 0);
        assert_eq!((&*reading.target.model_id, &*reading.replica), ("chat", "p"));
        assert_eq!((tally.heard[0].channel, tally.heard[0].reports_death), (Channel::Metrics, false));
        assert!(tally.evidence.is_empty(), "one point alone proves nothing");
    }
}

#[test]
fn the_same_fact_has_many_names() {
    let pod = |more: &[(&str, &str)]| -> Vec<KeyValue> {
        let names = [("namespace", "models"), ("pod", "chat-7d9f8-x2k9p"), ("container", "m")];
        names.iter().chain(more).map(|(key, value)| attribute(key, value)).collect()
    };
    for (name, attributes, kind, last_end) in [
        ("kube_pod_container_status_restarts_total", pod(&[]), ReadingKind::Restarts, None),
        (
            "kube_pod_container_status_last_terminated_reason",
            pod(&[("reason", "OOMKilled")]),
            ReadingKind::LastEnd,
            Some(EvidenceKind::OomKilled),
        ),
        ("container_memory_working_set_bytes", pod(&[]), ReadingKind::MemoryUsed, None),
        ("kube_pod_container_resource_limits", pod(&[("resource", "memory")]), ReadingKind::MemoryLimit, None),
        ("kube_pod_container_status_ready", pod(&[]), ReadingKind::Ready, None),
        (
            "baseten_container_restarts_total",
            vec![attribute("model_id", "chat"), attribute("deployment_id", "d1")],
            ReadingKind::Restarts,
            None,
        ),
    ] {
        let tally = map(name, &[], vec![point(1.0, &attributes)]);
        let [reading] = &tally.readings[..] else { panic!("{name}: {:?}", tally.readings) };
        assert_eq!((reading.kind, reading.last_end, &*reading.target.model_id), (kind, last_end, "chat"), "{name}");
    }
    for (name, attributes) in [
        ("kube_pod_container_resource_limits", pod(&[("resource", "cpu")])),
        ("kube_pod_container_status_last_terminated_reason", pod(&[("reason", "Completed")])),
        ("http_requests_total", pod(&[])),
        (
            "kube_pod_container_status_restarts_total",
            vec![attribute("namespace", "shop"), attribute("pod", "cart-1-2")],
        ),
    ] {
        let tally =
            map(name, &[], vec![point(1.0, &attributes), NumberDataPoint { flags: 1, ..point(1.0, &attributes) }]);
        assert!(tally.readings.is_empty() && tally.records.not_inference == 2, "{name}");
    }
}
