//! Every metric that the service exposes, declared once, as data.
//!
//! In: nothing. Out: [`ALL`], in the order of the page. The store and the own counters take names, labels and help from here,
//! and a test writes `docs/metrics.md` from it, so that code, page and documentation cannot differ.

#[cfg(test)]
mod tests;

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process or the series ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Distribution: native buckets and 12 classic ones.
    Histogram,
}

impl Kind {
    /// The word of the exposition formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Full name, with `_total` where it is a counter.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Label names, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// One line of meaning.
    pub help: &'static str,
}

impl Metric {
    /// The base unit that the name ends with, as OpenMetrics wants it declared.
    pub fn unit(&self) -> Option<&'static str> {
        ["seconds", "bytes"].into_iter().find(|unit| self.family().strip_suffix(unit).is_some_and(|n| n.ends_with('_')))
    }

    /// The name without `_total`: what OpenMetrics calls the family.
    pub fn family(&self) -> &'static str {
        match self.kind {
            Kind::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
            Kind::Gauge | Kind::Histogram => self.name,
        }
    }

    /// Whether the service speaks of itself.
    pub fn is_own(&self) -> bool {
        self.name.starts_with("coroner_")
    }
}

/// Declares the metrics and the list of them all.
macro_rules! metrics {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(#[doc = $help] pub static $id: Metric = Metric {
            name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help,
        };)+

        /// Every metric, in the order of the page.
        pub static ALL: &[&Metric] = &[$(&$id),+];
    };
}

