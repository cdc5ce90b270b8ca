//! `deploy/try` for real, with both versions of Prometheus. In: the script. Out: rules loaded, targets up, Alertmanager known, and nothing left
//! when it is told to stop.

use super::{part, root};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime};

/// How long until the first scrapes of all targets: the longest interval is a minute, spread at random.
const SCRAPED: Duration = Duration::from_secs(90);
/// How long the script may take to stop everything.
const STOPPED: Duration = Duration::from_secs(30);

/// The script, killed with its test.
struct Try {
    child: Child,
    /// Read on, so that its last words find a reader.
    said: Lines<BufReader<ChildStdout>>,
    folder: PathBuf,
}

impl Drop for Try {
    fn drop(&mut self) {
        // The script stops what it started; SIGKILL would leave it behind.
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal("TERM");
            drop(self.child.wait());
        }
    }
}

impl Try {
    /// Starts the script so that it finds this Prometheus and this Alertmanager first.
    fn start(prometheus: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("try-{prometheus}"));
        drop(std::fs::remove_dir_all(&folder));
        let (bin, data) = (folder.join("bin"), folder.join("data"));
        for made in [&bin, &data] {
            std::fs::create_dir_all(made).unwrap();
        }
        symlink(part(prometheus), bin.join("prometheus")).unwrap();
        symlink(part("alertmanager"), bin.join("prometheus-alertmanager")).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut child = Command::new(root().join("deploy/try"))
            .args(["--free-ports", "--seconds", "60", "--repeat"])
            .envs([("PATH", path.as_str()), ("CORONER", env!("CARGO_BIN_EXE_coroner"))])
            .env("TMPDIR", &data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, said, folder }
    }

    /// What it says, up to its last line; the address of each server by its name.
    fn addresses(&mut self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut said = Vec::new();
        for line in self.said.by_ref().map(Result::unwrap) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["try:", name, url, ..] = words.as_slice()
                && let Some(rest) = url.strip_prefix("http://")
            {
                found.insert((*name).to_owned(), rest.split('/').next().unwrap().to_owned());
            }
            let last = line.contains("Ctrl-C stops all of it");
            said.push(line);
            if last {
                return found;
            }
        }
        panic!("it ended early: {said:?}");
    }

    fn signal(&self, name: &str) {
        drop(Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status());
    }
}

/// The `data` of an answer of Prometheus; null where nobody answers.
fn data(address: &str, path: &str) -> Value {
    let body = get(address, path).unwrap_or_default();
    serde_json::from_str::<Value>(&body).map(|mut answer| answer["data"].take()).unwrap_or_default()
}

/// The body of an answer with status 200.
fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).filter(|status| *status == "200")?;
    Some(body.to_owned())
}

/// Asks until the answer is what is wanted; else the last answer.
fn until<T>(longest: Duration, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let deadline = SystemTime::now() + longest;
    loop {
        match ask() {
            Ok(found) => return found,
            Err(last) => assert!(SystemTime::now() < deadline, "{last}"),
        }
        std::thread::park_timeout(Duration::from_millis(250));
    }
}

fn health(server: &str) -> BTreeMap<String, String> {
    let targets = data(server, "/api/v1/targets");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let active = targets["activeTargets"].as_array().cloned().unwrap_or_default();
    active.iter().map(|target| (text(&target["labels"]["job"]), text(&target["health"]))).collect()
}

/// How many alerts and records the shipped files hold.
fn shipped() -> usize {
    let files = std::fs::read_dir(root().join("alerts")).unwrap().map(|entry| entry.unwrap().path());
    let rules = files.filter(|path| path.to_string_lossy().ends_with(".rules.yaml")).map(|path| {
        let rules: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let groups = rules["groups"].as_array().unwrap().clone();
        groups.iter().map(|group| group["rules"].as_array().unwrap().len()).sum::<usize>()
    });
    rules.sum()
}

fn everything_runs_and_stops(prometheus: &str) {
    let mut running = Try::start(prometheus);
    let addresses = running.addresses();
    let [coroner, provider, server, alerts] =
        ["coroner", "provider", "Prometheus", "Alertmanager"].map(|name| addresses[name].as_str());

    let groups = data(server, "/api/v1/rules")["groups"].as_array().cloned().unwrap_or_default();
    let loaded: usize = groups.iter().map(|group| group["rules"].as_array().unwrap().len()).sum();
    assert_eq!(loaded, shipped());
    assert!(get(alerts, "/api/v2/status").is_some_and(|status| status.contains("inhibit_rules")));
    let page = until(Duration::from_secs(10), || {
        let page = get(provider, "/metrics").unwrap_or_default();
        if page.contains("baseten_inference_requests_total{") { Ok(page) } else { Err(page) }
    });
    assert!(page.ends_with("# EOF\n"));

    until(SCRAPED, || {
        let health = health(server);
        let up = ["coroner", "provider", "alertmanager", "prometheus"]
            .iter()
            .all(|job| health.get(*job).is_some_and(|health| health == "up"));
        if up { Ok(()) } else { Err(format!("{health:?}")) }
    });
    let known = data(server, "/api/v1/alertmanagers")["activeAlertmanagers"][0]["url"].clone();
    assert_eq!(known, format!("http://{alerts}/api/v2/alerts"));
    let exemplars = format!("/api/v1/query_exemplars?query=inference_failures_total&start=0&end={}", 4_000_000_000_u64);
    until(SCRAPED, || {
        let found = data(server, &exemplars);
        if found.to_string().contains("trace_id") { Ok(()) } else { Err(found.to_string()) }
    });

    running.signal("INT");
    let status = until(STOPPED, || running.child.try_wait().unwrap().ok_or_else(|| "it goes on".to_owned()));
    assert!(status.success(), "{status}");
    for address in [coroner, provider, server, alerts] {
        assert!(TcpStream::connect(address).is_err(), "{address} is still open");
    }
    assert_eq!(std::fs::read_dir(running.folder.join("data")).unwrap().count(), 0, "its data is removed");
}

#[test]
fn the_script_runs_everything_with_prometheus_2() {
    everything_runs_and_stops("prometheus2");
}

#[test]
fn the_script_runs_everything_with_prometheus_3() {
    everything_runs_and_stops("prometheus3");
}

#[test]
fn what_only_tells_starts_nothing() {
    for (argument, told) in [("--help", "deploy/try --only oom-storm"), ("--list", "oom-storm")] {
        let script = Command::new(root().join("deploy/try"))
            .arg(argument)
            .env("CORONER", env!("CARGO_BIN_EXE_coroner"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&script.stdout);
        assert!(script.status.success() && said.contains(told), "{argument}: {said}");
        assert!(!said.contains("http://"), "{argument}: {said}");
    }
}

#[test]
fn the_script_says_what_is_missing() {
    // A machine with nothing but the shell's own tools, and a copy of the script without .parts beside it.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("try-nothing");
    drop(std::fs::remove_dir_all(&folder));
    let (bin, deploy) = (folder.join("bin"), folder.join("deploy"));
    for made in [&bin, &deploy] {
        std::fs::create_dir_all(made).unwrap();
    }
    for tool in ["bash", "dirname"] {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap();
        symlink(String::from_utf8(found.stdout).unwrap().trim(), bin.join(tool)).unwrap();
    }
    std::fs::copy(root().join("deploy/try"), deploy.join("try")).unwrap();
    let output = Command::new(bin.join("bash")).arg(deploy.join("try")).env("PATH", &bin).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in ["missing: prometheus prometheus-alertmanager", "apt-get install", "tests/run --install"] {
        assert!(said.contains(word), "{said}");
    }
}
