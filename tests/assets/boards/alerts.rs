//! The board `dashboards/alerts.json`: what fires, for whom, and which alerts are noise? In: nothing. Out: the panels as data.

use super::{TO_CALLER, TO_MODEL, UNMEASURED, count_of_alerts, rollouts, targets};
use crate::colours::Words;
use crate::dashboard::{Board, Kind, Panel, Scale, panel};

/// Alerts of the chosen models; those that name no model are shown when all are chosen.
const CHOSEN: &str = r#"severity!="none", platform=~"$platform", model_id=~"$model_id", environment=~"$environment""#;

fn now(state: &str, more: &str) -> String {
    format!(r#"ALERTS{{alertstate="{state}", {CHOSEN}{more}}}"#)
}

fn answer() -> Vec<Panel> {
    let count = |severity: &str| count_of_alerts(&now("firing", &format!(r#", severity="{severity}""#)));
    vec![
        panel(Kind::Stat, "Pages", "short")
            .says("ALERTS of severity critical that fire now: somebody should be at work on each.")
            .size(4, 5)
            .ask(count("critical"), "firing")
            .judged(Scale::Above(1.0, 1.0))
            .empty(UNMEASURED),
        panel(Kind::Stat, "Tickets", "short")
            .says("ALERTS of severity warning that fire now.")
            .size(4, 5)
            .ask(count("warning"), "firing")
            .judged(Scale::Above(1.0, 10.0))
            .empty(UNMEASURED),
        panel(Kind::Stat, "Firing now, by who has to act", "short")
            .says("ALERTS by blame: model, platform, client or undetermined; coroner's own alerts have no blame.")
            .size(8, 5)
            .ask(format!("sort_desc(count by (blame) ({}))", now("firing", r#", blame!="""#)), "{{blame}}")
            .words(Words::Blame)
            .empty("Nothing fires"),
        panel(Kind::Stat, "Firing now, by team", "short")
            .says("ALERTS by team, as they are routed: the owner of the model or of the caller.")
            .size(8, 5)
            .ask(format!("sort_desc(count by (team) ({}))", now("firing", r#", team!="""#)), "{{team}}")
            .empty("Nothing fires"),
    ]
}

fn list() -> Panel {
    let by = "alertname, severity, blame, team, platform, model_id, environment, caller";
    let since = "max by (alertname, severity, blame, team, platform, model_id, environment, caller) (time() - ALERTS_FOR_STATE{severity!=\"none\"})";
    let firing = format!("max by ({by}) ({})", now("firing", ""));
    panel(Kind::Table, "Firing now", "short")
        .says("ALERTS and ALERTS_FOR_STATE: each alert that fires, whose it is, and for how long its condition holds. A click on a model or caller leads to its board.")
        .size(24, 9)
        .labels(&["alertname", "severity", "blame", "team", "model_id", "environment", "caller", "platform"])
        .ask_in("s", format!("{since} and on ({by}) {firing}"), "since")
        .words(Words::Severity)
        .words(Words::Blame)
        .link("model_id", TO_MODEL)
        .link("caller", TO_CALLER)
        .empty("")
}

fn history() -> Panel {
    let state =
        |number: u32, severity: &str| format!("{number} * {}", now("firing", &format!(r#", severity="{severity}""#)));
    panel(Kind::Timeline, "History", "short")
        .says("ALERTS over time, a line an alert, at its loudest over the chosen models and callers: grey is pending, blue informs, orange is a ticket, red is a page. Stripes are an alert that flaps.")
        .size(24, 12)
        .ask(
            format!(
                "max by (alertname) ({} or {} or {} or 0 * {})",
                state(3, "critical"),
                state(2, "warning"),
                state(1, "info"),
                now("pending", "")
            ),
            "{{alertname}}",
        )
        .meaning(&[
            ("0", "pending", Words::Severity),
            ("1", "info", Words::Severity),
            ("2", "warning", Words::Severity),
            ("3", "critical", Words::Severity),
        ])
        .empty("Nothing fired")
}

fn noise() -> Vec<Panel> {
    let fired = format!("present_over_time({}[$__range])", now("firing", ""));
    let shown = format!("count_over_time({}[$__range:1m])", now("firing", ""));
    let any = format!("count_over_time(max by (alertname, severity) ({})[$__range:1m])", now("firing", ""));
    vec![
        panel(Kind::Table, "Noisiest in the shown time", "short")
            .says("ALERTS and ALERTS_FOR_STATE over the shown time, by alert: on how many models or callers, how often it began, once it had fired, and for how long any of them fired. What fires for days is not acted on; what begins often and fires briefly flaps.")
            .size(12, 9)
            .labels(&["alertname", "severity"])
            .ask(
                format!("sum by (alertname, severity) (changes(ALERTS_FOR_STATE{{{CHOSEN}}}[$__range]) + 1 and ignoring (alertstate) {fired})"),
                "began",
            )
            .ask_in("s", format!("{any} * 60"), "fired for")
            .ask(format!("count by (alertname, severity) ({shown})"), "models or callers")
            .words(Words::Severity)
            .empty("-"),
        panel(Kind::Stacked, "Alerts firing, by severity", "short")
            .says("ALERTS by severity over time. A wall of red at one moment is one incident: see who has to act first.")
            .size(12, 9)
            .ask(format!("count by (severity) ({})", now("firing", "")), "{{severity}}")
            .words(Words::Severity)
            .empty("Nothing fires"),
    ]
}

/// The board.
pub(super) fn board() -> Board {
    let mut panels = answer();
    panels.push(list());
    panels.push(history());
    panels.extend(noise());
    Board {
        uid: "coroner-alerts",
        title: "Inference alerts: what fires, and for whom",
        description: "Alerts by team and blame, now and over time, and the noisiest ones.",
        from: "now-6h",
        variables: targets(),
        annotations: vec![rollouts()],
        panels,
        closed: Vec::new(),
    }
}
