//! The three signals of OTLP. In: a path or a method name. Out: which signal it carries, and the names that follow
//! from it. The only place that tells the three apart by name.

use std::fmt;

/// What kind of telemetry a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Metric points.
    Metrics,
}

/// The names of one signal, one row each.
struct Names {
    word: &'static str,
    http_path: &'static str,
    grpc_path: &'static str,
    /// JSON key of the rejected count inside `partialSuccess`. Its protobuf number is 1 for all three signals.
    rejected_key: &'static str,
}

const TRACES: Names = Names {
    word: "traces",
    http_path: "/v1/traces",
    grpc_path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    rejected_key: "rejectedSpans",
};
const LOGS: Names = Names {
    word: "logs",
    http_path: "/v1/logs",
    grpc_path: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    rejected_key: "rejectedLogRecords",
};
const METRICS: Names = Names {
    word: "metrics",
    http_path: "/v1/metrics",
    grpc_path: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    rejected_key: "rejectedDataPoints",
};

impl Signal {
    /// All signals, in the order in which they are listed to people.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    const fn names(self) -> &'static Names {
        match self {
            Self::Traces => &TRACES,
            Self::Logs => &LOGS,
            Self::Metrics => &METRICS,
        }
    }

    /// The signal as one word: label value and last part of its path.
    pub const fn as_str(self) -> &'static str {
        self.names().word
    }

    /// Path of its OTLP/HTTP resource.
    pub const fn http_path(self) -> &'static str {
        self.names().http_path
    }

    /// Path of its OTLP/gRPC method.
    pub const fn grpc_path(self) -> &'static str {
        self.names().grpc_path
    }

    /// JSON name of the count of rejected records in its answer.
    pub const fn rejected_key(self) -> &'static str {
        self.names().rejected_key
    }

    /// The signal whose OTLP/HTTP resource `path` is.
    pub fn from_http_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.http_path() == path)
    }

    /// The signal whose OTLP/gRPC method `path` is.
    pub fn from_grpc_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.grpc_path() == path)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Signal;

    #[test]
    fn every_path_leads_back_to_its_signal_and_to_no_other() {
        for signal in Signal::ALL {
            assert_eq!(Signal::from_http_path(signal.http_path()), Some(signal));
            assert_eq!(Signal::from_grpc_path(signal.grpc_path()), Some(signal));
        }
        assert_eq!(Signal::from_http_path("/v1/traces/"), None);
        assert_eq!(Signal::from_grpc_path("/opentelemetry.proto.collector.trace.v1.TraceService/export"), None);
    }
}
