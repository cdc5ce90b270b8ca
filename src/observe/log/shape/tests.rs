//! Shapes of log records.
