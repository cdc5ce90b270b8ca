//! What a person reads when an alert comes. In: the shipped receivers and templates on a running Alertmanager, the alerts as they really
//! look. Out: each arrives at the receiver that was promised and nowhere else, and its Slack message or PagerDuty event says who is hurt,
//! the evidence, who is to blame, what to do first, and links to runbook, dashboard and a silence.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::alertmanager::{Alertmanager, Delivery};
use crate::inhibition::as_posted;
use crate::pack::{Firing, Labels, firing, one_firing, promises};
use crate::{fresh_folder, shorter_waits};

const GRAFANA: &str = "https://grafana.example.com";
const RUNBOOKS: &str = "https://git.example.com/coroner/";
/// The waits of the slowest receiver, 300 times shorter, and what a loaded machine may add.
const SOON: Duration = Duration::from_secs(30);

/// Every alert, each of a platform of its own so that none is grouped with another, with links as the external labels make them.
fn alerts() -> Vec<Firing> {
    let linked = |(at, mut one): (usize, Firing)| {
        for (name, base) in [("dashboard_url", GRAFANA), ("runbook_url", RUNBOOKS)] {
            one.annotations.get_mut(name).unwrap().insert_str(0, base);
        }
        if one.label("platform").is_empty() {
            one
        } else {
            one.with("platform", &format!("platform {at}")).with("team", "search")
        }
    };
    firing().iter().cloned().enumerate().map(linked).collect()
}

