//! The case feed over real sockets: the generated client, `coroner watch` as a process, and the pages beside them on one port.

use crate::program::{Program, failed_span, once};
use bytes::Bytes;
use coroner::feed::v1::cases_client::CasesClient;
use coroner::feed::v1::{Case, WatchRequest};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tonic::{Code, Streaming};

const JSON: &str = "application/json";
const SECOND: Duration = Duration::from_secs(1);

async fn watch(program: &Program, request: WatchRequest) -> Streaming<Case> {
    let mut client = CasesClient::connect(format!("http://{}", program.admin)).await.unwrap();
    client.watch(request).await.unwrap().into_inner()
}

fn model(case: &Case) -> &str {
    &case.target.as_ref().unwrap().model_id
}

/// A `coroner watch` that is killed when dropped.
struct Watcher(Child);

impl Watcher {
    fn start(url: &str, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coroner"));
        command.args(["watch", "--url", url]).args(more);
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Starts one and waits until the service counts `watchers`.
    async fn connected(program: &Program, more: &[&str], watchers: f64) -> Self {
        let watcher = Self::start(&format!("http://{}", program.admin), more);
        once(5 * SECOND, || async {
            program.value("coroner_feed_watchers").await.filter(|seen| (seen - watchers).abs() < f64::EPSILON)
        })
        .await;
        watcher
    }

    fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        BufReader::new(self.0.stdout.take().unwrap()).lines().map(Result::unwrap)
    }

    fn errors(&mut self) -> impl Iterator<Item = String> + use<> {
        BufReader::new(self.0.stderr.take().unwrap()).lines().map(Result::unwrap)
    }

