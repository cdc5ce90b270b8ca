//! The board `dashboards/platform.json`: is it the platform? In: nothing. Out: the panels as data.
//!
//! What callers saw comes from coroner; what the provider says comes from its own exported metrics, where they are scraped.

use super::{
    BY_TARGET, PROVIDED, TARGET, TO_MODEL, TO_MODEL_ANYWHERE, UNMEASURED, failures, firing, in_shown_time, lately,
    or_none, requests, rollouts, share, targets,
};
use crate::colours::Words;
use crate::dashboard::{Board, Kind, Panel, Scale, panel};

/// Failures that the platform has to answer for, or that nobody could explain.
const NOT_OURS: &str = r#", blame=~"platform|undetermined""#;

/// A model with all its environments.
const BY_MODEL: &str = "platform, model_id";

/// Classes that say that a request found no place to run.
const NO_PLACE: &str = r#", class=~"unavailable|capacity""#;

fn answer() -> Vec<Panel> {
    let struck = format!("sum by ({BY_MODEL}, cause) ({}) > 0.5", lately("failures", NOT_OURS));
    let failing = format!("count(sum by ({BY_MODEL}) ({}) > 0.5)", lately("failures", NOT_OURS));
    let refused = format!("sum by (cause) ({})", lately("failures", NO_PLACE));
    let in_use = format!("count(sum by ({BY_MODEL}) ({}) > 0.5)", lately("answered_requests", ""));
    vec![
        panel(Kind::Stat, "Models struck by the same cause, last 5 minutes", "short")
            .says("model:inference_failures:increase5m with blame platform or undetermined: on how many models each cause is seen. One model: look at that model. Many at once: it is the platform.")
            .size(10, 5)
            .ask(or_none(&format!("sort_desc(topk(3, count by (cause) ({struck})))"), "cause"), "{{cause}}")
            .words(Words::Cause)
            .words(Words::State)
            .empty(UNMEASURED),
        panel(Kind::Stat, "Share of models struck", "percentunit")
            .says("Models with such failures in model:inference_failures:increase5m over all with traffic. InferencePlatformWideFailure fires from half on, if it is the same cause.")
            .size(5, 5)
            .ask(share(&failing, &in_use), "of models with traffic")
            .judged(Scale::Above(0.1, 0.5)),
        panel(Kind::Stat, "No place to run: requests, last 5 minutes", "short")
            .says("model:inference_failures:increase5m of classes unavailable and capacity by cause. draining belongs to a rollout and passes; routing, circuit_open, no_capacity and cold_start do not.")
            .size(9, 5)
            .ask(or_none(&format!("sort_desc(topk(3, {refused} > 0.5))"), "cause"), "{{cause}}")
            .words(Words::Cause)
            .words(Words::State)
            .empty(UNMEASURED),
    ]
}

fn over_time() -> Vec<Panel> {
    vec![
        panel(Kind::Lines, "Models struck, by cause", "short")
            .says("How many models of inference_failures_total show each cause with blame platform or undetermined. A step on many models at one moment is the platform's.")
            .ask(
                format!("count by (cause) (sum by ({BY_MODEL}, cause) ({}) > 0)", failures(NOT_OURS)),
                "{{cause}}",
            )
            .words(Words::Cause)
            .empty("None in this time"),
        panel(Kind::Stacked, "No place to run, by cause", "reqps")
            .says("inference_failures_total of classes unavailable and capacity by cause: 503, and 429 or 500 without room.")
            .ask_traced(format!("sum by (cause) ({}) > 0", failures(NO_PLACE)), "{{cause}}")
            .words(Words::Cause)
            .empty("None in this time"),
    ]
}