#[tokio::test]
async fn every_notification_says_what_to_do() {
    let folder = fresh_folder("notifications");
    let alertmanager = Alertmanager::start(&folder, |config| {
        shorter_waits(300)(config);
        // Here all alerts fire at once; what is held back is tried elsewhere.
        config["inhibit_rules"] = json!([]);
    })
    .await;
    let (alerts, promises) = (alerts(), promises());
    alertmanager.post(&as_posted(alerts.iter(), false)).await;
    for alert in &alerts {
        let receiver = promises[alert.name()].receiver(alert);
        let own =
            |one: &Delivery| one.alerts().is_some_and(|(_, all)| all.iter().any(|got| got.labels == alert.labels));
        let delivery = arrived(&alertmanager, &format!("{:?}", alert.labels), own).await;
        assert_eq!(delivery.path, format!("/receiver/{receiver}"), "{:?}", alert.labels);
        if let Some(team) = receiver.strip_suffix("-page") {
            pagerduty_says_all(&alertmanager, alert, team).await;
        } else if receiver != "mobile-ticket" && receiver != "deadman" {
            let channel =
                if receiver == "digest" { "inference-digest" } else { receiver.strip_suffix("-ticket").unwrap() };
            slack_says_all(&alertmanager, alert, &format!("#{channel}")).await;
        }
    }
    let wrong = alertmanager.deliveries().into_iter().filter_map(|one| {
        let (receiver, all) = one.alerts()?;
        let kept = |labels: &Labels| {
            let alert = Firing { labels: labels.clone(), annotations: Labels::new() };
            promises[alert.name()].receiver(&alert) == receiver
        };
        (!all.iter().all(|alert| kept(&alert.labels))).then(|| one.clone())
    });
    assert_eq!(wrong.count(), 0, "an alert reached a receiver that was not promised");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The first delivery that fits.
async fn arrived(alertmanager: &Alertmanager, what: &str, fits: impl Fn(&Delivery) -> bool) -> Delivery {
    let began = Instant::now();
    loop {
        if let Some(found) = alertmanager.deliveries().into_iter().find(|one| fits(one)) {
            return found;
        }
        let got: Vec<_> = alertmanager.deliveries().iter().map(|one| one.path.clone()).collect();
        assert!(began.elapsed() < SOON, "{what} did not arrive; these did: {got:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Everything that a reader needs, as the annotations and labels say it.
fn needed(alert: &Firing) -> Vec<String> {
    let text = |name: &str| alert.annotations.get(name).cloned();
    let mut needed: Vec<_> = ["summary", "description", "next_step"].into_iter().filter_map(text).collect();
    assert_eq!(needed.len(), 3, "{}: summary, description, next_step", alert.name());
    needed.extend(Some(alert.label("blame").to_owned()).filter(|blame| !blame.is_empty()));
    needed.extend(Some(alert.label("team")).filter(|team| !team.is_empty()).map(|team| format!("owner: {team}")));
    needed
}

fn links(alert: &Firing) -> [String; 3] {
    let silence = format!("alertname%3D%22{}%22", alert.name());
    [alert.annotations["runbook_url"].clone(), alert.annotations["dashboard_url"].clone(), silence]
}

async fn pagerduty_says_all(alertmanager: &Alertmanager, alert: &Firing, team: &str) {
    let summary = &alert.annotations["summary"];
    let about = |one: &Delivery| {
        one.path == "/pagerduty"
            && one.body["payload"]["summary"].as_str().unwrap().contains(summary)
            && platform(one, alert)
    };
    let event = arrived(alertmanager, &format!("PagerDuty's {:?}", alert.labels), about).await.body;
    assert_eq!(event["routing_key"], format!("the secret pagerduty_{team}"));
    assert_eq!((&event["event_action"], &event["payload"]["severity"]), (&"trigger".into(), &"critical".into()));
    assert!(event["payload"]["summary"].as_str().unwrap().starts_with("[PAGE] "), "{event:#}");
    for (field, label) in [("class", "blame"), ("component", "model_id"), ("group", "platform")] {
        assert_eq!(event["payload"][field].as_str().unwrap_or_default(), alert.label(label), "{field} of {event:#}");
    }
    let details = event["payload"]["custom_details"].to_string();
    for text in needed(alert) {
        assert!(details.contains(Value::from(text.clone()).to_string().trim_matches('"')), "no {text:?} in {event:#}");
    }
    for (link, named) in links(alert).iter().zip(["Runbook", "Dashboard", "Silence"]) {
        let found = event["links"].as_array().unwrap().iter().find(|one| one["text"] == named).unwrap();
        assert!(found["href"].as_str().unwrap().contains(link.as_str()), "no {link:?} in {event:#}");
    }
}

fn platform(one: &Delivery, alert: &Firing) -> bool {
    one.body["payload"]["group"].as_str().unwrap_or_default() == alert.label("platform")
}

async fn slack_says_all(alertmanager: &Alertmanager, alert: &Firing, channel: &str) {
    let link = format!("%22{}%22", alert.label("platform").replace(' ', "+"));
    let own = |one: &Delivery| {
        let text = one.body["attachments"][0]["text"].as_str().unwrap_or_default();
        one.path == "/slack"
            && text.contains(&escaped(&alert.annotations["summary"]))
            && (alert.label("platform").is_empty() || text.contains(&link))
    };
    let body = arrived(alertmanager, &format!("Slack's {:?}", alert.labels), own).await.body;
    assert_eq!(body["channel"], channel, "{:?}", alert.labels);
    let message = &body["attachments"][0];
    let (title, text) = (message["title"].as_str().unwrap(), message["text"].as_str().unwrap());
    assert!(title.starts_with(if channel == "#inference-digest" { "[INFO] " } else { "[TICKET] " }), "{title}");
    for needed in needed(alert) {
        assert!(text.contains(&escaped(&needed)), "no {needed:?} in {text}");
    }
    for link in links(alert) {
        assert!(text.contains(&link), "no {link:?} in {text}");
    }
}

/// The three characters that mean something to Slack.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[tokio::test]
async fn what_no_template_foresees_still_arrives_and_its_end_is_told() {
    let folder = fresh_folder("notifications-odd");
    let alertmanager = Alertmanager::start(&folder, shorter_waits(300)).await;
    let odd = |name: &str, severity: &str| Firing {
        labels: [("alertname", name), ("severity", severity)].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        annotations: Labels::new(),
    };
    let alerts = [odd("DiskFull", "critical"), odd("DiskSlow", "warning"), odd("Strange", "")];
    let is = |path: &'static str, title: &'static str| {
        move |one: &Delivery| {
            let said = one.body["payload"]["summary"].as_str().or(one.body["attachments"][0]["title"].as_str());
            one.path == path && said == Some(title)
        }
    };
    alertmanager.post(&as_posted(alerts.iter(), false)).await;
    arrived(&alertmanager, "a page", is("/pagerduty", "[PAGE] DiskFull")).await;
    arrived(&alertmanager, "a ticket", is("/slack", "[TICKET] DiskSlow")).await;
    arrived(&alertmanager, "something", is("/slack", "[FIRING] Strange")).await;
    alertmanager.post(&as_posted(alerts.iter(), true)).await;
    arrived(&alertmanager, "the ticket's end", is("/slack", "[RESOLVED] DiskSlow")).await;
    arrived(&alertmanager, "the page's end", |one| one.path == "/pagerduty" && one.body["event_action"] == "resolve")
        .await;
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_group_is_described_by_what_still_fires_and_names_each_blame() {
    let folder = fresh_folder("notifications-group");
    let alertmanager = Alertmanager::start(&folder, shorter_waits(300)).await;
    let burn = |blame: &str| {
        let mut alert = one_firing("InferenceErrorBudgetBurnFast").with("blame", blame).with("team", "search");
        let summary = alert.annotations.get_mut("summary").unwrap();
        *summary = format!("burnt by {blame}");
        alert
    };
    let (model, unknown) = (burn("model"), burn("undetermined"));
    let event = |summary: &'static str| {
        move |one: &Delivery| {
            let said = one.body["payload"]["summary"].as_str().unwrap_or_default();
            one.path == "/pagerduty" && said.starts_with(summary)
        }
    };
    alertmanager.post(&as_posted([&model, &unknown].into_iter(), false)).await;
    let both = arrived(&alertmanager, "a page for both", event("[PAGE] burnt by model (2 alerts")).await.body;
    let details = &both["payload"]["custom_details"];
    assert_eq!(details["to_blame"], "the model, nobody yet (undetermined); owner: search");
    alertmanager.post(&as_posted([&model].into_iter(), true)).await;
    let left = arrived(&alertmanager, "what is left", event("[PAGE] burnt by undetermined")).await.body;
    assert_eq!(left["payload"]["summary"], "[PAGE] burnt by undetermined");
    let details = &left["payload"]["custom_details"];
    assert_eq!(details["to_blame"], "nobody yet (undetermined); owner: search");
    assert_eq!(details["who_is_hurt"], "burnt by undetermined");
    std::fs::remove_dir_all(&folder).unwrap();
}
