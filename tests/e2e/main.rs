//! End to end with real parts: real client libraries call a gateway that fails on purpose and export to the real `coroner serve`;
//! real Prometheus servers scrape it; `PromQL` must return exactly what the gateway knows to have served.
//!
//! The parts come from `tests/run`; without them the test fails and says so.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking, and all of this is test")]

mod clients;
mod expect;
mod fault;
mod gateway;
mod http;
mod oom;
mod process;
mod prometheus;
mod scraped;
mod service;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clients::{Addresses, FLEETS, Report};
use gateway::Gateway;
use prometheus::{KINDS, Prometheus};
use service::Service;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_counts_exactly_what_the_gateway_served() {
    let folder = fresh_folder("e2e");
    let gateway = Gateway::start(&folder, gateway::Upstreams::new()).await;
    let service = Service::start(&folder, "correlate: { settle: 1s }\nshutdown: { linger: 0s }\n").await;
    let mut servers = Vec::new();
    for kind in KINDS {
        servers.push(Prometheus::start(kind, service.admin, &folder, "").await);
    }

    let reports = call_everything(&gateway, &service).await;
    let served = gateway.served();
    every_call_was_played_once(&served, &reports);

    let expected = expect::expected(&served, &reports);
    scraped::counts(&servers, &service, &expected, Duration::from_secs(30)).await;
    scraped::all_ways_of_scraping_agree(&servers).await;
    scraped::exemplars(&servers, &expected).await;
    scraped::durations(&servers, &reports).await;

    drop(servers);
    assert_eq!(service.program.stop().await, Some(0), "SIGTERM ends the service with exit code 0");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Logs and configs of the run; left behind when the test fails.
fn fresh_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// All fleets at once; returns when every span was acknowledged.
async fn call_everything(gateway: &Gateway, service: &Service) -> Vec<Report> {
    let addresses = Arc::new(Addresses {
        gateway: gateway.address,
        ca: gateway.ca.clone(),
        grpc: service.grpc,
        http: service.http,
    });
    let mut running = tokio::task::JoinSet::new();
    for fleet in FLEETS {
        let addresses = Arc::clone(&addresses);
        running.spawn(async move { fleet.run(&addresses).await });
    }
    running.join_all().await.into_iter().flatten().collect()
}

/// A client that retries by itself, or a call that never came, would make every later number meaningless.
fn every_call_was_played_once(served: &[gateway::Served], reports: &[Report]) {
    let mut played = prometheus::Table::new();
    for request in served {
        *played.entry(vec![request.caller.clone(), request.fault.clone()]).or_default() += 1.0;
    }
    let mut called = prometheus::Table::new();
    for report in reports {
        let fault = fault::find(&report.fault).expect("only faults of the table are called for");
        if !matches!(fault.does, fault::Does::Unreached) {
            *called.entry(vec![report.service.to_owned(), report.fault.clone()]).or_default() += 1.0;
        }
        if let fault::Does::Answer(status, ..) = fault.does {
            assert!(report.got.contains(&status.to_string()), "{report:?} was to get {status}");
        }
    }
    let wrong =
        expect::differences("calls by their callers (expected) and requests at the gateway (got)", &called, &played);
    assert!(wrong.is_empty(), "{wrong}");
}
