//! `coroner serve`: config, logs, runtime, service.

use super::{Failure, ServeArgs};
use crate::config::{self, Surroundings};
use crate::telemetry::logging;

/// Runs the service to its end.
pub(super) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = config::load(args.config.as_deref(), &Surroundings::of_process())
        .map_err(|e| Failure::Refused(e.to_string()))?;
    logging::start(config.log).map_err(|e| Failure::Failed(format!("cannot start logging: {e}")))
}
