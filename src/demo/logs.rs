//! What the containers of some models write, as Baseten exports model logs. In: the calls of a tick and the time. Out: one OTLP
//! export request of logs.
//!
//! Only the models named here send logs: a fleet never has all of them. Field names and line forms are the documented ones.

use super::fleet::Call;
use super::incident::{self, Death, Symptom};
use super::random::Random;
use super::spans::{ended, text};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// Models whose logs are exported: those of the incidents in which logs decide.
const LOGGED: [&str; 3] = ["sdxltrbo", "parakeet", "gemma27b"];

/// Short names of each model's replicas.
const REPLICAS: [&str; 3] = ["x7k2p", "m4wq9", "t2hd6"];

/// How long before the first answer of a tick that broke the container is stamped dead, ns.
const BEFORE_THE_FIRST: u64 = 5_000_000;

/// How long a new container loads, ns.
const LOADING: u64 = 180_000_000;

/// The logs of the fleet.
#[derive(Debug)]
pub(super) struct Logs {
    random: Random,
    restarts: [u32; LOGGED.len()],
}

impl Logs {
    /// Logs of a fleet that was just started.
    pub(super) const fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), restarts: [0; LOGGED.len()] }
    }

    /// What was written in the tick that ended at `now` (ns since 1970); `None` where nothing was.
    pub(super) fn export(&mut self, calls: &[Call], now: u64) -> Option<ExportLogsServiceRequest> {
        let mut records = Vec::new();
        for (at, model) in LOGGED.into_iter().enumerate() {
            let here = || calls.iter().filter(move |call| call.model == model);
            for call in here().filter(|call| call.symptom.is_none()) {
                let message = "Handled request: POST /v1/models/model:predict HTTP/1.1 200";
                records.push(record(model, self.replica(), ended(call, now), SeverityNumber::Info, message));
            }
            let broke = here().filter(|call| call.symptom == Some(Symptom::Status(502)));
            let death = broke.clone().find_map(|call| incident::ALL.get(call.incident?)?.death);
            let first = broke.map(|call| ended(call, now)).min();
            if let (Some(death), Some(first)) = (death, first) {
                self.restarts[at] += 1;
                records.extend(self.restart(at, death, first.saturating_sub(BEFORE_THE_FIRST)));
            }
        }
        (!records.is_empty()).then(|| request(records))
    }

    fn replica(&mut self) -> &'static str {
        REPLICAS[(self.random.bits() % 3) as usize]
    }

    /// A container ends at `time`, and the next one loads.
    fn restart(&mut self, at: usize, death: Death, time: u64) -> [LogRecord; 3] {
        let (code, reason) = match death {
            Death::OomKilled => (137, "OOMKilled"),
            Death::Crashed => (1, "Error"),
        };
        let ended = format!(
            "Model terminated unexpectedly. Exit code: {code}, reason: {reason}, restart count: {}",
            self.restarts[at]
        );
        let (model, replica) = (LOGGED[at], self.replica());
        let loaded = format!("Completed model.load() execution in {} ms", LOADING / 1_000_000);
        [
            record(model, replica, time, SeverityNumber::Error, &ended),
            record(model, replica, time + 1_000_000, SeverityNumber::Info, "Executing model.load()..."),
            record(model, replica, time + LOADING, SeverityNumber::Info, &loaded),
        ]
    }
}

fn record(model: &str, replica: &str, time: u64, severity: SeverityNumber, message: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + 40_000_000,
        severity_number: severity.into(),
        severity_text: if severity == SeverityNumber::Error { "ERROR" } else { "INFO" }.to_owned(),
        body: Some(AnyValue { value: Some(Value::StringValue(message.to_owned())) }),
        attributes: vec![
            text("message", message),
            text("model_id", model),
            text("model_version_id", "k9m2n4p"),
            text("environment", "production"),
            text("replica", replica),
        ],
        ..LogRecord::default()
    }
}

fn request(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let resource = Some(Resource { attributes: vec![text("service.name", "baseten")], ..Resource::default() });
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::fleet::Fleet;

    #[test]
    fn every_death_is_stamped_before_the_answers_it_broke_and_after_their_start() {
        let (mut fleet, mut logs) = (Fleet::new(1, 8.0, 0.25), Logs::new(1));
        let now = 1_795_000_000_000_000_000;
        let mut deaths = 0;
        for tick in 0..180 {
            let calls = fleet.tick(f64::from(tick) / 180.0);
            let Some(request) = logs.export(&calls, now) else { continue };
            for record in
                request.resource_logs[0].scope_logs[0].log_records.iter().filter(|r| r.severity_text == "ERROR")
            {
                deaths += 1;
                let model = record.attributes.iter().find(|a| a.key == "model_id").cloned();
                let broke = |call: &&Call| model == Some(text("model_id", call.model)) && call.symptom.is_some();
                for call in calls.iter().filter(broke) {
                    let before = (ended(call, now) - record.time_unix_nano) as f64 / 1e9;
                    assert!((0.0..call.seconds).contains(&before), "{before} {call:?}");
                }
            }
        }
        assert!(deaths > 20, "{deaths}");
    }
}
