//! `coroner check`: the config and the rulebooks, without starting anything.

use super::{CheckArgs, Failure};
use crate::config::{self, Surroundings};
use std::io::Write;

/// Prints `ok`, or fails with every error.
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<(), Failure> {
    config::load(args.config.as_deref(), &Surroundings::of_process()).map_err(|e| Failure::Refused(e.to_string()))?;
    writeln!(out, "ok").map_err(|e| Failure::Failed(format!("cannot write to standard output: {e}")))
}