    fn interrupt(&self) {
        let kill = format!("kill -INT {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end; exit code and what it said.
    fn ended(&mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        if let Some(mut stderr) = self.0.stderr.take() {
            stderr.read_to_string(&mut said).unwrap();
        }
        (self.0.wait().unwrap().code(), said)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn a_failed_span_is_on_the_feed_within_a_second() {
    let program = Program::start("");
    let mut all = watch(&program, WatchRequest::default()).await;
    let mut m2 = watch(&program, WatchRequest { model: "m2*".to_owned(), ..WatchRequest::default() }).await;
    let began = Instant::now();
    assert_eq!(program.export(JSON, failed_span("m1", 401, 1)).await.status, 200);
    let case = timeout(SECOND, all.message()).await.expect("within a second").unwrap().unwrap();
    assert!(began.elapsed() < SECOND);
    assert_eq!((model(&case), case.status_code.as_str(), case.caller.as_str()), ("m1", "401", "checkout"));
    assert_eq!(case.trace_id, format!("{:032x}", 1));
    assert_eq!(case.verdict.unwrap().cause, "invalid_api_key");
    assert_eq!(program.export(JSON, failed_span("m2", 401, 2)).await.status, 200);
    let case = timeout(SECOND, m2.message()).await.expect("within a second").unwrap().unwrap();
    assert_eq!(model(&case), "m2", "the case before is not wanted here");
    program.until("coroner_feed_watchers", 2.0).await;
    drop((all, m2));
    once(SECOND, || async { program.value("coroner_feed_watchers").await.is_none().then_some(()) }).await;
}

#[tokio::test]
async fn wrong_filters_and_http1_are_refused_with_a_reason() {
    let program = Program::start("");
    let mut client = CasesClient::connect(format!("http://{}", program.admin)).await.unwrap();
    let request = WatchRequest { causes: vec!["oom".to_owned()], ..WatchRequest::default() };
    let status = client.watch(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("`oom` is no cause; write one of: oom_killed, "), "{status}");
    let page = program.get(program.admin, "/coroner.v1.Cases/Watch").await;
    assert_eq!(page.status, 505);
    assert!(page.text().contains("coroner watch"));
}

#[tokio::test]
async fn pages_come_by_http1_and_http2_on_the_feeds_port() {
    let program = Program::start("");
    let _feed = watch(&program, WatchRequest::default()).await;
    let by_http1 = program.get(program.admin, "/metrics").await;
    assert_eq!(by_http1.status, 200);
    let stream = TokioIo::new(program.connect(program.admin).await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    for (path, words) in [("/metrics", "coroner_feed_watchers"), ("/readyz", "ready\n")] {
        let request = Request::get(format!("http://{}{path}", program.admin)).body(Full::<Bytes>::default()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        if path == "/metrics" {
            assert_eq!(answer.headers()["content-type"], by_http1.header("content-type").unwrap());
        }
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains(words), "{path}");
    }
}

#[tokio::test]
async fn watch_prints_json_and_ends_at_an_interrupt() {
    let program = Program::start("");
    let mut watcher = Watcher::connected(&program, &["--json", "--blame", "client"], 1.0).await;
    assert_eq!(program.export(JSON, failed_span("m0", 502, 3)).await.status, 200);
    assert_eq!(program.export(JSON, failed_span("m1", 401, 4)).await.status, 200);
    let case: serde_json::Value = serde_json::from_str(&watcher.lines().next().unwrap()).unwrap();
    assert_eq!(case["kind"], "settled");
    assert_eq!(case["target"]["model_id"], "m1", "the other one is nobody's fault");
    assert_eq!(case["verdict"]["class"], "authentication");
    watcher.interrupt();
    assert_eq!(watcher.ended(), (Some(0), String::new()));
}

#[tokio::test]
async fn watch_prints_a_table_and_ends_when_nobody_reads() {
    let program = Program::start("");
    let mut watcher = Watcher::connected(&program, &[], 1.0).await;
    assert_eq!(program.export(JSON, failed_span("m1", 401, 5)).await.status, 200);
    let lines: Vec<_> = watcher.lines().take(2).collect();
    assert!(lines[0].starts_with("TIME UTC  MODEL/ENV"), "{lines:?}");
    assert!(lines[1].contains("m1/production") && lines[1].contains("invalid_api_key"), "{lines:?}");
    // The pipe is closed now, which shows with the next case.
    assert_eq!(program.export(JSON, failed_span("m1", 401, 6)).await.status, 200);
    assert_eq!(watcher.ended(), (Some(0), String::new()));
}

#[tokio::test]
async fn watch_comes_back_after_a_restart_and_says_so() {
    let admin = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut first = Program::start_on("shutdown: { linger: 0s }", &admin);
    let mut watcher = Watcher::connected(&first, &["--json"], 1.0).await;
    first.signal("TERM");
    assert_eq!(first.ended().await.0, Some(0));
    let mut errors = watcher.errors();
    let lost = errors.next().unwrap();
    assert_eq!(lost, "the service ended the feed; trying again in 0.5 s");
    let second = Program::start_on("", &admin);
    once(10 * SECOND, || async { second.value("coroner_feed_watchers").await }).await;
    assert_eq!(second.export(JSON, failed_span("m1", 401, 7)).await.status, 200);
    assert!(watcher.lines().next().unwrap().contains("\"model_id\":\"m1\""));
    watcher.interrupt();
    assert_eq!(errors.last(), Some(format!("watching http://{admin} again")));
}

#[tokio::test]
async fn watch_says_what_is_wrong_with_the_url() {
    let program = Program::start("");
    let only_http1 = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = only_http1.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut connection, _) = only_http1.accept().unwrap();
        connection.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let table = [
        (format!("http://{free}"), "nothing listens at http://"),
        (format!("http://{}", program.http), "is not coroner's admin port: it has no case feed"),
        (format!("http://{}", program.grpc), "is not coroner's admin port: it has no case feed"),
        (format!("http://{other}"), "is not coroner's admin port: no gRPC is spoken there"),
    ];
    for (url, words) in table {
        let (code, said) = Watcher::start(&url, &[]).ended();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(words) && said.contains("--url"), "{said}");
    }
}
