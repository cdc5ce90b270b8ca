//! The real `coroner serve`, on free ports.

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

const CONFIG: &str = "\
receive:
  grpc: { listen: '127.0.0.1:0' }
  http: { listen: '127.0.0.1:0' }
admin: { listen: '127.0.0.1:0' }
correlate: { settle: 1s }
shutdown: { linger: 0s }
";

impl Service {
    /// Starts it with a config file in `folder` and reads the addresses that it prints.
    pub(crate) async fn start(folder: &Path) -> Self {
        let config = folder.join("coroner.yaml");
        std::fs::write(&config, CONFIG).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_coroner"));
        command.arg("serve").arg("--config").arg(&config).current_dir(folder);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CORONER_") {
                command.env_remove(name);
            }
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
