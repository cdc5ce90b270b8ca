//! The service in one process: life cycle and what it refuses.
