//! Where each alert goes. In: `alerts/alertmanager.yaml`, the alerts as they really look, the promise of `receivers.yaml`. Out: both
//! amtools, the oldest that must work and that of the server in use, send every alert of every team to the receiver that was promised.

use std::collections::BTreeSet;
use std::process::Command;

use crate::pack::{Firing, How, TEAMS, Whom, firing, promises, rules};
use crate::process::{part, root};

const TOOLS: [&str; 2] = ["bin/amtool", "bin/amtool28"];

fn amtool(tool: &str, arguments: &[String]) -> Result<String, String> {
    let output = Command::new(part(tool)).args(arguments).current_dir(root().join("alerts")).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(text) }
}

#[test]
fn amtool_accepts_the_example_and_its_templates() {
    for tool in TOOLS {
        let answer = amtool(tool, &["check-config", "alertmanager.yaml"].map(str::to_owned));
        assert!(answer.as_ref().is_ok_and(|text| text.contains("SUCCESS")), "{tool}: {answer:?}");
    }
}

#[test]
fn the_promise_speaks_of_every_alert_and_says_what_the_rules_say() {
    let (promises, rules) = (promises(), rules());
    let there: BTreeSet<_> = rules.iter().map(|(name, _)| name).collect();
    assert_eq!(
        promises.keys().collect::<BTreeSet<_>>(),
        there,
        "receivers.yaml (left) and alerts/*.rules.yaml (right)"
    );
    for (name, labels) in &rules {
        let promise = promises[name];
        let severity = match (promise.to, promise.how) {
            (Whom::Digest, None) => "info",
            (Whom::Deadman, None) => "none",
            (_, Some(How::Page)) => "critical",
            (_, Some(How::Ticket)) => "warning",
            other => panic!("{name}: {other:?} makes no sense"),
        };
        assert_eq!(labels["severity"], severity, "{name}");
        if promise.how == Some(How::Page) && name != "InferenceBillingBlocked" {
            assert!(labels.get("blame").is_none_or(|blame| blame != "client"), "{name}: callers page nobody");
        }
    }
}

#[test]
fn every_alert_reaches_those_who_can_act() {
    let (promises, mut tried) = (promises(), BTreeSet::new());
    for one in firing() {
        let Some(promise) = promises.get(one.name()) else { panic!("{} is not in receivers.yaml", one.name()) };
        tried.insert(one.name().to_owned());
        let blames = ["model", "undetermined", "platform"];
        let alerts = if promise.to == Whom::Blamed {
            blames.map(|blame| one.clone().with("blame", blame)).to_vec()
        } else {
            vec![one.clone()]
        };
        for alert in alerts.iter().flat_map(teams_of) {
            let receiver = promise.receiver(&alert);
            for tool in TOOLS {
                let mut arguments =
                    ["config", "routes", "test", "--config.file=alertmanager.yaml"].map(str::to_owned).to_vec();
                arguments.push(format!("--verify.receivers={receiver}"));
                arguments.extend(alert.labels.iter().map(|(name, value)| format!("{name}={value}")));
                amtool(tool, &arguments)
                    .unwrap_or_else(|text| panic!("{tool}: {:?} -> {receiver}: {text}", alert.labels));
            }
        }
    }
    let untried: Vec<_> = promises.keys().filter(|name| !tried.contains(*name)).collect();
    assert!(untried.is_empty(), "no unit test in alerts/tests shows what these look like: {untried:?}");
}

/// The alert for each team that could own it, for one that no route knows, and for nobody.
fn teams_of(one: &Firing) -> Vec<Firing> {
    if !one.labels.contains_key("team") {
        return vec![one.clone()];
    }
    let teams = TEAMS.iter().chain(&["elsewhere", ""]);
    teams.map(|team| one.clone().with("team", team)).collect()
}
