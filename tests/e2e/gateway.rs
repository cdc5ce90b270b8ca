//! The fault-injecting HTTPS gateway: the far side of every call that the clients make.
//!
//! In: TLS connections, one request each; the header `x-test-fault` names the fault to play. Out: exactly the bytes, closes and
//! resets of that fault, and a ledger of what was really served, against which coroner's counts are compared. A request that names
//! no fault is passed to the model server behind its host; where that one dies without an answer, the caller gets the 502 that
//! Baseten documents. No HTTP library: a library would mend what has to be broken here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use crate::fault::{self, Does};

/// One request as the gateway served it.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// The calling service, as it names itself.
    pub(crate) caller: String,
    pub(crate) fault: String,
    pub(crate) host: String,
    pub(crate) path: String,
    /// The status that was put on the wire, `None` where no answer was.
    pub(crate) status: Option<u16>,
}

/// The model servers by the host names under which they are called.
pub(crate) type Upstreams = BTreeMap<String, SocketAddr>;

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    /// The CA that the clients must trust, as a PEM file.
    pub(crate) ca: PathBuf,
    ledger: Arc<Mutex<Vec<Served>>>,
}

impl Gateway {
    /// Starts on a free loopback port; the CA's certificate goes into `folder`.
    pub(crate) async fn start(folder: &Path, upstreams: Upstreams) -> Self {
        let (acceptor, pem) = certificates();
        let ca = folder.join("ca.pem");
        std::fs::write(&ca, pem).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ledger = Arc::new(Mutex::new(Vec::new()));
        let (shared, upstreams) = (Arc::clone(&ledger), Arc::new(upstreams));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, ledger, upstreams) = (acceptor.clone(), Arc::clone(&shared), Arc::clone(&upstreams));
                tokio::spawn(async move {
                    // A handshake that fails is a client that does not trust the CA: it made no request.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &ledger, &upstreams).await;
                    }
                });
            }
        });
        Self { address, ca, ledger }
    }

    /// What was served so far.
    pub(crate) fn served(&self) -> Vec<Served> {
        self.ledger.lock().unwrap().clone()
    }
}

/// A CA of the test's own and a server certificate for every model host.
fn certificates() -> (TlsAcceptor, String) {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "coroner end-to-end test CA");
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["*.api.baseten.co".to_owned(), "inference.baseten.co".to_owned()];
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let chain = vec![leaf.der().clone(), ca.der().clone()];
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    (TlsAcceptor::from(Arc::new(config)), ca.pem())
}

async fn serve(mut stream: TlsStream<TcpStream>, ledger: &Mutex<Vec<Served>>, upstreams: &Upstreams) {
    let Some((mut request, bytes)) = read_request(&mut stream).await else { return };
    if let Some(upstream) = upstreams.get(&request.host).filter(|_| request.fault.is_empty()) {
        let answer = pass_on(*upstream, &bytes).await;
        request.status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        ledger.lock().unwrap().push(request);
        let _gone = finish(stream, &answer).await;
        return;
    }
    let does = fault::find(&request.fault).map_or(Does::Answer(418, &[], "no such fault"), |fault| fault.does);
    request.status = status(does);
    ledger.lock().unwrap().push(request);
    // A client that is gone already is no error of the gateway.
    let _gone = play(stream, does).await;
}

fn status(does: Does) -> Option<u16> {
    match does {
        Does::Answer(status, ..) => Some(status),
        Does::Stream | Does::StreamThenClose | Does::StreamThenReset | Does::StreamThenSilence | Does::ShortBody => {
            Some(200)
        }
        Does::Silence | Does::Reset | Does::Close | Does::Unreached => None,
    }
}

/// What the model server answers; the gateway's own 502 where it answers nothing.
async fn pass_on(upstream: SocketAddr, request: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(upstream).await?;
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = exchange.await.ok().filter(|answer| !answer.is_empty());
    answer.unwrap_or_else(|| self::answer(502, &[], r#"{"error": "Error making prediction"}"#))
}

async fn finish(mut stream: TlsStream<TcpStream>, text: &str) -> std::io::Result<()> {
    send(&mut stream, text).await?;
    stream.shutdown().await
}

/// Reads head and body to the last byte: closing a socket with unread bytes would send a reset of its own.
async fn read_request(stream: &mut TlsStream<TcpStream>) -> Option<(Served, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(bytes.get(..end)?).into_owned();
            let length: usize = header(&head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let request = Served {
                    caller: header(&head, "x-test-caller").unwrap_or_default().to_owned(),
                    fault: header(&head, "x-test-fault").unwrap_or_default().to_owned(),
                    host: header(&head, "host").unwrap_or_default().to_owned(),
                    path: head.split(' ').nth(1).unwrap_or_default().to_owned(),
                    status: None,
                };
                return Some((request, bytes));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// Answered so far; each answer has a request id of its own.
static REQUESTS: AtomicU64 = AtomicU64::new(1);
const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
const EVENT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// How a connection ends once everything was said.
enum End {
    /// A TLS `close_notify`, then FIN.
    Orderly,
    Reset,
    /// Not by the gateway.
    Never,
}

/// What is said, and how it ends.
fn script(does: Does) -> (String, End) {
    let begun = || format!("{STREAM_HEAD}{}", chunk(EVENT));
    match does {
        Does::Answer(status, headers, body) => (answer(status, headers, body), End::Orderly),
        Does::Stream => (format!("{}{}0\r\n\r\n", begun(), chunk(DONE)), End::Orderly),
        Does::StreamThenClose => (begun(), End::Orderly),
        Does::StreamThenReset => (begun(), End::Reset),
        Does::StreamThenSilence => (begun(), End::Never),
        Does::ShortBody => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
            (format!("{head}{{\"output\": \"Hel"), End::Orderly)
        }
        Does::Silence => (String::new(), End::Never),
        Does::Reset => (String::new(), End::Reset),
        Does::Close | Does::Unreached => (String::new(), End::Orderly),
    }
}

fn answer(status: u16, headers: &[&str], body: &str) -> String {
    let extra: Vec<_> = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: application/json\r\n{}x-baseten-request-id: {:032x}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        reason(status),
        extra.concat(),
        REQUESTS.fetch_add(1, Ordering::Relaxed),
        body.len()
    )
}

async fn play(mut stream: TlsStream<TcpStream>, does: Does) -> std::io::Result<()> {
    let (text, end) = script(does);
    send(&mut stream, &text).await?;
    match end {
        End::Orderly => stream.shutdown().await,
        End::Never => until_hung_up(&mut stream).await,
        End::Reset => {
            // The client must have read what came before: a reset throws away what still waits in its socket.
            tokio::time::sleep(Duration::from_millis(300)).await;
            reset(stream)
        }
    }
}

async fn send(stream: &mut TlsStream<TcpStream>, text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await
}

/// Holds the connection until the client leaves, a minute at most.
async fn until_hung_up(stream: &mut TlsStream<TcpStream>) -> std::io::Result<()> {
    let mut rest = [0; 64];
    let _left = tokio::time::timeout(Duration::from_mins(1), stream.read(&mut rest)).await;
    Ok(())
}

/// Dropping a socket that must not linger sends RST instead of FIN.
fn reset(stream: TlsStream<TcpStream>) -> std::io::Result<()> {
    let (tcp, _) = stream.into_inner();
    tcp.set_zero_linger()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        413 => "Request Entity Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        499 => "Client Closed Request",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}
