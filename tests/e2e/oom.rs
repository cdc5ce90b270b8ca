//! End to end: 502s of a model whose process the kernel killed, told from the other failures of the same minute.
//!
//! The parts are real: gunicorn serves a small model inside a memory cgroup, and a batch that is too large makes the kernel kill
//! the worker that holds it; gunicorn's own log and the kernel's lines go to files, which an OpenTelemetry Collector ships by its
//! filelog receiver (`examples/collector-filelog.yaml`); Python callers send their spans; two Prometheus servers run the rules of
//! `alerts/`, and an Alertmanager with `alerts/alertmanager.yaml` calls a webhook. coroner runs with
//! `examples/coroner-filelog.yaml`. So all that is shipped is proved as it is.
//!
//! What must come out: every call that died with its worker is `bad_gateway`, `oom_killed`, `model`; a 502 of a model whose log is
//! clean is the platform's; a 502 of a model that nobody watches stays unknown; what failed for the caller's own reasons at the same
//! time keeps them; and the alert reaches the webhook. Times are printed, not asserted, except for limits that only a fault passes.
//!
//! It needs root (or the right to make memory cgroups and to read the kernel's log). Where that cannot be had,
//! `CORONER_TEST_WITHOUT_OOM=1` leaves it out, and says so.

#[expect(dead_code, reason = "the tests of the whole pipeline use the rest")]
#[path = "../pipeline/alertmanager.rs"]
mod alertmanager;
mod calls;
mod cgroup;
mod collector;
mod kernel;
mod latency;
mod model;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::time::Instant;

use crate::clients::Addresses;
use crate::expect::Expected;
use crate::gateway::{Gateway, Upstreams};
use crate::process::{Program, part, root};
use crate::prometheus::{ALERTING, Prometheus};
use crate::service::Service;
use crate::{fresh_folder, scraped};
use alertmanager::{Alert, Alertmanager, Delivery};
use calls::{AFTER, BEFORE, HEALTHY, STARVED, STORM};
use cgroup::MemoryGroup;
use kernel::KernelLog;
use model::ModelServer;

