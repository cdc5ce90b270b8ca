//! What coroner must have counted: worked out from the gateway's ledger and from what each library can record.
//!
//! In: requests as the gateway served them, and the calls that never reached it as their callers tell. Out: one table per metric.

use std::collections::{BTreeMap, BTreeSet};

use crate::clients::{FLEETS, Fleet, Library, Records, Report};
use crate::fault::{self, Does, Fault, Verdict};
use crate::gateway::Served;
use crate::prometheus::Table;

/// The tables, and for every failure series the traces that may stand behind its exemplar.
#[derive(Default)]
pub(crate) struct Expected {
    /// `model_id`, `environment`, `status_code`
    pub(crate) requests: Table,
    /// `model_id`, `environment`, `class`, `cause`, `blame`
    pub(crate) failures: Table,
    /// `caller`, `class`, `cause`
    pub(crate) client_failures: Table,
    /// Keyed as `failures`.
    pub(crate) traces: BTreeMap<Vec<String>, BTreeSet<String>>,
}

/// Counts what was served and what never left its caller.
pub(crate) fn expected(served: &[Served], reports: &[Report]) -> Expected {
    let mut expected = Expected::default();
    for request in served {
        expected.count(&request.caller, &request.fault, &request.host, &request.path);
    }
    for report in reports {
        let (host, path) = split(&report.url);
        let fault = fault::find(&report.fault).expect("only faults of the table are called for");
        if matches!(fault.does, Does::Unreached) {
            expected.count(report.service, &report.fault, host, path);
        }
        if let Some(verdict) = verdict(fleet(report.service), fault) {
            expected.traces.entry(failure_key(host, path, verdict)).or_default().insert(report.trace_id.clone());
        }
    }
    expected
}

impl Expected {
    /// One request to a model's production environment that got this status, and what its caller's record and all evidence say.
    pub(crate) fn add(&mut self, model: &str, status: &str, verdict: Option<Verdict>, (service, trace): (&str, &str)) {
        let request = [model, "production", status].map(str::to_owned);
        *self.requests.entry(request.to_vec()).or_default() += 1.0;
        let Some((class, cause, blame)) = verdict else { return };
        let failure = [model, "production", class, cause, blame].map(str::to_owned).to_vec();
        *self.failures.entry(failure.clone()).or_default() += 1.0;
        self.traces.entry(failure).or_default().insert(trace.to_owned());
        if blame == "client" {
            let key = [service, class, cause].map(str::to_owned);
            *self.client_failures.entry(key.to_vec()).or_default() += 1.0;
        }
    }

    fn count(&mut self, service: &str, fault: &str, host: &str, path: &str) {
        let (fleet, fault) = (fleet(service), fault::find(fault).expect("the gateway plays only faults of the table"));
        let request = [model(host), environment(path), &status_code(fleet, fault)].map(str::to_owned);
        *self.requests.entry(request.to_vec()).or_default() += 1.0;
        let Some(verdict) = verdict(fleet, fault) else { return };
        *self.failures.entry(failure_key(host, path, verdict)).or_default() += 1.0;
        if verdict.2 == "client" {
            let key = [service, verdict.0, verdict.1].map(str::to_owned);
            *self.client_failures.entry(key.to_vec()).or_default() += 1.0;
        }
    }
}

fn fleet(service: &str) -> &'static Fleet {
    FLEETS.iter().find(|fleet| fleet.service == service).expect("every caller says its name")
}

fn failure_key(host: &str, path: &str, (class, cause, blame): Verdict) -> Vec<String> {
    [model(host), environment(path), class, cause, blame].map(str::to_owned).to_vec()
}

fn split(url: &str) -> (&str, &str) {
    let rest = url.trim_start_matches("https://");
    rest.find('/').map_or((rest, "/"), |at| rest.split_at(at))
}

fn model(host: &str) -> &str {
    host.split('.').next().and_then(|name| name.strip_prefix("model-")).unwrap_or_default()
}

fn environment(path: &str) -> &str {
    if path.split('/').any(|part| part == "production") { "production" } else { "" }
}

/// The ending of a body is seen by the libraries whose span covers it, and by an application that writes the error down.
fn sees_body(fleet: &Fleet) -> bool {
    fleet.library != Library::Httpx || fleet.records == Records::ErrorText
}

fn ends_in_body(does: Does) -> bool {
    matches!(does, Does::StreamThenClose | Does::StreamThenReset | Does::StreamThenSilence | Does::ShortBody)
}

fn verdict(fleet: &Fleet, fault: &Fault) -> Option<Verdict> {
    if ends_in_body(fault.does) && !sees_body(fleet) {
        return None;
    }
    match fleet.records {
        Records::StatusOnly => fault.bare,
        Records::AnswerHeaders => fault.with_headers,
        Records::ErrorText => fault.with_text,
    }
}

fn status_code(fleet: &Fleet, fault: &Fault) -> String {
    match fault.does {
        Does::Answer(status, ..) => status.to_string(),
        Does::Silence | Does::Reset | Does::Close | Does::Unreached => "none".to_owned(),
        // requests drops the status from its span when reading the body fails.
        _ if ends_in_body(fault.does) && fleet.library == Library::Requests => "none".to_owned(),
        _ => "200".to_owned(),
    }
}

/// Both tables side by side where they differ; empty when they are equal.
pub(crate) fn differences(what: &str, expected: &Table, got: &Table) -> String {
    let keys: BTreeSet<_> = expected.keys().chain(got.keys()).collect();
    let mut lines = Vec::new();
    for key in keys {
        let (want, have) = (expected.get(key).copied().unwrap_or(0.0), got.get(key).copied().unwrap_or(0.0));
        if (want - have).abs() > 0.0 {
            lines.push(format!("{want:>9} {have:>5}  {}\n", key.join(" | ")));
        }
    }
    if lines.is_empty() { String::new() } else { format!("{what}\n expected   got\n{}", lines.concat()) }
}
