//! How the service watches itself.

pub mod logging;
