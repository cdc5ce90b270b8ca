//! A running Alertmanager and the webhook that it notifies: what would page somebody.
//!
//! In: alerts from Prometheus servers. Out: every notification that arrived, alert by alert. Alertmanager runs with
//! `alerts/alertmanager.yaml`; only the webhook's address is the test's own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::process::{Program, part, root};

/// Where the shipped configuration sends its notifications.
const EXAMPLE: &str = "127.0.0.1:9099";

/// One alert of a notification.
#[derive(Deserialize, Clone, Debug)]
pub(crate) struct Alert {
    pub(crate) status: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Notification {
    alerts: Vec<Alert>,
}

/// Alertmanager, and what its receivers got.
pub(crate) struct Alertmanager {
    _program: Program,
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Alert>>>,
}

impl Alertmanager {
    pub(crate) async fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shipped = std::fs::read_to_string(root().join("alerts/alertmanager.yaml")).unwrap();
        let config = shipped.replace(EXAMPLE, &listener.local_addr().unwrap().to_string());
        assert_ne!(config, shipped, "alerts/alertmanager.yaml notifies {EXAMPLE} no more");
        let received = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(take_notifications(listener, Arc::clone(&received)));

        let file = folder.join("alertmanager.yml");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(part("bin/alertmanager"));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.join("alertmanager").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="]);
        let (program, address) = Program::start("alertmanager", command, |line| {
            let address = line.split("address=").nth(1).filter(|_| line.contains("Listening on"))?;
            address.split(' ').next()?.parse().ok()
        })
        .await;
        Self { _program: program, address, received }
    }

    /// What reached the webhook so far.
    pub(crate) fn received(&self) -> Vec<Alert> {
        self.received.lock().unwrap().clone()
    }
}

async fn take_notifications(listener: TcpListener, received: Arc<Mutex<Vec<Alert>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let received = Arc::clone(&received);
        tokio::spawn(async move {
            // A connection that breaks is one that Alertmanager tries again.
            if let Ok(notification) = take_one(stream).await {
                received.lock().unwrap().extend(notification.alerts);
            }
        });
    }
}

/// Reads one POST to the end of its body and answers 200.
async fn take_one(mut stream: TcpStream) -> std::io::Result<Notification> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if length.is_some_and(|length: usize| body.len() >= length) {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
                return Ok(serde_json::from_str(body)?);
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
