//! The board `dashboards/causes.json`: why do requests die, and what is that known from? In: nothing. Out: the panels as data.

use super::dashboard::{Board, Kind, Panel};
use super::fleet_board::{BY_TARGET, TARGET, failures, panel, query, requests};

/// The memory kill stands out; what is not the model's is cool, what is not known is grey.
const CAUSE_COLOURS: &[(&str, &str)] = &[
    ("oom_killed", "#D55E00"),
    ("container_crash", "#E69F00"),
    ("gpu_oom", "#F0E442"),
    ("platform_fault", "#0072B2"),
    ("client_disconnect", "#56B4E9"),
    ("unknown", "#999999"),
];

/// The colour of each way of matching.
const MATCH_COLOURS: &[(&str, &str)] =
    &[("request", "#009E73"), ("replica", "#56B4E9"), ("target", "#F0E442"), ("none", "#999999")];

/// What the alert `InferenceOomKilled502Spike` counts.
const OOM_502: &str = r#", class="bad_gateway", cause="oom_killed""#;

fn of_platform(metric: &str, function: &str) -> String {
    format!(r#"{function}({metric}{{platform=~"$platform"}}[$__rate_interval])"#)
}

/// How much evidence came in one interval. A deployment's first fact is a series that is born at 1, which `increase` alone
/// does not see.
fn evidence() -> String {
    let all = format!("inference_evidence_total{{{TARGET}}}");
    format!("({all} unless {all} offset $__rate_interval) or increase({all}[$__rate_interval])")
}

fn numbers() -> Vec<Panel> {
    let small = (6, 4);
    vec![
        Panel {
            description: "inference_requests_total with status 502, whatever the cause turns out to be.",
            queries: vec![query(format!("sum({})", requests(r#", status_code="502""#)), "502s")],
            no_value: "None",
            ..panel("502s", Kind::Stat, "reqps", small)
        },
        Panel {
            description: "inference_failures_total of class bad_gateway and cause oom_killed: 502s whose container was killed for its memory.",
            queries: vec![query(format!("sum({})", failures(OOM_502)), "oom_killed")],
            colours: CAUSE_COLOURS,
            no_value: "None",
            ..panel("502s by a memory kill", Kind::Stat, "reqps", small)
        },
        Panel {
            description: "inference_open_cases: failed requests that wait for deciding evidence. They appear in the failures when they settle.",
            queries: vec![query(
                format!("sum({}) or vector(0)", of_platform("inference_open_cases", "max_over_time")),
                "open",
            )],
            no_value: "None",
            ..panel("Cases that wait for evidence", Kind::Stat, "short", small)
        },
        Panel {
            description: "The share of inference_failures_total of class bad_gateway with cause unknown. Where it is high, the models' logs or pod status are missing.",
            queries: vec![query(
                format!(
                    "sum({}) / (sum({}) > 0)",
                    failures(r#", class="bad_gateway", cause="unknown""#),
                    failures(r#", class="bad_gateway""#)
                ),
                "unknown",
            )],
            no_value: "No failures",
            ..panel("502s that nothing explains", Kind::Stat, "percentunit", small)
        },
    ]
}

fn over_time() -> Vec<Panel> {
    let half = (12, 9);
    vec![
        Panel {
            description: "inference_failures_total of class bad_gateway by cause; oom_killed in the strongest colour. Dots are exemplars that lead to a trace.",
            queries: vec![query(format!("sum by (cause) ({}) > 0", failures(r#", class="bad_gateway""#)), "{{cause}}")],
            colours: CAUSE_COLOURS,
            exemplars: true,
            no_value: "No failures",
            ..panel("502s by cause", Kind::Stacked, "reqps", half)
        },
        Panel {
            description: "inference_evidence_total by kind: what logs, Kubernetes, kernels and metrics said about containers, whether or not a request failed.",
            queries: vec![query(format!("sum by (kind) ({}) > 0", evidence()), "{{kind}}")],
            colours: CAUSE_COLOURS,
            no_value: "No evidence",
            ..panel("Evidence seen", Kind::Stacked, "short", half)
        },
        Panel {
            description: "inference_failures_total of class bad_gateway and cause oom_killed over inference_requests_total, by model: what the alert InferenceOomKilled502Spike compares with its threshold (0.02 unless configured).",
            queries: vec![query(
                format!(
                    "topk(10, sum by ({BY_TARGET}) ({}) / sum by ({BY_TARGET}) ({}))",
                    failures(OOM_502),
                    requests(r#", status_code!~"201|202""#)
                ),
                "{{model_id}} {{environment}}",
            )],
            ..panel("Requests lost to memory kills", Kind::Lines, "percentunit", half)
        },
        Panel {
            description: "inference_verdicts_total by match: request and replica are the strongest, target means the same model at the right time, none means the record alone.",
            queries: vec![query(
                format!("sum by (match) ({}) > 0", of_platform("inference_verdicts_total", "rate")),
                "{{match}}",
            )],
            colours: MATCH_COLOURS,
            no_value: "No failures",
            ..panel("How evidence was matched", Kind::Stacked, "reqps", half)
        },
    ]
}

fn deployments() -> Panel {
    Panel {
        description: "inference_evidence_total by deployment and kind, in the last interval: whose containers die, and how.",
        queries: vec![query(
            format!("topk(20, sum by ({BY_TARGET}, deployment_id, kind) ({}) > 0)", evidence()),
            "facts",
        )],
        no_value: "-",
        ..panel("Deployments that give evidence", Kind::Table, "short", (24, 9))
    }
}

/// The board.
pub(crate) fn board() -> Board {
    let mut panels = numbers();
    panels.extend(over_time());
    panels.push(deployments());
    Board {
        uid: "coroner-causes",
        title: "Inference: why requests die, and what that is known from",
        description: "502s by cause, and the evidence about containers that the verdicts of coroner stand on.",
        variables: &["platform", "model_id", "environment"],
        variable_metric: "inference_requests_total",
        panels,
    }
}
