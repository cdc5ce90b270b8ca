//! The day that the boards show. In: nothing. Out: a Prometheus 3 that has scraped `coroner demo` and its simulated platform from the first
//! to the last incident, with the shipped rules loaded.
//!
//! A scrape a second stands for one every 15 s, and the windows of the rules are as much shorter, so that 22 minutes pass in 90 s.
//! `CORONER_TEST_FULL_TIME=1` runs an hour with the rules as they are.

use super::compress::compress;
use super::{files, part};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often a real Prometheus scrapes, seconds.
const SCRAPE: u32 = 15;

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// How fast time passes.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// How much shorter everything is than it would be in life.
    pub(crate) scale: u32,
    /// How long the fleet runs.
    pub(crate) run: Duration,
}

impl Pace {
    pub(crate) fn chosen() -> Self {
        if std::env::var_os("CORONER_TEST_FULL_TIME").is_some_and(|value| value == "1") {
            return Self { scale: 1, run: Duration::from_hours(1) };
        }
        Self { scale: SCRAPE, run: Duration::from_secs(90) }
    }

    pub(crate) fn scrape(self) -> Duration {
        Duration::from_secs(u64::from(SCRAPE / self.scale))
    }
}

/// A day, ready to be asked; its servers end with it.
pub(crate) struct Day {
    _demo: Process,
    _prometheus: Process,
    /// Where Prometheus answers.
    pub(crate) prometheus: String,
    /// When the fleet began and ended, milliseconds since the epoch.
    pub(crate) began: u64,
    ended: u64,
    pub(crate) pace: Pace,
}

impl Day {
    /// Runs the fleet to its end, with only these incidents; with all where none is named.
    pub(crate) fn pass(only: &[&str]) -> Self {
        let pace = Pace::chosen();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        let (demo, mut lines) = start_demo(pace, only);
        let mut address = |name: &str| lines.find_map(|line| line.strip_prefix(name).map(str::to_owned)).unwrap();
        let (admin, provider) = (address("admin "), address("provider "));
        let (server, prometheus) = start_prometheus(&folder, pace, &[("coroner", &admin), ("baseten", &provider)]);
        let began = now();
        assert!(lines.any(|line| line.starts_with("The last cases settle")), "the fleet runs to its end");
        let ended = now();
        assert!(lines.any(|line| line == "All verdicts agree with the truth."), "the verdicts agree");
        let day = Self { _demo: demo, _prometheus: server, prometheus, began, ended, pace };
        day.wait_for_the_last_scrape();
        day
    }

    /// A moment of the day, as a share of the run in percent; milliseconds since the epoch.
    pub(crate) fn at(&self, percent: u64) -> u64 {
        self.began + (self.ended - self.began) * percent / 100
    }

    /// The rules are evaluated once more after the demo's last count.
    fn wait_for_the_last_scrape(&self) {
        let last = now() + 4 * u64::try_from(self.pace.scrape().as_millis()).unwrap();
        while now() < last {
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn start_demo(pace: Pace, only: &[&str]) -> (Process, impl Iterator<Item = String>) {
    let any = "127.0.0.1:0";
    let mut child = Command::new(env!("CARGO_BIN_EXE_coroner"))
        .args(["demo", "--keep", "--provider", any, "--seconds", &pace.run.as_secs().to_string()])
        .args(only.iter().flat_map(|incident| ["--only", incident]))
        .envs(["CORONER_GRPC_LISTEN", "CORONER_HTTP_LISTEN", "CORONER_ADMIN_LISTEN"].map(|name| (name, any)))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = lines(child.stdout.take().unwrap());
    (Process(child), lines)
}

fn lines(output: ChildStdout) -> impl Iterator<Item = String> {
    BufReader::new(output).lines().map(Result::unwrap)
}

/// A Prometheus that scrapes these jobs, with every shipped rule; returned with its address once it answers.
fn start_prometheus(folder: &Path, pace: Pace, jobs: &[(&str, &str)]) -> (Process, String) {
    let seconds = pace.scrape().as_secs();
    let jobs: Vec<String> = jobs
        .iter()
        .map(|(name, target)| {
            format!("{{job_name: {name}, scrape_native_histograms: true, static_configs: [{{targets: ['{target}']}}]}}")
        })
        .collect();
    let rules: Vec<String> = rules(folder, pace).iter().map(|path| format!("'{}'", path.display())).collect();
    let config = folder.join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: {seconds}s, scrape_timeout: {seconds}s}}\nrule_files: [{}]\nscrape_configs: [{}]\n",
        rules.join(", "),
        jobs.join(", ")
    );
    std::fs::write(&config, text).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let log = folder.join("log");
    let child = Command::new(part("prometheus3"))
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--enable-feature=exemplar-storage")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let process = Process(child);
    let deadline = now() + 20_000;
    while !ready(port) {
        assert!(now() < deadline, "{}", std::fs::read_to_string(&log).unwrap());
        std::thread::park_timeout(Duration::from_millis(50));
    }
    (process, format!("http://127.0.0.1:{port}"))
}

/// The shipped rules, as much faster as the day is.
fn rules(folder: &Path, pace: Pace) -> Vec<PathBuf> {
    files("alerts", ".rules.yaml")
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let name = path.file_name().unwrap();
            let faster =
                compress(&text, pace.scale, pace.scrape()).map_err(|error| format!("{}: {error}", name.display()));
            let (path, faster) = (folder.join(name), faster.unwrap());
            std::fs::write(&path, faster).unwrap();
            path
        })
        .collect()
}

fn ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = String::new();
    write!(stream, "GET /-/ready HTTP/1.0\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.0 200")
}
