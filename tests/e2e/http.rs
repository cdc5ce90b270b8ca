//! One HTTP request over loopback. HTTP/1.0: no chunks, the body ends with the connection.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Status and body, or what went wrong.
pub(crate) async fn get(address: SocketAddr, path: &str, parameters: &[(&str, &str)]) -> Result<(u16, String), String> {
    let query: Vec<_> = parameters.iter().map(|(key, value)| format!("{key}={}", escaped(value))).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let request = format!("GET {path}{mark}{} HTTP/1.0\r\nhost: {address}\r\n\r\n", query.join("&"));
    exchange(address, path, &request).await
}

/// The same for a POST of JSON.
pub(crate) async fn post(address: SocketAddr, path: &str, json: &str) -> Result<(u16, String), String> {
    let head = format!("content-type: application/json\r\ncontent-length: {}", json.len());
    exchange(address, path, &format!("POST {path} HTTP/1.0\r\nhost: {address}\r\n{head}\r\n\r\n{json}")).await
}

async fn exchange(address: SocketAddr, path: &str, request: &str) -> Result<(u16, String), String> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = timeout(Duration::from_secs(10), exchange).await;
    let answer = answer.map_err(|_| format!("{address}{path}: no answer in 10 s"))?;
    let answer = answer.map_err(|error| format!("{address}{path}: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{address}{path}: no HTTP answer"))?;
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok());
    Ok((status.ok_or_else(|| format!("{address}{path}: no status in {head:?}"))?, body.to_owned()))
}

fn escaped(value: &str) -> String {
    value
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