fn provider() -> Vec<Panel> {
    let provided = |title, unit| panel(Kind::Lines, title, unit).slow().empty("Not exported");
    vec![
        provided("Requests: what coroner saw, what Baseten counted", "reqps")
            .says("inference_requests_total and baseten_inference_requests_total. Where Baseten counts more, some callers send no telemetry here; where it counts fewer, requests die on the way to it.")
            .ask(format!("sum({})", requests(r#", platform="baseten""#)), "seen by coroner")
            .ask(format!("sum(rate(baseten_inference_requests_total{{{PROVIDED}}}[$__rate_interval]))"), "counted by Baseten"),
        provided("In flight against completed, as Baseten sees it", "short")
            .says("baseten_concurrent_requests and the rate of baseten_inference_requests_total. In flight up while completions fall: requests hang, long before the first 504.")
            .ask(format!("sum(baseten_concurrent_requests{{{PROVIDED}}})"), "in flight")
            .ask_in("reqps", format!("sum(rate(baseten_inference_requests_total{{{PROVIDED}}}[$__rate_interval]))"), "completed"),
        provided("Replicas", "short")
            .says("baseten_replicas_active and baseten_replicas_starting: starting for long while none is ready explains cold_start and no_capacity.")
            .size(8, 8)
            .ask(format!("sum(baseten_replicas_active{{{PROVIDED}}})"), "ready")
            .ask(format!("sum(baseten_replicas_starting{{{PROVIDED}}})"), "starting"),
        provided("Restarts of containers, worst models", "short")
            .says("model:baseten_restarts:increase15m: crash, memory kill or failed liveness probe in the last 15 minutes; the Model board says which.")
            .size(8, 8)
            .ask(format!("topk(5, round(model:baseten_restarts:increase15m{{{TARGET}}}) > 0)"), "{{model_id}} {{environment}}"),
        provided("Answers of 5xx, as Baseten counts them", "reqps")
            .says("baseten_inference_requests_total of 5xx by status_code. Errors here that no caller reports are retries inside of the platform.")
            .size(8, 8)
            .ask(
                format!(r#"sum by (status_code) (rate(baseten_inference_requests_total{{{PROVIDED}, status_code=~"5.."}}[$__rate_interval]))"#),
                "{{status_code}}",
            )
            .words(Words::Status),
    ]
}

/// What coroner saw beside what the provider counted, a row a model.
fn joined() -> Panel {
    let of = |record: &str| {
        format!("max by (platform, model_id) ({record}{{platform=~\"$platform\", model_id=~\"$model_id\"}})")
    };
    panel(Kind::Table, "What coroner saw beside what Baseten counted", "short")
        .says("model:baseten_server_errors_per_request:ratio5m beside model:inference_server_errors_per_request:ratio5m, model:baseten_requests_seen:ratio5m, model:baseten_concurrent_requests:avg5m, and restarts of the last 15 minutes. Errors that only Baseten counts were retried inside; restarts without evidence ask for the model's logs; of less than all requests seen, some callers send no telemetry.")
        .size(24, 9)
        .labels(&["model_id", "platform"])
        .ask_in("percentunit", format!("topk(15, {})", of("model:baseten_server_errors_per_request:ratio5m")), "5xx, by Baseten")
        .ask_in("percentunit", of("model:inference_server_errors_per_request:ratio5m"), "5xx, by callers")
        .ask_in("percentunit", of("model:baseten_requests_seen:ratio5m"), "requests seen")
        .ask(of("model:baseten_concurrent_requests:avg5m"), "in flight")
        .ask(of("model:baseten_restarts:increase15m"), "restarts")
        .ask(of("model:baseten_restarts_without_evidence:increase15m"), "of them unexplained")
        .link("model_id", TO_MODEL_ANYWHERE)
        .slow()
        .empty("-")
}

fn causes() -> Panel {
    let by = format!("{BY_TARGET}, class, cause, blame");
    panel(Kind::Table, "What the platform has to answer for, or nobody could explain, in the shown time", "short")
        .says("inference_failures_total with blame platform or undetermined, in the shown time. The same cause in many rows is one incident; undetermined may be the platform's as well as the models'.")
        .size(24, 8)
        .labels(&["blame", "cause", "class", "model_id", "environment", "platform"])
        .ask(format!("topk(20, sum by ({by}) ({}) > 0.5)", in_shown_time("failures", NOT_OURS)), "failures")
        .ask(format!("sum by ({by}) ({}) > 0.5", lately("failures", NOT_OURS)), "last 5 minutes")
        .words(Words::Blame)
        .words(Words::Class)
        .words(Words::Cause)
        .link("model_id", TO_MODEL)
        .empty("-")
}

fn resources() -> Vec<Panel> {
    let third = |title, unit| panel(Kind::Lines, title, unit).size(8, 8).slow().empty("Not exported");
    let worst = |metric: &str| format!("topk(5, max by (model_id, environment) ({metric}{{{PROVIDED}}}))");
    vec![
        third("Memory of GPUs", "mbytes")
            .says("baseten_gpu_memory_used (MiB), the fullest replica of each model.")
            .ask(worst("baseten_gpu_memory_used"), "{{model_id}} {{environment}}"),
        third("Use of GPUs", "percent")
            .says("baseten_gpu_utilization, the busiest replica of each model: full while answers fail is a slow model, idle while they hang is a stuck one.")
            .ask(worst("baseten_gpu_utilization"), "{{model_id}} {{environment}}"),
        third("Memory of containers", "bytes")
            .says("baseten_container_cpu_memory_working_set_bytes, the fullest replica of each model.")
            .ask(worst("baseten_container_cpu_memory_working_set_bytes"), "{{model_id}} {{environment}}"),
    ]
}

/// The board.
pub(super) fn board() -> Board {
    let mut panels = answer();
    panels.extend(over_time());
    panels.push(causes());
    Board {
        uid: "coroner-platform",
        title: "Inference platform: is it the host",
        description: "The same cause over many models, requests that found no place to run, and what the provider's own metrics say.",
        from: "now-1h",
        variables: targets(),
        annotations: vec![
            firing("critical", r#"component="inference", blame=~"platform|undetermined", platform=~"$platform""#),
            rollouts(),
        ],
        panels,
        closed: vec![
            ("Beside Baseten's own metrics", vec![joined()]),
            ("As Baseten exports it: traffic and replicas", provider()),
            ("As Baseten exports it: memory and GPUs", resources()),
        ],
    }
}
