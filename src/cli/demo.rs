//! `coroner demo`: the service and a simulated fleet in one process.

use super::{DemoArgs, Failure};
use crate::config::{self, Surroundings};
use crate::demo::{self, DemoError, Options};
use std::io::{self, IsTerminal};

/// Runs the demo; a verdict that does not agree with the truth is a failure.
pub(super) fn run(args: &DemoArgs) -> Result<(), Failure> {
    if args.list {
        return demo::list(args.seconds, args.json, &mut io::stdout()).map_err(|e| Failure::Failed(e.to_string()));
    }
    let config = config::load(None, &Surroundings::of_process()).map_err(|e| Failure::Refused(e.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("worker")
        .enable_all()
        .build()
        .map_err(|e| Failure::Failed(format!("cannot start the runtime: {e}")))?;
    let mut out = io::stdout();
    let options = Options {
        seconds: args.seconds,
        seed: args.seed,
        rate: args.rate,
        only: if args.healthy { Some(Vec::new()) } else { args.only.clone() },
        provider: args.provider,
        traces: args.traces.clone(),
        repeat: args.repeat,
        keep: args.keep,
        redraw: out.is_terminal(),
    };
    let agrees = runtime.block_on(demo::run(&options, &config, &mut out));
    runtime.shutdown_background();
    match agrees {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::Failed("the verdicts do not agree with the truth".to_owned())),
        Err(error @ DemoError::Unknown(_)) => Err(Failure::Refused(error.to_string())),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}
