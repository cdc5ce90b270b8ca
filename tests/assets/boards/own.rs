//! The board `dashboards/own.json`: can coroner be believed now? In: nothing. Out: the panels as data.

use super::{BY_TARGET, TARGET, firing, targets};
use crate::colours::Words;
use crate::dashboard::{Board, Kind, Panel, Scale, panel};

fn rate(metric: &str) -> String {
    format!("rate({metric}[$__rate_interval])")
}

/// What a counter grew by in the shown time, over all its labels.
fn grew(metric: &str) -> String {
    format!("sum(increase({metric}[$__range]))")
}

fn answer() -> Vec<Panel> {
    let small = |title, unit| panel(Kind::Stat, title, unit).size(6, 4).empty("Not scraped");
    vec![
        small("Instances that receive", "short")
            .says("coroner_last_record_timestamp_seconds of the last 2 minutes, one series an instance; a standby is none. Two that both receive split failures from their evidence.")
            .ask(
                "count(max by (job, instance) (coroner_last_record_timestamp_seconds) > time() - 120) or 0 * count(coroner_start_time_seconds)",
                "active",
            )
            .judged(Scale::Above(2.0, 2.0)),
        small("Last record", "s")
            .says("coroner_last_record_timestamp_seconds: how long ago the last export arrived. Minutes mean that senders lost their way, or that nobody calls.")
            .ask("time() - max(coroner_last_record_timestamp_seconds > 0)", "ago")
            .judged(Scale::Above(60.0, 900.0))
            .empty("Never"),
        small("Undetermined", "percentunit")
            .says("model:inference_failures:increase5m with blame undetermined over all: failures for which no channel could speak. InferenceUndeterminedShareHigh fires from 30 % on.")
            .ask(
                r#"(sum(model:inference_failures:increase5m{blame="undetermined"}) or vector(0)) / (sum(model:inference_failures:increase5m) > 0)"#,
                "of failures",
            )
            .judged(Scale::Above(0.15, 0.3))
            .empty("No failures"),
        small("Version", "short")
            .says("coroner_build_info: which version runs; two of them are a rollout that did not end.")
            .ask("count by (version) (coroner_build_info)", "{{version}}")
            .names_only(),
        panel(Kind::Stat, "What went wrong in the shown time", "short")
            .says("Sums of coroner_rejected_requests_total, coroner_evidence_late_total, coroner_evidence_unplaced_total, coroner_correlate_dropped_total and coroner_cardinality_overflow_total. Open the row of details where a number is not 0.")
            .size(24, 5)
            .ask(grew("coroner_rejected_requests_total"), "exports refused")
            .ask(grew("coroner_evidence_late_total"), "evidence too late")
            .ask(grew("coroner_evidence_unplaced_total"), "evidence of nobody")
            .ask(grew("coroner_correlate_dropped_total"), "let go for memory")
            .ask(grew("coroner_cardinality_overflow_total"), "over a limit of names")
            .judged(Scale::Above(1.0, 100.0))
            .empty("Not scraped"),
    ]
}

fn now() -> Vec<Panel> {
    vec![
        panel(Kind::Stacked, "Records by what they are", "cps")
            .says("coroner_records_total by kind: inference counts, enriching lends names and text, not_inference passes by, invalid is broken.")
            .ask(format!("sum by (signal, kind) ({}) > 0", rate("coroner_records_total")), "{{signal}} {{kind}}"),
        panel(Kind::Lines, "Queue of the fold", "short")
            .says("coroner_fold_queue_depth and coroner_fold_queue_oldest_seconds: export requests that wait, and for how long. A queue that stays means that the fold is slower than the intake; verdicts come late.")
            .ask_in("s", "max(max_over_time(coroner_fold_queue_oldest_seconds[$__rate_interval]))", "oldest")
            .ask("sum(max_over_time(coroner_fold_queue_depth[$__rate_interval]))", "waiting"),
        panel(Kind::Lines, "How far clocks are off", "s")
            .says("coroner_clock_skew_seconds by channel: above zero a clock is ahead, below it records come late. Beyond 30 s evidence misses its failures.")
            .ask("max by (channel) (coroner_clock_skew_seconds)", "{{channel}}")
            .signed()
            .empty("No clock was compared"),
        panel(Kind::Lines, "What the fold remembers", "short")
            .says("coroner_correlate_entries by kind: open cases grow with failures that wait; the others are bounded by time.")
            .ask("sum by (kind) (coroner_correlate_entries)", "{{kind}}"),
    ]
}

