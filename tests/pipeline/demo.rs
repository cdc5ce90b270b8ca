//! The whole pipeline with real parts and no shortcut: the OTLP bytes of `coroner demo` -> coroner -> Prometheus 2.42 and 3.15 -> the shipped
//! rules -> Alertmanager with the shipped routes -> what its receivers get.
//!
//! In: a simulated day with every incident. Out: for each incident the right alert reached the right team, and no page came that none of
//! them explains; how long both took is printed. Time is compressed: the rules, Alertmanager's waits and the day by one factor, while
//! counts stay as they are. `CORONER_TEST_FULL_TIME=1` runs rules and waits as they are shipped, which takes two hours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::time::Instant;

use crate::alertmanager::{Alert, Alertmanager};
use crate::compress::compress;
use crate::incidents::{Expected, Owners, expected};
use crate::pack::{Labels, promises};
use crate::process::{Program, root};
use crate::prometheus::{ALERTING, Prometheus};
use crate::{fresh_folder, say, shorter_waits};

/// How long the simulated day is where time is not compressed, seconds.
const DAY: u32 = 5400;
/// How often the servers look, seconds; also the shortest step that compressed rules may have.
const STEP: Duration = Duration::from_secs(1);
/// How long after the day the last alerts may take to resolve: windows, `keep_firing_for` and Alertmanager's interval.
const RESOLVED_WITHIN: u32 = 4500;

