//! Kubernetes objects that a collector watches (`k8sobjects`): pods and events, as the body of a log record.
//!
//! In: the object, or `{type, object}` around it. Out: one statement for each fact, whose fields have the names of the
//! semantic conventions and what no convention names yet: `k8s.container.state` (`terminated`, `last_terminated`, `waiting`,
//! `running`), `k8s.container.reason`, `k8s.container.exit_code`, `k8s.pod.status.reason`, `k8s.pod.ready`, `k8s.pod.deleted`. What
//! they mean is up to the books.

use super::container::EVENT_REASON;
use super::{Visitor, stamp, time};
use crate::observe::Channel;
use crate::observe::knowledge::Scalar;
use crate::otlp::wire::{Attributes, LogRecord, Value};
use std::borrow::Cow;

const STATE: &str = "k8s.container.state";
const REASON: &str = "k8s.container.reason";
const EXIT_CODE: &str = "k8s.container.exit_code";
const CONTAINER: &str = "k8s.container.name";
const POD_REASON: &str = "k8s.pod.status.reason";
const POD_READY: &str = "k8s.pod.ready";
const POD_DELETED: &str = "k8s.pod.deleted";

/// Where a container's status tells a state, what it is called here, and which member states its time.
type State = [&'static str; 4];

const STATES: [State; 4] = [
    ["state", "terminated", "terminated", "finishedAt"],
    ["lastState", "terminated", "last_terminated", "finishedAt"],
    ["state", "waiting", "waiting", ""],
    ["state", "running", "running", "startedAt"],
];

impl<'a> Visitor<'_, 'a> {
    /// Whether the record is an object that speaks of containers.
    pub(super) fn kubernetes(&mut self, record: &LogRecord<'a>) -> bool {
        let Value::Map(body) = record.body else { return false };
        let (object, change) = match body.get("object") {
            Some(Value::Map(object)) => (object, string(body, "type")),
            _ => (body, ""),
        };
        match string(object, "kind") {
            "Pod" => {
                self.pod(record, object, change == "DELETED");
                true
            }
            "Event" => {
                self.event(record, object);
                true
            }
            _ => false,
        }
    }

    fn pod(&mut self, record: &LogRecord<'a>, pod: Attributes<'a>, gone: bool) {
        let meta = map(pod, "metadata");
        self.identify(meta);
        let Some(status) = map(pod, "status") else { return };
        self.field("k8s.node.name", map(pod, "spec").map_or("", |spec| string(spec, "nodeName")));
        self.pod_facts(record, meta, status, gone);
        for list in ["initContainerStatuses", "containerStatuses"] {
            let Some(Value::Array(statuses)) = status.get(list) else { continue };
            for status in statuses {
                if let Value::Map(status) = status {
                    self.container_facts(record, status);
                }
            }
        }
    }

    /// Whose pod it is: its own names, its labels, and the names of what made it.
    fn identify(&mut self, meta: Option<Attributes<'a>>) {
        let Some(meta) = meta else { return };
        self.field("k8s.namespace.name", string(meta, "namespace"));
        self.field("k8s.pod.name", string(meta, "name"));
        self.field("k8s.pod.uid", string(meta, "uid"));
        let labels = map(meta, "labels");
        for (key, value) in labels.into_iter().flatten() {
            if let Value::Str(value) = value {
                self.field(&format!("k8s.pod.labels.{key}"), value);
            }
        }
        let Some(Value::Array(owners)) = meta.get("ownerReferences") else { return };
        for owner in owners {
            let Value::Map(owner) = owner else { continue };
            let (kind, name) = (string(owner, "kind"), string(owner, "name"));
            self.field(&format!("k8s.{}.name", kind.to_ascii_lowercase()), name);
            // The label says what the replica set's name adds to its deployment's.
            let hash = labels.map_or("", |labels| string(labels, "pod-template-hash"));
            if let Some(deployment) = name.strip_suffix(hash).and_then(|front| front.strip_suffix('-'))
                && kind == "ReplicaSet"
                && !hash.is_empty()
            {
                self.field("k8s.deployment.name", deployment);
            }
        }
    }

    /// What holds for the pod as a whole: evicted, told to stop, ready.
    fn pod_facts(&mut self, record: &LogRecord<'a>, meta: Option<Attributes<'a>>, status: Attributes<'a>, gone: bool) {
        let reason = string(status, "reason");
        if !reason.is_empty() {
            self.field(POD_REASON, reason);
            self.fact(record, &format!("pod {reason}: {}", string(status, "message")), None);
            self.forget(POD_REASON);
        }
        let deleted = meta.map_or("", |meta| string(meta, "deletionTimestamp"));
        if gone || !deleted.is_empty() {
            let grace = match meta.and_then(|meta| meta.get("deletionGracePeriodSeconds")) {
                Some(Value::Int(seconds)) => u64::try_from(seconds).unwrap_or(0),
                _ => 0,
            };
            // The stamp is the end of the grace period, which began when the pod was told.
            let told_ns = stamp::of_text(deleted).map(|ns| ns.saturating_sub(grace.saturating_mul(1_000_000_000)));
            self.field(POD_DELETED, "true");
            self.fact(record, "pod deleted", told_ns);
            self.forget(POD_DELETED);
        }
        let Some(Value::Array(conditions)) = status.get("conditions") else { return };
        for condition in conditions {
            if let Value::Map(condition) = condition
                && string(condition, "type") == "Ready"
            {
                let (ready, since) = (string(condition, "status"), string(condition, "lastTransitionTime"));
                self.field(POD_READY, if ready == "True" { "true" } else { "false" });
                self.fact(record, &format!("pod ready: {ready}"), stamp::of_text(since));
                self.forget(POD_READY);
            }
        }
    }

    fn container_facts(&mut self, record: &LogRecord<'a>, status: Attributes<'a>) {
        let name = string(status, "name");
        self.field(CONTAINER, name);
        for [when, kind, state, stamp] in STATES {
            let Some(facts) = map(status, when).and_then(|when| map(when, kind)) else { continue };
            let reason = string(facts, "reason");
            self.field(STATE, state);
            self.field(REASON, reason);
            let mut told = format!("container {name}: {state}, {reason}");
            if let (Some(Value::Int(code)), Some(index)) =
                (facts.get("exitCode"), self.observer.knowledge.names.find(EXIT_CODE))
            {
                self.record.set(index, Scalar::Int(code));
                told = format!("{told}, exit code {code}");
            }
            self.fact(record, &told, stamp::of_text(string(facts, stamp)));
            for name in [STATE, REASON, EXIT_CODE] {
                self.forget(name);
            }
        }
        self.forget(CONTAINER);
    }

    fn event(&mut self, record: &LogRecord<'a>, event: Attributes<'a>) {
        let about = map(event, "involvedObject").or_else(|| map(event, "regarding"));
        if let Some(about) = about {
            let name = match string(about, "kind") {
                "Pod" => "k8s.pod.name",
                "Node" => "k8s.node.name",
                "Deployment" => "k8s.deployment.name",
                _ => "k8s.object.name",
            };
            self.field(name, string(about, "name"));
            self.field("k8s.namespace.name", string(about, "namespace"));
        }
        self.field(EVENT_REASON, string(event, "reason"));
        let message = [string(event, "message"), string(event, "note")].into_iter().find(|t| !t.is_empty());
        let times = ["lastTimestamp", "eventTime", "firstTimestamp"];
        let stated_ns = times.into_iter().find_map(|name| stamp::of_text(string(event, name)));
        self.fact(record, message.unwrap_or(""), stated_ns);
    }

    fn fact(&mut self, record: &LogRecord<'a>, text: &str, stated_ns: Option<u64>) {
        self.statement(record, [text, ""], Some(Channel::Kubernetes), stated_ns.or(Some(time(record))));
    }

    /// Sets a field, if anybody asks for it.
    fn field(&mut self, name: &str, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        if let Some(index) = self.observer.knowledge.names.find(name).filter(|_| !value.is_empty()) {
            self.record.set(index, Scalar::Text(value));
        }
    }

    fn forget(&mut self, name: &str) {
        if let Some(index) = self.observer.knowledge.names.find(name) {
            self.record.unset(index);
        }
    }
}

fn map<'a>(of: Attributes<'a>, key: &str) -> Option<Attributes<'a>> {
    match of.get(key) {
        Some(Value::Map(map)) => Some(map),
        _ => None,
    }
}

fn string<'a>(of: Attributes<'a>, key: &str) -> &'a str {
    match of.get(key) {
        Some(Value::Str(text)) => text,
        _ => "",
    }
}
