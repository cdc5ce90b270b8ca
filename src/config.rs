//! The config: one YAML file, every key optional.
//!
//! In: the file, the environment. Out: a [`Config`] whose values are typed and checked, or every error at once, each with
//! its place, its key, and what would be right. Nothing is opened, bound or compiled here.

pub mod alerts;
mod keys;
mod problem;
mod read;
mod secret;
mod sections;
mod thresholds;
mod units;
mod yaml;

pub use keys::reference;
pub use problem::{Problem, Problems};

use crate::observe::Vantage;
use crate::observe::knowledge::ResourceSpec;
use crate::observe::target::TargetSpec;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All settings of the service.
#[derive(Clone, Debug)]
pub struct Config {
    /// The OTLP ports and what they take.
    pub receive: Receive,
    /// Where `/metrics` and the probes are served.
    pub admin_listen: SocketAddr,
    /// The user's rulebook files, in front of the built-in books.
    pub rulebooks: Vec<PathBuf>,
    /// How failures meet evidence.
    pub correlate: Correlate,
    /// How records are read.
    pub observe: Observe,
    /// Which team owns what.
    pub owners: Owners,
    /// Caps of the series.
    pub measure: Measure,
    /// Whose container a record speaks of.
    pub resources: Vec<ResourceSpec>,
    /// Alert thresholds; of those that fit, the first one decides.
    pub thresholds: Vec<Threshold>,
    /// What may be meant but is probably not.
    pub warnings: Vec<Problem>,
    /// How long `/metrics` stays after everything is settled.
    pub linger: Duration,
    /// How the service logs.
    pub log: Log,
}

/// The OTLP ports and what they take.
#[derive(Clone, Debug)]
pub struct Receive {
    /// OTLP/gRPC.
    pub grpc_listen: SocketAddr,
    /// OTLP/HTTP.
    pub http_listen: SocketAddr,
    /// Largest request in bytes, on the wire and after decompression.
    pub max_request: usize,
    /// Bytes held over all connections.
    pub in_flight: usize,
    /// How long a body is remembered; zero = not at all.
    pub dedupe: Duration,
}

/// How failures meet evidence; see `docs/configuration.md` for each.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the meaning of each stands once, in the key table")]
pub struct Correlate {
    pub settle: Duration,
    pub evidence_before: Duration,
    pub evidence_after: Duration,
    pub keep_evidence: Duration,
    pub clean_margin: Duration,
    pub death_reports: Vec<ResourceSpec>,
    pub join_for: Duration,
    pub remember_successes: usize,
}

/// How records are read.
#[derive(Clone, Debug)]
pub struct Observe {
    /// Vantages that may count requests, strongest first.
    pub vantages: Vec<Vantage>,
    /// The share of requests that a vantage reports.
    pub sampled: Vec<(Vantage, f64)>,
    /// The user's own target patterns, each with its platform.
    pub targets: Vec<(String, TargetSpec)>,
}

/// Which team owns what.
#[derive(Clone, Debug)]
pub struct Owners {
    /// Team of everything that no pattern names.
    pub default: String,
    /// By model id.
    pub models: Vec<Owner>,
    /// By `service.name` of the caller.
    pub callers: Vec<Owner>,
}

/// One pattern and its team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// A name, `*` stands for any text.
    pub pattern: String,
    /// The team.
    pub team: String,
}

/// Caps of the series.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Silence after which a target's series go.
    pub expire: Duration,
    /// Targets with series of their own.
    pub models: usize,
    /// Targets that only ever answered 401, 403 or 404.
    pub unverified: usize,
    /// Callers with series of their own.
    pub callers: usize,
}

/// An alert's threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Name of the alert.
    pub alert: String,
    /// Whom it holds for.
    pub subject: Subject,
    /// The threshold; NaN where the alert is switched off.
    pub value: f64,
}

/// Whom a threshold holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Models, by id; `*` stands for any text.
    Models(String),
    /// Callers, by `service.name`; `*` stands for any text.
    Callers(String),
    /// The service itself.
    Service,
}

/// How the service logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least level that is written.
    pub level: tracing::Level,
    /// JSON or text.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The value of an environment variable.
pub type Variables = dyn Fn(&str) -> Option<String>;

/// The content of a text file.
pub type Files = dyn Fn(&str) -> io::Result<String>;

/// What a config refers to outside its file: environment variables and files. Given, so that tests own them.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Value of an environment variable.
    pub env: &'a Variables,
    /// Content of a text file.
    pub read: &'a Files,
}

impl Surroundings<'static> {
    /// The process's own.
    pub fn of_process() -> Self {
        Self { env: &|name| std::env::var(name).ok(), read: &|path| std::fs::read_to_string(path) }
    }
}

/// Loads a config file, or only defaults and environment where there is none.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: Option<&Path>, outside: &Surroundings<'_>) -> Result<Config, Problems> {
    let Some(path) = path else { return parse("(no file)", "", outside) };
    let name = path.display().to_string();
    let text = (outside.read)(&name).map_err(|error| {
        let wrong = format!("cannot read it: {error}");
        Problems(vec![Problem::in_file(&name, None, "", &wrong, "the path of a config file that this user may read")])
    })?;
    parse(&name, &text, outside)
}

/// Reads a config from text; `file` is its name in errors.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(file: &str, text: &str, outside: &Surroundings<'_>) -> Result<Config, Problems> {
    let root = yaml::parse(file, text).map_err(|problem| Problems(vec![problem]))?;
    let reader = read::Reader::new(file, &root, outside);
    let mut config = sections::config(&reader, Path::new(file).parent());
    config.warnings = reader.take_warnings();
    let problems = reader.into_problems();
    if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
}

#[cfg(test)]
mod tests;
