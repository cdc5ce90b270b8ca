//! The board `dashboards/fleet.json`: which models are failing, and whose fault is it? In: nothing. Out: the panels as data.

use super::dashboard::{BLAME_COLOURS, Board, CONFIDENCE_COLOURS, ENDING_COLOURS, Kind, Panel, Query};

/// What every query of the board is narrowed to.
pub(crate) const TARGET: &str = r#"platform=~"$platform", model_id=~"$model_id", environment=~"$environment""#;

/// The labels that name a target.
pub(crate) const BY_TARGET: &str = "platform, model_id, environment";

pub(crate) fn requests(more: &str) -> String {
    rate("inference_requests_total", more)
}

pub(crate) fn failures(more: &str) -> String {
    rate("inference_failures_total", more)
}

fn rate(metric: &str, more: &str) -> String {
    format!("rate({metric}{{{TARGET}{more}}}[$__rate_interval])")
}

/// Accepted asynchronous requests say nothing about their answer: they stay out of ratios.
const ANSWERED: &str = r#", status_code!~"201|202""#;

pub(crate) fn query(expr: String, legend: &'static str) -> Query {
    Query { expr, legend }
}

pub(crate) fn panel(title: &'static str, kind: Kind, unit: &'static str, size: (u32, u32)) -> Panel {
    Panel {
        title,
        description: "",
        kind,
        unit,
        size,
        queries: Vec::new(),
        colours: &[],
        exemplars: false,
        no_value: "No traffic",
    }
}

