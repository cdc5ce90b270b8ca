//! pint on the pack. In: the rules, `.pint.hcl`, and a Prometheus 3 with the rules loaded that scrapes `coroner demo` and a page of what
//! the demo has not: configured thresholds, a sample of Baseten's metrics. Out: no finding, neither of the text nor of the answers;
//! whatever is switched off says why.

use crate::pack::{alerts, files, part, root, text};
use coroner::telemetry::catalogue;
use regex::Regex;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

/// How long the demo runs; its incidents are over then, and every rule has been evaluated some times.
const DEMO_SECONDS: &str = "24";

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs pint on every rule file; whatever is this severe is a finding.
fn lint(options: &[&str], severity: &str) {
    let mut command = Command::new(part("pint"));
    command.current_dir(root("")).arg("--no-color").args(options);
    command.args(["lint", "--min-severity", severity, "--fail-on", severity]);
    command.args(files("alerts", ".rules.yaml").iter().map(|path| path.strip_prefix(root("")).unwrap().to_owned()));
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "pint {options:?}:\n{said}");
}

#[test]
fn pint_has_nothing_to_say_about_the_rules() {
    lint(&["--offline"], "info");
}

#[test]
fn whatever_pint_is_told_to_pass_over_says_why() {
    let switch = Regex::new(r"# pint (disable|snooze|ignore|file|rule)").unwrap();
    let silent = Regex::new(r"^\s*(disabled?|snooze|ignore\w*)\s*(=|\{)").unwrap();
    let mut problems = Vec::new();
    for path in files("alerts", ".rules.yaml").into_iter().chain([root(".pint.hcl")]) {
        let text = text(&path);
        let mut before = "";
        for (n, line) in text.lines().enumerate() {
            let reason = before.trim_start().trim_start_matches(['#', '/']).trim();
            let explained =
                before.trim_start().starts_with(['#', '/']) && !switch.is_match(before) && reason.len() > 20;
            if (switch.is_match(line) || silent.is_match(line)) && !explained {
                problems.push(format!("{}:{}: no reason in the line above: {line}", path.display(), n + 1));
            }
            before = line;
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Starts the demo and waits until its incidents are over; returns it with its admin address.
fn demo(while_it_runs: impl FnOnce(&str) -> Process) -> (Process, Process) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_coroner"))
        .args(["demo", "--seconds", DEMO_SECONDS, "--keep"])
        .env("CORONER_GRPC_LISTEN", "127.0.0.1:0")
        .env("CORONER_HTTP_LISTEN", "127.0.0.1:0")
        .env("CORONER_ADMIN_LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let child = Process(child);
    let admin =
        lines.find_map(|line| line.strip_prefix("admin ").map(str::to_owned)).expect("the demo names its addresses");
    let server = while_it_runs(&admin);
    assert!(lines.any(|line| line == "All verdicts agree with the truth."), "the verdicts agree");
    // It goes on to write, and ends where nobody reads.
    std::thread::spawn(move || lines.for_each(drop));
    (child, server)
}

/// What the demo does not export: a threshold for each alert, of a target and a caller that do not exist, and Baseten's metrics.
fn page() -> String {
    let mut page = std::fs::read_to_string(root("alerts/tests/baseten-sample.prom")).unwrap_or_default();
    for rule in alerts() {
        for metric in [&catalogue::ALERT_THRESHOLD, &catalogue::CALLER_ALERT_THRESHOLD] {
            let label = |name: &&str| if *name == "alert" { rule.name().to_owned() } else { "none".to_owned() };
            let labels: Vec<String> = metric.labels.iter().map(|name| format!("{name}=\"{}\"", label(name))).collect();
            writeln!(page, "{}{{{}}} 1", metric.name, labels.join(",")).unwrap();
        }
    }
    page
}

/// Serves that page to whoever asks, until the test ends; returns where.
fn exporter() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let page = page();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            drop(stream.read(&mut [0; 4096]));
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close";
            drop(write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{page}", page.len()));
        }
    });
    address
}

/// Starts a Prometheus 3 that scrapes the demo and the page every second and evaluates the pack.
fn prometheus(folder: &Path, port: u16, admin: &str) -> Process {
    let rules: Vec<PathBuf> = files("alerts", ".rules.yaml");
    let config = serde_json::json!({
        "global": {
            "scrape_interval": "1s",
            "external_labels": {"grafana_url": "http://localhost:3000", "runbooks_url": "http://localhost"},
        },
        "rule_files": rules,
        "scrape_configs": [
            {"job_name": "coroner", "static_configs": [{"targets": [admin]}]},
            {"job_name": "sample", "static_configs": [{"targets": [exporter()]}]},
        ],
    });
    std::fs::write(folder.join("prometheus.yml"), config.to_string()).unwrap();
    let child = Command::new(part("prometheus3"))
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    Process(child)
}

fn get(port: u16, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

/// Waits until Prometheus holds what coroner tells once a minute only: when the channels last spoke, and their clocks.
fn told(port: u16) {
    let began = SystemTime::now();
    let holds = |metric: &&catalogue::Metric| {
        let answer = get(port, &format!("/api/v1/query?query={}", metric.name)).unwrap_or_default();
        answer["data"]["result"].as_array().is_some_and(|series| !series.is_empty())
    };
    while ![&catalogue::CHANNEL_TIMESTAMP, &catalogue::CLOCK_SKEW].iter().all(holds) {
        assert!(began.elapsed().unwrap() < Duration::from_secs(90), "the channels of the demo were not told");
        std::thread::park_timeout(Duration::from_millis(500));
    }
}

/// Waits until every rule was evaluated after the demo's end; what failed in the evaluation.
fn evaluated(port: u16) -> Vec<String> {
    let began = SystemTime::now();
    let since = time::OffsetDateTime::from(began).format(&time::format_description::well_known::Rfc3339).unwrap();
    let mut errors = vec!["Prometheus did not answer".to_owned()];
    while began.elapsed().unwrap() < Duration::from_secs(75) {
        std::thread::park_timeout(Duration::from_millis(500));
        let Some(answer) = get(port, "/api/v1/rules") else { continue };
        let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
        let rules: Vec<Value> =
            groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default()).collect();
        let last = |rule: &Value| rule["lastEvaluation"].as_str().unwrap_or_default().to_owned();
        let failed = rules.iter().filter(|rule| rule["health"] == "err");
        errors = failed.map(|rule| format!("{}: {}", rule["name"], rule["lastError"])).collect();
        if !rules.is_empty() && rules.iter().all(|rule| last(rule).get(..19) > since.get(..19)) {
            return errors;
        }
    }
    errors.push("not every rule was evaluated".to_owned());
    errors
}

#[test]
fn pint_has_nothing_to_say_about_the_answers() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pint");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _running = demo(|admin| prometheus(&folder, port, admin));
    told(port);
    let errors = evaluated(port);
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    let server = format!("prometheus \"demo\" {{\n  uri      = \"http://127.0.0.1:{port}\"\n  required = true\n}}\n");
    let config = folder.join("pint.hcl");
    std::fs::write(
        &config,
        format!("{}\n{}\n{server}", text(&root(".pint.hcl")), text(&root("tests/rules/pint-online.hcl"))),
    )
    .unwrap();
    // As information pint names records that hold nothing yet, because no incident of the demo lasts for hours.
    lint(&["--config", config.to_str().unwrap()], "warning");
}
