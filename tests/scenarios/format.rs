//! What a scenario file may say (`README.md` explains it to its writers).
//!
//! In: the text of one file. Out: its scenarios, or one error with file, line and column. Unknown keys are refused.

use super::words::{Arrival, Clock, Expected, Repeat, Span};
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

/// One story: what arrives when, and what must come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// One sentence: the situation and its outcome.
    pub(crate) title: Spanned<String>,
    /// Where the outcome follows from.
    pub(crate) why: String,
    /// Where the model runs.
    #[serde(default, rename = "where")]
    pub(crate) place: Place,
    /// Settings that differ from the defaults.
    #[serde(default)]
    pub(crate) settings: Settings,
    /// The records, in any order.
    pub(crate) happens: Vec<Record>,
    /// Also replayed in every order of arrival (a hundred of them where there are more), one record a second after the last
    /// event; then `at` in a verdict is not compared.
    #[serde(default)]
    pub(crate) any_order: bool,
    /// The service is told to stop at this time: open cases settle with what is known.
    pub(crate) shutdown: Option<Clock>,
    /// How long the scenario goes on after the last arrival.
    #[serde(default = "five_minutes")]
    pub(crate) watch_for: Span,
    pub(crate) expect: Expect,
}

fn five_minutes() -> Span {
    Span(300_000_000_000)
}

/// Whose book and URLs a scenario uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// `https://model-<model>.api.baseten.co/environments/<environment>/predict`, Baseten's log export.
    #[default]
    Baseten,
    /// `https://<model>.models.internal/predict`, pods of the namespace `models` (`books/cluster.yaml`).
    Cluster,
}

/// Keys of the config that a scenario may change.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) settle: Option<Span>,
    /// Cases that may be open at once.
    pub(crate) open_cases: Option<usize>,
    /// The container logs of the cluster are declared able to report a death.
    #[serde(default)]
    pub(crate) container_logs_report_death: bool,
}

/// One line of `happens`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Record {
    Call(Call),
    GenaiCall(GenaiCall),
    AppSpan(AppSpan),
    AppLog(AppLog),
    AccessLog(AccessLog),
    ModelLog(ModelLog),
    ContainerLog(ContainerLog),
    Pod(Pod),
    Event(Event),
    Kernel(Kernel),
    Metric(Metric),
}

/// Keys that every record may have, for the runner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'a> {
    pub(crate) at: Clock,
    pub(crate) arrives: &'a [Arrival],
    pub(crate) batch: &'a str,
    pub(crate) repeat: Option<Repeat>,
}

/// Declares one kind of record with the keys that all have.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field:meta])* $key:ident: $kind:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// When it happened; of a call, when it ended.
            pub(crate) at: Clock,
            /// When it arrives; several: the sender repeats the same body. A second after `at` where left out.
            #[serde(default, deserialize_with = "one_or_many")]
            pub(crate) arrives: Vec<Arrival>,
            /// Records with the same word travel in one body, with the first one's arrival.
            #[serde(default)]
            pub(crate) batch: String,
            /// `50x every 100ms`: calls are then named `A-1`, `A-2` ...
            pub(crate) repeat: Option<Repeat>,
            $($(#[$field])* pub(crate) $key: $kind),*
        }

        impl $name {
            fn delivery(&self) -> Delivery<'_> {
                Delivery { at: self.at, arrives: &self.arrives, batch: &self.batch, repeat: self.repeat }
            }
        }
    };
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Arrival>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(String),
        Many(Vec<String>),
    }
    let texts = match Either::deserialize(from)? {
        Either::One(text) => vec![text],
        Either::Many(texts) => texts,
    };
    texts.into_iter().map(|text| Arrival::try_from(text).map_err(serde::de::Error::custom)).collect()
}

record! {
    /// One attempt, as the HTTP client's span shows it (httpx, stable names).
    Call {
        /// The name under which `expect` knows it.
        #[serde(rename = "as")]
        name: String,
        /// From start to end; 2s where left out.
        took: Option<Span>,
        model: Option<String>,
        environment: Option<String>,
        /// Instead of the platform's usual path.
        path: Option<String>,
        status: Option<u16>,
        /// Text of the answer, as far as the span carries it.
        body: Option<String>,
        /// `ReadTimeout: timed out`: the exception that ended the call.
        error: Option<String>,
        /// Captured response header.
        request_id: Option<String>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The answer is known to be a stream (captured content type).
        #[serde(default)]
        stream: bool,
        /// Name of the span that encloses it.
        inside: Option<String>,
        /// Name of the trace; that of `inside`, else its own.
        trace: Option<String>,
        /// `1 in 4`: the span is one of so many (consistent sampling).
        sampled: Option<u64>,
    }
}

record! {
    /// One call, as a GenAI library's span shows it (OpenLLMetry).
    GenaiCall {
        #[serde(rename = "as")]
        name: String,
        took: Option<Span>,
        model: Option<String>,
        environment: Option<String>,
        /// `ok`, `error` or nothing.
        #[serde(default)]
        status: String,
        error: Option<String>,
        #[serde(default)]
        stream: bool,
        finish: Option<String>,
        inside: Option<String>,
        trace: Option<String>,
    }
}

record! {
    /// The application's own span around its calls.
    AppSpan {
        #[serde(rename = "as")]
        name: String,
        took: Option<Span>,
        error: Option<String>,
        trace: Option<String>,
    }
}

