//! Signals that end the process.
//!
//! In: SIGTERM and SIGINT. Out: the first asks for an orderly end (intake stops, what is held is counted, the metrics stay
//! for a last scrape); the second means now.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals, heard from the moment this is made.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen; from here on a signal no longer kills the process.
    ///
    /// # Errors
    /// The handler cannot be installed.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal and names it.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
