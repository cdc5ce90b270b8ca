//! The board `dashboards/fleet.json`: which models fail, and who has to act? In: nothing. Out: the panels as data.

use super::{
    BY_TARGET, TARGET, TO_MODEL, UNMEASURED, count_of_alerts, failures, firing, in_shown_time, lately, latency,
    or_none, rate, requests, rollouts, share, targets, zero_if_counted,
};
use crate::colours::Words;
use crate::dashboard::{Board, Kind, Panel, Scale, panel};

/// What a reader must know in ten seconds.
fn answer() -> Vec<Panel> {
    let worst = format!("sum by ({BY_TARGET}, cause) ({}) > 0.5", lately("failures", r#", blame!="client""#));
    let of_each = format!("sort_desc(topk(5, topk by (cause) (1, {worst})))");
    let named = format!(r#"label_join({of_each}, "what", ": ", "model_id", "cause")"#);
    // What names no model, such as a fault of the whole platform, is about each.
    let firing = |severity: &str| {
        count_of_alerts(&format!(
            r#"max by (alertname, platform, model_id, environment, caller) (ALERTS{{alertstate="firing", component="inference", severity="{severity}", platform=~"$platform|", model_id=~"$model_id|", environment=~"$environment|"}})"#
        ))
    };
    vec![
        panel(Kind::Stat, "Who has to act: failed requests, last 5 minutes", "short")
            .says("model:inference_failures:increase5m by blame. The largest number says whose problem it is: the model's team, the platform, the callers; undetermined means that evidence is missing.")
            .size(7, 5)
            .ask(or_none(&format!("sum by (blame) ({}) > 0.5", lately("failures", "")), "blame"), "{{blame}}")
            .words(Words::Blame)
            .words(Words::State)
            .empty(UNMEASURED),
        panel(Kind::Stat, "Worst now: the worst model of each cause", "short")
            .says("model:inference_failures:increase5m without blame client: for each cause the model with the most failed requests in the last 5 minutes, the five worst. Start with the first; the table below leads to its board. What callers do wrong is on the Callers board.")
            .size(11, 5)
            .ask(or_none(&named, "what"), "{{what}}")
            .words(Words::Cause)
            .words(Words::State)
            .empty(UNMEASURED),
        panel(Kind::Stat, "Pages", "short")
            .says("ALERTS of component inference and severity critical, about the chosen models or about more than models. The Alerts board lists them by team.")
            .size(3, 5)
            .ask(firing("critical"), "firing")
            .judged(Scale::Above(1.0, 1.0))
            .empty(UNMEASURED),
        panel(Kind::Stat, "Tickets", "short")
            .says("ALERTS of component inference and severity warning, about the chosen models or about more than models.")
            .size(3, 5)
            .ask(firing("warning"), "firing")
            .judged(Scale::Above(1.0, 10.0))
            .empty(UNMEASURED),
    ]
}

fn numbers() -> Vec<Panel> {
    let small = |title, unit| panel(Kind::Stat, title, unit).size(6, 4);
    let asked = format!("sum({})", lately("requests", ""));
    let lost = |more: &str| share(&format!("sum({})", lately("failures", more)), &asked);
    vec![
        small("Requests", "reqps")
            .says("inference_requests_total: each request once, as its primary vantage saw it. A drop to nothing is an outage too.")
            .ask(format!("sum({})", requests("")), "requests"),
        small("Success ratio", "percentunit")
            .says("1 - model:inference_failures:increase5m / model:inference_requests:increase5m. The second number leaves out what the callers themselves did wrong.")
            .ask(format!("clamp_min(1 - ({}), 0)", lost("")), "as callers see it")
            .ask(format!("clamp_min(1 - ({}), 0)", lost(r#", blame!="client""#)), "without callers' mistakes")
            .judged(Scale::Below(0.99, 0.95)),
        small("Models failing now", "short")
            .says("Targets of model:inference_failures:increase5m with failures that are not the caller's. Many at once point to the platform: look at its board.")
            .ask(
                format!(
                    "count(sum by ({BY_TARGET}) ({}) > 0.5) or {}",
                    lately("failures", r#", blame!="client""#),
                    zero_if_counted()
                ),
                "models",
            )
            .judged(Scale::Above(1.0, 5.0))
            .empty(UNMEASURED),
        small("Waiting for evidence", "short")
            .says("inference_open_cases: failed requests that wait for deciding evidence. They join the failures when they settle, so the numbers above are that much too low.")
            .ask(
                r#"sum(max_over_time(inference_open_cases{platform=~"$platform"}[$__rate_interval])) or 0 * count(coroner_start_time_seconds)"#,
                "open cases",
            )
            .empty("Not scraped"),
    ]
}

fn over_time() -> Vec<Panel> {
    vec![
        panel(Kind::Stacked, "Failures by blame", "reqps")
            .says("inference_failures_total by blame: who has to act, and since when.")
            .ask(format!("sum by (blame) ({}) > 0", failures("")), "{{blame}}")
            .words(Words::Blame)
            .empty("None in this time"),
        panel(Kind::Stacked, "Failures by cause", "reqps")
            .says("inference_failures_total by cause: why. Pure colours are the model's causes, dark ones the platform's, light ones the callers', grey is unknown. Dots are exemplars that lead to a trace.")
            .ask_traced(format!("sum by (cause) ({}) > 0", failures("")), "{{cause}}")
            .words(Words::Cause)
            .empty("None in this time"),
    ]
}

fn models() -> Panel {
    let failing = |more: &str| format!("sum by ({BY_TARGET}) ({})", in_shown_time("failures", more));
    let not_theirs = r#", blame!="client""#;
    let asked = format!("sum by ({BY_TARGET}) ({})", in_shown_time("requests", ""));
    let worst = format!("topk(15, {} > 0.5)", failing(not_theirs));
    let of_worst = |expr: String| format!("({expr}) and on ({BY_TARGET}) {worst}");
    let blamed = |blame: &str| of_worst(format!("{} > 0.5", failing(&format!(r#", blame="{blame}""#))));
    let main_cause = format!(
        "topk by ({BY_TARGET}) (1, sum by ({BY_TARGET}, cause) ({}) > 0.5)",
        in_shown_time("failures", not_theirs)
    );
    panel(Kind::Table, "Models that fail most in the shown time, without the callers' mistakes", "short")
        .says("inference_failures_total without blame client over inference_requests_total, in the shown time: the fifteen worst models, their main cause and who has to act. A click on a model leads to its board.")
        .size(24, 9)
        .labels(&["model_id", "environment", "platform", "cause"])
        .ask(worst.clone(), "failures")
        .ask_in("percentunit", of_worst(format!("clamp_max({} / ({asked} > 0), 1)", failing(not_theirs))), "of requests")
        .ask_labels(of_worst(main_cause), "of main cause")
        .ask(blamed("model"), "model")
        .ask(blamed("platform"), "platform's")
        .ask(blamed("undetermined"), "undetermined")
        .ask(blamed("client"), "callers'")
        .words(Words::Cause)
        .link("model_id", TO_MODEL)
        .empty("-")
}

fn rest() -> Vec<Panel> {
    vec![
        panel(Kind::Stacked, "Failures by class", "reqps")
            .says("inference_failures_total by class: what happened, in words of HTTP.")
            .ask(format!("sum by (class) ({}) > 0", failures("")), "{{class}}")
            .words(Words::Class)
            .empty("None in this time"),
        latency(),
        panel(Kind::Stacked, "Requests by status", "reqps")
            .says("inference_requests_total by status_code, as the primary vantage saw it; none means that no answer came.")
            .ask(format!("sum by (status_code) ({}) > 0", requests("")), "{{status_code}}")
            .words(Words::Status),
        panel(Kind::Lines, "Share of requests lost, worst models", "percentunit")
            .says("model:inference_failures_per_request:ratio5m: the ten worst of the shown time, whoever is to blame.")
            .ask(
                format!(
                    "clamp_max(model:inference_failures_per_request:ratio5m{{{TARGET}}}, 1) and on ({BY_TARGET}) \
                     topk(10, avg_over_time(model:inference_failures_per_request:ratio5m{{{TARGET}}}[$__range] @ end()))"
                ),
                "{{model_id}} {{environment}}",
            ),
    ]
}

fn verdicts() -> Vec<Panel> {
    let failed = |more: &str| format!("sum by ({BY_TARGET}) ({})", in_shown_time("failures", more));
    let (nobody, all) = (failed(r#", blame="undetermined""#), failed(""));
    let verdicts = r#"rate(inference_verdicts_total{platform=~"$platform"}[$__rate_interval])"#;
    vec![
        panel(Kind::Stacked, "How sure the verdicts are", "reqps")
            .says("inference_verdicts_total by confidence. Much assumed means that nothing seen could decide why: send the models' logs.")
            .ask(format!("sum by (confidence) ({verdicts}) > 0"), "{{confidence}}")
            .words(Words::Confidence)
            .empty("None in this time"),
        panel(Kind::Stacked, "How evidence was matched", "reqps")
            .says("inference_verdicts_total by match: request and replica are the strongest, target is the same model at the right time, none is the record alone.")
            .ask(format!("sum by (match) ({verdicts}) > 0"), "{{match}}")
            .words(Words::Match)
            .empty("None in this time"),
        panel(Kind::Table, "Models without a culprit, in the shown time", "short")
            .says("inference_failures_total with blame undetermined, and its share of all failures: models whose logs or pod status are missing.")
            .labels(&["model_id", "environment", "platform"])
            .ask(format!("topk(10, {nobody} > 0.5)"), "undetermined")
            .ask_in("percentunit", format!("{nobody} / ({all} > 0.5)"), "share of failures")
            .link("model_id", TO_MODEL)
            .empty("-"),
        panel(Kind::Stacked, "Stream endings", "reqps")
            .says("inference_streams_total by ending, as the record shows it. The Streams board says more.")
            .ask(format!("sum by (ending) ({}) > 0", rate("inference_streams_total", "")), "{{ending}}")
            .words(Words::Ending)
            .empty("No streams"),
    ]
}

fn budgets() -> Panel {
    // Aggregated, because the name of a record would stand in each row and rows of different names never join.
    let of = |window: &str| {
        format!(
            "max by (platform, model_id, environment) (model:inference_slo_errors_per_request:{window}{{{TARGET}}})"
        )
    };
    panel(Kind::Table, "Error budgets that burn fastest", "percentunit")
        .says("model:inference_slo_errors_per_request:ratio5m, ratio1h, ratio1d and ratio3d: failures that are not the callers' over requests that could have gone well. The budget is 1 % unless the config says otherwise; ten times as much for an hour is a page.")
        .size(24, 8)
        .labels(&["model_id", "environment", "platform"])
        .ask(format!("topk(15, {} > 0)", of("ratio1h")), "1 hour")
        .ask(format!("{} > 0", of("ratio5m")), "5 minutes")
        .ask(format!("{} > 0", of("ratio1d")), "1 day")
        .ask(format!("{} > 0", of("ratio3d")), "3 days")
        .link("model_id", TO_MODEL)
        .empty("-")
}

/// The board.
pub(super) fn board() -> Board {
    let mut panels = answer();
    panels.extend(numbers());
    panels.extend(over_time());
    panels.push(models());
    Board {
        uid: "coroner-fleet",
        title: "Inference fleet: who is to blame",
        description: "Which models fail, why, and who has to act? Verdicts of coroner on every failed request.",
        from: "now-1h",
        variables: targets(),
        annotations: vec![firing("critical", &format!("component=\"inference\", {TARGET}")), rollouts()],
        panels,
        closed: vec![
            ("Classes, latency, status", rest()),
            ("Error budgets", vec![budgets()]),
            ("How far the verdicts can be trusted", verdicts()),
        ],
    }
}
