//! What a person sees while the demo runs. In: the `/metrics` page and the report. Out: lines of text.

use super::page::Page;
use super::scene::{Incident, Scene};
use super::truth::Report;
use crate::judge::taxonomy::Blame;
use std::collections::BTreeMap;

/// How many models are shown.
const ROWS: usize = 12;

/// How many models of one incident are named.
const SHOWN: usize = 5;

/// One model's numbers.
#[derive(Debug, Default)]
struct Row {
    requests: u64,
    failures: u64,
    blames: BTreeMap<String, u64>,
    causes: BTreeMap<String, u64>,
}

fn rows(page: &Page) -> Vec<(String, Row)> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for sample in page.samples("inference_requests_total") {
        rows.entry(sample.label("model_id").to_owned()).or_default().requests += sample.count();
    }
    for sample in page.samples("inference_failures_total").filter(|sample| sample.count() > 0) {
        let row = rows.entry(sample.label("model_id").to_owned()).or_default();
        row.failures += sample.count();
        *row.blames.entry(sample.label("blame").to_owned()).or_default() += sample.count();
        *row.causes.entry(format!("{}: {}", sample.label("class"), sample.label("cause"))).or_default() +=
            sample.count();
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by(|(a, one), (b, two)| {
        (two.failures, two.requests).cmp(&(one.failures, one.requests)).then_with(|| a.cmp(b))
    });
    rows
}

fn most(of: &BTreeMap<String, u64>) -> &str {
    of.iter().max_by_key(|(_, many)| **many).map_or("-", |(name, _)| name)
}

/// The live table: the models that fail most, and the rest as one line.
pub(super) fn live(page: &Page, second: u64, seconds: u64) -> Vec<String> {
    let rows = rows(page);
    let mut lines = vec![
        format!("{second:>3} of {seconds} s"),
        format!(
            "{:<13} {:>9} {:>9} {:>8} {:>8} {:>9} {:>13}  most common class: cause",
            "model", "requests", "failures", "client", "model", "platform", "undetermined"
        ),
    ];
    let line = |name: &str, row: &Row| {
        let blame = |blame: Blame| row.blames.get(blame.as_str()).copied().unwrap_or(0);
        format!(
            "{name:<13.13} {:>9} {:>9} {:>8} {:>8} {:>9} {:>13}  {}",
            row.requests,
            row.failures,
            blame(Blame::Client),
            blame(Blame::Model),
            blame(Blame::Platform),
            blame(Blame::Undetermined),
            most(&row.causes)
        )
    };
    lines.extend(rows.iter().take(ROWS).map(|(name, row)| line(name, row)));
    let mut rest = Row::default();
    for (_, row) in rows.iter().skip(ROWS) {
        rest.requests += row.requests;
        rest.failures += row.failures;
    }
    lines.push(line(&format!("{} more", rows.len().saturating_sub(ROWS)), &rest));
    lines
}

/// The same in one line, for a log.
pub(super) fn plain(page: &Page, second: u64, seconds: u64) -> String {
    let rows = rows(page);
    let requests: u64 = rows.iter().map(|(_, row)| row.requests).sum();
    let failures: u64 = rows.iter().map(|(_, row)| row.failures).sum();
    let blames: Vec<String> = Blame::ALL
        .iter()
        .map(|blame| {
            let many: u64 = rows.iter().filter_map(|(_, row)| row.blames.get(blame.as_str())).sum();
            format!("{blame} {many}")
        })
        .collect();
    let worst = rows.first().filter(|(_, row)| row.failures > 0);
    let worst = worst.map_or_else(String::new, |(name, row)| format!("; most: {name}, {}", most(&row.causes)));
    format!("{second:>3}/{seconds} s: {requests} requests, {failures} failures ({}){worst}", blames.join(", "))
}

/// The verdicts against the truth.
pub(super) fn report(report: &Report<'_>) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        "What happened, and what the service said of it:".to_owned(),
        format!("{:<17} {:>6} {:>6} {:>6}  verdict that is right, and the truth", "incident", "sent", "right", "wrong"),
    ];
    for finding in &report.findings {
        let one = finding.incident;
        lines.push(format!(
            "{:<17} {:>6} {:>6} {:>6}  {}",
            one.id,
            finding.sent,
            finding.right,
            finding.wrong,
            verdict(one)
        ));
        lines.push(format!("{:<40}({}: {})", "", models(one), one.truth));
    }
    let unexplained: u64 = report.unexplained.values().sum();
    lines.push(format!(
        "requests: {} sent, {} counted; failures without a cause: {unexplained}",
        report.requests.0, report.requests.1
    ));
    lines.extend(report.unexplained.iter().map(|(what, many)| format!("  {many} of {what}")));
    lines.push(
        if report.agrees() {
            "All verdicts agree with the truth."
        } else {
            "The verdicts do NOT agree with the truth."
        }
        .to_owned(),
    );
    lines
}

/// Every incident of a run of so many seconds: when, whom, what is right, which alert speaks of it.
pub(super) fn list(scene: &Scene, seconds: u64) -> Vec<String> {
    let mut lines = vec![format!("{:<17} {:>13}  right verdict; alert", "incident", "from..to, s")];
    for one in &scene.incidents {
        let [from, to] = [one.time.0, one.time.1].map(|share| share * seconds as f64);
        let alert = one.alert.as_ref().map_or(String::new(), |alert| format!("; {alert}"));
        lines.push(format!("{:<17} {:>13}  {}{alert}", one.id, format!("{from:.0}..{to:.0}"), verdict(one)));
        lines.push(format!("{:<33}({} -> {}: {})", "", one.callers.join(", "), models(one), one.truth));
    }
    lines
}

/// The same as JSON, one object a line; `from` and `to` are shares of the run.
pub(super) fn json(scene: &Scene) -> Vec<String> {
    let object = |one: &Incident| {
        serde_json::json!({
            "name": one.id, "truth": one.truth, "models": one.models, "callers": one.callers,
            "from": one.time.0, "to": one.time.1, "hangs": one.hangs,
            "class": one.verdict.class.as_str(), "cause": one.verdict.cause.as_str(), "blame": one.verdict.blame.as_str(),
            "alert": one.alert,
        })
    };
    scene.incidents.iter().map(|one| object(one).to_string()).collect()
}

fn verdict(one: &Incident) -> String {
    let right = one.verdict;
    format!("{}: {}, blame {}", right.class, right.cause, right.blame)
}

/// The models of an incident; where they are many, the first ones.
fn models(one: &Incident) -> String {
    let shown: Vec<&str> = one.models.iter().take(SHOWN).map(String::as_str).collect();
    let more = one.models.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[test]
fn the_worst_model_comes_first_and_no_line_is_wider_than_a_terminal() {
    let page = Page::parse(concat!(
        "inference_requests_total{model_id=\"good\",status_code=\"200\"} 900\n",
        "inference_requests_total{model_id=\"bad\",status_code=\"504\"} 5\n",
        "inference_failures_total{model_id=\"bad\",class=\"timeout\",cause=\"slow_model\",blame=\"model\"} 5\n",
    ));
    let lines = live(&page, 3, 45);
    assert!(lines[2].starts_with("bad") && lines[2].ends_with("timeout: slow_model"), "{lines:?}");
    assert!(lines.iter().all(|line| line.len() <= 110), "{lines:?}");
    let plain = plain(&page, 3, 45);
    assert_eq!(
        plain,
        "  3/45 s: 905 requests, 5 failures (client 0, model 5, platform 0, undetermined 0); most: bad, timeout: slow_model"
    );
}
