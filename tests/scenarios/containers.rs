//! Records of containers: model logs, pods, kernel lines, metric points, in the shapes of those who really ship them.

use super::records::{ContainerLog, Death, Event, Kernel, Metric as Point, ModelLog, Pod, Shipper};
use super::requests::{ENVIRONMENT, MODEL};
use super::wire::{Record, Sent, any, body, text, texts};
use super::words::{Clock, MIDNIGHT_NS};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, Sum, metric::Data, number_data_point::Value,
};
use serde_json::{Value as Json, json};

/// The pod of all records that name none.
const POD: &str = "llama-7d9f8b6c5d-aaaaa";
/// The namespace in which models run.
const NAMESPACE: &str = "models";

/// Baseten's export: everything in attributes, the line as body too.
pub(crate) fn model_log(log: &ModelLog, at: u64) -> Sent {
    let level = log.level.as_deref().unwrap_or("INFO");
    let attributes = texts(&[
        ("message", &log.line),
        ("model_id", log.model.as_deref().unwrap_or(MODEL)),
        ("model_version_id", "v1"),
        ("environment", log.environment.as_deref().unwrap_or(ENVIRONMENT)),
        ("replica", log.replica.as_deref().unwrap_or("aaaaa")),
        ("request_id", log.request_id.as_deref().unwrap_or_default()),
        ("exc_info", log.exc_info.as_deref().unwrap_or_default()),
    ]);
    let severity = match level {
        "DEBUG" => 5,
        "WARN" => 13,
        "ERROR" => 17,
        "FATAL" => 21,
        _ => 9,
    };
    let record = LogRecord {
        time_unix_nano: at,
        observed_time_unix_nano: at + 40_000_000,
        severity_number: severity,
        severity_text: level.to_owned(),
        body: Some(any(text(&log.line))),
        attributes,
        ..LogRecord::default()
    };
    Sent { resource: texts(&[("service.name", "baseten")]), scope: "", record: Record::Log(record) }
}

/// What the k8sattributes processor says about a container.
fn container(model: Option<&str>, pod: Option<&str>) -> Vec<KeyValue> {
    texts(&[
        ("k8s.namespace.name", NAMESPACE),
        ("k8s.deployment.name", model.unwrap_or(MODEL)),
        ("k8s.pod.name", pod.unwrap_or(POD)),
        ("k8s.container.name", "model-server"),
        ("k8s.node.name", "gpu-node-1"),
    ])
}

/// The record of a line that the container wrote.
pub(crate) fn container_log(log: &ContainerLog, at: u64) -> Sent {
    let (model, pod) = (log.model.as_deref().unwrap_or(MODEL), log.pod.as_deref().unwrap_or(POD));
    let path = format!("/var/log/pods/{NAMESPACE}_{pod}_3f0c/model-server/0.log");
    let shape = match log.shipper {
        Shipper::Filelog => (
            container(Some(model), Some(pod)),
            any(text(&log.line)),
            texts(&[("log.file.path", &path), ("log.iostream", "stderr")]),
        ),
        // Its OpenTelemetry output puts the whole record into the body.
        Shipper::FluentBit => {
            let record = json!({ "log": log.line, "stream": "stderr", "kubernetes": { "pod_name": pod,
                "namespace_name": NAMESPACE, "container_name": "model-server", "labels": { "app": model } } });
            (Vec::new(), body(&record), Vec::new())
        }
    };
    let (resource, body, attributes) = shape;
    let record = LogRecord {
        time_unix_nano: at,
        observed_time_unix_nano: at + 200_000_000,
        body: Some(body),
        attributes,
        ..LogRecord::default()
    };
    Sent { resource, scope: "", record: Record::Log(record) }
}

/// RFC 3339, as Kubernetes writes times: whole seconds.
fn rfc3339(at: u64) -> String {
    let (day, at) = if at < MIDNIGHT_NS { (21, at + 86_400_000_000_000) } else { (22, at) };
    format!("2026-11-{day}T{}Z", Clock(at / 1_000_000_000 * 1_000_000_000))
}

/// When pods began that were never restarted: the day before.
const LONG_AGO: u64 = MIDNIGHT_NS - 16 * 3_600_000_000_000;

fn terminated(death: &Death) -> Json {
    json!({ "terminated": { "exitCode": death.exit, "reason": death.reason,
        "startedAt": "2026-11-21T08:00:00Z", "finishedAt": rfc3339(death.finished.0) } })
}

