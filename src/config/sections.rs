//! The sections of the config, one function each: which key is read as what.
//!
//! In: a [`Reader`]. Out: the typed sections; errors are left with the reader.

use super::read::Reader;
use super::units::{ADDRESS, BYTES, COUNT, COUNT_OR_ZERO, DURATION, FLAG, Kind, SHARE, TEXT};
use super::yaml::{Entry, Node};
use super::{Config, Correlate, Log, LogFormat, Measure, Observe, Owner, Owners, Receive, thresholds};
use crate::observe::knowledge::ResourceSpec;
use crate::observe::target::{Patterns, TargetSpec};
use crate::observe::{Api, Channel, Vantage};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tracing::Level;

/// The whole config. `folder` is the config file's: relative paths start there.
pub(super) fn config(r: &Reader<'_>, folder: Option<&Path>) -> Config {
    let book = |r: &Reader<'_>, path: &str, node: &Node| {
        r.scalar(node, path, &TEXT).map(|name| folder.unwrap_or(Path::new("")).join(PathBuf::from(name)))
    };
    not_available(r);
    let config = Config {
        receive: receive(r),
        admin_listen: r.get("admin.listen", &ADDRESS),
        rulebooks: r.list("rulebooks", book),
        correlate: correlate(r),
        observe: observe(r),
        owners: owners(r),
        measure: measure(r),
        resources: r.list("resources", resource),
        thresholds: r.list("alerts.thresholds", thresholds::entry).concat(),
        linger: r.get("shutdown.linger", &DURATION),
        warnings: Vec::new(),
        log: Log { level: r.get("log.level", &LEVEL), format: r.get("log.format", &FORMAT) },
    };
    distinct_ports(r, &config);
    config
}

/// Keys of parts that do not exist yet may only say so.
fn not_available(r: &Reader<'_>) {
    const MEMORY: Kind<()> = Kind {
        noun: "available yet",
        right: "memory: a batch is then kept in memory until it is counted, and a crash loses what was not",
        parse: |text| (text == "memory").then_some(()),
    };
    r.get("journal.mode", &MEMORY);
    r.list("forward", |r, path, node| {
        r.note(node.line, path, "passing telemetry on is not available yet", "`forward: []`, or leave it out");
        None::<()>
    });
}

fn receive(r: &Reader<'_>) -> Receive {
    let receive = Receive {
        grpc_listen: r.get("receive.grpc.listen", &ADDRESS),
        http_listen: r.get("receive.http.listen", &ADDRESS),
        max_request: r.get("receive.max_request", &BYTES),
        in_flight: r.get("receive.in_flight", &BYTES),
        dedupe: r.get("receive.dedupe", &DURATION),
    };
    if receive.in_flight < receive.max_request {
        let line = r.line("receive.in_flight").max(r.line("receive.max_request"));
        let wrong = "less than receive.max_request: the largest request could never be taken";
        r.note(line, "receive.in_flight", wrong, "a size at least as large");
    }
    receive
}

fn distinct_ports(r: &Reader<'_>, config: &Config) {
    let ports: [(&str, SocketAddr); 3] = [
        ("receive.grpc.listen", config.receive.grpc_listen),
        ("receive.http.listen", config.receive.http_listen),
        ("admin.listen", config.admin_listen),
    ];
    for (i, (path, address)) in ports.iter().enumerate() {
        let earlier = ports.iter().take(i).find(|(_, a)| a == address && a.port() != 0);
        if let Some((other, _)) = earlier {
            r.note(r.line(path), path, &format!("{address} is also {other}"), "an address of its own");
        }
    }
}

fn correlate(r: &Reader<'_>) -> Correlate {
    Correlate {
        settle: r.get("correlate.settle", &DURATION),
        evidence_before: r.get("correlate.evidence_before", &DURATION),
        evidence_after: r.get("correlate.evidence_after", &DURATION),
        keep_evidence: r.get("correlate.keep_evidence", &DURATION),
        clean_margin: r.get("correlate.clean_margin", &DURATION),
        death_reports: r.list("correlate.death_reports", resource),
        join_for: r.get("correlate.join_for", &DURATION),
        remember_successes: r.get("correlate.remember_successes", &COUNT_OR_ZERO),
    }
}

/// Vantages that may count requests, strongest first.
const COUNTING: [Vantage; 4] = [Vantage::Client, Vantage::Sdk, Vantage::Gateway, Vantage::Model];

const VANTAGE: Kind<Vantage> = Kind {
    noun: "a vantage that counts requests",
    right: "client, sdk, gateway or model",
    parse: |text| COUNTING.into_iter().find(|v| v.as_str() == text),
};

fn observe(r: &Reader<'_>) -> Observe {
    let mut vantages = r.list("observe.vantages", |r, path, node| r.scalar(node, path, &VANTAGE));
    if vantages.is_empty() {
        vantages = COUNTING.to_vec();
    }
    let sampled = r.entries("observe.sampled").iter().filter_map(|entry| {
        let path = format!("observe.sampled.{}", entry.name);
        // A model's own log has a line for each request, so nothing weighs it.
        let vantage = (VANTAGE.parse)(&entry.name).filter(|v| *v != Vantage::Model);
        if vantage.is_none() {
            r.note(entry.line, &path, "no vantage that is sampled", "client, sdk or gateway");
        }
        Some((vantage?, r.scalar(&entry.node, &path, &SHARE)?))
    });
    Observe { vantages, sampled: sampled.collect(), targets: r.list("observe.targets", target) }
}

