//! The program: arguments in, exit code out. Everything else is the library's.

use clap::Parser;
use coroner::cli::{self, Cli};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // clap itself ends the process on --help (0) and on wrong arguments (2).
    cli::run(Cli::parse())
}