record! {
    /// The application's own error log, written inside one of its spans.
    AppLog {
        inside: String,
        trace: Option<String>,
        #[serde(default)]
        line: String,
        error: Option<String>,
    }
}

record! {
    /// A gateway's access log in semantic conventions.
    AccessLog {
        #[serde(rename = "as")]
        name: String,
        took: Option<Span>,
        model: Option<String>,
        environment: Option<String>,
        status: u16,
        request_id: Option<String>,
        /// Name of the call whose `traceparent` header was logged.
        traceparent: Option<String>,
    }
}

record! {
    /// A line of Baseten's log export.
    ModelLog {
        line: String,
        model: Option<String>,
        environment: Option<String>,
        replica: Option<String>,
        request_id: Option<String>,
        /// `INFO` where left out.
        level: Option<String>,
        /// The traceback that belongs to it.
        exc_info: Option<String>,
    }
}

record! {
    /// A line of a container, as the filelog receiver and the k8sattributes processor ship it.
    ContainerLog {
        line: String,
        model: Option<String>,
        pod: Option<String>,
    }
}

record! {
    /// A pod's object, as the k8sobjects receiver ships each change of it.
    Pod {
        name: String,
        model: Option<String>,
        /// Ready condition; left out = true.
        ready: Option<bool>,
        restarts: Option<u32>,
        /// How the container's last life ended.
        last: Option<Death>,
        /// How the container ended that has not been started again.
        ended: Option<Death>,
        /// `Evicted` ...; the pod itself has failed.
        reason: Option<String>,
        /// Told to stop at this time.
        deleted: Option<Clock>,
        /// Why the container waits: `CrashLoopBackOff` ...
        waiting: Option<String>,
    }
}

/// A container's `terminated` state.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Death {
    pub(crate) reason: String,
    pub(crate) exit: i64,
    pub(crate) finished: Clock,
}

record! {
    /// A Kubernetes event.
    Event {
        pod: String,
        reason: String,
        #[serde(default)]
        note: String,
    }
}

record! {
    /// A line of a host's kernel (journald or a file of dmesg lines).
    Kernel {
        line: String,
        host: String,
    }
}

record! {
    /// One metric point about a container.
    Metric {
        name: String,
        value: f64,
        /// `sum` or `gauge`.
        #[serde(default)]
        kind: String,
        model: Option<String>,
        pod: Option<String>,
        #[serde(default)]
        attributes: BTreeMap<String, String>,
    }
}

impl Record {
    pub(crate) fn delivery(&self) -> Delivery<'_> {
        match self {
            Self::Call(r) => r.delivery(),
            Self::GenaiCall(r) => r.delivery(),
            Self::AppSpan(r) => r.delivery(),
            Self::AppLog(r) => r.delivery(),
            Self::AccessLog(r) => r.delivery(),
            Self::ModelLog(r) => r.delivery(),
            Self::ContainerLog(r) => r.delivery(),
            Self::Pod(r) => r.delivery(),
            Self::Event(r) => r.delivery(),
            Self::Kernel(r) => r.delivery(),
            Self::Metric(r) => r.delivery(),
        }
    }
}

/// What must come of it. What is not named here must not have happened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// By name of the call; `A` stands for all of `A-1`, `A-2` ... too.
    #[serde(default)]
    pub(crate) verdicts: BTreeMap<String, Expected>,
    /// What evidence that came too late would have made of it.
    #[serde(default)]
    pub(crate) corrected: BTreeMap<String, Expected>,
    /// Only `requests` may be left out without meaning 0 (`failures`: as many as `verdicts` says).
    #[serde(default)]
    pub(crate) counts: BTreeMap<Count, f64>,
    /// Open cases at a time.
    #[serde(default)]
    pub(crate) open: BTreeMap<Clock, i64>,
}

/// What the ledger counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Count {
    /// Requests of the primary vantage.
    Requests,
    /// Settled failures, by weight.
    Failures,
    /// Facts that came after the case that they speak of had settled.
    Late,
    /// Facts that name no known target.
    Unplaced,
    /// Facts about containers whose target is known.
    Evidence,
    /// Requests counted as fine that were proved broken.
    StreamsCorrected,
    /// Failures of another vantage that joined nothing.
    Unjoined,
    /// Failures that came again.
    Repeated,
    /// Cases that a limit closed.
    DroppedCases,
    /// Sources whose times were shifted.
    Shifted,
}

impl Count {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 10] = [
        Self::Requests,
        Self::Failures,
        Self::Late,
        Self::Unplaced,
        Self::Evidence,
        Self::StreamsCorrected,
        Self::Unjoined,
        Self::Repeated,
        Self::DroppedCases,
        Self::Shifted,
    ];
}

/// Reads a file.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<Scenario>, String> {
    let scenarios: Vec<Scenario> = serde_saphyr::from_str(text).map_err(|error| {
        let at = error.location().map_or_else(String::new, |at| format!("{}:{}:", at.line(), at.column()));
        format!("{file}:{at} {error}")
    })?;
    for scenario in &scenarios {
        if scenario.expect.verdicts.is_empty() && scenario.expect.counts.is_empty() {
            let line = scenario.title.referenced.line();
            return Err(format!("{file}:{line}: `{}` expects nothing", scenario.title.value));
        }
    }
    Ok(scenarios)
}
