//! What one sender, and all senders together, may take. In: the config. Out: plain numbers for the ports.

use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Limits of the ports. All sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One request, on the wire and again after decompression. OTLP recommends 64 MiB.
    pub request: usize,
    /// All requests that are being read or worked on.
    pub in_flight: usize,
    /// Connections per port; further ones wait to be accepted.
    pub connections: usize,
    /// Concurrent requests on one HTTP/2 connection.
    pub streams: u32,
    /// From a new connection to its first bytes, and on HTTP/1 from the end of an answer to the end of the next head:
    /// also how long an idle connection is kept. Exporters that send less often connect again.
    pub header_timeout: Duration,
    /// From the end of the head to the end of the body.
    pub body_timeout: Duration,
    /// How often an idle HTTP/2 connection is asked whether its peer still lives, and how long the answer may take.
    pub keepalive: Duration,
    /// How long requests may take to finish once the service is shutting down.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: 64 * MIB,
            in_flight: 256 * MIB,
            connections: 4096,
            streams: 256,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            keepalive: Duration::from_secs(20),
            drain: Duration::from_secs(10),
        }
    }
}
