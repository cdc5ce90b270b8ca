//! Why the service did not start, or ended badly.

use super::books::BooksError;
use crate::observe::knowledge::KnowledgeError;
use crate::observe::target::PatternError;
use std::io;
use std::net::SocketAddr;
use thiserror::Error;

/// Why the service did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The user's rulebooks are wrong.
    #[error("{0}")]
    Books(#[from] BooksError),
    /// A target pattern cannot be used.
    #[error("target patterns: {0}")]
    Target(#[from] PatternError),
    /// What books and config say about containers cannot be used.
    #[error("evidence and resources: {0}")]
    Knowledge(#[from] KnowledgeError),
    /// A port cannot be opened.
    #[error(
        "{key}: cannot listen on {address}: {error}; stop what uses it or choose another address (port 0 takes a free one)"
    )]
    Listen {
        /// The config key that names the address.
        key: &'static str,
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The admin thread cannot be started.
    #[error("cannot start the admin thread: {0}")]
    Admin(io::Error),
}

/// Why the service ended badly.
#[derive(Debug, Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Signals cannot be heard.
    #[error("cannot listen to signals: {0}")]
    Signals(io::Error),
    /// The addresses cannot be printed.
    #[error("cannot write to standard output: {0}")]
    Announce(io::Error),
    /// A stage ended by itself.
    #[error("{0} ended by itself")]
    Stage(String),
    /// A second signal asked for the end at once.
    #[error("ended at once by a second signal; what was not counted is lost")]
    Interrupted,
}
