//! What a query names. In: `PromQL`, and the names that exist: the service's catalogue and closed sets, the recording rules, what
//! Prometheus itself adds, and a sample of Baseten's exposition. Out: the names in a query that do not exist, and the labels of
//! its answer.

#[path = "promql/labels.rs"]
mod labels;

pub(crate) use labels::walk;

use coroner::judge::taxonomy::{Blame, Cause, Class, Confidence, EvidenceKind, Match};
use coroner::observe::{Ending, Outcome, Vantage};
use coroner::telemetry::catalogue::{self, Kind};
use promql_parser::parser::{self, Expr};
use regex::Regex;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Label names.
pub(crate) type Labels = BTreeSet<String>;

/// The labels that a scrape adds to every metric.
const SCRAPED: [&str; 2] = ["job", "instance"];

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    record: Option<String>,
    alert: Option<String>,
    expr: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// All that a query may name.
pub(crate) struct Names {
    /// The labels of each metric, recorded ones included.
    metrics: BTreeMap<String, Labels>,
    alerts: BTreeSet<String>,
}

/// Fills in what Grafana would: every variable by "all", the interval by one minute.
pub(crate) fn fill(expr: &str) -> String {
    let variable = Regex::new(r"\$\{?[a-z_]+(:\w+)?\}?").unwrap();
    let expr = expr.replace("$__rate_interval", "1m").replace("$__interval", "1m").replace("$__range", "1h");
    variable.replace_all(&expr, ".*").into_owned()
}

/// Whether a query asks how much a counter grew that is born with its first event, and misses that event: `increase` sees growth between
/// two samples, so the first failure of a cause or the first death in a deployment is none.
pub(crate) fn misses_births(query: &str) -> bool {
    let grown = Regex::new(r"\bincrease\(inference_(?:failures|client_failures|evidence)_total\b").unwrap();
    grown.is_match(query) && !query.contains(" unless ")
}

fn set(labels: &[&str]) -> Labels {
    labels.iter().map(|&label| label.to_owned()).collect()
}

impl Names {
    /// The names of the service, of Prometheus and of the rules in `alerts/`.
    pub(crate) fn read() -> Self {
        let mut names = Self { metrics: BTreeMap::new(), alerts: BTreeSet::new() };
        names.add_catalogue();
        names.add("up", &SCRAPED);
        names.add_sample(&Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/tests/baseten-sample.prom"));
        names.add_rules();
        names
    }

    fn add(&mut self, name: &str, labels: &[&str]) {
        self.metrics.insert(name.to_owned(), set(labels));
    }

    fn add_catalogue(&mut self) {
        for metric in catalogue::ALL {
            let labels = [metric.labels, SCRAPED.as_slice()].concat();
            self.add(metric.name, &labels);
            if metric.kind == Kind::Histogram {
                self.add(&format!("{}_sum", metric.name), &labels);
                self.add(&format!("{}_count", metric.name), &labels);
                self.add(&format!("{}_bucket", metric.name), &[&labels[..], &["le"]].concat());
            }
        }
    }

    /// Metrics of a text exposition, where there is one.
    fn add_sample(&mut self, path: &Path) {
        let sample = Regex::new(r"(?m)^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+").unwrap();
        let label = Regex::new(r#"(\w+)="(?:[^"\\]|\\.)*""#).unwrap();
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for line in sample.captures_iter(&text) {
            let own = line.get(2).map_or("", |m| m.as_str());
            let known = self.metrics.entry(line[1].to_owned()).or_insert_with(|| set(&SCRAPED));
            known.extend(label.captures_iter(own).map(|capture| capture[1].to_owned()));
        }
    }

    /// Records in the order in which they build on each other, then what `ALERTS` may carry.
    fn add_rules(&mut self) {
        let mut rules = rules();
        self.alerts = rules.iter().filter_map(|rule| rule.alert.clone()).collect();
        let mut carried = set(&["alertname", "alertstate"]);
        while !rules.is_empty() {
            let before = rules.len();
            let recorded: BTreeSet<String> = rules.iter().filter_map(|rule| rule.record.clone()).collect();
            let mut waiting = Vec::new();
            for rule in rules {
                let expr = parse(&rule.expr).unwrap();
                if selectors(&expr).iter().any(|name| recorded.contains(name)) {
                    waiting.push(rule);
                    continue;
                }
                let mut labels = self.labels(&expr, &mut Vec::new()).unwrap_or_default();
                labels.extend(rule.labels.into_keys());
                match rule.record {
                    Some(record) => self.metrics.entry(record).or_default().extend(labels),
                    None => carried.extend(labels),
                }
            }
            assert!(waiting.len() < before, "records that need each other");
            rules = waiting;
        }
        self.metrics.insert("ALERTS_FOR_STATE".to_owned(), carried.clone());
        self.metrics.insert("ALERTS".to_owned(), carried);
    }

    /// What is wrong in the query: its grammar, or names that do not exist.
    pub(crate) fn problems(&self, expr: &str) -> Vec<String> {
        match parse(expr) {
            Err(error) => vec![error],
            Ok(expr) => {
                let mut found = Vec::new();
                self.labels(&expr, &mut found);
                found
            }
        }
    }

    /// The closed set of values of a metric's label, where it has one.
    fn closed_set(&self, metric: &str, label: &str) -> Option<Vec<&str>> {
        match label {
            "alert" | "alertname" => Some(self.alerts.iter().map(String::as_str).collect()),
            "class" => Some(Class::ALL.iter().map(|word| word.as_str()).collect()),
            "cause" => Some(Cause::ALL.iter().map(|word| word.as_str()).collect()),
            "blame" => Some(Blame::ALL.iter().map(|word| word.as_str()).collect()),
            "confidence" => Some(Confidence::ALL.iter().map(|word| word.as_str()).collect()),
            "match" => Some(Match::ALL.iter().map(|word| word.as_str()).collect()),
            // What the fold holds and what a record is are kinds too.
            "kind" if metric.contains("evidence") => Some(EvidenceKind::ALL.iter().map(|word| word.as_str()).collect()),
            "ending" => {
                Some(words(&[Ending::Complete, Ending::Truncated, Ending::Cancelled, Ending::Unknown], Ending::as_str))
            }
            "outcome" => Some(words(&[Outcome::Success, Outcome::Error, Outcome::Cancelled], Outcome::as_str)),
            "vantage" => Some(words(
                &[Vantage::Client, Vantage::Sdk, Vantage::App, Vantage::Gateway, Vantage::Model],
                Vantage::as_str,
            )),
            _ => None,
        }
    }
}

fn words<W: Copy>(all: &[W], word: fn(W) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| word(*one)).collect()
}

fn rules() -> Vec<Rule> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts");
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.to_string_lossy().ends_with(".rules.yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let file: RuleFile = serde_saphyr::from_str(&text).unwrap();
            found.extend(file.groups.into_iter().flat_map(|group| group.rules));
        }
    }
    found
}

