//! The board `dashboards/streams.json`: are answers cut, and would it be seen? In: nothing. Out: the panels as data.

use super::{BY_TARGET, TARGET, TO_MODEL, failures, firing, in_shown_time, lately, rate, rollouts, share, targets};
use crate::colours::Words;
use crate::dashboard::{Board, Kind, Panel, Scale, panel};

/// Failures of streams: cut, or silent until somebody gave up.
const OF_STREAMS: &str = r#", class="stream_truncated""#;
const STALLED: &str = r#", cause="stream_stalled""#;

fn answer() -> Vec<Panel> {
    let small = |title, unit| panel(Kind::Stat, title, unit).size(6, 5).empty("No streams");
    let of = |more: &str| format!("sum({})", lately("streams", more));
    vec![
        small("Cut off", "percentunit")
            .says("model:inference_streams:increase5m: truncated / (truncated + complete). Each is half an answer that looked like a success. The alert fires from 5 % on unless configured.")
            .ask(share(&of(r#", ending="truncated""#), &of(r#", ending=~"complete|truncated""#)), "of the streams that ended")
            .judged(Scale::Above(0.01, 0.05)),
        small("End known", "percentunit")
            .says("model:inference_streams:increase5m: the share whose ending is not unknown. Below half, cut streams cannot be seen: add GenAI spans with finish reasons, Go's otelhttp, or the proxy's access log.")
            .ask(share(&of(r#", ending!="unknown""#), &of("")), "of the streams")
            .judged(Scale::Below(0.8, 0.5)),
        small("Stalled, last 5 minutes", "short")
            .says("model:inference_failures:increase5m of cause stream_stalled: the answer began and then fell silent until the caller gave up.")
            .ask(format!("sum({}) or 0 * {}", lately("failures", STALLED), of("")), "streams")
            .judged(Scale::Above(1.0, 5.0)),
        small("Streams", "reqps")
            .says("inference_streams_total: answers known to be streams.")
            .ask(format!("sum({})", rate("inference_streams_total", "")), "streams"),
    ]
}

fn over_time() -> Vec<Panel> {
    vec![
        panel(Kind::Lines, "Share cut off, by model", "percentunit")
            .says("model:inference_truncated_per_stream:ratio5m: what the alert InferenceStreamTruncationRate compares with its threshold; the ten worst of the shown time. A step at a rollout is the rollout.")
            .ask(
                format!(
                    "model:inference_truncated_per_stream:ratio5m{{{TARGET}}} and on ({BY_TARGET}) \
                     topk(10, avg_over_time(model:inference_truncated_per_stream:ratio5m{{{TARGET}}}[$__range] @ end()))"
                ),
                "{{model_id}} {{environment}}",
            )
            .judged(Scale::Above(0.05, 0.05))
            .empty("No streams"),
        panel(Kind::Stacked, "Endings", "reqps")
            .says("inference_streams_total by ending, on arrival, as the record shows it. Much unknown hides what is cut.")
            .ask(format!("sum by (ending) ({}) > 0", rate("inference_streams_total", "")), "{{ending}}")
            .words(Words::Ending)
            .empty("No streams"),
    ]
}

fn models() -> Panel {
    let of = |more: &str| format!("sum by ({BY_TARGET}) ({})", in_shown_time("streams", more));
    let (cut, ended) = (of(r#", ending="truncated""#), of(r#", ending=~"complete|truncated""#));
    let cause = format!(
        "topk by ({BY_TARGET}) (1, sum by ({BY_TARGET}, cause) ({}) > 0.5)",
        in_shown_time("failures", r#", class=~"stream_truncated|client_timeout""#)
    );
    panel(Kind::Table, "Models that stream, in the shown time", "short")
        .says("inference_streams_total and inference_failures_total in the shown time: how many streams were cut, of how many the end is known, and the main cause.")
        .size(24, 9)
        .labels(&["model_id", "environment", "platform", "cause"])
        .ask(format!("{cut} > 0.5"), "cut off")
        .ask_in("percentunit", format!("({cut} or 0 * {ended}) / ({ended} > 0)"), "share cut off")
        .ask_in("percentunit", format!("({} or 0 * {}) / ({} > 0)", of(r#", ending!="unknown""#), of(""), of("")), "end known")
        .ask(of(""), "streams")
        .ask_labels(cause, "of main cause")
        .words(Words::Cause)
        .link("model_id", TO_MODEL)
        .empty("-")
}

fn why() -> Vec<Panel> {
    vec![
        panel(Kind::Stacked, "Cut streams by cause", "reqps")
            .says("inference_failures_total of class stream_truncated by cause: oom_killed and container_crash are the model's, client_disconnect is the caller's; unknown: nothing seen could decide.")
            .ask_traced(format!("sum by (cause) ({}) > 0", failures(OF_STREAMS)), "{{cause}}")
            .words(Words::Cause)
            .empty("None in this time"),
        panel(Kind::Lines, "Stalled streams, by model", "reqps")
            .says("inference_failures_total of cause stream_stalled: the first bytes came, then nothing.")
            .ask(
                format!("topk(10, sum by (model_id, environment) ({}) > 0)", failures(STALLED)),
                "{{model_id}} {{environment}}",
            )
            .empty("None in this time"),
    ]
}

fn coverage() -> Vec<Panel> {
    vec![
        panel(Kind::Lines, "Streams whose end is known, by model", "percentunit")
            .says("model:inference_known_ending_per_stream:ratio5m: the ten worst. Below half, InferenceStreamEndsUnknown says what to add.")
            .ask(
                format!("bottomk(10, model:inference_known_ending_per_stream:ratio5m{{{TARGET}}})"),
                "{{model_id}} {{environment}}",
            )
            .judged(Scale::Below(0.5, 0.5))
            .empty("No streams"),
        panel(Kind::Lines, "Streams that a later record proved cut", "short")
            .says("coroner_streams_corrected_total by how they were counted at first; none: not as streams. A log or a second vantage told.")
            .ask("sum by (from) (increase(coroner_streams_corrected_total[$__rate_interval]))", "first counted as {{from}}")
            .empty("None in this time"),
    ]
}

/// The board.
pub(super) fn board() -> Board {
    let mut panels = answer();
    panels.extend(over_time());
    panels.push(models());
    panels.extend(why());
    Board {
        uid: "coroner-streams",
        title: "Inference streams: are answers cut",
        description: "How streams end: complete, cut, cancelled; of how many the end is known; and which fell silent.",
        from: "now-1h",
        variables: targets(),
        annotations: vec![
            firing("critical|warning", &format!(r#"alertname=~"InferenceStream.*", {TARGET}"#)),
            rollouts(),
        ],
        panels,
        closed: vec![("Would it be seen", coverage())],
    }
}
