//! How long coroner itself takes from the deciding evidence to the verdict.
//!
//! In: a running service and the cgroup under which the models' groups are. Out: the time from a kernel line's way to the OTLP
//! port to the verdict on `/metrics`. The failure is sent first: the opposite order to that of the storm.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::time::Instant;

use crate::expect::Expected;
use crate::http;
use crate::oom::calls::{DIRECT, deaths};
use crate::service::Service;

/// Only a service that never settles takes so long, even on a machine that is busy with other things. The goal is a second.
const LIMIT: Duration = Duration::from_secs(10);
const TRACE: &str = "5b8efff798038103d269b633813fc60c";

/// Sends one failure of a model of its own, waits until its case is open, sends the evidence, and waits for the verdict.
pub(crate) async fn measure(service: &Service, parent: &str, expected: &mut Expected) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let open = "inference_open_cases{platform=\"baseten\",class=\"bad_gateway\"}";
    let killed = "class=\"bad_gateway\",cause=\"oom_killed\",blame=\"model\"}";
    // The storm's own cases first: none of them may settle while this one is watched.
    reaches(service, killed, f64::from(deaths())).await;
    let (opened, settled) = (value(service.admin, open).await, value(service.admin, killed).await);

    send(service.http, "/v1/traces", &failure(now)).await;
    reaches(service, open, opened + 1.0).await;
    let sent = Instant::now();
    send(service.http, "/v1/logs", &kernel_line(now, &format!("{parent}/{DIRECT}.production.r1"))).await;
    reaches(service, killed, settled + 1.0).await;
    let took = sent.elapsed();
    let verdict = Some(("bad_gateway", "oom_killed", "model"));
    expected.add(DIRECT, "502", verdict, ("direct", TRACE));
    took
}

fn failure(now: Duration) -> serde_json::Value {
    let attribute = |key: &str, value: serde_json::Value| json!({"key": key, "value": value});
    json!({"resourceSpans": [{
        "resource": {"attributes": [attribute("service.name", json!({"stringValue": "direct"}))]},
        "scopeSpans": [{"spans": [{
            "traceId": TRACE, "spanId": "eee19b7ec3c1b174", "name": "POST", "kind": 3,
            "startTimeUnixNano": (now.saturating_sub(Duration::from_millis(300))).as_nanos().to_string(),
            "endTimeUnixNano": now.as_nanos().to_string(),
            "attributes": [
                attribute("http.request.method", json!({"stringValue": "POST"})),
                attribute("url.full", json!({"stringValue": format!("https://model-{DIRECT}.api.baseten.co/environments/production/predict")})),
                attribute("http.response.status_code", json!({"intValue": "502"})),
            ],
            "status": {"code": 2},
        }]}],
    }]})
}

fn kernel_line(now: Duration, cgroup: &str) -> serde_json::Value {
    let line = format!(
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={cgroup},task_memcg={cgroup},task=gunicorn,pid=4242,uid=0"
    );
    json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "host.name", "value": {"stringValue": "gpu-node-7"}}]},
        "scopeLogs": [{"logRecords": [{
            "timeUnixNano": (now.saturating_sub(Duration::from_millis(50))).as_nanos().to_string(),
            "body": {"stringValue": line},
        }]}],
    }]})
}

async fn send(address: SocketAddr, path: &str, body: &serde_json::Value) {
    let answer = http::post(address, path, &body.to_string()).await;
    assert!(matches!(answer, Ok((200, _))), "{path}: {answer:?}");
}

async fn reaches(service: &Service, series: &str, wanted: f64) {
    let began = Instant::now();
    while value(service.admin, series).await < wanted {
        assert!(began.elapsed() < LIMIT, "{series} did not reach {wanted}; coroner said:\n{}", service.program.said());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The sum of the samples whose line holds this text; 0 where there is none.
async fn value(admin: SocketAddr, series: &str) -> f64 {
    let (_, page) = http::get(admin, "/metrics", &[]).await.unwrap();
    let lines = page.lines().filter(|line| line.contains(series) && !line.contains("_created{"));
    lines.filter_map(|line| line.split("} ").nth(1)?.split(' ').next()?.parse::<f64>().ok()).sum()
}
