//! coroner states what killed a failed inference request, why, and who has to act.
//!
//! ```text
//!    OTLP gRPC 4317 ┐                                                 ┌─ measure ──> /metrics ──> Prometheus
//!    OTLP HTTP 4318 ┴─> receive ──> observe ──> judge ──> correlate ──┤
//!                        │         (pure, parallel, borrowed) (fold)  └─ (forward: its own issue)
//! ```
//!
//! The modules stand in the order of the flow; a stage may use the ones before it, never one after it.
//! `observe`, `judge` and `correlate` do no I/O and read no clock: time is an argument.

pub mod admin;
pub mod app;
pub mod cli;
pub mod config;
pub mod correlate;
pub mod demo;
pub mod expression;
pub mod feed;
pub mod glob;
pub mod judge;
pub mod measure;
pub mod observe;
pub mod otlp;
pub mod receive;
pub mod shutdown;
pub mod telemetry;
mod yaml;
