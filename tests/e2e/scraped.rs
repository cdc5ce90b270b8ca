//! What the Prometheus servers must answer.
//!
//! In: running servers and what is expected. Out: nothing, or a failure that shows both sides.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::clients::{CALLER_WAITS_SECONDS, Report};
use crate::expect::{Expected, differences};
use crate::prometheus::{Prometheus, Table};
use crate::service::Service;

const REQUESTS: [&str; 3] = ["model_id", "environment", "status_code"];
const FAILURES: [&str; 5] = ["model_id", "environment", "class", "cause", "blame"];
const CLIENT_FAILURES: [&str; 3] = ["caller", "class", "cause"];
const DURATION: &str = "inference_request_duration_seconds";

/// Every job of every server shows exactly the expected counts within the limit, and goes on showing them.
pub(crate) async fn counts(servers: &[Prometheus], service: &Service, expected: &Expected, limit: Duration) {
    let mut wrong = String::new();
    let began = Instant::now();
    while began.elapsed() < limit {
        tokio::time::sleep(Duration::from_secs(1)).await;
        wrong = wrong_counts(servers, expected).await;
        if wrong.is_empty() {
            break;
        }
    }
    if wrong.is_empty() {
        // Two more scrapes: nothing may be counted a second time.
        tokio::time::sleep(Duration::from_secs(2)).await;
        wrong = wrong_counts(servers, expected).await;
    }
    if !wrong.is_empty() {
        let mut troubles = String::new();
        for server in servers {
            troubles += &server.troubles().await;
        }
        panic!("{wrong}\n{troubles}\ncoroner said:\n{}", service.program.said());
    }
}

async fn wrong_counts(servers: &[Prometheus], expected: &Expected) -> String {
    let mut wrong = String::new();
    for server in servers {
        for job in &server.jobs {
            let all = Table::from([(vec!["baseten".to_owned()], expected.requests.values().sum())]);
            wrong += &wrong_count(server, job, ("inference_requests_total", &REQUESTS), &expected.requests).await;
            wrong += &wrong_count(server, job, ("inference_requests_total", &["platform"]), &all).await;
            wrong += &wrong_count(server, job, ("inference_failures_total", &FAILURES), &expected.failures).await;
            let by_caller = ("inference_client_failures_total", &CLIENT_FAILURES[..]);
            wrong += &wrong_count(server, job, by_caller, &expected.client_failures).await;
        }
    }
    wrong
}

async fn wrong_count(server: &Prometheus, job: &str, (metric, labels): (&str, &[&str]), expected: &Table) -> String {
    let got = server.table(job, metric, labels).await;
    let title = format!("{} {job}: {metric} by {}", server.program.name, labels.join(", "));
    differences(&title, expected, &got)
}

/// Every series of every metric about inference has one value, however it was scraped.
pub(crate) async fn all_ways_of_scraping_agree(servers: &[Prometheus]) {
    let mut first: Option<(String, Table)> = None;
    for server in servers {
        for job in &server.jobs {
            let way = format!("{} {job}", server.program.name);
            let table = all_counters(server, job).await;
            assert!(!table.is_empty(), "{way} shows no counter");
            match &first {
                None => first = Some((way, table)),
                Some((other, expected)) => {
                    let wrong = differences(&format!("{other} (expected) and {way} (got)"), expected, &table);
                    assert!(wrong.is_empty(), "{wrong}");
                }
            }
        }
    }
}

async fn all_counters(server: &Prometheus, job: &str) -> Table {
    let mut table = Table::new();
    for sample in server.query(&format!("{{__name__=~\"inference_.*_total\", job=\"{job}\"}}")).await {
        let mut labels = sample.labels;
        labels.remove("job");
        labels.remove("instance");
        table.insert(labels.into_iter().map(|(key, value)| format!("{key}={value}")).collect(), sample.value);
    }
    table
}

/// Every failure series has an exemplar, and it leads to a trace of exactly such a failure.
pub(crate) async fn exemplars(servers: &[Prometheus], expected: &Expected) {
    for server in servers {
        for job in server.jobs.iter().filter(|job| **job != "text") {
            let mut found: BTreeMap<Vec<String>, usize> = BTreeMap::new();
            for exemplar in server.exemplars(&format!("inference_failures_total{{job=\"{job}\"}}")).await {
                let key: Vec<_> = FAILURES.map(|label| exemplar.series.get(label).cloned().unwrap_or_default()).into();
                let traces = expected.traces.get(&key);
                assert!(
                    traces.is_some_and(|traces| traces.contains(&exemplar.trace_id)),
                    "{} {job}: trace {:?} of {key:?} is none of {traces:?}",
                    server.program.name,
                    exemplar.trace_id
                );
                assert_eq!(exemplar.span_id.len(), 16, "{} {job}: span id {:?}", server.program.name, exemplar.span_id);
                *found.entry(key).or_default() += 1;
            }
            let without: Vec<_> = expected.failures.keys().filter(|key| !found.contains_key(*key)).collect();
            assert!(without.is_empty(), "{} {job}: no exemplar for {without:#?}", server.program.name);
        }
    }
}

/// Native and classic histograms hold every request, and their quantiles are near what the callers measured themselves.
pub(crate) async fn durations(servers: &[Prometheus], reports: &[Report]) {
    let mut seconds: Vec<_> = reports.iter().map(|report| report.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds.get(seconds.len() / 2).copied().unwrap_or_default();
    for server in servers {
        for job in &server.jobs {
            let way = format!("{} {job}", server.program.name);
            let native = *job == "protobuf";
            let series = if native { DURATION.to_owned() } else { format!("{DURATION}_bucket") };
            let by = if native { "" } else { "by (le) " };
            let count = if native {
                format!("histogram_count(sum({DURATION}{{job=\"{job}\"}}))")
            } else {
                format!("sum({DURATION}_count{{job=\"{job}\"}})")
            };
            let count = server.number(&count).await.unwrap_or_default();
            let calls = f64::from(u32::try_from(reports.len()).unwrap());
            assert!((count - calls).abs() < 0.5, "{way}: {count} durations of {calls} calls");

            let quantile = |q: f64| format!("histogram_quantile({q}, sum {by}({series}{{job=\"{job}\"}}))");
            let middle = server.number(&quantile(0.5)).await.unwrap_or(f64::NAN);
            assert!(
                middle > 0.0 && middle < median.max(0.05) * 4.0,
                "{way}: median {middle} s, callers say {median} s"
            );
            // The calls that ran into their caller's time-out are more than one in a hundred.
            let slowest = server.number(&quantile(0.995)).await.unwrap_or(f64::NAN);
            let bounds = if native { CALLER_WAITS_SECONDS * 0.8..CALLER_WAITS_SECONDS * 1.5 } else { 1.0..10.0 };
            assert!(
                bounds.contains(&slowest),
                "{way}: 99.5 % within {slowest} s, callers wait {CALLER_WAITS_SECONDS} s"
            );
        }
    }
}