/// The pod's object in a watch event of the k8sobjects receiver.
pub(crate) fn pod(pod: &Pod, at: u64) -> Sent {
    let model = pod.model.as_deref().unwrap_or(MODEL);
    let ready = pod.ready.unwrap_or(true) && pod.ended.is_none() && pod.reason.is_none();
    let restarted = pod.restarts.is_some_and(|times| times > 0) || !ready;
    let since = rfc3339(pod.since.map_or(if restarted { pod.at.0 } else { LONG_AGO }, |since| since.0));
    let state = match (&pod.ended, &pod.waiting) {
        (Some(death), _) => terminated(death),
        (None, Some(reason)) => json!({ "waiting": { "reason": reason } }),
        (None, None) => json!({ "running": { "startedAt": since } }),
    };
    let set = pod.name.rsplit_once('-').map_or("", |(set, _)| set);
    let mut object = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": pod.name, "namespace": NAMESPACE, "uid": "3f0c9d5e-0000-4000-8000-000000000001",
            "resourceVersion": at.to_string(),
            "labels": { "app": model, "pod-template-hash": set.rsplit('-').next().unwrap_or_default() },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set, "controller": true }] },
        "spec": { "nodeName": "gpu-node-1", "containers": [{ "name": "model-server" }] },
        "status": {
            "phase": if pod.reason.is_some() { "Failed" } else { "Running" },
            "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" },
                "lastTransitionTime": since }],
            "containerStatuses": [{ "name": "model-server", "ready": ready, "started": ready,
                "restartCount": pod.restarts.unwrap_or(0), "state": state,
                "lastState": pod.last.as_ref().map_or_else(|| json!({}), terminated) }],
        },
    });
    if let Some(reason) = &pod.reason {
        object["status"]["reason"] = json!(reason);
        object["status"]["message"] = json!("The node was low on resource: memory.");
    }
    if let Some(deleted) = pod.deleted {
        // The stamp is the end of the grace period.
        object["metadata"]["deletionTimestamp"] = json!(rfc3339(deleted.0 + 30_000_000_000));
        object["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    }
    watched("pods", &json!({ "type": "MODIFIED", "object": object }), at)
}

/// A Kubernetes event about a pod.
pub(crate) fn event(event: &Event, at: u64) -> Sent {
    let object = json!({
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": event.reason, "message": event.note,
        "metadata": { "name": format!("{}.17", event.pod), "namespace": NAMESPACE },
        "involvedObject": { "kind": "Pod", "name": event.pod, "namespace": NAMESPACE },
        "firstTimestamp": rfc3339(at), "lastTimestamp": rfc3339(at), "count": 1,
    });
    watched("events", &json!({ "type": "ADDED", "object": object }), at)
}

fn watched(resource: &str, object: &Json, at: u64) -> Sent {
    let record = LogRecord {
        observed_time_unix_nano: at,
        body: Some(body(object)),
        attributes: texts(&[
            ("k8s.resource.name", resource),
            ("event.domain", "k8s"),
            ("event.name", object["object"]["metadata"]["name"].as_str().unwrap()),
        ]),
        ..LogRecord::default()
    };
    Sent { resource: texts(&[("k8s.namespace.name", NAMESPACE)]), scope: "", record: Record::Log(record) }
}

/// A line of the kernel's log, as the journald receiver or a file of dmesg lines gives it.
pub(crate) fn kernel(line: &Kernel, at: u64) -> Sent {
    let record = LogRecord {
        time_unix_nano: at,
        observed_time_unix_nano: at + 100_000_000,
        body: Some(any(text(&line.line))),
        attributes: texts(&[("log.file.path", "/var/log/kern.log")]),
        ..LogRecord::default()
    };
    Sent { resource: texts(&[("host.name", &line.host)]), scope: "", record: Record::Log(record) }
}

/// A metric with one point: a gauge, as the `k8s_cluster` receiver's restarts are one, or a cumulative sum.
pub(crate) fn metric(point: &Point, at: u64) -> Sent {
    let attributes: Vec<(&str, &str)> = point.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let mut resource = container(point.model.as_deref(), point.pod.as_deref());
    // `k8s_cluster` puts the reason of the last end on the resource.
    let (of_resource, of_point): (Vec<_>, Vec<_>) =
        attributes.into_iter().partition(|(key, _)| key.starts_with("k8s."));
    resource.extend(texts(&of_resource));
    let points = vec![NumberDataPoint {
        time_unix_nano: at,
        attributes: texts(&of_point),
        value: Some(Value::AsDouble(point.value)),
        ..NumberDataPoint::default()
    }];
    let data = match point.kind.as_str() {
        "sum" => Data::Sum(Sum {
            data_points: points,
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
            is_monotonic: true,
        }),
        _ => Data::Gauge(Gauge { data_points: points }),
    };
    let metric = Metric { name: point.name.clone(), data: Some(data), ..Metric::default() };
    Sent { resource, scope: "otelcol/k8sclusterreceiver", record: Record::Metric(metric) }
}