/// What the starved model's container may use: gunicorn and small batches fit, a large batch does not.
const LIMIT_BYTES: u64 = 160 << 20;
const ALERT: &str = "InferenceOomKilled502Spike";
/// `settle` and what a loaded machine may add.
const SETTLED_WITHIN: Duration = Duration::from_mins(3);
/// The rule's `for`, its evaluations, Alertmanager's `group_wait`, and what a loaded machine may add.
const NOTIFIED_WITHIN: Duration = Duration::from_mins(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_502_of_a_killed_model_is_told_from_the_others() {
    if std::env::var_os("CORONER_TEST_WITHOUT_OOM").is_some() {
        say("left out: CORONER_TEST_WITHOUT_OOM is set");
        return;
    }
    let scene = Scene::start().await;
    let mut expected = Expected::default();
    calls::make(BEFORE, &scene.addresses, &mut expected).await;
    // Without a sample at 0 the first growth of a counter cannot be seen.
    scraped::counts(&scene.servers, &scene.service, &expected, Duration::from_secs(30)).await;

    let struck = Instant::now();
    calls::make(STORM, &scene.addresses, &mut expected).await;
    scene.kernel_and_gunicorn_told_of_every_death().await;
    scene.direct_evidence_settles_quickly(&mut expected).await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    calls::make(AFTER, &scene.addresses, &mut expected).await;

    scraped::counts(&scene.servers, &scene.service, &expected, SETTLED_WITHIN).await;
    say(&format!("every case settled {:.0} s after the storm began", struck.elapsed().as_secs_f64()));
    scraped::all_ways_of_scraping_agree(&scene.servers).await;
    scraped::exemplars(&scene.servers, &expected).await;
    scene.every_death_is_evidence().await;
    scene.the_alert_reaches_the_webhook().await;
    say(&format!("the alert arrived {:.0} s after the storm began", struck.elapsed().as_secs_f64()));
    scene.end().await;
}

/// Everything that runs. Fields are dropped in this order: first who asks, then who is asked.
struct Scene {
    servers: Vec<Prometheus>,
    alertmanager: Alertmanager,
    _collector: Program,
    addresses: Addresses,
    service: Service,
    _models: [ModelServer; 2],
    kernel: KernelLog,
    group: MemoryGroup,
    folder: PathBuf,
}

impl Scene {
    async fn start() -> Self {
        let folder = fresh_folder("oom");
        let (logs, kernel_log) = (folder.join("models"), folder.join("kern.log"));
        let (group, kernel) = confined(&kernel_log).unwrap_or_else(|missing| {
            panic!("{missing}\nThis test needs root, a memory cgroup and the kernel's log; CORONER_TEST_WITHOUT_OOM=1 leaves it out")
        });
        let service = Service::start(&folder, &(example("coroner-filelog.yaml") + "shutdown: { linger: 0s }\n")).await;
        let collector = collector::start(&logs, &kernel_log, service.http).await;

        let gunicorn = part("venv/bin/gunicorn");
        let starved = ModelServer::start(group.command(&gunicorn), &logs.join(STARVED).join("production"), "r1").await;
        let healthy = ModelServer::start(Command::new(&gunicorn), &logs.join(HEALTHY).join("production"), "r1").await;
        let upstreams = [(STARVED, &starved), (HEALTHY, &healthy)];
        let upstreams: Upstreams = upstreams.map(|(model, server)| (calls::host(model), server.address)).into();
        let gateway = Gateway::start(&folder, upstreams).await;

        let alertmanager = Alertmanager::start(&folder, |_| {}).await;
        let mut servers = Vec::new();
        for kind in ALERTING {
            servers.push(Prometheus::start(kind, service.admin, &folder, &rules_and_alerts(&alertmanager)).await);
        }
        let addresses = Addresses { gateway: gateway.address, ca: gateway.ca, grpc: service.grpc, http: service.http };
        let models = [starved, healthy];
        Self {
            servers,
            alertmanager,
            _collector: collector,
            addresses,
            service,
            _models: models,
            kernel,
            group,
            folder,
        }
    }

    /// Otherwise the scene itself is broken, and what coroner says of it means nothing.
    async fn kernel_and_gunicorn_told_of_every_death(&self) {
        let deaths = calls::deaths();
        let log = self.folder.join("models").join(STARVED).join("production/r1.log");
        let mut told = (0, 0, 0);
        for _ in 0..50 {
            let text = std::fs::read_to_string(&log).unwrap();
            let lines = text.lines().filter(|line| line.contains("was sent SIGKILL! Perhaps out of memory?")).count();
            told = (self.group.kills(), self.kernel.reports(), u32::try_from(lines).unwrap());
            if told == (deaths, deaths, deaths) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{deaths} workers were to be killed; killed by the kernel, told by it and told by gunicorn: {told:?}")
    }

    /// Each death is told twice, by the kernel and by gunicorn, and the configuration places every line.
    async fn every_death_is_evidence(&self) {
        for server in &self.servers {
            for kind in ["oom_killed", "container_exit"] {
                let query = format!("sum(inference_evidence_total{{model_id=\"{STARVED}\", kind=\"{kind}\"}})");
                let told = server.number(&query).await;
                assert_eq!(told, Some(f64::from(calls::deaths())), "{} of {STARVED} on {}", kind, server.program.name);
            }
            let unplaced = server.number("sum(coroner_evidence_unplaced_total) or vector(0)").await;
            assert_eq!(unplaced, Some(0.0), "evidence without a container on {}", server.program.name);
        }
    }

    /// The same verdict without the way through files: how long coroner itself takes.
    async fn direct_evidence_settles_quickly(&self, expected: &mut Expected) {
        let took = latency::measure(&self.service, &self.group.parent_name, expected).await;
        say(&format!("verdict on /metrics {:.3} s after the deciding kernel line was sent", took.as_secs_f64()));
    }

    async fn the_alert_reaches_the_webhook(&self) {
        let began = Instant::now();
        let alert = loop {
            if let Some(alert) = self.received().into_iter().find(is_ours) {
                break alert;
            }
            let received = self.received();
            assert!(began.elapsed() < NOTIFIED_WITHIN, "no {ALERT} reached the webhook; it got {received:#?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        assert_eq!(alert.status, "firing");
        assert_eq!(alert.labels.get("blame").map(String::as_str), Some("model"), "{alert:#?}");
        assert!(alert.annotations.get("summary").is_some_and(|text| text.contains(STARVED)), "{alert:#?}");
        for server in &self.servers {
            let firing = server.query(&format!("ALERTS{{alertname=\"{ALERT}\", alertstate=\"firing\"}}")).await;
            let models: Vec<_> = firing.iter().filter_map(|one| one.labels.get("model_id")).collect();
            assert_eq!(models, [STARVED], "{}: only one model was killed again and again", server.program.name);
        }
    }

    /// Every alert that reached some receiver so far.
    fn received(&self) -> Vec<Alert> {
        let deliveries = self.alertmanager.deliveries();
        deliveries.iter().filter_map(Delivery::alerts).flat_map(|(_, alerts)| alerts).collect()
    }

    async fn end(self) {
        let Self { servers, alertmanager, _collector: collector, service, folder, .. } = self;
        drop((servers, alertmanager, collector));
        assert_eq!(service.program.stop().await, Some(0), "SIGTERM ends the service with exit code 0");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

fn is_ours(alert: &Alert) -> bool {
    let says = |label: &str, value: &str| alert.labels.get(label).is_some_and(|text| text == value);
    says("alertname", ALERT) && says("model_id", STARVED)
}

/// A cgroup for the starved model, and a follower of what the kernel says of it. Its name is the run's own: the kernel's log is one
/// for the whole machine.
fn confined(kernel_log: &Path) -> Result<(MemoryGroup, KernelLog), String> {
    let parent = format!("models-{}", std::process::id());
    let group = MemoryGroup::create(&parent, &format!("{STARVED}.production.r1"), LIMIT_BYTES)?;
    let kernel = KernelLog::follow(&group.name, kernel_log)?;
    Ok((group, kernel))
}

fn example(name: &str) -> String {
    std::fs::read_to_string(root().join("examples").join(name)).unwrap()
}

/// The shipped rules as they are, and where their alerts go.
fn rules_and_alerts(alertmanager: &Alertmanager) -> String {
    format!(
        "rule_files: ['{}']\nalerting:\n  alertmanagers: [{{ static_configs: [{{ targets: ['{}'] }}] }}]\n",
        root().join("alerts/*.rules.yaml").display(),
        alertmanager.address
    )
}

/// Figures and what was left out are shown even where the test passes.
fn say(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}
