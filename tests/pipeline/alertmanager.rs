//! A running Alertmanager and everything that it notifies, on this machine.
//!
//! In: alerts from Prometheus servers or from the test. Out: every notification that arrived, and which alerts are held back. Alertmanager
//! runs with `alerts/alertmanager.yaml`, its routes, inhibitions and templates as they are shipped. Only the addresses are the test's own,
//! and every receiver has a webhook besides, `/receiver/NAME`, that shows the alerts as data.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::http;
use crate::process::{Program, part, root};

const SECRETS: &str = "/etc/alertmanager/secrets";
/// Where the shipped configuration sends its notifications, besides Slack, whose address is a secret.
const PLACES: [&str; 2] = ["https://events.pagerduty.com/v2/enqueue", "http://127.0.0.1:9099"];

/// One alert of a notification.
#[derive(Deserialize, Clone, Debug)]
pub(crate) struct Alert {
    pub(crate) status: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// One POST that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) at: Instant,
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl Delivery {
    /// The receiver and its alerts, where it came to a receiver's own webhook.
    pub(crate) fn alerts(&self) -> Option<(&str, Vec<Alert>)> {
        let receiver = self.path.strip_prefix("/receiver/")?;
        Some((receiver, Vec::deserialize(&self.body["alerts"]).unwrap()))
    }
}

/// Alertmanager, and what its receivers got.
pub(crate) struct Alertmanager {
    _program: Program,
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Delivery>>>,
}

impl Alertmanager {
    /// Starts one in this folder. `change` may change the shipped configuration, e.g. make its waits shorter.
    pub(crate) async fn start(folder: &Path, change: impl FnOnce(&mut Value)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let file = folder.join("alertmanager.yml");
        std::fs::write(&file, configuration(folder, listener.local_addr().unwrap(), change)).unwrap();
        tokio::spawn(take_notifications(listener, Arc::clone(&received)));

        let mut command = Command::new(part("bin/alertmanager"));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.join("alertmanager").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
            .arg("--web.external-url=https://alertmanager.example.com");
        let (program, address) = Program::start("alertmanager", command, |line| {
            let address = line.split("address=").nth(1).filter(|_| line.contains("Listening on"))?;
            address.split(' ').next()?.parse().ok()
        })
        .await;
        Self { _program: program, address, received }
    }

    /// What reached it so far.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.received.lock().unwrap().clone()
    }

    /// Hands it alerts, as Prometheus does.
    pub(crate) async fn post(&self, alerts: &Value) {
        let answer = http::post(self.address, "/api/v2/alerts", &alerts.to_string()).await;
        assert!(matches!(answer, Ok((200, _))), "{answer:?}");
    }

    /// Every alert that it holds: its labels, and whether an inhibition or a silence holds it back.
    pub(crate) async fn held(&self) -> Vec<(BTreeMap<String, String>, bool)> {
        let (status, body) = http::get(self.address, "/api/v2/alerts", &[]).await.unwrap();
        assert_eq!(status, 200, "{body}");
        let alerts: Vec<Value> = serde_json::from_str(&body).unwrap();
        let one = |alert: &Value| {
            (BTreeMap::deserialize(&alert["labels"]).unwrap(), alert["status"]["state"] == "suppressed")
        };
        alerts.iter().map(one).collect()
    }
}

/// The shipped configuration, pointed at `local`, with its secrets in `folder`.
fn configuration(folder: &Path, local: SocketAddr, change: impl FnOnce(&mut Value)) -> String {
    let mut shipped = std::fs::read_to_string(root().join("alerts/alertmanager.yaml")).unwrap();
    for (place, name) in PLACES.into_iter().zip(["pagerduty", "webhook"]) {
        assert!(shipped.contains(place), "alerts/alertmanager.yaml speaks of {place} no more");
        shipped = shipped.replace(place, &format!("http://{local}/{name}"));
    }
    let secrets = folder.join("secrets");
    std::fs::create_dir_all(&secrets).unwrap();
    let found: Vec<_> = shipped.split(&format!("{SECRETS}/")).skip(1).collect();
    for name in found {
        let name = name.split(|at: char| !at.is_ascii_alphanumeric() && at != '_').next().unwrap();
        let secret = if name == "slack_url" { format!("http://{local}/slack") } else { format!("the secret {name}") };
        std::fs::write(secrets.join(name), secret).unwrap();
    }
    let mut config: Value = serde_saphyr::from_str(&shipped.replace(SECRETS, secrets.to_str().unwrap())).unwrap();
    config["templates"] = json!([root().join("alerts/templates/*.tmpl")]);
    for receiver in config["receivers"].as_array_mut().unwrap() {
        let url = format!("http://{local}/receiver/{}", receiver["name"].as_str().unwrap());
        if receiver["webhook_configs"].is_null() {
            receiver["webhook_configs"] = json!([]);
        }
        receiver["webhook_configs"].as_array_mut().unwrap().push(json!({ "url": url }));
    }
    change(&mut config);
    let text = config.to_string();
    for scheme in ["http://", "https://"] {
        let elsewhere = text.split(scheme).skip(1).find(|rest| !rest.starts_with(&local.to_string()));
        assert_eq!(elsewhere, None, "it would call {scheme}");
    }
    text
}

async fn take_notifications(listener: TcpListener, received: Arc<Mutex<Vec<Delivery>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let received = Arc::clone(&received);
        tokio::spawn(async move {
            // A connection that breaks is one that Alertmanager tries again.
            if let Ok(delivery) = take_one(stream).await {
                received.lock().unwrap().push(delivery);
            }
        });
    }
}

/// Reads one POST to the end of its body and answers 200. Slack's answer to what it took is `ok`, and nobody else minds it.
async fn take_one(mut stream: TcpStream) -> std::io::Result<Delivery> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if length.is_some_and(|length: usize| body.len() >= length) {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await?;
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                return Ok(Delivery { at: Instant::now(), path, body: serde_json::from_str(body)? });
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
