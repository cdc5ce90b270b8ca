//! The dashboards on real data. In: `coroner demo` with its simulated platform, and two real Prometheus servers that scrape both, 2.42 by
//! text and 3.x by protobuf with native histograms, with the shipped rules. Out: every query of every dashboard returned numbers at
//! some time of the day.
//!
//! A scrape a second stands for one every 15 s, and every window is as much shorter.

use super::compress::{compress, compress_query};
use super::{dashboard_queries, files, part};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

/// How many times faster than life.
const FASTER: u32 = 15;

/// How often is scraped.
const SCRAPE: Duration = Duration::from_secs(1);

/// How long the fleet runs, seconds.
const DAY: &str = "90";

/// Seconds: `$__rate_interval`, four scrapes.
const STEP: u64 = 4;

/// Rules that count are evaluated once more after the last count: a few of their intervals.
const AFTER: Duration = Duration::from_secs(6);

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn now() -> u64 {
    UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// The shipped rules, faster.
fn rules(folder: &Path) -> Vec<PathBuf> {
    files("alerts", ".rules.yaml")
        .iter()
        .map(|path| {
            let faster = compress(&std::fs::read_to_string(path).unwrap(), FASTER, SCRAPE);
            let written = folder.join(path.file_name().unwrap());
            std::fs::write(&written, faster.map_err(|error| format!("{}: {error}", path.display())).unwrap()).unwrap();
            written
        })
        .collect()
}

/// Starts a Prometheus that scrapes coroner and the platform; returns it with its port.
fn prometheus(name: &str, admin: &str, provider: &str, native: bool) -> (Process, u16) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("live-{name}"));
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    let native = if native { "scrape_native_histograms: true, " } else { "" };
    let job = |name, address| format!("{{job_name: {name}, {native}static_configs: [{{targets: ['{address}']}}]}}");
    let rules: Vec<String> = rules(&folder).iter().map(|path| format!("'{}'", path.display())).collect();
    let text = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nrule_files: [{}]\nscrape_configs: [{}, {}]\n",
        rules.join(", "),
        job("coroner", admin),
        job("baseten", provider)
    );
    let config = folder.join("prometheus.yml");
    std::fs::write(&config, text).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new(part(name))
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    (Process(child), port)
}

/// Asks for the whole day, in steps as long as the shortest window, so that no scrape is passed over; how many series held a number at
/// some time.
fn answers(port: u16, query: &str, (from, to): (u64, u64)) -> Result<usize, String> {
    let query = query.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    let path = format!("/api/v1/query_range?query={query}&start={from}&end={to}&step={STEP}");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let json: serde_json::Value = serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))?;
    let series = json["data"]["result"].as_array().ok_or_else(|| body.to_owned())?;
    let number = |value: &serde_json::Value| value[1].as_str().is_some_and(|value| value != "NaN");
    Ok(series.iter().filter(|one| one["values"].as_array().is_some_and(|all| all.iter().any(number))).count())
}

#[test]
fn every_dashboard_query_returns_data_from_the_demo() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_coroner"))
        .args(["demo", "--keep", "--provider", "127.0.0.1:0", "--seconds", DAY])
        .env("CORONER_GRPC_LISTEN", "127.0.0.1:0")
        .env("CORONER_HTTP_LISTEN", "127.0.0.1:0")
        .env("CORONER_ADMIN_LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let _demo = Process(demo);
    let mut address = |name: &str| {
        lines.find_map(|line| line.strip_prefix(name).map(str::to_owned)).expect("the demo names its addresses")
    };
    let (admin, provider) = (address("admin "), address("provider "));
    let began = now();
    let servers =
        [prometheus("prometheus2", &admin, &provider, false), prometheus("prometheus3", &admin, &provider, true)];
    assert!(lines.any(|line| line == "All verdicts agree with the truth."), "the verdicts agree");
    let ends = now() + AFTER.as_secs();
    while now() < ends {
        std::thread::park_timeout(Duration::from_millis(500));
    }
    let day = (began, now());
    let mut missing = Vec::new();
    for (place, query) in dashboard_queries() {
        let query = compress_query(&query, FASTER, SCRAPE).unwrap_or_else(|error| panic!("{place}: {error}"));
        for (_, port) in &servers {
            match answers(*port, &query, day) {
                Ok(0) => missing.push(format!("{place}: no data: {query}")),
                Ok(_) => {}
                Err(error) => missing.push(format!("{place}: {error}: {query}")),
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    // The latency panel must not have fallen back to classic buckets where native ones were asked for.
    let native = "histogram_quantile(0.5, sum(rate(inference_request_duration_seconds[4s])))";
    assert_eq!(answers(servers[1].1, native, day), Ok(1), "native histograms reach Prometheus 3");
}