const API: Kind<Api> = Kind {
    noun: "a kind of endpoint",
    right: "dedicated, model_api or chain",
    parse: |text| match text {
        "dedicated" => Some(Api::Dedicated),
        "model_api" => Some(Api::ModelApi),
        "chain" => Some(Api::Chain),
        _ => None,
    },
};

fn target(r: &Reader<'_>, path: &str, node: &Node) -> Option<(String, TargetSpec)> {
    const KNOWN: &[&str] = &["platform", "host", "paths", "only_paths", "api", "model_id", "environment", "streams"];
    let record = r.record(node, path, KNOWN)?;
    let texts = |name: &str| {
        let read = |r: &Reader<'_>, path: &str, node: &Node| r.scalar(node, path, &TEXT);
        record.find(name).map(|node| r.items(node, &format!("{path}.{name}"), read)).unwrap_or_default()
    };
    let platform = r.need(&record, path, "platform", &TEXT);
    let host = r.need(&record, path, "host", &TEXT);
    let spec = TargetSpec {
        host: host?,
        paths: texts("paths"),
        only_paths: r.may(&record, path, "only_paths", &FLAG).unwrap_or_default(),
        api: r.may(&record, path, "api", &API).unwrap_or_default(),
        model_id: r.may(&record, path, "model_id", &TEXT),
        environment: r.may(&record, path, "environment", &TEXT),
        streams: texts("streams"),
    };
    let platform = platform?;
    if let Err(error) = Patterns::compile([(platform.as_str(), &spec)]) {
        r.note(node.line, path, &error.to_string(), "a pattern such as `model-{model_id}.example.com`");
    }
    Some((platform, spec))
}

fn owners(r: &Reader<'_>) -> Owners {
    let owner = |r: &Reader<'_>, path: &str, node: &Node| {
        let record = r.record(node, path, &["match", "team"])?;
        let pattern = r.need(&record, path, "match", &TEXT);
        let team = r.need(&record, path, "team", &TEXT);
        Some(Owner { pattern: pattern?, team: team? })
    };
    Owners {
        default: r.get("owners.default", &TEXT),
        models: r.list("owners.models", owner),
        callers: r.list("owners.callers", owner),
    }
}

fn measure(r: &Reader<'_>) -> Measure {
    Measure {
        expire: r.get("measure.expire", &DURATION),
        models: r.get("measure.models", &COUNT),
        unverified: r.get("measure.unverified", &COUNT),
        callers: r.get("measure.callers", &COUNT),
    }
}

const CHANNEL: Kind<Channel> = Kind {
    noun: "a kind of source",
    right: "platform_logs, container_logs, kubernetes, kernel or metrics",
    parse: |text| Channel::ALL.iter().copied().find(|c| c.as_str() == text),
};

fn resource(r: &Reader<'_>, path: &str, node: &Node) -> Option<ResourceSpec> {
    const KNOWN: &[&str] =
        &["match", "optional", "replica", "channel", "platform", "model_id", "environment", "deployment_id"];
    let record = r.record(node, path, KNOWN)?;
    let patterns = |name: &str| -> BTreeMap<String, String> {
        let inner = format!("{path}.{name}");
        let entries = record.find(name).map(|node| r.map(node, &inner)).unwrap_or_default();
        let read = |e: &Entry| Some((e.name.clone(), r.scalar(&e.node, &format!("{inner}.{}", e.name), &TEXT)?));
        entries.iter().filter_map(read).collect()
    };
    let text = |name: &str| r.may(&record, path, name, &TEXT);
    let spec = ResourceSpec {
        attributes: patterns("match"),
        optional: patterns("optional"),
        replica: text("replica"),
        channel: r.may(&record, path, "channel", &CHANNEL),
        platform: text("platform"),
        model_id: text("model_id"),
        environment: text("environment"),
        deployment_id: text("deployment_id"),
    };
    if spec.attributes.is_empty() {
        r.note(node.line, path, "`match` is missing", "`match: {k8s.deployment.name: '{model_id}'}`");
    } else if let Err(error) = spec.check() {
        r.note(node.line, path, &error.to_string(), "a pattern such as `{model_id}-*`");
    }
    Some(spec)
}

const LEVEL: Kind<Level> = Kind {
    noun: "a log level",
    right: "error, warn, info, debug or trace",
    parse: |text| match text {
        "error" => Some(Level::ERROR),
        "warn" => Some(Level::WARN),
        "info" => Some(Level::INFO),
        "debug" => Some(Level::DEBUG),
        "trace" => Some(Level::TRACE),
        _ => None,
    },
};

const FORMAT: Kind<LogFormat> = Kind {
    noun: "a log format",
    right: "auto, json or text",
    parse: |text| match text {
        "auto" => Some(LogFormat::Auto),
        "json" => Some(LogFormat::Json),
        "text" => Some(LogFormat::Text),
        _ => None,
    },
};
