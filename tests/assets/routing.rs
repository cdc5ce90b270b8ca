//! The example of routing. In: `alerts/alertmanager.yaml` and the labels that the rules give. Out: amtool accepts it, and each kind
//! of alert reaches those who can act.

use super::{part, root, rules};
use std::process::Command;

fn amtool(arguments: &[&str]) -> String {
    let output = Command::new(part("amtool")).args(arguments).current_dir(root("alerts")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "amtool {arguments:?}:\n{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn amtool_accepts_the_example() {
    assert!(amtool(&["check-config", "alertmanager.yaml"]).contains("SUCCESS"));
}

#[test]
fn each_alert_reaches_those_who_can_act() {
    let table = [
        ("the owner, where the model is to blame", "vision", None, "vision-team"),
        ("another owner", "search", None, "search-team"),
        ("those who run the platform, where nobody else owns the model", "platform", None, "platform-team"),
        ("those who run the platform, where it is to blame", "vision", Some("platform"), "platform-team"),
    ];
    for rule in rules() {
        let Some(alert) = rule.alert else { continue };
        let severity = &rule.labels["severity"];
        for (whom, team, blame, receiver) in table {
            let blame = blame.unwrap_or(&rule.labels["blame"]);
            let receiver = if severity == "info" { "digest" } else { receiver };
            let labels = [
                format!("alertname={alert}"),
                format!("severity={severity}"),
                format!("blame={blame}"),
                format!("team={team}"),
            ];
            let mut arguments = vec!["config", "routes", "test", "--config.file=alertmanager.yaml"];
            arguments.extend(labels.iter().map(String::as_str));
            assert_eq!(amtool(&arguments).trim(), receiver, "{alert}: {whom}");
        }
    }
}
