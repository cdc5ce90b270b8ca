//! The dashboards on real data. In: `coroner demo` and two real Prometheus servers that scrape it, 2.42 by text and 3.x by
//! protobuf with native histograms. Out: every query of every dashboard returns numbers.

use super::{dashboard_queries, part};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a Prometheus that scrapes the admin address every second; returns it with its port.
fn prometheus(name: &str, admin: &str, native: bool) -> (Process, u16) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("live-{name}"));
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    let native = if native { "scrape_native_histograms: true, " } else { "" };
    let config = folder.join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: coroner, {native}static_configs: [{{targets: ['{admin}']}}]}}]\n"
    );
    std::fs::write(&config, text).unwrap();
    let port = free_port();
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

/// Runs an instant query; the number of series in its answer that hold a number.
fn answers(port: u16, query: &str) -> Result<usize, String> {
    let query = query.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    write!(stream, "GET /api/v1/query?query={query} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let json: serde_json::Value = serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))?;
    let series = json["data"]["result"].as_array().ok_or_else(|| body.to_owned())?;
    Ok(series.iter().filter(|one| one["value"][1].as_str().is_some_and(|value| value != "NaN")).count())
}

#[test]
fn every_dashboard_query_returns_data_from_the_demo() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_coroner"))
        .args(["demo", "--seconds", "24", "--keep"])
        .env("CORONER_GRPC_LISTEN", "127.0.0.1:0")
        .env("CORONER_HTTP_LISTEN", "127.0.0.1:0")
        .env("CORONER_ADMIN_LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let _demo = Process(demo);
    let admin =
        lines.find_map(|line| line.strip_prefix("admin ").map(str::to_owned)).expect("the demo names its addresses");
    let servers = [prometheus("prometheus2", &admin, false), prometheus("prometheus3", &admin, true)];
    assert!(lines.any(|line| line == "All verdicts agree with the truth."), "the verdicts agree");
    // One more scrape, so that both servers have seen the end.
    let deadline = SystemTime::now() + Duration::from_secs(20);
    let mut missing = vec!["nothing was asked yet".to_owned()];
    while !missing.is_empty() && SystemTime::now() < deadline {
        missing.clear();
        for (_, port) in &servers {
            for (place, query) in dashboard_queries() {
                match answers(*port, &query) {
                    Ok(0) => missing.push(format!("{place}: no data: {query}")),
                    Ok(_) => {}
                    Err(error) => missing.push(format!("{place}: {error}: {query}")),
                }
            }
        }
        std::thread::park_timeout(Duration::from_millis(500));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    // The latency panel must not have fallen back to classic buckets where native ones were asked for.
    let native = "histogram_quantile(0.5, sum(rate(inference_request_duration_seconds[1m])))";
    assert_eq!(answers(servers[1].1, native), Ok(1), "native histograms reach Prometheus 3");
}
