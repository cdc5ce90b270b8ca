//! `coroner check`: the config and the rulebooks, without starting anything.

use super::{CheckArgs, Failure};
use crate::app::books;
use crate::config::{self, Surroundings};
use std::io::{self, Write};

/// Prints warnings and `ok`, or fails with every error: of the config, of the books it names, of the books given.
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    let mut paths = args.books.clone();
    match config::load(args.config.as_deref(), &Surroundings::of_process()) {
        Ok(config) => {
            for warning in &config.warnings {
                writeln!(out, "warning: {warning}").map_err(|e| unwritable(&e))?;
            }
            paths.extend(config.rulebooks);
        }
        Err(problems) => wrong.push(problems.to_string()),
    }
    if let Err(problems) = books::load(&paths) {
        wrong.push(problems.to_string());
    }
    if !wrong.is_empty() {
        return Err(Failure::Refused(wrong.join("\n")));
    }
    writeln!(out, "ok").map_err(|e| unwritable(&e))
}

fn unwritable(error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot write to standard output: {error}"))
}