fn wrong() -> Vec<Panel> {
    let third = |title, unit| panel(Kind::Lines, title, unit).size(8, 8).empty("Nothing");
    let grown = |metric: &str| format!("increase({metric}[$__rate_interval])");
    vec![
        third("Exports refused, by reason", "reqps")
            .says("coroner_rejected_requests_total by reason. busy: too much at once; too_large and malformed: a sender is set up wrongly.")
            .ask(format!("topk(5, sum by (reason) ({}))", rate("coroner_rejected_requests_total")), "{{reason}}"),
        third("Evidence that came too late, by kind", "short")
            .says("coroner_evidence_late_total by kind: verdicts that would be different had it come in time. Raise `correlate.settle`, or bring the logs faster.")
            .ask(format!("topk(5, sum by (kind) ({}))", grown("coroner_evidence_late_total")), "{{kind}}")
            .words(Words::Evidence),
        third("Evidence that belongs to nobody, by kind", "short")
            .says("coroner_evidence_unplaced_total by kind: no target is known for it. `resources` in the config says whose container it is.")
            .ask(format!("topk(5, sum by (kind) ({}))", grown("coroner_evidence_unplaced_total")), "{{kind}}")
            .words(Words::Evidence),
        third("Let go for memory, by what", "short")
            .says("coroner_correlate_dropped_total: cases settled early, evidence and joins forgotten, because a limit was reached.")
            .ask(format!("sum by (what) ({})", grown("coroner_correlate_dropped_total")), "{{what}}"),
        third("Over a limit of names, by limit", "short")
            .says("coroner_cardinality_overflow_total by limit: requests that are counted under _other or _unverified.")
            .ask(format!("sum by (limit) ({})", grown("coroner_cardinality_overflow_total")), "{{limit}}"),
        third("Came again", "cps")
            .says("coroner_repeated_requests_total and coroner_repeated_failures_total: acknowledged and not counted twice. Much of it is a sender that times out.")
            .ask(format!("sum({})", rate("coroner_repeated_requests_total")), "exports")
            .ask(format!("sum({})", rate("coroner_repeated_failures_total")), "failures"),
    ]
}

fn coverage() -> Vec<Panel> {
    let seen = format!("rate(inference_observations_total{{{TARGET}}}[$__rate_interval])");
    vec![
        panel(Kind::Stacked, "What each vantage sees", "reqps")
            .says("inference_observations_total by vantage: coverage, not traffic. A vantage that ends lost its exporter.")
            .ask(format!("sum by (vantage) ({seen}) > 0"), "{{vantage}}")
            .words(Words::Vantage),
        panel(Kind::Lines, "Requests that joined no counted one", "reqps")
            .says("coroner_unjoined_total by vantage: seen where they do not count, and never where they do; a sender's spans are missing.")
            .ask(format!("sum by (vantage) ({})", rate("coroner_unjoined_total")), "{{vantage}}")
            .words(Words::Vantage),
        panel(Kind::Table, "Silence of channels, longest first", "s")
            .says("inference_channel_timestamp_seconds: how long ago logs, Kubernetes records, kernel lines or metrics last spoke of a model's containers. Where all are silent, nothing can say why a request died.")
            .size(12, 9)
            .labels(&["model_id", "environment", "platform", "channel"])
            .ask(
                format!("topk(20, time() - max by ({BY_TARGET}, channel) (inference_channel_timestamp_seconds{{{TARGET}}}))"),
                "silent for",
            )
            .empty("-"),
        panel(Kind::Table, "Who counts each model, and whose it is", "short")
            .says("inference_target_info: the vantage that counts the requests of a target, and its team. A vantage that changes moves the numbers.")
            .size(12, 9)
            .labels(&["model_id", "environment", "platform", "vantage", "team"])
            .ask(format!("count by ({BY_TARGET}, vantage, team) (inference_target_info{{{TARGET}}})"), "instances")
            .words(Words::Vantage)
            .empty("-"),
    ]
}

fn transport() -> Vec<Panel> {
    let third = |title, unit| panel(Kind::Stacked, title, unit).size(8, 8).empty("Nothing");
    vec![
        third("Exports taken", "reqps")
            .says("coroner_requests_total by signal and protocol.")
            .ask(format!("sum by (signal, protocol) ({}) > 0", rate("coroner_requests_total")), "{{signal}} {{protocol}}"),
        third("Bytes taken", "binBps")
            .says("coroner_received_bytes_total by signal and protocol, after decompression.")
            .ask(format!("sum by (signal, protocol) ({}) > 0", rate("coroner_received_bytes_total")), "{{signal}} {{protocol}}"),
        panel(Kind::Lines, "Bytes held", "bytes")
            .says("coroner_inflight_bytes: exports that are being received, decoded or queued; coroner_correlate_bytes: cases, evidence and join keys.")
            .size(8, 8)
            .ask("sum(max_over_time(coroner_inflight_bytes[$__rate_interval]))", "in flight")
            .ask("sum(coroner_correlate_bytes)", "by the fold"),
        panel(Kind::Lines, "Models and watchers", "short")
            .says("coroner_targets: models that have series of their own; coroner_feed_watchers: clients that watch the case feed.")
            .ask("sum(coroner_targets)", "models")
            .ask("sum(coroner_feed_watchers)", "watchers"),
        panel(Kind::Lines, "Case feed", "cps")
            .says("coroner_feed_cases_total and coroner_feed_dropped_total: cases sent to watchers, and lost because they took them too slowly.")
            .ask(format!("sum({})", rate("coroner_feed_cases_total")), "cases sent")
            .ask(format!("sum({})", rate("coroner_feed_dropped_total")), "cases lost"),
    ]
}

/// The board.
pub(super) fn board() -> Board {
    let mut panels = answer();
    panels.extend(now());
    Board {
        uid: "coroner-own",
        title: "coroner itself: can it be believed",
        description: "Is coroner scraped, does it take what it is sent, does its evidence come in time, and what does it not see?",
        from: "now-6h",
        variables: targets(),
        annotations: vec![firing("critical|warning", r#"component="coroner""#)],
        panels,
        closed: vec![
            ("What went wrong, in detail", wrong()),
            ("Coverage", coverage()),
            ("Transport and memory", transport()),
        ],
    }
}
