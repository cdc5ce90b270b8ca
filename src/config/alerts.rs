//! Every alert whose threshold the config may set.
//!
//! In: nothing. Out: [`ALL`]: what each threshold is about, its unit, its default and its meaning. The rule files hold the same defaults; a
//! test compares them, and `docs/alerts.md` is written from both.

#[cfg(test)]
mod tests;

/// What an alert speaks of, and so what an entry of `alerts.thresholds` may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One model: `match`.
    Model,
    /// One platform: neither.
    Platform,
    /// One caller: `caller`.
    Caller,
    /// The service itself: neither.
    Service,
}

/// An alert with a threshold.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    /// Its name.
    pub name: &'static str,
    /// What it speaks of.
    pub scope: Scope,
    /// The unit of its threshold.
    pub unit: &'static str,
    /// The threshold where the config says nothing.
    pub default: f64,
    /// What is compared with it.
    pub meaning: &'static str,
}

const fn alert(name: &'static str, scope: Scope, unit: &'static str, default: f64, meaning: &'static str) -> Alert {
    Alert { name, scope, unit, default, meaning }
}

const RATIO: &str = "ratio";
const FAILURES: &str = "failures";
const SECONDS: &str = "seconds";

/// Every alert with a threshold, by rule file.
pub const ALL: &[Alert] = &[
    alert(
        "InferenceOomKilled502Spike",
        Scope::Model,
        RATIO,
        0.02,
        "The share of requests that end in 502 for a memory kill, in 5 minutes.",
    ),
    alert(
        "InferenceOomKillsRepeated",
        Scope::Model,
        FAILURES,
        3.0,
        "Failures for a memory kill, whatever their class, in 30 minutes.",
    ),
    alert("InferenceGpuOom", Scope::Model, FAILURES, 5.0, "Failures because the GPU ran out of memory, in 30 minutes."),
    alert("InferenceCrashLoop", Scope::Model, "exits", 3.0, "How often containers ended, in 15 minutes."),
    alert(
        "InferenceLoadFailing",
        Scope::Model,
        FAILURES,
        3.0,
        "Failures because the model does not load, in 15 minutes.",
    ),
    alert(
        "InferenceBadGatewayRatio",
        Scope::Model,
        RATIO,
        0.05,
        "The share of requests that end in 502, in 5 minutes.",
    ),
    alert(
        "InferenceGatewayTimeoutRatio",
        Scope::Model,
        RATIO,
        0.05,
        "The share of requests that end in 504, in 30 minutes.",
    ),
    alert(
        "InferenceGatewayTimeoutRise",
        Scope::Model,
        "times",
        3.0,
        "How many times the share of 504 of the same hour yesterday.",
    ),
    alert(
        "InferenceStreamTruncationRate",
        Scope::Model,
        RATIO,
        0.05,
        "The share of ended streams that were cut, in 5 minutes.",
    ),
    alert(
        "InferenceStreamEndsUnknown",
        Scope::Model,
        RATIO,
        0.5,
        "The share of streams whose end is known, in 5 minutes; it fires below.",
    ),
    alert("InferenceStreamsStalled", Scope::Model, FAILURES, 5.0, "Streams that fell silent, in 30 minutes."),
    alert(
        "InferenceQuietModelFailing",
        Scope::Model,
        RATIO,
        0.5,
        "The share of requests that fail by no caller's fault, in 6 hours.",
    ),
    alert(
        "InferenceRequestsHanging",
        Scope::Model,
        RATIO,
        0.5,
        "Requests that end against an hour ago, as the platform counts them; it fires below.",
    ),
    alert(
        "InferencePlatformWideFailure",
        Scope::Platform,
        RATIO,
        0.5,
        "The share of the models in use that fail for one cause, in 5 minutes.",
    ),
    alert(
        "InferenceRoutingFailing",
        Scope::Model,
        RATIO,
        0.05,
        "The share of requests that find no route, in 5 minutes.",
    ),
    alert(
        "InferenceNoCapacity",
        Scope::Model,
        RATIO,
        0.02,
        "The share of requests that find no free replica, in 15 minutes.",
    ),
    alert(
        "InferenceColdStarts",
        Scope::Model,
        RATIO,
        0.02,
        "The share of requests that meet a model that still starts, in 15 minutes.",
    ),
    alert("InferenceDraining", Scope::Model, FAILURES, 5.0, "Failures because a replica is taken away, in 15 minutes."),
    alert("InferenceInvalidApiKey", Scope::Caller, FAILURES, 5.0, "Calls refused for their API key, in 15 minutes."),
    alert(
        "InferenceWrongModelId",
        Scope::Caller,
        FAILURES,
        5.0,
        "Calls that name no model that is there, in 30 minutes.",
    ),
    alert(
        "InferenceBillingBlocked",
        Scope::Platform,
        FAILURES,
        3.0,
        "Calls refused for payment or budget, in 10 minutes.",
    ),
    alert(
        "InferenceQuotaExceeded",
        Scope::Caller,
        FAILURES,
        20.0,
        "Calls refused for the caller's quota, in 15 minutes.",
    ),
    alert("InferencePayloadTooLarge", Scope::Caller, FAILURES, 5.0, "Calls with too large a body, in 1 hour."),
    alert(
        "InferenceShortClientTimeout",
        Scope::Caller,
        FAILURES,
        10.0,
        "Calls that the caller gave up before the model could answer, in 30 minutes.",
    ),
    alert("InferencePoolExhausted", Scope::Caller, FAILURES, 5.0, "Calls that got no connection, in 15 minutes."),
    alert(
        "InferenceDnsOrTlsFailing",
        Scope::Caller,
        FAILURES,
        5.0,
        "Calls whose host name did not resolve or whose TLS hand-shake failed, in 15 minutes.",
    ),
    alert(
        "InferenceErrorBudgetBurnFast",
        Scope::Model,
        RATIO,
        0.99,
        "The objective: the share of requests that must not fail by anyone's fault but the caller's. Its budget burns 14.4 times too fast in 1 hour and in 5 minutes, or 6 times in 6 hours and in 30 minutes; 5 failures in the longer of both.",
    ),
    alert(
        "InferenceErrorBudgetBurnSlow",
        Scope::Model,
        RATIO,
        0.99,
        "The objective, as above; set both alike. 3 times too fast in 1 day and in 2 hours, or at all in 3 days and in 6 hours; 5 failures in the longer.",
    ),
    alert(
        "InferenceUndeterminedShareHigh",
        Scope::Model,
        RATIO,
        0.3,
        "The share of failures whose verdict is undetermined, in 1 hour.",
    ),
    alert(
        "InferenceUnclassifiedFailures",
        Scope::Platform,
        RATIO,
        0.05,
        "The share of failures of class other, in 1 hour.",
    ),
    alert(
        "InferenceEvidenceLate",
        Scope::Service,
        FAILURES,
        5.0,
        "Verdicts that late evidence would have changed, in 1 hour.",
    ),
    alert("CoronerTwoActive", Scope::Service, "instances", 1.0, "Instances of one job that receive at the same time."),
    alert("CoronerRejecting", Scope::Service, RATIO, 0.01, "The share of export requests refused, in 5 minutes."),
    alert(
        "CoronerDropping",
        Scope::Service,
        "entries",
        0.0,
        "What was let go because a limit was reached, in 15 minutes.",
    ),
    alert(
        "CoronerCapReached",
        Scope::Service,
        "requests",
        0.0,
        "What was counted under a name not its own, in 15 minutes.",
    ),
    alert("CoronerQueueOld", Scope::Service, SECONDS, 10.0, "How long the oldest export request waits to be counted."),
    alert(
        "CoronerNoModelLogs",
        Scope::Model,
        SECONDS,
        3600.0,
        "How long the logs of a model's containers have been silent.",
    ),
    alert("CoronerClockSkew", Scope::Service, SECONDS, 30.0, "How far a source's clock is ahead, or its records late."),
    alert(
        "CoronerNotReceiving",
        Scope::Service,
        "export requests",
        30.0,
        "How many came in the hour before the silence; fewer are not missed.",
    ),
];

/// The alert of this name.
pub(super) fn find(name: &str) -> Option<&'static Alert> {
    ALL.iter().find(|alert| alert.name == name)
}

/// The name that is most like this one.
pub(super) fn nearest(name: &str) -> &'static str {
    let likeness = |alert: &&Alert| strsim::jaro_winkler(alert.name, name);
    ALL.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).map_or("", |alert| alert.name)
}
