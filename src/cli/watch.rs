//! `coroner watch`: the case feed of a running service, live, as a table or as JSON.
//!
//! In: where the service is and which cases are wanted. Out: one line a case on standard output; on standard error what happens
//! to the connection. Ends with 0 at a signal or when nobody reads any more.

mod link;
mod table;

use super::{Failure, WatchArgs};
use crate::feed::v1::{Case, WatchRequest};
use crate::shutdown::Signals;
use link::Trouble;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;
use tokio::time::sleep;

/// First and longest pause before the service is asked again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Watches until a signal, the end of the reader, or an error that trying again cannot mend.
pub(super) fn run(args: WatchArgs) -> Result<(), Failure> {
    // Standard output may block for as long as its reader likes, so signals are waited for beside it.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|e| Failure::Failed(format!("cannot start the runtime: {e}")))?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::listen().map_err(|e| Failure::Failed(format!("cannot listen to signals: {e}")))?;
        let following = tokio::spawn(follow(args));
        tokio::select! {
            ended = following => ended.unwrap_or_else(|e| Err(Failure::Failed(e.to_string()))),
            _ = signals.next() => Ok(()),
        }
    });
    runtime.shutdown_background();
    ended
}

/// Prints cases; connects again when the service went away.
async fn follow(args: WatchArgs) -> Result<(), Failure> {
    let request = WatchRequest {
        model: args.model.clone().unwrap_or_default(),
        caller: args.caller.clone().unwrap_or_default(),
        blames: args.blame.clone(),
        causes: args.cause.clone(),
        classes: args.class.clone(),
    };
    let mut began = false;
    let mut pause = PAUSE.0;
    loop {
        let trouble = match link::watch(&args.url, request.clone()).await {
            Ok(mut cases) => {
                if began {
                    tell(&format!("watching {} again", args.url));
                } else if !args.json && !print(&table::head())? {
                    return Ok(());
                }
                (began, pause) = (true, PAUSE.0);
                loop {
                    match cases.message().await {
                        Ok(Some(case)) if show(&case, args.json)? => {}
                        Ok(Some(_)) => return Ok(()),
                        Ok(None) => break Trouble::Passing("the service ended the feed".to_owned()),
                        Err(status) => break Trouble::Passing(link::why(&status)),
                    }
                }
            }
            Err(trouble) => trouble,
        };
        match trouble {
            Trouble::Refused(text) => return Err(Failure::Refused(text)),
            Trouble::Passing(text) if !began => return Err(Failure::Failed(text)),
            Trouble::Passing(text) => tell(&format!("{text}; trying again in {} s", pause.as_secs_f64())),
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Prints one case; false where nobody reads.
fn show(case: &Case, json: bool) -> Result<bool, Failure> {
    if case.dropped > 0 {
        tell(&format!("{} cases were lost before the next one: they came faster than they were read", case.dropped));
    }
    if !json {
        return print(&table::line(case));
    }
    let line = serde_json::to_string(case).map_err(|e| Failure::Failed(format!("a case cannot be written: {e}")))?;
    print(&line)
}

/// Prints one line; false where nobody reads.
fn print(line: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Failed(format!("cannot write to standard output: {error}"))),
    }
}

/// Says what happens beside the cases.
fn tell(text: &str) {
    // Nobody is left to tell where standard error is closed.
    drop(writeln!(io::stderr(), "{text}"));
}
