//! What the containers of some models write, as Baseten exports model logs. In: what happened in a tick, and the time. Out: one OTLP
//! export request of logs.
//!
//! Field names and line forms are the documented ones.

use super::fleet::Tick;
use super::scene::{Line, Scene};
use super::spans::{ended, text};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// Short names of each model's replicas.
pub(super) const REPLICAS: [&str; 3] = ["x7k2p", "m4wq9", "t2hd6"];
/// The deployment of every model.
pub(super) const DEPLOYMENT: &str = "k9m2n4p";

/// Lines of one moment follow each other so quickly, ns.
const APART: usize = 1_000_000;
/// What an access line of the model server says.
const ANSWERED: &str = "Handled request: POST /v1/models/model:predict HTTP/1.1 200";

/// The logs of the fleet.
#[derive(Debug)]
pub(super) struct Logs<'s> {
    scene: &'s Scene,
    restarts: Vec<u32>,
}

impl<'s> Logs<'s> {
    /// Logs of a fleet that was just started.
    pub(super) fn new(scene: &'s Scene) -> Self {
        Self { scene, restarts: vec![0; scene.models.len()] }
    }

    /// What was written in the tick that ended at `now` (ns since 1970); `None` where nothing was. `tick_ns`: its length.
    pub(super) fn export(&mut self, tick: &Tick, now: u64, tick_ns: u64) -> Option<ExportLogsServiceRequest> {
        let mut records = Vec::new();
        for call in &tick.calls {
            let Some(model) = self.scene.models.get(call.model).filter(|model| model.logs) else { continue };
            let replica = replica(usize::from(call.span_id[0]));
            match call.incident.and_then(|at| self.scene.incidents.get(at)) {
                None => records.push(record(&model.id, replica, ended(call, now), (SeverityNumber::Info, ANSWERED))),
                Some(one) => {
                    for line in &one.logs.each {
                        records.push(record(&model.id, replica, ended(call, now), words(line)));
                    }
                }
            }
        }
        for (one, phase) in self.scene.incidents.iter().zip(&tick.phases) {
            for at in one.models.iter().filter_map(|id| self.scene.model(id)) {
                // Begins are stamped before all that ended in the tick, ends after it.
                if phase.begins {
                    self.write(&mut records, at, &one.logs.begin, now.saturating_sub(tick_ns));
                }
                if phase.ends {
                    self.write(&mut records, at, &one.logs.end, now);
                }
            }
        }
        (!records.is_empty()).then(|| request(records))
    }

    /// Lines of a model's container at one moment; one that counts restarts is the next restart.
    fn write(&mut self, records: &mut Vec<LogRecord>, at: usize, lines: &[Line], time: u64) {
        let (Some(model), Some(restarts)) = (self.scene.models.get(at), self.restarts.get_mut(at)) else { return };
        for (line, time) in lines.iter().zip((time..).step_by(APART)) {
            let (severity, message) = words(line);
            *restarts += u32::from(message.contains("{restarts}"));
            let message = message.replace("{restarts}", &restarts.to_string());
            records.push(record(&model.id, replica(*restarts as usize), time, (severity, &message)));
        }
    }
}

fn replica(at: usize) -> &'static str {
    REPLICAS[at % REPLICAS.len()]
}

fn words(line: &Line) -> (SeverityNumber, &str) {
    match line {
        Line::Info(text) => (SeverityNumber::Info, text),
        Line::Error(text) => (SeverityNumber::Error, text),
    }
}

fn record(model: &str, replica: &str, time: u64, (severity, message): (SeverityNumber, &str)) -> LogRecord {
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + 40_000_000,
        severity_number: severity.into(),
        severity_text: if severity == SeverityNumber::Error { "ERROR" } else { "INFO" }.to_owned(),
        body: Some(AnyValue { value: Some(Value::StringValue(message.to_owned())) }),
        attributes: vec![
            text("message", message),
            text("model_id", model),
            text("model_version_id", DEPLOYMENT),
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
    use crate::demo::fleet::{Call, Fleet};

    #[test]
    fn every_death_is_stamped_before_the_answers_it_broke_and_after_their_start() {
        let scene = Scene::builtin();
        let (mut fleet, mut logs) = (Fleet::new(&scene, 1, 8.0, 0.25), Logs::new(&scene));
        let now = 1_795_000_000_000_000_000;
        let mut deaths = 0;
        for tick in 0..180 {
            let happened = fleet.tick(tick, 180);
            let Some(request) = logs.export(&happened, now, 250_000_000) else { continue };
            let records = &request.resource_logs[0].scope_logs[0].log_records;
            let died = |record: &&LogRecord| {
                let Some(Value::StringValue(body)) = record.body.clone().and_then(|body| body.value) else {
                    return false;
                };
                body.starts_with("Model terminated")
            };
            for record in records.iter().filter(died) {
                deaths += 1;
                let model = record.attributes.iter().find(|a| a.key == "model_id").cloned();
                let broke = |call: &&Call| {
                    model == Some(text("model_id", &scene.models[call.model].id)) && call.incident.is_some()
                };
                for call in happened.calls.iter().filter(broke) {
                    let before = (ended(call, now) - record.time_unix_nano) as f64 / 1e9;
                    assert!((0.0..call.seconds).contains(&before), "{before} {call:?}");
                }
            }
        }
        assert!(deaths > 20, "{deaths}");
    }
}
