//! The fleets: real client libraries, each with its own way of recording and exporting, all calling the same faults.
//!
//! In: the addresses of gateway and coroner. Out: what each caller itself knows about its calls, after its last span was
//! acknowledged.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use std::process::Command;

use crate::fault::{Does, FAULTS, Fault, Place};
use crate::process::{part, root, run_to_end};

/// Every caller gives up after this long.
pub(crate) const CALLER_WAITS_SECONDS: f64 = 3.0;
const TIMES: u32 = 2;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Library {
    Requests,
    Httpx,
    Go,
}

/// What a caller's telemetry holds besides status and transport error.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Records {
    StatusOnly,
    AnswerHeaders,
    /// An application span around the call, with the exception and its text.
    ErrorText,
}

/// One calling program. Its `service` is the caller; its model is its own.
pub(crate) struct Fleet {
    pub(crate) service: &'static str,
    pub(crate) model: &'static str,
    pub(crate) library: Library,
    pub(crate) records: Records,
    /// `OTEL_SEMCONV_STABILITY_OPT_IN`
    semconv: &'static str,
    protocol: &'static str,
    compression: &'static str,
}

/// Both protocols, with and without gzip; old and new conventions; all that a caller may record.
pub(crate) const FLEETS: &[Fleet] = &[
    fleet("requests-old", "reqold01", Library::Requests, Records::StatusOnly, ["", "grpc", "none"]),
    fleet("requests-headers", "reqhdr01", Library::Requests, Records::AnswerHeaders, ["http", "http", "gzip"]),
    fleet("httpx-old", "httpx001", Library::Httpx, Records::StatusOnly, ["", "http", "none"]),
    fleet("httpx-app", "httpx002", Library::Httpx, Records::ErrorText, ["http", "grpc", "gzip"]),
    fleet("go-plain", "goplain1", Library::Go, Records::StatusOnly, ["", "grpc", "gzip"]),
    fleet("go-app", "goapp001", Library::Go, Records::ErrorText, ["", "http", "none"]),
];

const fn fleet(
    service: &'static str,
    model: &'static str,
    library: Library,
    records: Records,
    [semconv, protocol, compression]: [&'static str; 3],
) -> Fleet {
    Fleet { service, model, library, records, semconv, protocol, compression }
}

/// What a caller says of one call.
#[derive(Deserialize, Debug, Clone)]
pub(crate) struct Report {
    #[serde(skip)]
    pub(crate) service: &'static str,
    pub(crate) fault: String,
    /// Which row of its plan, where the plan says so.
    #[serde(default)]
    pub(crate) row: usize,
    pub(crate) url: String,
    pub(crate) trace_id: String,
    pub(crate) seconds: f64,
    pub(crate) got: String,
}

/// Where the other programs are.
pub(crate) struct Addresses {
    pub(crate) gateway: SocketAddr,
    pub(crate) ca: PathBuf,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
}

impl Fleet {
    /// Not every library can do everything.
    fn calls(&self, fault: &Fault) -> bool {
        let only_go_cancels_from_outside = fault.caller == "cancel" && self.library != Library::Go;
        // requests reports a stall inside the body without saying that an answer had begun.
        let unclear = matches!(fault.does, Does::StreamThenSilence) && self.library == Library::Requests;
        !only_go_cancels_from_outside && !unclear
    }

    fn url(&self, fault: &Fault) -> String {
        let model = format!("https://model-{}.api.baseten.co", self.model);
        match fault.place {
            Place::Environment => format!("{model}/environments/production/predict"),
            Place::Deployment => format!("{model}/deployment/d6e7f8g9/predict"),
            Place::Chat => format!("{model}/environments/production/sync/v1/chat/completions"),
            Place::Async => format!("{model}/production/async_predict"),
            Place::Api => "https://inference.baseten.co/v1/chat/completions".to_owned(),
            Place::Refused => "https://model-refused1.api.baseten.co/environments/production/predict".to_owned(),
            Place::Nowhere => "https://model-nowhere1.api.baseten.co/environments/production/predict".to_owned(),
        }
    }

    fn plan(&self, addresses: &Addresses, closed: SocketAddr) -> serde_json::Value {
        let calls: Vec<_> = FAULTS
            .iter()
            .filter(|fault| self.calls(fault))
            .map(|fault| json!({"fault": fault.name, "url": self.url(fault), "times": TIMES, "caller": fault.caller}))
            .collect();
        let endpoint = if self.protocol == "grpc" { addresses.grpc } else { addresses.http };
        json!({
            "service": self.service, "library": if self.library == Library::Requests { "requests" } else { "httpx" },
            "endpoint": endpoint.to_string(), "protocol": self.protocol, "compression": self.compression,
            "gateway": addresses.gateway.to_string(), "closed": closed.to_string(), "ca": addresses.ca,
            "app_span": self.records == Records::ErrorText, "timeout": CALLER_WAITS_SECONDS, "workers": 4, "calls": calls,
        })
    }

    fn command(&self) -> Command {
        let mut command = if self.library == Library::Go { Command::new(part("bin/go-client")) } else { python() };
        without_settings(&mut command);
        if !self.semconv.is_empty() {
            command.env("OTEL_SEMCONV_STABILITY_OPT_IN", self.semconv);
        }
        if self.records == Records::AnswerHeaders {
            command.env("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE", "x-baseten-.*");
        }
        command
    }

    /// Makes every call, and returns when all of its spans were acknowledged.
    pub(crate) async fn run(&'static self, addresses: &Addresses) -> Vec<Report> {
        // Bound, never listening: a connection to it is refused, and nobody else can take it meanwhile.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let plan = self.plan(addresses, socket.local_addr().unwrap());
        run(self.service, self.command(), &plan).await
    }
}

/// The Python caller.
pub(crate) fn python() -> Command {
    let mut python = Command::new(part("venv/bin/python"));
    python.arg(root().join("tests/parts/client.py"));
    python
}

/// The test's own environment must not decide what a caller records or where it sends.
pub(crate) fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("OTEL_") || name.to_ascii_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
}

/// Lets a caller carry out its plan; returns what it knows of its calls when all of its spans were acknowledged.
pub(crate) async fn run(service: &'static str, command: Command, plan: &serde_json::Value) -> Vec<Report> {
    let text = run_to_end(service, command, plan.to_string().as_bytes(), Duration::from_secs(90)).await;
    let mut lines: Vec<_> = text.lines().collect();
    let last: serde_json::Value = serde_json::from_str(lines.pop().unwrap_or_default()).unwrap_or_default();
    assert_eq!(last, json!({"flushed": true}), "{service}: its spans were not all acknowledged");
    let report = |line: &&str| Report { service, ..serde_json::from_str(line).unwrap() };
    lines.iter().map(report).collect()
}
