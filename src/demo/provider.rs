//! The platform's own metrics of the simulated fleet, as Baseten exports them. In: what happened in a tick. Out: a page in the
//! exposition format, served on a port of its own.
//!
//! Names, labels and units are the documented ones. What the platform cannot see (a caller's pool, its firewall) is not in them.

mod gauges;
mod port;

use super::fleet::{Call, Tick};
use super::logs::DEPLOYMENT;
use super::scene::{Incident, Model, Nothing, Scene, SeenStatus, State};
use gauges::{Gauges, Load};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub(super) use port::Port;

/// A metric's labels; an order of names for each metric.
type Labels = Vec<(&'static str, String)>;

/// Upper bounds of the time histograms, seconds: from an embedding to a video.
const SECONDS: [f64; 16] =
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0];
/// How much of a good answer's time passes before its first byte.
const FIRST_BYTE: f64 = 0.4;

/// The deployment that a rollout brings.
const NEW_DEPLOYMENT: &str = "r4t7v2q";

/// A histogram of seconds.
#[derive(Clone, Debug)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

type Times = Family<Labels, Histogram, Seconds>;

/// What the platform counts.
pub(super) struct Provider<'s> {
    scene: &'s Scene,
    registry: Registry,
    requests: Family<Labels, Counter>,
    end_to_end: Times,
    first_byte: Times,
    restarts: Family<Labels, Counter>,
    gauges: Gauges,
    /// Calls that did not come back, by model.
    hung: Vec<u64>,
}

impl<'s> Provider<'s> {
    /// A platform on which every replica serves.
    pub(super) fn new(scene: &'s Scene) -> Self {
        let mut registry = Registry::default();
        let (requests, restarts) = (Family::default(), Family::default());
        let [end_to_end, first_byte] = [(); 2].map(|()| Times::new_with_constructor(Seconds));
        registry.register("baseten_inference_requests", "Inference requests by response status", requests.clone());
        let name = "baseten_end_to_end_response_time_seconds";
        registry.register(name, "Time from arrival at the platform to the end of the answer", end_to_end.clone());
        let name = "baseten_time_to_first_byte_seconds";
        registry.register(
            name,
            "Time from arrival at the platform to the first byte of the answer",
            first_byte.clone(),
        );
        registry.register("baseten_container_restarts", "Restarts of the model's containers", restarts.clone());
        let gauges = Gauges::new(&mut registry);
        Self { scene, registry, requests, end_to_end, first_byte, restarts, gauges, hung: vec![0; scene.models.len()] }
    }

    /// Takes in what happened in a tick of so many seconds.
    pub(super) fn note(&mut self, tick: &Tick, seconds: f64) {
        for call in &tick.calls {
            self.count(call, tick);
        }
        for model in &tick.hanging {
            if let Some(hung) = self.hung.get_mut(*model) {
                *hung += 1;
            }
        }
        for (at, model) in self.scene.models.iter().enumerate().filter(|(_, model)| !model.serverless) {
            let strikes = |one: &&Incident| one.models.contains(&model.id);
            let on = || self.scene.incidents.iter().zip(&tick.phases).filter(|(one, _)| strikes(one));
            if on().all(|(_, phase)| phase.state == State::Off) {
                // What hung was cut off, or came back.
                self.hung.get_mut(at).into_iter().for_each(|hung| *hung = 0);
            }
            let blows = on().filter(|(one, phase)| one.provider.restarts && phase.begins).count() as u64;
            self.restarts.get_or_create(&deployment(model)).inc_by(blows);
            let calls = || tick.calls.iter().filter(move |call| call.model == at);
            let busy = calls().map(|call| self.busy(call)).sum::<f64>() / seconds;
            let hung = self.hung.get(at).copied().unwrap_or(0);
            let going_on: Vec<_> = on().filter(|(_, phase)| phase.is_on()).collect();
            self.gauges.set(model, Load { at, busy, hung, seconds }, &going_on);
        }
    }

    fn count(&self, call: &Call, tick: &Tick) {
        let Some(model) = self.scene.models.get(call.model).filter(|model| !model.serverless) else { return };
        let submit = self.scene.callers.get(call.caller).is_some_and(|who| who.endpoint == "async_predict");
        let incident = call.incident.and_then(|at| self.scene.incidents.get(at));
        let status = match incident.map(|one| (one.provider.status, one.answer.status)) {
            None if submit => 201,
            None => 200,
            Some((Some(SeenStatus::Nothing(Nothing::None)), _) | (None, None)) => return,
            Some((Some(SeenStatus::Counted(status)), _) | (None, Some(status))) => status,
        };
        // In a rollout every second call is served by the new deployment.
        let rolled_out = self
            .scene
            .incidents
            .iter()
            .zip(&tick.phases)
            .any(|(one, phase)| one.provider.rollout && phase.is_on() && one.models.contains(&model.id));
        let mut labels = match (rolled_out, call.span_id[0] % 2) {
            (true, 0) => promoting(model),
            (true, _) => with(&deployment(model), &[("rollout_phase", "stable")]),
            (false, _) => deployment(model),
        };
        labels.extend([("status_code", status.to_string()), ("is_async", submit.to_string())]);
        self.requests.get_or_create(&labels).inc();
        self.end_to_end.get_or_create(&labels).observe(call.seconds);
        self.first_byte.get_or_create(&labels).observe(call.seconds * FIRST_BYTE);
    }

