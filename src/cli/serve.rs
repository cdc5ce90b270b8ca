//! `coroner serve`: config, logs, runtime, service.

use super::{Failure, ServeArgs};
use crate::app::{self, RunError, StartError};
use crate::config::{self, Surroundings};
use crate::telemetry::logging;
use std::io::{self, Write};

/// Runs the service to its end.
pub(super) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = config::load(args.config.as_deref(), &Surroundings::of_process())
        .map_err(|e| Failure::Refused(e.to_string()))?;
    logging::start(config.log).map_err(|e| Failure::Failed(format!("cannot start logging: {e}")))?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("worker")
        .enable_all()
        .build()
        .map_err(|e| Failure::Failed(format!("cannot start the runtime: {e}")))?;
    let announce = |addresses: app::Addresses| {
        let mut out = io::stdout().lock();
        writeln!(out, "{addresses}").and_then(|()| out.flush())
    };
    let result = runtime.block_on(app::run(&config, announce));
    // After a second signal nothing is waited for.
    runtime.shutdown_background();
    result.map_err(|error| match error {
        RunError::Start(StartError::Books(_) | StartError::Target(_)) => Failure::Refused(error.to_string()),
        other => Failure::Failed(other.to_string()),
    })
}
