//! The ports: bound all together, before anything runs.
//!
//! In: the addresses of the config. Out: listeners and the addresses in use, or which key asks for what cannot be had.

use super::StartError;
use crate::config::Config;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// The addresses in use; printed one line each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// OTLP/gRPC.
    pub grpc: SocketAddr,
    /// OTLP/HTTP.
    pub http: SocketAddr,
    /// `/metrics` and the probes.
    pub admin: SocketAddr,
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "otlp/grpc {}\notlp/http {}\nadmin {}", self.grpc, self.http, self.admin)
    }
}

/// All listeners.
pub(super) struct Ports {
    pub(super) grpc: TcpListener,
    pub(super) http: TcpListener,
    pub(super) admin: std::net::TcpListener,
    pub(super) addresses: Addresses,
}

impl Ports {
    /// Binds all or none.
    pub(super) fn bind(config: &Config) -> Result<Self, StartError> {
        let otlp = |key, address| -> Result<_, StartError> {
            let listener = listen(address).map_err(refused(key, address))?;
            let address = listener.local_addr().map_err(refused(key, address))?;
            Ok((listener, address))
        };
        let (key, address) = ("admin.listen", config.admin_listen);
        let admin = std::net::TcpListener::bind(address).map_err(refused(key, address))?;
        let admin_address = admin.local_addr().map_err(refused(key, address))?;
        let (grpc, grpc_address) = otlp("receive.grpc.listen", config.receive.grpc_listen)?;
        let (http, http_address) = otlp("receive.http.listen", config.receive.http_listen)?;
        let addresses = Addresses { grpc: grpc_address, http: http_address, admin: admin_address };
        Ok(Self { grpc, http, admin, addresses })
    }
}

/// Names the key and the address in an error.
fn refused(key: &'static str, address: SocketAddr) -> impl FnOnce(io::Error) -> StartError {
    move |error| StartError::Listen { key, address, error }
}

/// A listener for an OTLP port; these see more connections at once than the standard backlog of 128 holds.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for connections of the last run to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
