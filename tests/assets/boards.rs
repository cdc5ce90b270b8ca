//! The seven boards, one file each. In: the words that their queries share. Out: every board, in the order of the links on top.

#[path = "boards/alerts.rs"]
mod alerts;
#[path = "boards/callers.rs"]
mod callers;
#[path = "boards/fleet.rs"]
mod fleet;
#[path = "boards/model.rs"]
mod model;
#[path = "boards/own.rs"]
mod own;
#[path = "boards/platform.rs"]
mod platform;
#[path = "boards/streams.rs"]
mod streams;

use super::colours::{Words, colour};
use super::dashboard::{Annotation, Board, Kind, Link, Panel, Variable, panel};

/// What every query about models is narrowed to.
const TARGET: &str = r#"platform=~"$platform", model_id=~"$model_id", environment=~"$environment""#;

/// The labels that name a target.
const BY_TARGET: &str = "platform, model_id, environment";

/// What the provider's own metrics are narrowed to.
const PROVIDED: &str = r#"model_id=~"$model_id", environment=~"$environment""#;

/// To the board of the model in a row, with the time and the other variables.
const TO_MODEL: Link = Link {
    title: "Why does this model fail?",
    url: "/d/coroner-model?${datasource:queryparam}&var-platform=${__data.fields.platform}&var-model_id=${__data.fields.model_id}&var-environment=${__data.fields.environment}&${__url_time_range}",
};

/// The same from a row that is about all environments of a model.
const TO_MODEL_ANYWHERE: Link = Link {
    title: "Why does this model fail?",
    url: "/d/coroner-model?${datasource:queryparam}&var-platform=${__data.fields.platform}&var-model_id=${__data.fields.model_id}&${environment:queryparam}&${__url_time_range}",
};

/// To the board of the caller in a row.
const TO_CALLER: Link = Link {
    title: "What does this caller do wrong?",
    url: "/d/coroner-callers?${datasource:queryparam}&${platform:queryparam}&${model_id:queryparam}&${environment:queryparam}&var-caller=${__data.fields.caller}&${__url_time_range}",
};

/// How fast a counter of targets grows.
fn rate(metric: &str, more: &str) -> String {
    format!("rate({metric}{{{TARGET}{more}}}[$__rate_interval])")
}

fn requests(more: &str) -> String {
    rate("inference_requests_total", more)
}

fn failures(more: &str) -> String {
    rate("inference_failures_total", more)
}

/// What a counter grew by in the last 5 minutes, births included: the numbers that the alerts compare.
fn lately(of: &str, more: &str) -> String {
    format!("model:inference_{of}:increase5m{{{TARGET}{more}}}")
}

/// What a counter of targets grew by in the shown time.
fn in_shown_time(of: &str, more: &str) -> String {
    grown(&format!("inference_{of}_total{{{TARGET}{more}}}"), "$__range")
}

/// What a counter grew by. The value of a series that was not there before is its growth: `increase` alone does not see the first
/// event of a series that is born with it.
fn grown(counter: &str, window: &str) -> String {
    format!("(({counter} unless {counter} offset {window}) or increase({counter}[{window}]))")
}

/// Where a question about failures has no answer: a zero called "none seen", if the rules are loaded and requests are counted.
/// Without them there is no answer at all: what is not measured must not look like good news.
fn or_none(expr: &str, label: &str) -> String {
    none_of(expr, label, &zero_if_counted())
}

/// The same, where another answer says that it would have been seen.
fn none_of(expr: &str, label: &str, measured: &str) -> String {
    format!(r#"{expr} or on () label_replace({measured}, "{label}", "none seen", "", "")"#)
}

/// Zero, if the rules are loaded and requests are counted.
fn zero_if_counted() -> String {
    format!("0 * sum(model:inference_requests:increase5m{{{TARGET}}})")
}

/// How many of these alerts fire; zero only if the rules are loaded, of which one always fires.
fn count_of_alerts(firing: &str) -> String {
    format!(r#"count({firing}) or 0 * count(ALERTS{{alertname="Watchdog"}})"#)
}

/// What such panels say where not even that is known.
const UNMEASURED: &str = "No data: are the rules loaded?";

/// A share that is 0 where there is nothing to count and silent where there is nothing to divide by.
fn share(part: &str, whole: &str) -> String {
    format!("({part} or 0 * {whole}) / ({whole} > 0)")
}

/// How much evidence came in one interval.
fn evidence(more: &str) -> String {
    grown(&format!("inference_evidence_total{{{TARGET}{more}}}"), "$__rate_interval")
}

/// A share of how long requests took: of native histograms where they are scraped, else of the classic buckets.
fn quantile(of: &str) -> String {
    let native = rate("inference_request_duration_seconds", "");
    let classic = rate("inference_request_duration_seconds_bucket", "");
    format!("histogram_quantile({of}, sum({native})) or histogram_quantile({of}, sum by (le) ({classic}))")
}

/// Latency with its exemplars.
fn latency() -> Panel {
    panel(Kind::Lines, "Latency", "s")
        .says("inference_request_duration_seconds, native or classic buckets. A plateau at 20 minutes is the platform's limit; dots are exemplars that lead to a trace.")
        .ask_traced(quantile("0.5"), "p50")
        .ask_traced(quantile("0.95"), "p95")
        .ask_traced(quantile("0.99"), "p99")
        .words(Words::Quantile)
        .logarithmic()
}

/// Requests and failures of targets.
fn targets() -> Vec<Variable> {
    let of = |label, title| Variable { label, title, metric: "inference_requests_total" };
    vec![of("platform", "Platform"), of("model_id", "Model"), of("environment", "Environment")]
}

/// Marks where alerts begin to fire; not all the time that they do, which would cover the pictures.
fn firing(severities: &str, matchers: &str) -> Annotation {
    let fires = format!(
        r#"max by (alertname, severity, team, platform, model_id, environment, caller) (ALERTS{{alertstate="firing", severity=~"{severities}", {matchers}}}"#
    );
    Annotation {
        name: "Alerts",
        expr: format!("{fires}) unless {fires} offset 1m)"),
        title: "{{alertname}}",
        text: "{{severity}} for {{team}}: {{model_id}} {{environment}} {{caller}}",
        colour: colour(Words::Severity, "critical"),
    }
}

/// Marks where a rollout begins: the first sign of a deployment of a target that spoke before, as its containers' logs show it, or
/// replicas that Baseten says it is promoting.
fn rollouts() -> Annotation {
    let seen = format!("inference_evidence_total{{{TARGET}}}");
    let before = format!("last_over_time({seen}[1d] offset 1m)");
    let promoted = format!(r#"baseten_replicas_active{{{PROVIDED}, rollout_phase="promoting"}}"#);
    Annotation {
        name: "Rollouts",
        expr: format!(
            "(group by ({BY_TARGET}, deployment_id) ({seen}) \
             unless on ({BY_TARGET}, deployment_id) {before} \
             and on ({BY_TARGET}) {before}) \
             or group by (model_id, environment, deployment_id) ({promoted} unless {promoted} offset 1m)"
        ),
        title: "Rollout of {{model_id}} {{environment}}",
        text: "First sign of deployment {{deployment_id}}",
        colour: colour(Words::Cause, "draining"),
    }
}

/// Every board, in the order of the links on top.
pub(crate) fn all() -> [Board; 7] {
    [
        fleet::board(),
        model::board(),
        callers::board(),
        streams::board(),
        platform::board(),
        alerts::board(),
        own::board(),
    ]
}
