//! Senders that stall, ports that are full, and the end of the service.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{MIB, Ports, body};
use crate::receive::{Limits, Protocol};

const QUICK: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends `bytes`, then reads what comes until the connection closes.
async fn stalled(ports: &Ports, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(ports.http).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut read = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut read)).await.expect("the connection is closed").unwrap();
    String::from_utf8_lossy(&read).into_owned()
}

fn head(length: usize) -> String {
    format!(
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-protobuf\r\nContent-Length: {length}\r\n\r\n"
    )
}

async fn post(ports: &Ports) -> String {
    let body = body(&["fine"]);
    stalled(ports, &[head(body.len()).as_bytes(), &body].concat()).await
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_off() {
    let ports = Ports::open(Limits { header_timeout: QUICK, ..Limits::default() }).await;
    let started = Instant::now();
    let read = stalled(&ports, b"POST /v1/traces HTTP/1.1\r\nHost:").await;
    assert!(started.elapsed() >= QUICK && !read.contains(" 200 "), "{read}");
    assert!(post(&ports).await.contains(" 200 "));
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_cut_off_and_a_slow_one_is_served() {
    let ports = Ports::open(Limits { header_timeout: QUICK, ..Limits::default() }).await;
    for address in [ports.http, ports.grpc] {
        for said in ["", "PRI * HT"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            let read = timeout(PATIENCE, stream.read(&mut [0])).await.expect("the connection is closed");
            assert!(read.is_err() || read.is_ok_and(|length| length == 0), "{said}");
        }
    }
    let mut stream = TcpStream::connect(ports.http).await.unwrap();
    for byte in b"POST /v1/traces HTTP/1.1\r\n" {
        stream.write_all(&[*byte]).await.unwrap();
        sleep(Duration::from_millis(2)).await;
    }
    stream
        .write_all(b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        .await
        .unwrap();
    let mut read = String::new();
    stream.read_to_string(&mut read).await.unwrap();
    assert!(read.contains(" 200 "), "{read}");
}

#[tokio::test]
async fn a_body_that_does_not_end_may_come_again() {
    let ports = Ports::open(Limits { body_timeout: QUICK, ..Limits::default() }).await;
    let read = stalled(&ports, format!("{}abc", head(100)).as_bytes()).await;
    assert!(read.starts_with("HTTP/1.1 503 ") && read.to_lowercase().contains("retry-after: 1"), "{read}");
    assert_eq!(ports.rejected("slow_body", Protocol::HttpProtobuf), 1);
    assert_eq!(ports.receiver.admission().used(), 0);
    assert!(post(&ports).await.contains(" 200 "));
}

#[tokio::test]
async fn when_full_it_is_busy_and_then_works_again() {
    let ports = Ports::open(Limits { request: MIB, in_flight: MIB, ..Limits::default() }).await;
    let mut slow = TcpStream::connect(ports.http).await.unwrap();
    slow.write_all(head(MIB).as_bytes()).await.unwrap();
    while ports.receiver.admission().used() < MIB {
        sleep(Duration::from_millis(1)).await;
    }
    let read = post(&ports).await;
    assert!(read.starts_with("HTTP/1.1 503 ") && read.to_lowercase().contains("retry-after: 1"), "{read}");
    assert!(ports.taken().is_empty());
    drop(slow);
    while ports.receiver.admission().used() > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    assert!(post(&ports).await.contains(" 200 "));
    assert_eq!(ports.rejected("busy", Protocol::HttpProtobuf), 1);
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_their_turn() {
    let ports = Ports::open(Limits { connections: 1, ..Limits::default() }).await;
    let first = TcpStream::connect(ports.http).await.unwrap();
    let (mut waiting, ports) = (Box::pin(post(&ports)), &ports);
    assert!(timeout(QUICK, &mut waiting).await.is_err());
    drop(first);
    assert!(waiting.await.contains(" 200 "));
    assert_eq!(ports.counters.connections(), 2);
}

#[tokio::test]
async fn shutdown_lets_requests_finish_and_cuts_what_overstays() {
    let mut ports = Ports::open(Limits { drain: Duration::from_secs(2), ..Limits::default() }).await;
    let body = body(&["fine"]);
    let begun = async |address| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head(body.len()).as_bytes()).await.unwrap();
        stream
    };
    let (mut finishing, _overstaying) = (begun(ports.http).await, begun(ports.http).await);
    while ports.receiver.admission().used() < 2 * body.len() {
        sleep(Duration::from_millis(1)).await;
    }
    ports.shutdown.cancel();
    sleep(QUICK).await;
    assert!(TcpStream::connect(ports.http).await.is_err(), "nobody listens any more");
    finishing.write_all(&body).await.unwrap();
    let mut read = String::new();
    timeout(PATIENCE, finishing.read_to_string(&mut read)).await.unwrap().unwrap();
    assert!(read.contains(" 200 "), "{read}");
    let started = Instant::now();
    for server in ports.servers.drain(..) {
        timeout(PATIENCE, server).await.expect("the deadline is hard").unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(ports.receiver.admission().used(), 0);
}