fn numbers() -> Vec<Panel> {
    let small = (6, 4);
    vec![
        Panel {
            description: "inference_requests_total: each request once, as its primary vantage saw it.",
            queries: vec![query(format!("sum({})", requests("")), "requests")],
            ..panel("Requests", Kind::Stat, "reqps", small)
        },
        Panel {
            description: "1 - inference_failures_total / inference_requests_total, without accepted asynchronous requests. The second number leaves out what the callers themselves did wrong.",
            queries: vec![
                query(
                    format!("1 - (sum({}) or vector(0)) / sum({})", failures(""), requests(ANSWERED)),
                    "as callers see it",
                ),
                query(
                    format!(
                        "1 - (sum({}) or vector(0)) / sum({})",
                        failures(r#", blame!="client""#),
                        requests(ANSWERED)
                    ),
                    "without callers' mistakes",
                ),
            ],
            ..panel("Success ratio", Kind::Stat, "percentunit", small)
        },
        Panel {
            description: "Targets of inference_failures_total with a failure that is not the caller's.",
            queries: vec![query(
                format!("count(sum by ({BY_TARGET}) ({}) > 0) or vector(0)", failures(r#", blame!="client""#)),
                "models",
            )],
            ..panel("Models failing now", Kind::Stat, "short", small)
        },
        Panel {
            description: "inference_streams_total: truncated / (truncated + complete), and the share of streams whose end is known at all. Below half, truncation cannot be seen.",
            queries: vec![
                query(
                    format!(
                        "(sum({}) or vector(0)) / (sum({}) > 0)",
                        rate("inference_streams_total", r#", ending="truncated""#),
                        rate("inference_streams_total", r#", ending=~"complete|truncated""#)
                    ),
                    "truncated",
                ),
                query(
                    format!(
                        "(sum({}) or vector(0)) / (sum({}) > 0)",
                        rate("inference_streams_total", r#", ending!="unknown""#),
                        rate("inference_streams_total", "")
                    ),
                    "end known",
                ),
            ],
            no_value: "No streams",
            ..panel("Streams cut off", Kind::Stat, "percentunit", small)
        },
    ]
}

fn failures_over_time() -> Vec<Panel> {
    let third = (8, 9);
    vec![
        Panel {
            description: "inference_failures_total by blame: who has to act.",
            queries: vec![query(format!("sum by (blame) ({}) > 0", failures("")), "{{blame}}")],
            colours: BLAME_COLOURS,
            exemplars: true,
            no_value: "No failures",
            ..panel("Failures by blame", Kind::Stacked, "reqps", third)
        },
        Panel {
            description: "inference_failures_total by class: what happened.",
            queries: vec![query(format!("sum by (class) ({}) > 0", failures("")), "{{class}}")],
            no_value: "No failures",
            ..panel("Failures by class", Kind::Stacked, "reqps", third)
        },
        Panel {
            description: "inference_failures_total by cause: why.",
            queries: vec![query(format!("sum by (cause) ({}) > 0", failures("")), "{{cause}}")],
            no_value: "No failures",
            ..panel("Failures by cause", Kind::Stacked, "reqps", third)
        },
    ]
}

fn models() -> Panel {
    let failing = |more: &str| format!("sum by ({BY_TARGET}) ({})", failures(more));
    let answered = format!("sum by ({BY_TARGET}) ({})", requests(ANSWERED));
    let worst = format!("topk(10, {} > 0)", failing(""));
    let of_worst = |expr: String| format!("({expr}) and on ({BY_TARGET}) {worst}");
    let blamed = |blame: &str| of_worst(format!("{} > 0", failing(&format!(r#", blame="{blame}""#))));
    Panel {
        description: "The ten targets with the most failures per second (inference_failures_total over inference_requests_total), and who has to act.",
        queries: vec![
            query(worst.clone(), "failures"),
            query(of_worst(format!("{} / {answered}", failing(""))), "failures ratio"),
            query(blamed("model"), "model"),
            query(blamed("platform"), "platform"),
            query(blamed("client"), "client"),
            query(blamed("undetermined"), "undetermined"),
        ],
        no_value: "-",
        ..panel("Models that fail most", Kind::Table, "reqps", (12, 10))
    }
}

fn quantile(of: &str, legend: &'static str) -> Query {
    // Native histograms where they are scraped, else the classic buckets.
    let native = rate("inference_request_duration_seconds", "");
    let classic = rate("inference_request_duration_seconds_bucket", "");
    query(
        format!("histogram_quantile({of}, sum({native})) or histogram_quantile({of}, sum by (le) ({classic}))"),
        legend,
    )
}

fn rest() -> Vec<Panel> {
    let third = (8, 9);
    vec![
        Panel {
            description: "inference_request_duration_seconds, native or classic buckets; dots are exemplars that lead to a trace.",
            queries: vec![quantile("0.5", "p50"), quantile("0.95", "p95"), quantile("0.99", "p99")],
            colours: &[("p50", "#56B4E9"), ("p95", "#0072B2"), ("p99", "#D55E00")],
            exemplars: true,
            ..panel("Latency", Kind::Lines, "s", (12, 10))
        },
        Panel {
            description: "inference_streams_total by ending, as the record shows it.",
            queries: vec![query(
                format!("sum by (ending) ({}) > 0", rate("inference_streams_total", "")),
                "{{ending}}",
            )],
            colours: ENDING_COLOURS,
            no_value: "No streams",
            ..panel("Stream endings", Kind::Stacked, "reqps", third)
        },
        Panel {
            description: "inference_client_failures_total: failures that callers have to mend, by who called.",
            queries: vec![query(
                format!("topk(10, sum by (caller, cause) ({}) > 0)", rate("inference_client_failures_total", "")),
                "{{caller}}: {{cause}}",
            )],
            no_value: "No failures",
            ..panel("Callers to talk to", Kind::Lines, "reqps", third)
        },
        Panel {
            description: "inference_verdicts_total by confidence: assumed means that nothing seen could decide why.",
            queries: vec![query(
                r#"sum by (confidence) (rate(inference_verdicts_total{platform=~"$platform"}[$__rate_interval])) > 0"#
                    .to_owned(),
                "{{confidence}}",
            )],
            colours: CONFIDENCE_COLOURS,
            no_value: "No failures",
            ..panel("How sure the verdicts are", Kind::Stacked, "reqps", third)
        },
    ]
}

/// The board.
pub(crate) fn board() -> Board {
    let mut panels = numbers();
    panels.extend(failures_over_time());
    panels.push(models());
    panels.extend(rest());
    Board {
        uid: "coroner-fleet",
        title: "Inference: which models fail, and whose fault is it",
        description: "Verdicts of coroner on every failed request of the fleet.",
        variables: &["platform", "model_id", "environment"],
        variable_metric: "inference_requests_total",
        panels,
    }
}
