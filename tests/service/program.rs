//! The built program under test: started on free ports, spoken to by a real HTTP client, killed when dropped.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// One running program.
pub(crate) struct Program {
    child: Child,
    /// OTLP/gRPC.
    pub(crate) grpc: SocketAddr,
    /// OTLP/HTTP.
    pub(crate) http: SocketAddr,
    /// Metrics and probes.
    pub(crate) admin: SocketAddr,
    config: PathBuf,
}

/// An HTTP answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A config file of its own for each program.
fn write_config(text: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("coroner-service-{}-{n}.yaml", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coroner"));
    command.env("CORONER_GRPC_LISTEN", "127.0.0.1:0").env("CORONER_HTTP_LISTEN", "127.0.0.1:0");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Program {
    /// Starts it with this config and waits until it is ready.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_on(config, "127.0.0.1:0")
    }

    /// The same, with its admin port at this address.
    pub(crate) fn start_on(config: &str, admin: &str) -> Self {
        let config = write_config(config);
        let mut command = command();
        command.env("CORONER_ADMIN_LISTEN", admin).arg("--config").arg(&config);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |name: &str| -> SocketAddr {
            let line = lines.next().expect("an address is printed").unwrap();
            let (word, address) = line.split_once(' ').unwrap();
            assert_eq!(word, name);
            address.parse().unwrap()
        };
        let (grpc, http, admin) = (address("otlp/grpc"), address("otlp/http"), address("admin"));
        Self { child, grpc, http, admin, config }
    }

    /// Runs it to its end; code, standard output, standard error.
    pub(crate) fn run_to_end(args: &[&str], config: Option<&str>) -> (Option<i32>, String, String) {
        let path = config.map(write_config);
        let mut command = command();
        command.args(args);
        if let Some(path) = &path {
            command.arg("--config").arg(path);
        }
        let output = command.output().unwrap();
        if let Some(path) = path {
            fs::remove_file(path).unwrap();
        }
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// A bare connection.
    pub(crate) async fn connect(&self, to: SocketAddr) -> TcpStream {
        TcpStream::connect(to).await.unwrap()
    }

    /// Sends an export of traces.
    pub(crate) async fn export(&self, content_type: &str, body: Vec<u8>) -> Answer {
        let request = Request::post("/v1/traces").header("content-type", content_type);
        self.send(self.http, request.header("host", "x").body(Full::from(body)).unwrap()).await
    }

    /// Gets a page.
    pub(crate) async fn get(&self, from: SocketAddr, path: &str) -> Answer {
        self.send(from, Request::get(path).header("host", "x").body(Full::default()).unwrap()).await
    }

    async fn send(&self, to: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
        let (mut sender, connection) = http1::handshake(TokioIo::new(self.connect(to).await)).await.unwrap();
        let connection = tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        connection.abort();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// The value of the first series above zero that begins so.
    pub(crate) async fn value(&self, series: &str) -> Option<f64> {
        let page = self.get(self.admin, "/metrics").await.text();
        let values = page.lines().filter(|line| line.starts_with(series));
        values.filter_map(|line| line.split_once("} ").or_else(|| line.split_once(' '))).find_map(|(_, value)| {
            let number: f64 = value.split(' ').next()?.parse().ok()?;
            (number > 0.0).then_some(number)
        })
    }

    /// Waits until a series has a value; a second is the promise.
    pub(crate) async fn until(&self, series: &str, want: f64) {
        once(Duration::from_secs(1), || async {
            self.value(series).await.filter(|value| (value - want).abs() < f64::EPSILON)
        })
        .await;
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the end; exit code and log.
    pub(crate) async fn ended(&mut self) -> (Option<i32>, String) {
        let mut stderr = self.child.stderr.take().unwrap();
        let log = tokio::task::spawn_blocking(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        let log = tokio::time::timeout(Duration::from_secs(10), log).await.expect("it ends").unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(&self.config));
    }
}

/// Asks again until there is an answer or the time is up.
pub(crate) async fn once<T, F: Future<Output = Option<T>>>(longest: Duration, ask: impl Fn() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < longest, "no answer within {longest:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// OTLP/JSON of one failed call to a model; `id` tells bodies apart.
pub(crate) fn failed_span(model: &str, status: u16, id: u8) -> Vec<u8> {
    let attribute = |key: &str, value: serde_json::Value| serde_json::json!({"key": key, "value": value});
    let url = format!("https://model-{model}.api.baseten.co/environments/production/predict");
    let span = serde_json::json!({
        "traceId": format!("{id:032x}"), "spanId": format!("{id:016x}"), "name": "POST", "kind": 3,
        "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001000000000",
        "attributes": [
            attribute("http.request.method", serde_json::json!({"stringValue": "POST"})),
            attribute("url.full", serde_json::json!({"stringValue": url})),
            attribute("http.response.status_code", serde_json::json!({"intValue": status.to_string()})),
        ],
        "status": {"code": 2},
    });
    let service = attribute("service.name", serde_json::json!({"stringValue": "checkout"}));
    let export = serde_json::json!({"resourceSpans": [{
        "resource": {"attributes": [service]},
        "scopeSpans": [{"scope": {"name": "test"}, "spans": [span]}],
    }]});
    serde_json::to_vec(&export).unwrap()
}
