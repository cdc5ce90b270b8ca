//! The board `dashboards/model.json`: what does one model die of? In: nothing. Out: the panels as data.
//!
//! The pictures in the middle have one width, one width of axis and one of legend, so that a line down the page is one moment.

use super::{
    BY_TARGET, PROVIDED, TARGET, UNMEASURED, evidence, failures, firing, in_shown_time, lately, latency, none_of,
    or_none, quantile, rate, requests, rollouts, share, targets,
};
use crate::colours::Words;
use crate::dashboard::{Board, Kind, Panel, Scale, panel};

/// Kinds that speak of trouble: not the many lines of a healthy model, nor what only matters to one request.
const TROUBLE: &str = r#", kind!~"serving|proved_clean|still_running|finished_late|never_returned|client_disconnect""#;

/// Channels that would have told of a death.
const WITNESSES: &str = r#", channel=~"container_logs|platform_logs|kubernetes|kernel""#;

/// Kinds that end a container's life.
const DEATHS: &str = r#", kind=~"oom_killed|node_oom|evicted|container_exit|engine_dead""#;

fn answer() -> Vec<Panel> {
    let asked = format!("sum({})", lately("requests", ""));
    let lost = share(&format!("sum({})", lately("failures", "")), &asked);
    let deaths = format!("sum by (kind) ({}) > 0.5", in_shown_time("evidence", DEATHS));
    let witnessed = format!("0 * count(inference_channel_timestamp_seconds{{{TARGET}{WITNESSES}}})");
    let why = format!("sum by (cause) ({})", lately("failures", ""));
    vec![
        panel(Kind::Stat, "Why: failed requests by cause, last 5 minutes", "short")
            .says("model:inference_failures:increase5m: the three most frequent causes. oom_killed and container_crash stand on evidence; unknown means that the model's logs or pod status are missing.")
            .size(9, 5)
            .ask(or_none(&format!("sort_desc(topk(3, {why} > 0.5))"), "cause"), "{{cause}}")
            .words(Words::Cause)
            .words(Words::State)
            .empty(UNMEASURED),
        panel(Kind::Stat, "Requests lost", "percentunit")
            .says("model:inference_failures:increase5m over model:inference_requests:increase5m, whoever is to blame. The error budget is 1 % unless configured.")
            .size(4, 5)
            .ask(format!("clamp_max({lost}, 1)"), "of requests")
            .judged(Scale::Above(0.01, 0.05)),
        panel(Kind::Stat, "Deaths of containers", "short")
            .says("inference_evidence_total of kinds that end a container, in the shown time: oom_killed asks for smaller batches, container_exit for the log before it. Zero is only said where inference_channel_timestamp_seconds shows logs or Kubernetes records of them.")
            .size(5, 5)
            .ask(none_of(&deaths, "kind", &witnessed), "{{kind}}")
            .words(Words::Evidence)
            .words(Words::State)
            .empty("No logs of them"),
        panel(Kind::Stat, "p95 latency", "s")
            .says("inference_request_duration_seconds: near 1200 s means that requests run into the platform's limit.")
            .size(3, 5)
            .ask(quantile("0.95"), "p95"),
        panel(Kind::Stat, "Owner", "short")
            .says("model:inference_owner:info: the team that the alerts of this model go to, from `owners` in coroner's config.")
            .size(3, 5)
            .ask(format!("count by (team) (model:inference_owner:info{{{TARGET}}})"), "{{team}}")
            .names_only()
            .empty("No owner"),
    ]
}

fn one_axis() -> Vec<Panel> {
    let wide = |kind, title, unit| panel(kind, title, unit).size(24, 6);
    let provided = |title, unit| wide(Kind::Lines, title, unit).slow().empty("Not exported");
    vec![
        wide(Kind::Stacked, "Failures by cause", "reqps")
            .says("inference_failures_total by cause. Read downwards: what stands below at the same moment? Dots are exemplars that lead to a trace; marks are alerts that begin and rollouts.")
            .size(24, 7)
            .ask_traced(format!("sum by (cause) ({}) > 0", failures("")), "{{cause}}")
            .words(Words::Cause)
            .empty("None in this time"),
        wide(Kind::Bars, "What was seen about the containers", "short")
            .says("inference_evidence_total by kind, each interval: kills, exits, failed loads, restarts, memory pressure, whether or not a request failed. A bar under the first failures is the cause.")
            .ask(format!("round(sum by (kind) ({})) > 0", evidence(TROUBLE)), "{{kind}}")
            .words(Words::Evidence)
            .empty("No evidence"),
        provided("Memory of the replicas, as Baseten exports it", "bytes")
            .says("baseten_container_cpu_memory_working_set_bytes by replica: a saw that breaks off at the same height each time has met its limit. The limit itself is not exported.")
            .ask(
                format!("max by (replica) (baseten_container_cpu_memory_working_set_bytes{{{PROVIDED}}})"),
                "{{replica}}",
            ),
        latency().size(24, 6),
        wide(Kind::Stacked, "Requests by status", "reqps")
            .says("inference_requests_total by status_code, as the primary vantage saw it; none means that no answer came. More requests before the first failure: load is the trigger; fewer after it: callers gave up.")
            .ask(format!("sum by (status_code) ({}) > 0", requests("")), "{{status_code}}")
            .words(Words::Status),
        provided("Replicas and restarts, as Baseten exports them", "short")
            .says("baseten_replicas_active, baseten_replicas_starting, and increases of baseten_container_restarts_total (crash, memory kill or failed liveness probe; behind a feature flag of Baseten).")
            .size(24, 5)
            .ask(format!("sum(baseten_replicas_active{{{PROVIDED}}})"), "ready")
            .ask(format!("sum(baseten_replicas_starting{{{PROVIDED}}})"), "starting")
            .ask(
                format!("round(sum(increase(baseten_container_restarts_total{{{PROVIDED}}}[$__rate_interval])))"),
                "restarts",
            ),
    ]
}