metrics! {
    FAILURES = Counter "inference_failures_total" ["platform", "model_id", "environment", "class", "cause", "blame"]
        "Failed requests, each once, counted when its verdict is settled.";
    CLIENT_FAILURES = Counter "inference_client_failures_total" ["platform", "model_id", "environment", "caller", "class", "cause"]
        "Failed requests with blame client, by who called.";
    VERDICTS = Counter "inference_verdicts_total" ["platform", "class", "confidence", "match"]
        "Settled verdicts, by how sure they are and how evidence was matched.";
    REQUESTS = Counter "inference_requests_total" ["platform", "model_id", "environment", "status_code"]
        "Requests, each once as the primary vantage of its target saw it, counted on arrival.";
    OBSERVATIONS = Counter "inference_observations_total" ["vantage", "platform", "model_id", "environment", "outcome"]
        "What each vantage saw, whether or not it counts requests; for coverage, not for ratios.";
    DURATION = Histogram "inference_request_duration_seconds" ["platform", "model_id", "environment", "outcome"]
        "How long requests took, as the primary vantage saw them.";
    STREAMS = Counter "inference_streams_total" ["platform", "model_id", "environment", "ending"]
        "Answers known to be streams, by how the record shows their end.";
    EVIDENCE = Counter "inference_evidence_total" ["platform", "model_id", "environment", "deployment_id", "kind"]
        "Evidence about a target's containers. However many lines tell of it, an end or state of one container counts once a minute, or once for each process that lines name.";
    CHANNEL_TIMESTAMP = Gauge "inference_channel_timestamp_seconds" ["platform", "model_id", "environment", "channel"]
        "When a channel (logs, Kubernetes records, kernel lines, metrics) last spoke of a target's containers: arrival to within a minute, seconds since 1970; none that never spoke.";
    OPEN_CASES = Gauge "inference_open_cases" ["platform", "class"]
        "Failed requests that wait for deciding evidence.";
    TARGET_INFO = Gauge "inference_target_info" ["platform", "model_id", "environment", "vantage", "team"]
        "Always 1: the primary vantage and the owner of a target.";
    CALLER_INFO = Gauge "inference_caller_info" ["caller", "team"]
        "Always 1: the owner of a caller.";
    ALERT_THRESHOLD = Gauge "inference_alert_threshold" ["alert", "platform", "model_id", "environment"]
        "The threshold that the config sets for an alert, by target; without a target for alerts about the service itself. NaN: switched off.";
    CALLER_ALERT_THRESHOLD = Gauge "inference_caller_alert_threshold" ["alert", "caller"]
        "The threshold that the config sets for an alert about callers. NaN: switched off.";
    BUILD_INFO = Gauge "coroner_build_info" ["version"]
        "Always 1: the version that runs.";
    START_TIME = Gauge "coroner_start_time_seconds" []
        "When the process started, seconds since 1970.";
    EXPORTS = Counter "coroner_requests_total" ["signal", "protocol"]
        "Export requests acknowledged.";
    RECEIVED_BYTES = Counter "coroner_received_bytes_total" ["signal", "protocol"]
        "Bytes of acknowledged export requests, after decompression.";
    REJECTED = Counter "coroner_rejected_requests_total" ["protocol", "reason"]
        "Export requests refused; nothing of them was counted.";
    REPEATED = Counter "coroner_repeated_requests_total" []
        "Export requests that came again and were acknowledged without being counted again.";
    RECORDS = Counter "coroner_records_total" ["signal", "kind"]
        "Spans, log records and data points, by what they are to this service.";
    LAST_RECORD = Gauge "coroner_last_record_timestamp_seconds" ["signal"]
        "When the last acknowledged export request arrived, seconds since 1970; 0 before the first.";
    INFLIGHT_BYTES = Gauge "coroner_inflight_bytes" []
        "Bytes of export requests that are being received, decoded or queued.";
    QUEUE_DEPTH = Gauge "coroner_fold_queue_depth" []
        "Export requests that wait for the fold.";
    QUEUE_OLDEST = Gauge "coroner_fold_queue_oldest_seconds" []
        "For how long the oldest of them has waited, to within a quarter of a second; 0 when none waits.";
    REPEATED_FAILURES = Counter "coroner_repeated_failures_total" ["vantage"]
        "Failures that came again in another body and were not counted again.";
    HELD = Gauge "coroner_correlate_entries" ["kind"]
        "What the fold remembers: callers and targets whose vantages are known, failures it would recognise, open and settled cases, evidence, successes.";
    HELD_BYTES = Gauge "coroner_correlate_bytes" []
        "Bytes that cases, evidence and join keys take, as near as their sizes say.";
    DROPPED = Counter "coroner_correlate_dropped_total" ["what"]
        "What was let go because a limit was reached: open cases (settled with what was known), evidence, joins of settled cases.";
    UNPLACED = Counter "coroner_evidence_unplaced_total" ["kind"]
        "Evidence that names no known target and matches nothing; `resources` in the config can say whose container it is.";
    LATE = Counter "coroner_evidence_late_total" ["kind"]
        "Settled cases that evidence would have decided otherwise, had it come in time; no other counter changes.";
    STREAMS_CORRECTED = Counter "coroner_streams_corrected_total" ["from"]
        "Requests counted as fine that a log proved broken, by how their stream was first counted (none: not as a stream).";
    CLOCK_SKEW = Gauge "coroner_clock_skew_seconds" ["channel"]
        "How far the furthest clock of a kind of source is ahead or, where negative, how late its records come.";
    UNJOINED = Counter "coroner_unjoined_total" ["vantage"]
        "Requests seen by a vantage that does not count its target and that joined no counted one.";
    FEED_WATCHERS = Gauge "coroner_feed_watchers" []
        "Clients that watch the case feed.";
    FEED_SENT = Counter "coroner_feed_cases_total" []
        "Cases handed to watchers of the case feed, each watcher counted.";
    FEED_DROPPED = Counter "coroner_feed_dropped_total" []
        "Cases that a watcher of the case feed lost because it took them too slowly.";
    OVERFLOW = Counter "coroner_cardinality_overflow_total" ["limit"]
        "Requests counted under _other or _unverified because a limit on label values was reached.";
    TARGETS = Gauge "coroner_targets" []
        "Targets that have series of their own.";
}
