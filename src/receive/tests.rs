//! The ports over real sockets.