/// The query as a tree.
pub(crate) fn parse(expr: &str) -> Result<Expr, String> {
    parser::parse(expr)
}

/// The names of the metrics that a query reads.
pub(crate) fn selectors(expr: &Expr) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(expr, &mut |one| {
        let selector = match one {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(matrix) => &matrix.vs,
            _ => return,
        };
        found.extend(selector.name.clone());
    });
    found
}

#[test]
fn wrong_names_are_found() {
    let names = Names::read();
    let wrong = |expr: &str| !names.problems(&fill(expr)).is_empty();
    for right in [
        r#"sum by (blame) (rate(inference_failures_total{blame!="client", cause=~"oom_killed|gpu_oom"}[$__rate_interval]))"#,
        r#"model:inference_requests:increase5m{model_id=~"$model_id", status_code=~"5.."}"#,
        "histogram_quantile(0.9, sum by (le) (rate(inference_request_duration_seconds_bucket[5m])))",
        r#"inference_requests_total and on (job, instance) up{job="coroner"} == 1"#,
        r#"label_replace(inference_caller_info, "who", "$1", "caller", "(.*)")"#,
    ] {
        assert!(!wrong(right), "{right}: {:?}", names.problems(&fill(right)));
    }
    for bad in [
        "rate(inference_failure_total[5m])",
        "model:inference_requests:rate5m",
        r#"inference_failures_total{blame="user"}"#,
        r#"inference_failures_total{cause=~"oom_killed|out_of_memory"}"#,
        r#"inference_failures_total{cause=~"oom.*|gpu.*x"}"#,
        r#"inference_evidence_total{kind="oom"}"#,
        r#"inference_streams_total{cause="unknown"}"#,
        r#"inference_alert_threshold{alert="NoSuchAlert"}"#,
        "sum by (model) (inference_failures_total)",
        "sum by (cause) (sum by (class) (inference_failures_total))",
        "inference_failures_total / on (platform, status_code) inference_requests_total",
        "inference_failures_total / inference_requests_total",
        "inference_requests_total * on (platform, model_id, environment) group_left (owner) inference_target_info",
        r#"{job="coroner"}"#,
        "sum(inference_requests_total",
    ] {
        assert!(wrong(bad), "{bad}");
    }
}
