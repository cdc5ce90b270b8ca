//! A real OpenTelemetry Collector that runs with the configuration of `examples/collector-filelog.yaml`.
//!
//! In: where the logs are, and coroner's OTLP/HTTP address. Out: a running Collector that ships every line.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::process::{Program, part, root};

/// Starts it and waits until it reads.
pub(crate) async fn start(models: &Path, kernel: &Path, coroner: SocketAddr) -> Program {
    let mut command = Command::new(part("bin/otelcol"));
    command
        .arg("--config")
        .arg(root().join("examples/collector-filelog.yaml"))
        .env("MODEL_LOGS", models)
        .env("KERNEL_LOG", kernel)
        .env("CORONER_OTLP", format!("http://{coroner}"));
    let ready = |line: &str| line.contains("Everything is ready").then_some(());
    Program::start("otelcol", command, ready).await.0
}
