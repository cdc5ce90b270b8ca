//! From OTLP bytes to the team that can act.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod compress;