    /// Seconds that a call kept a replica busy; a call that ran into the platform's limit is among those that hang.
    fn busy(&self, call: &Call) -> f64 {
        let hangs = call.incident.and_then(|at| self.scene.incidents.get(at)).is_some_and(|one| one.hangs > 0.0);
        if hangs { 0.0 } else { call.seconds }
    }

    /// The page.
    pub(super) fn page(&self) -> String {
        let mut page = String::new();
        encode(&mut page, &self.registry).expect("a string takes all that is written");
        page
    }
}

/// Labels of everything that belongs to a model's deployment.
fn deployment(model: &Model) -> Labels {
    vec![
        ("model_id", model.id.clone()),
        ("model_name", model.id.clone()),
        ("deployment_id", DEPLOYMENT.to_owned()),
        ("environment", "production".to_owned()),
    ]
}

/// The same of the deployment that a rollout brings.
fn promoting(model: &Model) -> Labels {
    let mut labels = with(&deployment(model), &[("rollout_phase", "promoting")]);
    for (_, value) in labels.iter_mut().filter(|(name, _)| *name == "deployment_id") {
        NEW_DEPLOYMENT.clone_into(value);
    }
    labels
}

fn with(labels: &Labels, more: &[(&'static str, &str)]) -> Labels {
    labels.iter().cloned().chain(more.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::fleet::Fleet;
    use crate::demo::page::{Page, Sample};

    /// Pages after so many ticks of a run of five minutes at a slow rate.
    fn pages(wanted: &[u64]) -> Vec<Page> {
        let scene = Scene::builtin();
        let (mut fleet, mut provider) = (Fleet::new(&scene, 1, 2.0, 0.25), Provider::new(&scene));
        let mut pages = Vec::new();
        for tick in 0..1200 {
            provider.note(&fleet.tick(tick, 1200), 0.25);
            if wanted.contains(&tick) {
                pages.push(Page::parse(&provider.page()));
            }
        }
        pages
    }

    #[test]
    fn calls_hang_before_the_first_504() {
        let [before, hanging, during, after] = pages(&[200, 475, 1000, 1199]).try_into().unwrap();
        let concurrent =
            |page: &Page| page.count("baseten_concurrent_requests", |sample| sample.label("model_id") == "wanvideo");
        let timeouts = |page: &Page| {
            page.count("baseten_inference_requests_total", |sample| {
                sample.label("model_id") == "wanvideo" && sample.label("status_code") == "504"
            })
        };
        assert!(concurrent(&hanging) > 2 * concurrent(&before));
        assert_eq!(timeouts(&hanging), 0);
        assert!(timeouts(&during) > 0 && concurrent(&during) > 2 * concurrent(&after));
    }

    #[test]
    fn the_page_has_the_documented_names_and_labels() {
        let [page] = pages(&[800]).try_into().unwrap();
        let names = [
            "baseten_inference_requests_total",
            "baseten_end_to_end_response_time_seconds_bucket",
            "baseten_time_to_first_byte_seconds_count",
            "baseten_concurrent_requests",
            "baseten_replicas_active",
            "baseten_replicas_starting",
            "baseten_container_restarts_total",
            "baseten_pod_readiness",
            "baseten_container_cpu_usage_seconds_total",
            "baseten_container_cpu_memory_working_set_bytes",
            "baseten_gpu_memory_used",
            "baseten_gpu_utilization",
        ];
        for name in names {
            assert!(page.samples(name).next().is_some(), "{name}");
            for sample in page.samples(name) {
                let promoted = sample.label("rollout_phase") == "promoting";
                let deployment = if promoted { NEW_DEPLOYMENT } else { DEPLOYMENT };
                assert_eq!(sample.label("deployment_id"), deployment, "{name}");
                assert!(!sample.label("model_id").is_empty() && sample.label("environment") == "production", "{name}");
            }
        }
        let killed = page.count("baseten_container_restarts_total", |sample| sample.label("model_id") == "sdxltrbo");
        assert!(killed > 5, "{killed}");
        // What never reached a deployment is not counted there.
        let refused = page.count("baseten_inference_requests_total", |sample| sample.label("status_code") == "401");
        assert_eq!(refused, 0);
    }

    #[test]
    fn a_rollout_shows_its_two_phases_and_the_new_replicas_while_it_lasts() {
        let [during, after] = pages(&[670, 1199]).try_into().unwrap();
        let promoting = |page: &Page, name| page.count(name, |sample| sample.label("rollout_phase") == "promoting");
        assert!(promoting(&during, "baseten_inference_requests_total") > 0);
        let stable = |sample: &Sample| sample.label("rollout_phase") == "stable";
        assert!(during.count("baseten_inference_requests_total", stable) > 0);
        let replicas = |page: &Page| promoting(page, "baseten_replicas_active");
        assert_eq!((replicas(&during), replicas(&after)), (3, 0));
    }
}
