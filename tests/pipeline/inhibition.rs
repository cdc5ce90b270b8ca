//! Which alert makes which others quiet. In: `alerts/alertmanager.yaml` on a running Alertmanager, the alerts as they really look, and the
//! promise of `inhibition.yaml`. Out: Alertmanager holds back exactly what was promised, of the same model only; a storm is one page.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use crate::alertmanager::Alertmanager;
use crate::matchers::{InhibitRule, inhibit_rules};
use crate::pack::{Firing, Labels, firing, one_firing};
use crate::process::root;
use crate::{fresh_folder, shorter_waits};

const SOON: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    when: String,
    #[serde(default)]
    quiet: Vec<String>,
    #[serde(default)]
    heard: Vec<String>,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(root().join("tests/pipeline/inhibition.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// `Name`, `Name/blame` or `Name/signal`, put into one world: a platform of its own.
fn named(name: &str, world: &str) -> Firing {
    let (name, which) = name.split_once('/').unwrap_or((name, ""));
    let place = [("platform", world), ("model_id", "m1"), ("environment", "production"), ("caller", "web")];
    moved(&moved(&one_firing(name), &place), &[("blame", which), ("signal", which)])
}

/// The alert with other values, where one is given, of the labels that it has.
fn moved(alert: &Firing, to: &[(&str, &str)]) -> Firing {
    let has = |name: &str| !alert.label(name).is_empty();
    let to: Vec<_> = to.iter().filter(|(name, value)| has(name) && !value.is_empty()).collect();
    to.into_iter().fold(alert.clone(), |alert, (name, value)| alert.with(name, value))
}

/// Alerts as Prometheus sends them; those that are over have ended a second ago.
pub(crate) fn as_posted<'a>(alerts: impl Iterator<Item = &'a Firing>, over: bool) -> Value {
    let at = |seconds: i64| {
        (OffsetDateTime::from(SystemTime::now()) + time::Duration::seconds(seconds)).format(&Rfc3339).unwrap()
    };
    let (begun, ends) = (at(-60), at(if over { -1 } else { 600 }));
    let one = |alert: &Firing| json!({ "labels": alert.labels, "annotations": alert.annotations, "startsAt": begun, "endsAt": ends });
    alerts.map(one).collect()
}

/// The source and target of each pair in a world of their own, and whether they must be quiet, where that is promised.
fn worlds(case: &Case) -> Vec<(Firing, Option<bool>)> {
    let mut all = Vec::new();
    let pairs = case.quiet.iter().map(|name| (name, true)).chain(case.heard.iter().map(|name| (name, false)));
    for (at, (name, quiet)) in pairs.enumerate() {
        let world = format!("{}-{at}", case.when.replace('/', "-"));
        let (source, target) = (named(&case.when, &world), named(name, &world));
        if quiet && !target.label("platform").is_empty() {
            // Of the same alert elsewhere nothing is known, unless the source speaks of everything.
            let global = source.label("platform").is_empty();
            let elsewhere = format!("{world}-elsewhere");
            let label = if source.label("model_id").is_empty() { "platform" } else { "model_id" };
            all.push((moved(&target, &[(label, &elsewhere)]), Some(global)));
        }
        // Where the target stays, it may hold back the source.
        all.push((source, quiet.then_some(false)));
        all.push((target, Some(quiet)));
    }
    all
}

#[tokio::test]
async fn alerts_are_held_back_as_promised() {
    let folder = fresh_folder("inhibition");
    let alertmanager = Alertmanager::start(&folder, |_| {}).await;
    for case in cases() {
        let worlds = worlds(&case);
        let alerts = || worlds.iter().map(|(alert, _)| alert);
        alertmanager.post(&as_posted(alerts(), false)).await;
        let expected: BTreeMap<&Labels, bool> =
            worlds.iter().filter_map(|(alert, quiet)| Some((&alert.labels, (*quiet)?))).collect();
        let began = Instant::now();
        loop {
            let first = differences(&alertmanager, &expected).await;
            // An inhibition that comes too late, or too much, would show now.
            tokio::time::sleep(Duration::from_millis(250)).await;
            let second = differences(&alertmanager, &expected).await;
            if first.is_empty() && second.is_empty() {
                break;
            }
            assert!(began.elapsed() < SOON, "when {}:\n{second}", case.when);
        }
        alertmanager.post(&as_posted(alerts(), true)).await;
        while !alertmanager.held().await.is_empty() {
            assert!(began.elapsed() < SOON * 2, "when {}: what is over stays", case.when);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn differences(alertmanager: &Alertmanager, expected: &BTreeMap<&Labels, bool>) -> String {
    let held: BTreeMap<Labels, bool> = alertmanager.held().await.into_iter().collect();
    let differs = |(labels, quiet): (&&Labels, &bool)| {
        let got = held.get(*labels);
        (got != Some(quiet)).then(|| format!("{labels:?}: held back {got:?}, expected {quiet}\n"))
    };
    expected.iter().filter_map(differs).collect()
}

#[test]
fn every_inhibit_rule_is_tried() {
    let worlds: Vec<_> = cases().iter().map(worlds).collect();
    for rule in inhibit_rules() {
        let tried = worlds.iter().any(|world| {
            world.iter().any(|(one, _)| rule.is_source(&one.labels))
                && world.iter().any(|(one, quiet)| *quiet == Some(true) && rule.is_target(&one.labels))
        });
        assert!(tried, "no case of inhibition.yaml tries {rule:?}");
    }
}

/// A label that is missing on both sides counts as equal, so an alert without it would be held back by strangers. And an alert on both
/// sides of a rule would be held back by nobody that is there too.
#[test]
fn equal_names_what_both_sides_carry_and_nothing_is_on_both_sides() {
    let all = firing();
    for rule in inhibit_rules() {
        let InhibitRule { equal, .. } = &rule;
        for one in all {
            let (source, target) = (rule.is_source(&one.labels), rule.is_target(&one.labels));
            assert!(!(source && target), "{} is on both sides of {rule:?}", one.name());
            // An unknown environment is one as any other; that the alert has the label at all, another test of it shows.
            let carries =
                |name: &str| all.iter().any(|other| other.name() == one.name() && !other.label(name).is_empty());
            let has = |name: &str| !one.label(name).is_empty() || (name == "environment" && carries(name));
            let missing: Vec<_> = equal.iter().filter(|name| !has(name)).collect();
            assert!(!(source || target) || missing.is_empty(), "{} has no {missing:?}: {rule:?}", one.name());
        }
    }
}

#[tokio::test]
async fn a_storm_is_one_page() {
    let folder = fresh_folder("storm");
    let alertmanager = Alertmanager::start(&folder, shorter_waits(10)).await;
    let model = |name: &str, at: usize| {
        moved(&one_firing(name), &[("platform", "p"), ("model_id", &format!("m{at}")), ("team", "vision")])
    };
    let names = ["InferenceOomKilled502Spike", "InferenceBadGatewayRatio", "InferenceOomKillsRepeated"];
    let storm: Vec<_> = (0..20).flat_map(|at| names.map(|name| model(name, at))).collect();
    let outage: Vec<_> =
        (0..20).map(|at| moved(&model("InferenceBadGatewayRatio", at), &[("platform", "q")])).collect();
    let wide = moved(&one_firing("InferencePlatformWideFailure"), &[("platform", "q")]);
    let mut posted = as_posted(storm.iter().chain(&outage).chain([&wide]), false);
    for alert in posted.as_array_mut().unwrap() {
        // Without it Alertmanager takes now: who has fired long ago does not wait for the others of its group.
        alert.as_object_mut().unwrap().remove("startsAt");
    }
    alertmanager.post(&posted).await;

    let began = Instant::now();
    while alertmanager.deliveries().len() < 4 {
        assert!(began.elapsed() < SOON * 4, "{:#?}", alertmanager.deliveries());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut got: Vec<_> = alertmanager
        .deliveries()
        .iter()
        .filter_map(|one| one.alerts().map(|(to, all)| (to.to_owned(), all.len())))
        .collect();
    got.sort();
    assert_eq!(got, [("platform-page".to_owned(), 1), ("vision-page".to_owned(), 20)]);
    let pages = alertmanager.deliveries().iter().filter(|one| one.path == "/pagerduty").count();
    assert_eq!(pages, 2, "one event of PagerDuty each");
    std::fs::remove_dir_all(&folder).unwrap();
}
