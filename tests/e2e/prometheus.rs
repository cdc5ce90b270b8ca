//! Real Prometheus servers that scrape coroner, and the questions put to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use std::process::Command;

use crate::http;
use crate::process::{Program, part};

/// Label values in the order of the metric's labels, and the count.
pub(crate) type Table = BTreeMap<Vec<String>, f64>;

/// One server and the ways in which it scrapes coroner.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    binary: &'static str,
    features: &'static str,
    /// Job names, each with the lines that make it what it is.
    jobs: &'static [(&'static str, &'static str)],
}

/// Debian's 2.42 asks for protobuf only with native histograms on; 3.x is told per job what to ask for.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "prometheus2",
        binary: "bin/prometheus2",
        features: "exemplar-storage,native-histograms",
        jobs: &[("protobuf", "")],
    },
    Kind {
        name: "prometheus2-text",
        binary: "bin/prometheus2",
        features: "exemplar-storage",
        jobs: &[("openmetrics", "")],
    },
    Kind {
        name: "prometheus3",
        binary: "bin/prometheus3",
        features: "exemplar-storage",
        jobs: &[
            ("protobuf", "scrape_native_histograms: true"),
            ("openmetrics", "scrape_protocols: [OpenMetricsText1.0.0]"),
            ("text", "scrape_protocols: [PrometheusText0.0.4]"),
        ],
    },
];

/// The oldest and the newest, each scraping once: rules add up what they find, so a second job would double every count. The rules look for
/// a job of this name.
pub(crate) const ALERTING: &[Kind] = &[
    Kind {
        name: "prometheus2",
        binary: "bin/prometheus2",
        features: "exemplar-storage,native-histograms",
        jobs: &[("coroner", "")],
    },
    Kind {
        name: "prometheus3",
        binary: "bin/prometheus3",
        features: "exemplar-storage",
        jobs: &[("coroner", "scrape_native_histograms: true")],
    },
];

/// A running server.
pub(crate) struct Prometheus {
    pub(crate) program: Program,
    address: SocketAddr,
    /// The job names.
    pub(crate) jobs: Vec<&'static str>,
}

/// One line of an answer.
pub(crate) struct Sample {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// One exemplar with the labels of its series.
pub(crate) struct Exemplar {
    pub(crate) series: BTreeMap<String, String>,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
}

impl Prometheus {
    /// Starts one that scrapes `target` every second; `more` is the rest of its config, further jobs first.
    pub(crate) async fn start(kind: &Kind, target: SocketAddr, folder: &Path, more: &str) -> Self {
        let job = |(job, extra): &(&str, &str)| {
            format!("- job_name: {job}\n  static_configs: [{{ targets: ['{target}'] }}]\n  {extra}\n")
        };
        let jobs: Vec<_> = kind.jobs.iter().map(job).collect();
        let head = "global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs:\n";
        let config = format!("{head}{}{more}", jobs.concat());
        let file = folder.join(format!("{}.yml", kind.name));
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(part(kind.binary));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join(kind.name).display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .arg(format!("--enable-feature={}", kind.features));
        let (mut address, mut ready) = (None, false);
        let (program, address) = Program::start(kind.name, command, |line| {
            if line.contains("Listening on") {
                address = line.split("address=").nth(1).and_then(|text| text.split(' ').next()?.parse().ok());
            }
            ready |= line.contains("ready to receive web requests");
            address.filter(|_| ready)
        })
        .await;
        Self { program, address, jobs: kind.jobs.iter().map(|(job, _)| *job).collect() }
    }

    /// What an endpoint of its API answers.
    pub(crate) async fn data(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let answer = http::get(self.address, path, parameters).await;
        let (status, body) = answer.unwrap_or_else(|error| panic!("{}: {error}", self.program.name));
        assert_eq!(status, 200, "{}{path} {parameters:?}: {body}", self.program.name);
        let mut body: Value = serde_json::from_str(&body).unwrap();
        body.get_mut("data").map(Value::take).unwrap_or_default()
    }

    /// An instant query.
    pub(crate) async fn query(&self, promql: &str) -> Vec<Sample> {
        let data = self.data("/api/v1/query", &[("query", promql)]).await;
        let sample = |one: &Value| Sample {
            labels: strings(&one["metric"]),
            value: one["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN),
        };
        data["result"].as_array().map(|all| all.iter().map(sample).collect()).unwrap_or_default()
    }

    /// The counts above zero of one metric of one job, by these labels.
    pub(crate) async fn table(&self, job: &str, metric: &str, labels: &[&str]) -> Table {
        let by = labels.join(", ");
        let samples = self.query(&format!("sum by ({by}) ({metric}{{job=\"{job}\"}}) > 0")).await;
        let key = |sample: &Sample| -> Vec<String> {
            labels.iter().map(|label| sample.labels.get(*label).cloned().unwrap_or_default()).collect()
        };
        samples.iter().map(|sample| (key(sample), sample.value)).collect()
    }

    /// One number, if the query has exactly one answer.
    pub(crate) async fn number(&self, promql: &str) -> Option<f64> {
        match self.query(promql).await.as_slice() {
            [one] => Some(one.value),
            _ => None,
        }
    }

    /// Every exemplar held for the series that the selector names.
    pub(crate) async fn exemplars(&self, selector: &str) -> Vec<Exemplar> {
        let parameters = [("query", selector), ("start", "0"), ("end", "9999999999")];
        let data = self.data("/api/v1/query_exemplars", &parameters).await;
        let mut found = Vec::new();
        for series in data.as_array().map(Vec::as_slice).unwrap_or_default() {
            for exemplar in series["exemplars"].as_array().map(Vec::as_slice).unwrap_or_default() {
                let labels = strings(&exemplar["labels"]);
                found.push(Exemplar {
                    series: strings(&series["seriesLabels"]),
                    trace_id: labels.get("trace_id").cloned().unwrap_or_default(),
                    span_id: labels.get("span_id").cloned().unwrap_or_default(),
                });
            }
        }
        found
    }

    /// Why scrapes fail, for a failure's report.
    pub(crate) async fn troubles(&self) -> String {
        let data = self.data("/api/v1/targets", &[]).await;
        let line = |target: &Value| {
            let (job, health, error) = (&target["scrapePool"], &target["health"], &target["lastError"]);
            format!("{} {job}: {health} {error}\n", self.program.name)
        };
        data["activeTargets"].as_array().map(|all| all.iter().map(line).collect()).unwrap_or_default()
    }
}

fn strings(labels: &Value) -> BTreeMap<String, String> {
    let pairs = labels.as_object().into_iter().flatten();
    pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}
