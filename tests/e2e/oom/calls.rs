//! The calls of the scene: what each caller asks of which model, and what coroner must say of it.
//!
//! In: addresses. Out: the plans that `tests/parts/client.py` carries out, and the tables that `PromQL` must return. One row says
//! both, so that a call cannot be made without saying what is to become of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clients::{self, Addresses, Report};
use crate::expect::Expected;
use crate::fault::Verdict;

/// Its container has too little memory for a large batch; kernel and gunicorn tell of it.
pub(crate) const STARVED: &str = "starved1";
/// Its server is well, and its log says so.
pub(crate) const HEALTHY: &str = "healthy1";
/// Nobody ships its log.
pub(crate) const SILENT: &str = "silent01";
/// Its one failure and its kernel line are sent by the test itself.
pub(crate) const DIRECT: &str = "direct01";

/// The calling programs, each with the HTTP library that it uses.
const CALLERS: [(&str, &str); 2] = [("shop", "requests"), ("night-batch", "httpx")];

/// One kind of call and how often each caller makes it.
pub(crate) struct Call {
    model: &'static str,
    /// A fault that the gateway plays by itself; empty for a call that reaches the model server.
    fault: &'static str,
    /// How many MiB the model is asked to fill; `None` is a body that it refuses.
    batch: Option<u32>,
    times: u32,
    status: u16,
    verdict: Option<Verdict>,
}

const fn well(model: &'static str, times: u32) -> Call {
    Call { model, fault: "", batch: Some(2), times, status: 200, verdict: None }
}

/// Before anything fails: Prometheus must know each series at 0.
pub(crate) const BEFORE: &[Call] = &[well(STARVED, 6), well(HEALTHY, 6)];

/// All of it at the same time.
pub(crate) const STORM: &[Call] = &[
    well(STARVED, 4),
    Call {
        model: STARVED,
        fault: "",
        batch: Some(1024),
        times: 3,
        status: 502,
        verdict: Some(("bad_gateway", "oom_killed", "model")),
    },
    Call {
        model: STARVED,
        fault: "",
        batch: None,
        times: 4,
        status: 400,
        verdict: Some(("invalid_request", "invalid_input", "client")),
    },
    Call {
        model: STARVED,
        fault: "401",
        batch: Some(2),
        times: 3,
        status: 401,
        verdict: Some(("authentication", "invalid_api_key", "client")),
    },
    Call {
        model: HEALTHY,
        fault: "502_unreachable",
        batch: Some(2),
        times: 2,
        status: 502,
        verdict: Some(("bad_gateway", "platform_fault", "platform")),
    },
    Call {
        model: SILENT,
        fault: "502_unreachable",
        batch: Some(2),
        times: 2,
        status: 502,
        verdict: Some(("bad_gateway", "unknown", "undetermined")),
    },
    well(STARVED, 4),
    well(HEALTHY, 4),
];

/// Later than `clean_margin` after the storm: the healthy model's log goes on, and so can be found clean.
pub(crate) const AFTER: &[Call] = &[well(STARVED, 6), well(HEALTHY, 12)];

/// How many calls of the storm the kernel ends.
pub(crate) fn deaths() -> u32 {
    let fatal = STORM.iter().filter(|call| call.verdict.is_some_and(|(_, cause, _)| cause == "oom_killed"));
    fatal.map(|call| call.times).sum::<u32>() * u32::try_from(CALLERS.len()).unwrap()
}

pub(crate) fn host(model: &str) -> String {
    format!("model-{model}.api.baseten.co")
}

fn plan(calls: &[Call], service: &str, library: &str, addresses: &Addresses) -> Value {
    let one = |(nth, call): (usize, &Call)| {
        json!({
            // What the caller reports back; the header of the same name tells the gateway what to play.
            "fault": call.fault, "row": nth, "times": call.times, "caller": "",
            "url": format!("https://{}/environments/production/predict", host(call.model)),
            "body": call.batch.map_or(json!({"prompt": "no batch"}), |batch| json!({"batch": batch})),
        })
    };
    json!({
        "service": service, "library": library, "endpoint": addresses.http.to_string(), "protocol": "http",
        "compression": "gzip", "gateway": addresses.gateway.to_string(), "closed": addresses.gateway.to_string(),
        "ca": addresses.ca, "app_span": false, "timeout": 30.0, "workers": 4,
        "calls": calls.iter().enumerate().map(one).collect::<Vec<_>>(),
    })
}

/// Every caller makes these calls at once; what each call got is compared with its row and put into the tables.
pub(crate) async fn make(calls: &'static [Call], addresses: &Addresses, expected: &mut Expected) {
    let mut running = tokio::task::JoinSet::new();
    for (service, library) in CALLERS {
        let plan = plan(calls, service, library, addresses);
        let mut command = clients::python();
        clients::without_settings(&mut command);
        running.spawn(async move { clients::run(service, command, &plan).await });
    }
    for reports in running.join_all().await {
        count(calls, &reports, expected);
    }
}

fn count(calls: &[Call], reports: &[Report], expected: &mut Expected) {
    let mut made = BTreeMap::<usize, u32>::new();
    for report in reports {
        let call = &calls[report.row];
        assert_eq!(report.got, call.status.to_string(), "{report:?}");
        *made.entry(report.row).or_default() += 1;
        expected.add(call.model, &report.got, call.verdict, (report.service, &report.trace_id));
    }
    for (row, call) in calls.iter().enumerate() {
        assert_eq!(made.get(&row).copied().unwrap_or_default(), call.times, "calls of row {row} ({})", call.model);
    }
}
