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
        let (admin, admin_address) = open("admin.listen", config.admin_listen, admin)?;
        let (grpc, grpc_address) = open("receive.grpc.listen", config.receive.grpc_listen, otlp)?;
        let (http, http_address) = open("receive.http.listen", config.receive.http_listen, otlp)?;
        let addresses = Addresses { grpc: grpc_address, http: http_address, admin: admin_address };
        Ok(Self { grpc, http, admin, addresses })
    }
}

/// A listener and its address; the error names the key.
fn open<L>(
    key: &'static str,
    address: SocketAddr,
    bind: fn(SocketAddr) -> io::Result<(L, SocketAddr)>,
) -> Result<(L, SocketAddr), StartError> {
    bind(address).map_err(|error| StartError::Listen { key, address, error })
}

fn otlp(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for connections of the last run to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn admin(address: SocketAddr) -> io::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
