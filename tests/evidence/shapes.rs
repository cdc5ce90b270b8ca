//! The shapes in which records come: JSON lines, CRI and docker lines, maps, Kubernetes objects, and who they are placed by.

use super::export::{attribute, lines, logs, map, map_with, object, placed, record, shown};
use coroner::observe::{Channel, Evidence};

const NOW: u64 = 1_795_337_300_000_000_000;
/// 2026-11-22T08:47:44Z.
const STATED: u64 = 1_795_337_264_000_000_000;
const OOM: &str = "Model terminated unexpectedly. Exit code: 137, reason: OOMKilled, restart count: 1";

/// The pods of one namespace, by the names that Kubernetes gives.
const PODS: &str = "[{ match: { k8s.namespace.name: models, k8s.deployment.name: '{model_id}' }, replica: k8s.pod.name, platform: own }, \
    { match: { k8s.namespace.name: models, k8s.pod.name: '{model_id}-*-*' }, replica: k8s.pod.name, platform: own }]";

#[track_caller]
fn one(resources: &str, export: &[u8]) -> Evidence {
    let tally = map_with(resources, export);
    let [evidence] = &tally.evidence[..] else { panic!("{:#?}", tally.evidence) };
    evidence.clone()
}

#[test]
fn a_line_means_the_same_in_every_shape() {
    let json = format!(
        r#"{{"asctime": "2026-11-22 08:47:44,123", "levelname": "ERROR", "message": "{OOM}", "request_id": "r1"}}"#
    );
    let own =
        format!(r#"{{"level":"error","message":"{OOM}","request_id":"r1","timestamp":"2026-11-22T09:47:44+01:00"}}"#);
    let docker = format!(r#"{{"log":"{OOM}\n","stream":"stderr","time":"2026-11-22T08:47:44Z"}}"#);
    let cri = format!("2026-11-22T08:47:44Z stdout F {OOM}");
    let cri_json = format!(r#"2026-11-22T08:47:44Z stderr F {{"msg":"{OOM}","request_id":"r1"}}"#);
    let nested =
        format!(r#"{{"log":"{{\"message\":\"{OOM}\",\"request_id\":\"r1\"}}\n","time":"2026-11-22T08:47:44Z"}}"#);
    let text = |body: &str| record(body, NOW, &[]);
    let empty = |key: &str| record("", NOW, &[attribute(key, OOM), attribute("request_id", "r1")]);
    let map_body = |json: &str| object(json, NOW);
    let table = [
        ("plain", text(OOM), "", NOW),
        // A local time without its zone is ambiguous.
        ("Truss JSON", text(&json), "r1", NOW),
        ("custom server JSON", text(&own), "r1", STATED),
        ("docker", text(&docker), "", STATED),
        ("CRI", text(&cri), "", STATED),
        ("CRI around JSON", text(&cri_json), "r1", STATED),
        ("docker around JSON", text(&nested), "r1", STATED),
        ("attribute message", empty("message"), "r1", NOW),
        ("attribute log", empty("log"), "r1", NOW),
        ("map", map_body(&own), "r1", STATED),
        ("map with log", map_body(&docker), "", STATED),
        ("journald", map_body(&format!(r#"{{"MESSAGE":"{OOM}","_TRANSPORT":"stdout"}}"#)), "", NOW),
    ];
    for (shape, record, request, time_ns) in table {
        let tally = map(&placed(vec![record]));
        assert_eq!(shown(&tally), [["oom_killed", "q4r5s6t7", "x7k2p", request]], "{shape}");
        let evidence = &tally.evidence[0];
        assert_eq!((evidence.time_ns, evidence.event_ns), (time_ns, NOW), "{shape}");
        assert_eq!(evidence.channel, Channel::PlatformLogs, "{shape}");
        assert!(evidence.text.contains("OOMKilled") && &*evidence.rule == "baseten/terminated-oom", "{shape}");
        assert_eq!(tally.activity.len(), usize::from(!request.is_empty()), "{shape}");
    }
}

#[test]
fn what_only_looks_like_a_fact_is_none() {
    for line in [
        r#"{"message": "answered", "prompt": "CUDA out of memory"}"#,
        r#"{"prompt": {"message": "CUDA out of memory"}}"#,
        r#"{"message": "prompt: Model terminated unexpectedly is what my log says"}"#,
        "{half a JSON object CUDA out of memory",
        "generated: The container was OOMKilled because ...",
        "",
    ] {
        let tally = map(&lines(&[line], NOW));
        assert!(tally.evidence.is_empty() && tally.failures.is_empty(), "{line}: {:?}", tally.evidence);
        assert_eq!(tally.heard.len(), 1, "innocent lines are heard: {line}");
    }
}

#[test]
fn a_container_is_found_by_what_its_shipper_says() {
    let line = "torch.OutOfMemoryError: CUDA out of memory.";
    let fluent =
        format!(r#"{{"log":"{line}","kubernetes":{{"namespace_name":"models","pod_name":"chat-large-7d9f8-x2k9p"}}}}"#);
    let table = [
        (
            "[{ match: { kubernetes.namespace_name: models, kubernetes.pod_name: '{model_id}-*-*' }, replica: kubernetes.pod_name }]",
            logs(&[], vec![record(&fluent, NOW, &[])]),
            "chat-large-7d9f8-x2k9p",
        ),
        (
            "[{ match: { kubernetes.namespace_name: models, kubernetes.pod_name: '{model_id}-*-*' }, replica: kubernetes.pod_name }]",
            logs(&[], vec![object(&fluent, NOW)]),
            "chat-large-7d9f8-x2k9p",
        ),
        (
            PODS,
            logs(
                &[
                    attribute("k8s.namespace.name", "models"),
                    attribute("k8s.deployment.name", "chat-large"),
                    attribute("k8s.pod.name", "p1"),
                ],
                vec![record(line, NOW, &[])],
            ),
            "p1",
        ),
        (
            "[{ match: { log.file.path: '/var/log/pods/models_{model_id}-*-*_*/*' } }]",
            logs(
                &[],
                vec![record(
                    line,
                    NOW,
                    &[attribute("log.file.path", "/var/log/pods/models_chat-large-7d9f8-x2k9p_1f-2/model/0.log")],
                )],
            ),
            "",
        ),
    ];
    for (resources, export, replica) in table {
        let evidence = one(resources, &export);
        assert_eq!(evidence.target.as_ref().map(|t| t.model_id.as_str()), Some("chat-large"), "{resources}");
        assert_eq!((&*evidence.replica, evidence.channel), (replica, Channel::ContainerLogs), "{resources}");
    }
    let nowhere = one("[]", &logs(&[], vec![record(line, NOW, &[])]));
    assert!(nowhere.target.is_none(), "evidence without a target is told, and matches nothing");
}

#[test]
fn a_line_names_the_process_that_ended() {
    let folders = "[{ match: { log.file.path: '*/{model_id}.log' } }, { match: { cgroup: '/models/{model_id}' } }]";
    for (line, process) in [
        (
            "oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/models/chat,task_memcg=/models/chat,task=python,pid=17184,uid=0",
            17184,
        ),
        ("Memory cgroup out of memory: Killed process 23793 (python) total-vm:78464kB", 23793),
        (
            "[2026-11-22 08:47:25 +0000] [17358] [ERROR] Worker (pid:17404) was sent SIGKILL! Perhaps out of memory?",
            17404,
        ),
        ("[2026-11-22 08:47:25 +0000] [17358] [ERROR] Worker (pid: 17405) exited with code 1", 17405),
        ("INFO:     Child process [17463] died", 17463),
        ("2026/11/22 08:47:44 [alert] 1#1: worker process 29 exited on signal 9", 29),
        ("bash: line 1: 17498 Killed                  uvicorn server:asgi", 17498),
        ("Killed", 0),
        ("Worker (pid:99999999999) exited with code 1", 0),
    ] {
        let export = logs(&[], vec![record(line, NOW, &[attribute("log.file.path", "/var/log/chat.log")])]);
        assert_eq!(one(folders, &export).process, process, "{line}");
    }
}

const POD: &str = r#"{"type": "MODIFIED", "object": {"kind": "Pod", "apiVersion": "v1",
    "metadata": {"name": "chat-7d9f8-x2k9p", "namespace": "models", "uid": "u1", "labels": {"app": "chat", "pod-template-hash": "7d9f8"},
      "ownerReferences": [{"kind": "ReplicaSet", "name": "chat-7d9f8"}]},
    "spec": {"nodeName": "gpu-1"},
    "status": {"phase": "Running",
      "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-22T08:47:45Z"}],
      "initContainerStatuses": [{"name": "fetch", "state": {"terminated": {"reason": "Completed", "exitCode": 0, "finishedAt": "2026-11-22T08:00:00Z"}}}],
      "containerStatuses": [{"name": "model", "ready": false, "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"reason": "REASON", "exitCode": 137, "startedAt": "2026-11-22T08:00:00Z", "finishedAt": "2026-11-22T08:47:44Z"}}}]}}}"#;

#[test]
fn a_pod_says_how_its_container_ended() {
    for (reason, kind) in [("OOMKilled", "oom_killed"), ("Error", "container_exit")] {
        let pod = POD.replace("REASON", reason);
        let whole = object(&pod, NOW);
        let pulled: serde_json::Value = serde_json::from_str(&pod).unwrap();
        for record in [whole, object(&pulled["object"].to_string(), NOW)] {
            let evidence = one(PODS, &logs(&[], vec![record]));
            assert_eq!((evidence.kind.as_str(), evidence.time_ns, evidence.event_ns), (kind, STATED, NOW));
            assert_eq!((&*evidence.replica, evidence.channel), ("chat-7d9f8-x2k9p", Channel::Kubernetes));
            assert_eq!(evidence.target.map(|t| t.model_id.clone()).as_deref(), Some("chat"));
            assert_eq!(evidence.text, format!("container model: last_terminated, {reason}, exit code 137"));
        }
    }
}

#[test]
fn a_pod_says_when_it_is_ready_evicted_or_told_to_stop() {
    let pod = |meta: &str, status: &str| {
        let json = format!(
            r#"{{"kind":"Pod","metadata":{{"name":"chat-1-2","namespace":"models"{meta}}},"status":{status}}}"#
        );
        logs(&[], vec![object(&json, NOW)])
    };
    for (meta, status, kind, time_ns) in [
        (
            "",
            r#"{"conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-11-22T08:47:44Z"}]}"#,
            "serving",
            STATED,
        ),
        (
            "",
            r#"{"phase":"Failed","reason":"Evicted","message":"The node was low on resource: memory."}"#,
            "evicted",
            NOW,
        ),
        (
            r#","deletionTimestamp":"2026-11-22T08:48:14Z","deletionGracePeriodSeconds":30"#,
            r#"{"phase":"Running"}"#,
            "draining",
            STATED,
        ),
        (
            "",
            r#"{"containerStatuses":[{"name":"m","state":{"running":{"startedAt":"2026-11-22T08:47:44Z"}}}]}"#,
            "loading",
            STATED,
        ),
    ] {
        let evidence = one(PODS, &pod(meta, status));
        assert_eq!((evidence.kind.as_str(), evidence.time_ns), (kind, time_ns), "{status}");
    }
    let tally = map_with(PODS, &pod("", r#"{"phase":"Pending"}"#));
    assert!(tally.evidence.is_empty());
}

#[test]
fn events_come_as_objects_and_as_records() {
    for (reason, message, kind) in [
        ("Evicted", "The node was low on resource: memory.", "evicted"),
        ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", "unhealthy"),
        ("BackOff", "Back-off restarting failed container model in pod chat-1-2", "container_exit"),
        ("BackOff", "Back-off pulling image", "load_failed"),
        ("Killing", "Stopping container model", "draining"),
        ("Killing", "Container model failed liveness probe, will be restarted", "container_exit"),
        ("SystemOOM", "System OOM encountered, victim process: python, pid: 4", "node_oom"),
    ] {
        let object_json = format!(
            r#"{{"type":"ADDED","object":{{"kind":"Event","reason":"{reason}","message":"{message}","lastTimestamp":"2026-11-22T08:47:44Z",
            "involvedObject":{{"kind":"Pod","name":"chat-1-2","namespace":"models"}}}}}}"#
        );
        let watched = one(PODS, &logs(&[], vec![object(&object_json, NOW)]));
        assert_eq!(
            (watched.kind.as_str(), watched.time_ns, watched.channel),
            (kind, STATED, Channel::Kubernetes),
            "{message}"
        );
        assert_eq!(&*watched.replica, "chat-1-2");
        let received = record(
            message,
            STATED,
            &[attribute("k8s.event.reason", reason), attribute("k8s.namespace.name", "models")],
        );
        let received = one(PODS, &logs(&[attribute("k8s.pod.name", "chat-1-2")], vec![received]));
        assert_eq!((received.kind.as_str(), received.channel), (kind, Channel::Kubernetes), "{message}");
    }
}

#[test]
fn each_source_is_heard_once_an_export() {
    let same = map(&lines(&["one", "two", "CUDA out of memory", "four"], NOW));
    let [heard] = &same.heard[..] else { panic!("{:?}", same.heard) };
    assert_eq!((heard.records, heard.first_ns, heard.last_ns), (4, NOW, NOW));
    let by_pod = |pod: &str, time_ns| {
        record("fine", time_ns, &[attribute("k8s.pod.name", pod), attribute("k8s.namespace.name", "models")])
    };
    let export = logs(&[], vec![by_pod("a-1-1", NOW), by_pod("a-1-2", NOW), by_pod("a-1-1", NOW - 5)]);
    let two = map_with(PODS, &export);
    let heard: Vec<_> = two.heard.iter().map(|h| (&*h.replica, h.records, h.first_ns, h.reports_death)).collect();
    assert_eq!(
        heard,
        [("a-1-1", 2, NOW - 5, false), ("a-1-2", 1, NOW, false)],
        "container logs end with the container"
    );
}

mod anything {
    use super::super::export::map;
    use super::{NOW, logs, record};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn no_text_is_too_odd(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            map(&logs(&[], vec![record(&text, NOW, &[])]));
            map(&logs(&[], vec![record(&String::from_utf8_lossy(&bytes), NOW, &[])]));
        }

        #[test]
        fn no_json_is_too_odd(
            text in r#"[{\[]("(log|message|time|kubernetes|object|kind|exc_info)": ?("[^"]{0,20}"|\{|\[|-?[0-9]{1,30}|1e999|null|true)[,}\]]? ?){0,6}[}\]]{0,4}"#
        ) {
            map(&logs(&[], vec![record(&text, NOW, &[])]));
            map(&logs(&[], vec![record(&format!("2026-11-22T08:47:44Z stdout F {text}"), NOW, &[])]));
        }
    }
}