fn verdicts() -> Panel {
    let by = format!("{BY_TARGET}, class, cause, blame");
    panel(Kind::Table, "Verdicts in the shown time", "short")
        .says("inference_failures_total in the shown time, and model:inference_failures:increase5m, the last 5 minutes: what happened, why, who has to act.")
        .size(24, 7)
        .labels(&["model_id", "environment", "platform", "class", "cause", "blame"])
        .ask(format!("sum by ({by}) ({}) > 0.5", in_shown_time("failures", "")), "failures")
        .ask(format!("sum by ({by}) ({}) > 0.5", lately("failures", "")), "last 5 minutes")
        .words(Words::Class)
        .words(Words::Cause)
        .words(Words::Blame)
        .empty("-")
}

fn rest() -> Vec<Panel> {
    vec![
        panel(Kind::Stacked, "Failures by class", "reqps")
            .says("inference_failures_total by class: what happened, in words of HTTP.")
            .ask(format!("sum by (class) ({}) > 0", failures("")), "{{class}}")
            .words(Words::Class)
            .size(24, 7)
            .empty("None in this time"),
        panel(Kind::Stacked, "Stream endings", "reqps")
            .says("inference_streams_total by ending, as the record shows it.")
            .ask(format!("sum by (ending) ({}) > 0", rate("inference_streams_total", "")), "{{ending}}")
            .words(Words::Ending)
            .empty("No streams"),
        panel(Kind::Lines, "Callers that call it wrongly", "reqps")
            .says("inference_client_failures_total by caller: failures that the callers have to mend.")
            .ask(
                format!("topk(10, sum by (caller) ({}) > 0)", rate("inference_client_failures_total", "")),
                "{{caller}}",
            )
            .empty("None in this time"),
    ]
}

fn compared() -> Vec<Panel> {
    vec![
        panel(Kind::Lines, "Requests lost to memory kills", "percentunit")
            .says("model:inference_oom_bad_gateway_per_request:ratio5m: what the alert InferenceOomKilled502Spike compares with its threshold (0.02 unless configured).")
            .ask(
                format!("model:inference_oom_bad_gateway_per_request:ratio5m{{{TARGET}}}"),
                "{{model_id}} {{environment}}",
            )
            .judged(Scale::Above(0.02, 0.02)),
        panel(Kind::Lines, "Requests that ended in 502", "percentunit")
            .says("model:inference_bad_gateway_per_request:ratio5m: what the alert InferenceBadGatewayRatio compares with its threshold (0.05 unless configured).")
            .ask(
                format!("model:inference_bad_gateway_per_request:ratio5m{{{TARGET}}}"),
                "{{model_id}} {{environment}}",
            )
            .judged(Scale::Above(0.05, 0.05)),
        panel(Kind::Table, "Deployments that give evidence", "short")
            .says("inference_evidence_total by deployment and kind, in the shown time: whose containers die, and how.")
            .size(24, 8)
            .labels(&["model_id", "environment", "deployment_id", "kind"])
            .ask(format!("topk(20, sum by (model_id, environment, deployment_id, kind) ({}) > 0.5)", in_shown_time("evidence", "")), "facts")
            .words(Words::Evidence)
            .empty("-"),
    ]
}

fn budget() -> Vec<Panel> {
    let burnt = format!("model:inference_slo_errors:increase1h{{{TARGET}}}");
    let worst = |window: &str| format!("max(model:inference_slo_errors_per_request:ratio{window}{{{TARGET}}})");
    vec![
        panel(Kind::Lines, "Failures over requests that could have gone well, by window", "percentunit")
            .says("model:inference_slo_errors_per_request:ratio5m, ratio1h, ratio6h and ratio3d, without the callers' failures: the error budget is 1 % unless the config says otherwise. A short and a long window over a multiple of it fire an alert.")
            .ask(worst("5m"), "5 minutes")
            .ask(worst("1h"), "1 hour")
            .ask(worst("6h"), "6 hours")
            .ask(worst("3d"), "3 days")
            .judged(Scale::Above(0.01, 0.144)),
        panel(Kind::Stacked, "Who burns the budget, last hour", "percentunit")
            .says("model:inference_slo_errors:increase1h by blame, over all of it: whose failures they are. An alert goes to each blame that has a third of a model's.")
            .ask(format!("sum by (blame) ({burnt}) / on () group_left () (sum({burnt}) > 0)"), "{{blame}}")
            .words(Words::Blame)
            .empty("None in this time"),
    ]
}

/// The board.
pub(super) fn board() -> Board {
    let mut panels = answer();
    panels.extend(one_axis());
    panels.push(verdicts());
    Board {
        uid: "coroner-model",
        title: "Inference model: what does it die of",
        description: "One model on one time axis: failures by cause against requests, what was seen about its containers, memory, latency. Choose a model above.",
        from: "now-1h",
        variables: targets(),
        annotations: vec![firing("critical|warning", &format!("component=\"inference\", {TARGET}")), rollouts()],
        panels,
        closed: vec![
            ("Error budget", budget()),
            ("Class, streams, callers", rest()),
            ("What the alerts compare, and by deployment", compared()),
        ],
    }
}