fn factor() -> u32 {
    if std::env::var_os("CORONER_TEST_FULL_TIME").is_some() { 1 } else { 30 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_incident_reaches_the_team_that_can_act() {
    let factor = factor();
    let folder = fresh_folder("demo");
    let rules = rules(&folder, factor);
    let demo = Demo::start(&folder, DAY / factor).await;
    let mut chains = Vec::new();
    for kind in ALERTING {
        chains.push(Chain::start(kind, &demo, &folder, &rules, factor).await);
    }

    let (expected, owners) = (expected(), Owners::read());
    tokio::time::sleep_until(demo.began + Duration::from_secs((DAY / factor).into())).await;
    let deadline = Instant::now() + Duration::from_secs((RESOLVED_WITHIN / factor).into());
    while Instant::now() < deadline && chains.iter().any(|chain| !chain.all_over(&expected)) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut wrong = Vec::new();
    for chain in &chains {
        wrong.extend(chain.judge(&demo, &expected, &owners).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    drop((chains, demo));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The shipped rules, compressed, where the servers find them.
fn rules(folder: &Path, factor: u32) -> PathBuf {
    for entry in std::fs::read_dir(root().join("alerts")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".rules.yaml") {
            let text = std::fs::read_to_string(&entry).unwrap();
            let text = if factor == 1 {
                text
            } else {
                compress(&text, factor, STEP).unwrap_or_else(|why| panic!("{name}: {why}"))
            };
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    folder.join("*.rules.yaml")
}

/// `coroner demo`, and when its day began.
struct Demo {
    _program: Program,
    began: Instant,
    seconds: u32,
    admin: SocketAddr,
    provider: SocketAddr,
}

impl Demo {
    async fn start(folder: &Path, seconds: u32) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coroner"));
        command
            .args(["demo", "--keep", "--provider=127.0.0.1:0"])
            .arg(format!("--seconds={seconds}"))
            .current_dir(folder);
        for port in ["GRPC", "HTTP", "ADMIN"] {
            command.env(format!("CORONER_{port}_LISTEN"), "127.0.0.1:0");
        }
        let mut found = BTreeMap::new();
        let (program, (admin, provider)) = Program::start("coroner demo", command, |line| {
            if let Some((name, address)) = line.split_once(' ') {
                found.extend(address.parse().map(|address: SocketAddr| (name.to_owned(), address)));
            }
            Some((*found.get("admin")?, *found.get("provider")?))
        })
        .await;
        Self { _program: program, began: Instant::now(), seconds, admin, provider }
    }

    /// Seconds from a share of the day to a moment.
    fn seconds_from(&self, share: f64, moment: Instant) -> f64 {
        moment.duration_since(self.began).as_secs_f64() - share * f64::from(self.seconds)
    }
}

/// One Prometheus and its Alertmanager.
struct Chain {
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    factor: u32,
}

/// One alert of a notification, and when and where it came.
struct Notice {
    at: Instant,
    receiver: String,
    alert: Alert,
}

impl Chain {
    async fn start(kind: &crate::prometheus::Kind, demo: &Demo, folder: &Path, rules: &Path, factor: u32) -> Self {
        let own = folder.join(kind.name);
        std::fs::create_dir_all(&own).unwrap();
        let alertmanager = Alertmanager::start(&own, shorter_waits(factor)).await;
        let more = format!(
            "- job_name: provider\n  static_configs: [{{ targets: ['{}'] }}]\nrule_files: ['{}']\nalerting:\n  \
             alert_relabel_configs: [{{ action: labeldrop, regex: grafana_url|runbooks_url }}]\n  \
             alertmanagers: [{{ static_configs: [{{ targets: ['{}'] }}] }}]\n",
            demo.provider,
            rules.display(),
            alertmanager.address,
        );
        let prometheus = Prometheus::start(kind, demo.admin, &own, &more).await;
        Self { prometheus, alertmanager, factor }
    }

    fn notices(&self) -> Vec<Notice> {
        let mut all = Vec::new();
        for delivery in self.alertmanager.deliveries() {
            let Some((receiver, alerts)) = delivery.alerts() else { continue };
            all.extend(alerts.into_iter().map(|alert| Notice {
                at: delivery.at,
                receiver: receiver.to_owned(),
                alert,
            }));
        }
        all
    }

    /// Whether every alert that came has ended.
    fn all_over(&self, expected: &[Expected]) -> bool {
        let notices = self.notices();
        let mut own = notices.iter().filter(|notice| expected.iter().any(|one| one.is(&notice.alert.labels)));
        own.all(|notice| resolved(&notices, notice).is_some())
    }

    /// Says how it went, and returns what is wrong.
    async fn judge(&self, demo: &Demo, expected: &[Expected], owners: &Owners) -> Vec<String> {
        let (notices, promises) = (self.notices(), promises());
        let mut wrong = self.rule_troubles().await;
        let fired = self.prometheus.query("max_over_time(ALERTS{alertstate=\"firing\"}[1d])").await;
        let fired: Vec<Labels> = fired.into_iter().map(|one| one.labels).collect();
        let figure = |seconds: f64| format!("{seconds:.0} s ({:.0} min)", seconds * f64::from(self.factor) / 60.0);
        say(&format!("\n{}, in a day that is {} times as fast (in brackets at full time)", self.name(), self.factor));
        say(&row(["incident", "alert", "reached", "detected after", "resolved after"]));
        for one in expected {
            let (incident, alert) = (&one.incident.name, one.alert.as_str());
            let Some(first) = notices.iter().find(|notice| one.is(&notice.alert.labels)) else {
                let page = notices.iter().find(|notice| one.is_spoken_for_by(&notice.receiver, &notice.alert.labels));
                if let Some(page) = page.filter(|_| fired.iter().any(|labels| one.is(labels))) {
                    let found = figure(demo.seconds_from(one.incident.from, page.at));
                    say(&row([
                        incident,
                        alert,
                        &page.receiver,
                        &found,
                        &format!("by {}", page.alert.labels["alertname"]),
                    ]));
                    continue;
                }
                say(&row([incident, alert, "NOBODY", "", ""]));
                wrong.push(format!("{incident}: {alert} reached nobody; {}", self.state(alert).await));
                continue;
            };
            let receiver = owners.receiver(&first.alert, promises[alert]);
            if first.receiver != receiver {
                wrong.push(format!("{incident}: {alert} reached {}, not {receiver}", first.receiver));
            }
            let found = figure(demo.seconds_from(one.incident.from, first.at));
            let over = resolved(&notices, first).map(|at| figure(demo.seconds_from(one.incident.to, at)));
            say(&row([incident, alert, &first.receiver, &found, &over.unwrap_or_default()]));
        }
        wrong.extend(unexplained(&notices, expected, self.factor > 1));
        wrong.iter().map(|line| format!("{}: {line}\n", self.name())).collect()
    }

    fn name(&self) -> &str {
        &self.prometheus.program.name
    }

    /// What is known of an alert that nobody got.
    async fn state(&self, alert: &str) -> String {
        let series = self.prometheus.query(&format!("max_over_time(ALERTS{{alertname=\"{alert}\"}}[1h])")).await;
        let series: Vec<_> = series.iter().map(|one| &one.labels).collect();
        let held = self.alertmanager.held().await;
        let held: Vec<_> = held.iter().filter(|(labels, _)| labels["alertname"] == alert).collect();
        format!("Prometheus had {series:?}, Alertmanager has {held:?}")
    }

    /// Rules that could not be evaluated.
    async fn rule_troubles(&self) -> Vec<String> {
        let groups = self.prometheus.data("/api/v1/rules", &[]).await;
        let rules = groups["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
        let sick = rules.filter(|rule| rule["health"] != "ok");
        sick.map(|rule| format!("the rule {} does not work: {}", rule["name"], rule["lastError"])).collect()
    }
}

/// One line of the table.
fn row([incident, alert, receiver, found, over]: [&str; 5]) -> String {
    format!("{incident:<18} {alert:<32} {receiver:<21} {found:>16} {over:>16}")
}

/// Pages that no incident explains. What else came besides is only said, and so is, where time is compressed, what coroner's own alerts
/// say: a scrape that is late by seconds on a busy machine is late by minutes then.
fn unexplained(notices: &[Notice], expected: &[Expected], compressed: bool) -> Vec<String> {
    let firing = notices.iter().filter(|notice| notice.alert.status == "firing");
    let others: BTreeSet<_> = firing
        .filter(|notice| !expected.iter().any(|one| one.explains(&notice.alert.labels)))
        .map(|notice| (&notice.receiver, short(&notice.alert.labels)))
        .collect();
    let pages = |(receiver, _): &(&String, String)| {
        receiver.ends_with("-page") && !(compressed && receiver.starts_with("observability"))
    };
    let (pages, tickets): (Vec<_>, Vec<_>) = others.into_iter().partition(pages);
    for (receiver, alert) in tickets {
        say(&format!("besides, {receiver} got {alert}"));
    }
    pages.iter().map(|(receiver, alert)| format!("{receiver} got a page that no incident explains: {alert}")).collect()
}

/// The labels that tell which alert this is.
fn short(labels: &Labels) -> String {
    let named = ["alertname", "model_id", "caller", "blame", "signal"].iter().filter_map(|name| labels.get(*name));
    named.cloned().collect::<Vec<_>>().join(" ")
}

/// When the alert of this notice was told to be over, at the same receiver.
fn resolved(notices: &[Notice], first: &Notice) -> Option<Instant> {
    let same = |one: &&Notice| (&one.receiver, &one.alert.labels) == (&first.receiver, &first.alert.labels);
    let over = |one: &&Notice| one.alert.status == "resolved" && one.at >= first.at;
    notices.iter().filter(same).rfind(over).map(|one| one.at)
}
