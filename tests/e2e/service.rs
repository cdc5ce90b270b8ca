//! The real `coroner serve`, on free ports whatever its config says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use std::process::Command;

use crate::http;
use crate::process::Program;

/// A running service and where it listens.
pub(crate) struct Service {
    pub(crate) program: Program,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Service {
    /// Starts it with this config, written into `folder`, and reads the addresses that it prints.
    pub(crate) async fn start(folder: &Path, text: &str) -> Self {
        let config = folder.join("coroner.yaml");
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_coroner"));
        command.arg("serve").arg("--config").arg(&config).current_dir(folder);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CORONER_") {
                command.env_remove(name);
            }
        }
        for port in ["GRPC", "HTTP", "ADMIN"] {
            command.env(format!("CORONER_{port}_LISTEN"), "127.0.0.1:0");
        }
        let mut found = BTreeMap::new();
        let (program, [grpc, http, admin]) = Program::start("coroner", command, |line| {
            if let Some((name, address)) = line.split_once(' ') {
                found.extend(address.parse().map(|address: SocketAddr| (name.to_owned(), address)));
            }
            Some([*found.get("otlp/grpc")?, *found.get("otlp/http")?, *found.get("admin")?])
        })
        .await;
        let service = Self { program, grpc, http, admin };
        service.wait_until_ready().await;
        service
    }

    async fn wait_until_ready(&self) {
        for _ in 0..100 {
            if matches!(http::get(self.admin, "/readyz", &[]).await, Ok((200, _))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("/readyz never said 200; coroner said:\n{}", self.program.said());
    }
}
