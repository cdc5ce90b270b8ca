//! The state of replicas: how many, how busy, how full. In: a model, its load and the incidents that strike it. Out: gauges.

use super::super::logs::REPLICAS;
use super::super::scene::{GpuMemory, Incident, Memory, Model, Phase};
use super::{Labels, deployment, promoting, with};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

/// Memory limit of every container, bytes: 16 GiB.
const LIMIT: f64 = 17_179_869_184.0;
/// Share of the limit that a loaded model uses.
const LOADED: f64 = 0.42;
/// Memory of a GPU, MiB: 80 GB.
const GPU: f64 = 81_559.0;
/// Share of it that the weights use.
const WEIGHTS: f64 = 0.71;
/// Calls that one replica works on at once.
const AT_ONCE: f64 = 16.0;
/// How much the newest tick counts in the load, which the platform samples over half a minute.
const NEWEST: f64 = 0.05;

type Level = Family<Labels, Gauge<f64, AtomicU64>>;

/// What a model has to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Which model, from 0.
    pub(super) at: usize,
    /// Calls at once in the last tick.
    pub(super) busy: f64,
    /// Calls that do not come back.
    pub(super) hung: u64,
    /// Length of the tick.
    pub(super) seconds: f64,
}

/// All gauges, and the CPU counter that follows them.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    concurrent: Level,
    active: Level,
    starting: Level,
    readiness: Level,
    memory: Level,
    gpu_memory: Level,
    gpu_use: Level,
    cpu: Family<Labels, Counter<f64, AtomicU64>>,
    /// Mean calls at once, by model.
    load: Vec<f64>,
}

impl Gauges {
    /// Registers all of them.
    pub(super) fn new(registry: &mut Registry) -> Self {
        let this = Self::default();
        let levels = [
            ("baseten_concurrent_requests", "Synchronous requests in flight: running and waiting", &this.concurrent),
            ("baseten_replicas_active", "Replicas ready to serve", &this.active),
            ("baseten_replicas_starting", "Replicas waiting for resources or loading", &this.starting),
            ("baseten_pod_readiness", "Pods by their Ready condition", &this.readiness),
            ("baseten_container_cpu_memory_working_set_bytes", "Working set of the container", &this.memory),
            ("baseten_gpu_memory_used", "GPU memory in use, MiB", &this.gpu_memory),
            ("baseten_gpu_utilization", "GPU utilisation, 0 to 100", &this.gpu_use),
        ];
        for (name, help, level) in levels {
            registry.register(name, help, level.clone());
        }
        registry.register("baseten_container_cpu_usage_seconds", "CPU time of the container", this.cpu.clone());
        this
    }

    /// Sets what a model's replicas show, with the incidents that are going on there.
    pub(super) fn set(&mut self, model: &Model, work: Load, on: &[(&Incident, &Phase)]) {
        if self.load.len() <= work.at {
            self.load.resize(work.at + 1, work.busy);
        }
        let Some(load) = self.load.get_mut(work.at) else { return };
        *load += NEWEST * (work.busy - *load);
        let concurrent = *load + work.hung as f64;
        let own = deployment(model);
        let replicas = REPLICAS.len() as f64;
        let least = on.iter().filter_map(|(one, _)| one.provider.active).min();
        let down = on.iter().any(|(one, phase)| one.blows && one.provider.restarts && phase.strikes());
        let active = least.map_or(if down { replicas - 1.0 } else { replicas }, f64::from);
        let starting: u32 = on.iter().map(|(one, _)| one.provider.starting).sum();
        self.concurrent.get_or_create(&own).set(concurrent.round());
        self.active.get_or_create(&own).set(active);
        self.starting.get_or_create(&own).set(f64::from(starting) + f64::from(u8::from(down)));
        for (condition, many) in [("true", active), ("false", replicas - active), ("unknown", 0.0)] {
            self.readiness.get_or_create(&with(&own, &[("condition", condition)])).set(many);
        }
        if on.iter().any(|(one, _)| one.provider.rollout) {
            self.active.get_or_create(&promoting(model)).set(replicas);
        } else {
            self.active.remove(&promoting(model));
        }
        self.replicas(&own, concurrent / replicas / AT_ONCE, work.seconds, on);
    }

    /// What each replica shows that is used to this share.
    fn replicas(&self, own: &Labels, used: f64, seconds: f64, on: &[(&Incident, &Phase)]) {
        let climb =
            on.iter().find(|(one, _)| one.provider.memory == Some(Memory::Climbs)).map(|(_, phase)| phase.climb);
        let full = on.iter().any(|(one, _)| one.provider.gpu_memory == Some(GpuMemory::Full));
        for (number, replica) in REPLICAS.iter().enumerate() {
            // Only the first replica gets the batches that are too large.
            let share = climb.filter(|_| number == 0).map_or(LOADED, |climb| (1.0 - LOADED).mul_add(climb, LOADED));
            let here = with(own, &[("replica", replica)]);
            self.memory.get_or_create(&here).set((LIMIT * share).round());
            self.cpu.get_or_create(&here).inc_by(used * seconds);
            let gpu = with(&here, &[("gpu", "0")]);
            self.gpu_memory.get_or_create(&gpu).set((GPU * if full { 0.995 } else { WEIGHTS }).round());
            self.gpu_use.get_or_create(&gpu).set((100.0 * used).min(100.0).round());
        }
    }
}
