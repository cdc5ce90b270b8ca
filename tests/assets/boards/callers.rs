//! The board `dashboards/callers.json`: who calls wrongly, what is wrong, and whose is it? In: nothing. Out: the panels as data.

use super::{TARGET, TO_CALLER, TO_MODEL, UNMEASURED, firing, grown, or_none, targets};
use crate::colours::Words;
use crate::dashboard::{Board, Kind, Panel, Variable, panel};

/// What every query of the board is narrowed to.
fn filter(more: &str) -> String {
    format!(r#"{TARGET}, caller=~"$caller"{more}"#)
}

/// Failures of callers in the last 5 minutes, births included.
fn lately(more: &str) -> String {
    format!("caller:inference_client_failures:increase5m{{{}}}", filter(more))
}

/// Failures of callers in the shown time.
fn in_shown_time(more: &str) -> String {
    grown(&format!("inference_client_failures_total{{{}}}", filter(more)), "$__range")
}

fn rate(more: &str) -> String {
    format!("rate(inference_client_failures_total{{{}}}[$__rate_interval])", filter(more))
}

fn answer() -> Vec<Panel> {
    let worst = format!("sort_desc(topk(4, sum by (caller, cause) ({}) > 0.5))", lately(""));
    let named = format!(r#"label_join({worst}, "what", ": ", "caller", "cause")"#);
    let refused = format!("sum by (class) ({}) > 0.5", lately(r#", class=~"authentication|permission|billing""#));
    vec![
        panel(Kind::Stat, "Callers to talk to now: failed requests, last 5 minutes", "short")
            .says("caller:inference_client_failures:increase5m: the callers and causes with the most failures that only the caller can mend. The table below names the team.")
            .size(14, 5)
            .ask(or_none(&named, "what"), "{{what}}")
            .words(Words::Cause)
            .words(Words::State)
            .empty(UNMEASURED),
        panel(Kind::Stat, "Accounts and keys", "short")
            .says("caller:inference_client_failures:increase5m of classes authentication, permission and billing: unpaid_account stops every caller of the platform.")
            .size(5, 5)
            .ask(or_none(&refused, "class"), "{{class}}")
            .words(Words::Class)
            .words(Words::State)
            .empty(UNMEASURED),
        panel(Kind::Stat, "Callers' share of all failures", "percentunit")
            .says("model:inference_failures:increase5m with blame client over all of it: failures that neither the models nor the platform can mend.")
            .size(5, 5)
            .ask(
                format!(
                    r#"(sum(model:inference_failures:increase5m{{{TARGET}, blame="client"}}) or vector(0)) / (sum(model:inference_failures:increase5m{{{TARGET}}}) > 0)"#
                ),
                "of failures",
            )
            .empty("None in this time"),
    ]
}

fn table() -> Panel {
    let by = "platform, caller, class, cause";
    let owned = |expr: String| format!("({expr}) * on (caller) group_left (team) caller:inference_owner:info");
    panel(Kind::Table, "Who calls wrongly in the shown time, and whose caller it is", "short")
        .says("inference_client_failures_total by caller and cause in the shown time, with the team of caller:inference_owner:info. A click on a caller shows it alone; the runbook of the alert for its cause says how to mend it.")
        .size(24, 9)
        .labels(&["caller", "team", "class", "cause", "platform"])
        .ask(owned(format!("topk(20, sum by ({by}) ({}) > 0.5)", in_shown_time(""))), "failures")
        .ask(owned(format!("sum by ({by}) ({}) > 0.5", lately(""))), "last 5 minutes")
        .ask(
            owned(format!("count by ({by}) (sum by ({by}, model_id) ({}) > 0.5)", in_shown_time(""))),
            "models",
        )
        .words(Words::Class)
        .words(Words::Cause)
        .link("caller", TO_CALLER)
        .empty("-")
}

fn over_time() -> Vec<Panel> {
    vec![
        panel(Kind::Stacked, "Callers' failures by cause", "reqps")
            .says("inference_client_failures_total by cause. A step that begins at a round time is a key that expired or a job that started.")
            .ask(format!("sum by (cause) ({}) > 0", rate("")), "{{cause}}")
            .words(Words::Cause)
            .empty("None in this time"),
        panel(Kind::Lines, "Failures by caller", "reqps")
            .says("inference_client_failures_total by caller, the ten worst of the shown time. One caller alone: its deployment; all at once: the account or the platform.")
            .ask(
                format!(
                    "sum by (caller) ({}) and on (caller) topk(10, sum by (caller) (avg_over_time({}[$__range] @ end())))",
                    rate(""),
                    lately("")
                ),
                "{{caller}}",
            )
            .empty("None in this time"),
    ]
}

fn models() -> Panel {
    let by = "platform, model_id, environment";
    panel(Kind::Table, "Models that are called wrongly", "short")
        .says("inference_client_failures_total by model in the shown time: a model id that many callers get wrong is badly documented.")
        .size(12, 8)
        .labels(&["model_id", "environment", "platform"])
        .ask(format!("topk(15, sum by ({by}) ({}) > 0.5)", in_shown_time("")), "failures")
        .ask(format!("count by ({by}) (sum by ({by}, caller) ({}) > 0.5)", in_shown_time("")), "callers")
        .link("model_id", TO_MODEL)
        .empty("-")
}

fn alerts() -> Panel {
    panel(Kind::Table, "Alerts that callers have to act on", "short")
        .says("ALERTS with blame client: what fires now, for which caller and team.")
        .size(12, 8)
        .labels(&["alertname", "severity", "caller", "team"])
        .ask(
            r#"count by (alertname, severity, caller, team) (ALERTS{alertstate="firing", blame="client", caller=~"$caller"})"#,
            "alerts",
        )
        .words(Words::Severity)
        .link("caller", TO_CALLER)
        .empty("None in this time")
}

fn rest() -> Vec<Panel> {
    let third = |title| panel(Kind::Lines, title, "reqps").size(8, 8).empty("None in this time");
    let by_caller = |more: &str| format!("topk(10, sum by (caller) ({}) > 0)", rate(more));
    vec![
        third("Time-outs shorter than the model needs")
            .says("inference_client_failures_total of cause short_client_timeout, by caller: compare with the latency on the Model board.")
            .ask(by_caller(r#", cause="short_client_timeout""#), "{{caller}}"),
        third("Over a quota or rate limit")
            .says("inference_client_failures_total of class rate_limited, by caller: back off with jitter, or ask for more.")
            .ask(by_caller(r#", class="rate_limited""#), "{{caller}}"),
        third("Keys and model ids")
            .says("inference_client_failures_total of causes invalid_api_key and wrong_model_id, by caller.")
            .ask(by_caller(r#", cause=~"invalid_api_key|wrong_model_id""#), "{{caller}}"),
    ]
}

/// The board.
pub(super) fn board() -> Board {
    let mut panels = answer();
    panels.push(table());
    panels.extend(over_time());
    panels.extend([models(), alerts()]);
    let mut variables = targets();
    variables.push(Variable { label: "caller", title: "Caller", metric: "inference_client_failures_total" });
    Board {
        uid: "coroner-callers",
        title: "Inference callers: who calls wrongly",
        description: "Failures with blame client by who called: keys, model ids, billing, quotas, sizes, time-outs, and the team that can mend them.",
        from: "now-6h",
        variables,
        annotations: vec![firing("critical|warning", r#"component="inference", blame="client", caller=~"$caller""#)],
        panels,
        closed: vec![("By kind of mistake", rest())],
    }
}
