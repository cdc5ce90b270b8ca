//! The lines of `happens`: one kind of record each, with the keys that it may have.
//!
//! In: a map of the YAML. Out: the record as written, with the times of its delivery.

use super::words::{Arrival, Clock, Repeat, Span};
use serde::Deserialize;
use std::collections::BTreeMap;

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
    /// A line of a container.
    ContainerLog {
        line: String,
        model: Option<String>,
        pod: Option<String>,
        /// `filelog` (with the k8sattributes processor) where left out, or `fluent_bit`.
        #[serde(default)]
        shipper: Shipper,
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
        /// Since when it is ready, or not; left out = since yesterday where it was never restarted, else since `at`.
        since: Option<Clock>,
        /// Told to stop at this time.
        deleted: Option<Clock>,
        /// Why the container waits: `CrashLoopBackOff` ...
        waiting: Option<String>,
    }
}

/// Who reads a container's lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shipper {
    #[default]
    Filelog,
    FluentBit,
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
