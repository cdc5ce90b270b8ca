//! The admin port over a real socket.

use super::*;
use crate::feed::v1::WatchRequest;
use crate::feed::v1::cases_client::CasesClient;
use crate::measure::{Settings, shared};
use crate::telemetry::catalogue;
use std::io::{Read, Write};
use std::net::TcpStream as Socket;
use tonic::transport::Endpoint;

/// A feed that has ended.
fn feed(metrics: &Metrics) -> Feed {
    crate::feed::channel(metrics).1
}

fn start(health: Health) -> Running {
    let metrics = Metrics::default();
    metrics.value(&catalogue::BUILD_INFO, &["1.2.3"]).set(1.0);
    for n in 0..100 {
        metrics.value(&catalogue::REJECTED, &["grpc", &format!("reason {n}")]);
    }
    let admin = Admin { store: shared(Settings::default(), &metrics), feed: feed(&metrics), metrics, health };
    admin.start(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap()
}

/// Sends a request and reads until the answer ends; headers and body.
fn ask(running: &Running, request: &str) -> (String, Vec<u8>) {
    let mut socket = Socket::connect(running.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "{request}Host: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let split = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    (String::from_utf8_lossy(&answer[..split]).to_lowercase(), answer[split + 4..].to_vec())
}

#[test]
fn pages_and_refusals() {
    let running = start(Health::new(&[]));
    for (request, status, body) in [
        ("GET /livez HTTP/1.1\r\n", "200", "alive\n"),
        ("GET /readyz?verbose HTTP/1.1\r\n", "200", "ready\n"),
        (
            "GET /nothing HTTP/1.1\r\n",
            "404",
            "here are: /metrics, /livez, /readyz, and the case feed (coroner watch)\n",
        ),
        ("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n", "405", "only GET and HEAD\n"),
        ("HEAD /metrics HTTP/1.1\r\n", "200", ""),
    ] {
        let (head, found) = ask(&running, request);
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{request}{head}");
        assert_eq!(String::from_utf8_lossy(&found), body, "{request}");
    }
    let (head, body) = ask(&running, "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
    let page = String::from_utf8(body).unwrap();
    assert!(page.contains("coroner_build_info{version=\"1.2.3\"} 1\n") && page.ends_with("# EOF\n"), "{page}");
}

#[test]
fn gzip_where_it_is_asked_for() {
    let running = start(Health::new(&[]));
    let (_, plain) = ask(&running, "GET /metrics HTTP/1.1\r\n");
    let (head, small) = ask(&running, "GET /metrics HTTP/1.1\r\nAccept-Encoding: deflate\r\nAccept-Encoding: gzip\r\n");
    assert!(head.contains("content-encoding: gzip") && small.len() * 5 < plain.len(), "{head}");
    let mut opened = Vec::new();
    flate2::read::GzDecoder::new(&small[..]).read_to_end(&mut opened).unwrap();
    assert_eq!(opened, plain);
}

#[test]
fn ready_only_when_every_stage_is_and_not_while_draining() {
    let health = Health::new(&["grpc", "http"]);
    let running = start(health.clone());
    let ready = || ask(&running, "GET /readyz HTTP/1.1\r\n");
    health.ready("grpc");
    let (head, body) = ready();
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert_eq!(body, b"http: starting\n");
    health.ready("http");
    assert_eq!(ready().1, b"ready\n");
    health.drain();
    assert_eq!(ready().1, b"shutdown: draining\n");
    assert!(ask(&running, "GET /livez HTTP/1.1\r\n").0.starts_with("http/1.1 200 "));
}

#[test]
fn readers_that_take_no_page_hold_only_so_many_and_no_probe() {
    let metrics = Metrics::default();
    // More than the sockets' buffers take.
    for n in 0..24 {
        metrics.value(&catalogue::REJECTED, &["grpc", &format!("{n}{}", "x".repeat(1 << 20))]);
    }
    let admin =
        Admin { store: shared(Settings::default(), &metrics), feed: feed(&metrics), metrics, health: Health::new(&[]) };
    let running = admin.start(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let readers = [0; PAGES].map(|_| {
        let mut socket = Socket::connect(running.address()).unwrap();
        write!(socket, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        socket.read_exact(&mut [0; 8]).unwrap();
        socket
    });
    assert!(ask(&running, "GET /livez HTTP/1.1\r\n").0.starts_with("http/1.1 200 "));
    assert!(ask(&running, "GET /metrics HTTP/1.1\r\n").0.starts_with("http/1.1 503 "));
    drop(readers);
    assert!(ask(&running, "GET /metrics HTTP/1.1\r\n").0.starts_with("http/1.1 200 "));
}

#[tokio::test]
async fn stop_ends_idle_connections_and_frees_the_port() {
    let running = start(Health::new(&[]));
    let address = running.address();
    let mut idle = Socket::connect(address).unwrap();
    tokio::time::timeout(Duration::from_secs(5), running.stop())
        .await
        .expect("an idle connection must not hold the stop");
    idle.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(idle.read(&mut [0; 8]).unwrap_or(0), 0);
    TcpListener::bind(address).expect("the port is free again");
}

#[tokio::test]
async fn a_watch_outlives_the_age_of_connections_and_nothing_else_does() {
    let age = Duration::from_millis(100);
    let metrics = Metrics::default();
    let (publisher, feed) = crate::feed::channel(&metrics);
    let admin = Admin { store: shared(Settings::default(), &metrics), feed, metrics, health: Health::new(&[]) };
    let desk = Arc::new(Desk { admin, pages: Arc::new(Semaphore::new(PAGES)), age });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let accepting = Arc::clone(&desk);
    let connections = TaskTracker::new();
    let accepted = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            accepted.spawn(converse(Arc::clone(&accepting), stream, CancellationToken::new()));
        }
    });
    let mut watching = CasesClient::connect(url.clone()).await.unwrap();
    let mut watch = watching.watch(WatchRequest::default()).await.unwrap().into_inner();
    let idle = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
    drop(CasesClient::new(idle.clone()).watch(WatchRequest::default()).await.unwrap());
    assert_eq!(connections.len(), 2);
    let over = tokio::time::timeout(age * 5, watch.message()).await;
    assert!(over.is_err(), "the watch goes on: {over:?}");
    assert_eq!(connections.len(), 1, "the idle connection is gone");
    drop(publisher);
    assert!(watch.message().await.unwrap().is_none(), "the feed ended in order");
    connections.close();
    tokio::time::timeout(GRACE, connections.wait()).await.expect("so does its connection");
}
