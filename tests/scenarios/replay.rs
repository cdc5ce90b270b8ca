//! Plays a scenario through the public flow: bytes -> map -> fold, with arrival as the only clock.

use super::format::{Place, Scenario};
use super::recorded::{Names, Recorded};
use super::records::{Delivery, Record};
use super::wire::{Sent, bodies};
use super::words::Clock;
use super::{containers, requests};
use coroner::correlate::{Correlator, Settings};
use coroner::judge::Rulebooks;
use coroner::judge::rulebook::Source;
use coroner::observe::knowledge::Knowledge;
use coroner::observe::target::Patterns;
use coroner::observe::{Mapper, Observer, Tally, Weights};
use coroner::otlp::signal::Signal;
use coroner::receive::repeat::Repeats;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;
/// How often the service looks at its windows.
const TICK: u64 = SECOND;
/// What arrives this long before the last event is no part of what is shuffled.
const KNOWN_BEFORE: u64 = 60 * SECOND;
/// `receive.dedupe` and the number of bodies that it remembers.
const DEDUPE: (Duration, usize) = (Duration::from_mins(5), 10_000);

/// Everything that a scenario needs and no scenario changes.
pub(crate) struct Stage {
    baseten: (Arc<Rulebooks>, Observer),
    cluster: (Arc<Rulebooks>, Observer),
    cluster_declared: (Arc<Rulebooks>, Observer),
}

impl Stage {
    /// The built-in books; in the cluster behind its own book.
    pub(crate) fn new() -> Self {
        let source = Source { name: "cluster.yaml".into(), text: include_str!("books/cluster.yaml").into() };
        let cluster = || Rulebooks::compile(vec![source.clone()]).unwrap_or_else(|e| panic!("{e:#?}"));
        Self {
            baseten: with_observer(Rulebooks::builtin(), false),
            cluster: with_observer(cluster(), false),
            cluster_declared: with_observer(cluster(), true),
        }
    }

    fn of(&self, scenario: &Scenario) -> &(Arc<Rulebooks>, Observer) {
        match (scenario.place, scenario.settings.container_logs_report_death) {
            (Place::Baseten, _) => &self.baseten,
            (Place::Cluster, false) => &self.cluster,
            (Place::Cluster, true) => &self.cluster_declared,
        }
    }
}

fn with_observer(books: Rulebooks, container_logs_report_death: bool) -> (Arc<Rulebooks>, Observer) {
    let mut knowledge = books.knowledge();
    if container_logs_report_death {
        knowledge.death_reports.push(serde_saphyr::from_str("match: { k8s.namespace.name: models }").unwrap());
    }
    let patterns = Patterns::compile(books.targets()).unwrap();
    let observer = Observer::new(patterns, Weights::default()).knowing(Knowledge::compile(knowledge).unwrap());
    (Arc::new(books), observer)
}

/// When a body arrives, and what is in it.
type Batch = (Vec<u64>, Vec<Sent>);

/// One body on its way.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) arrives: u64,
    signal: Signal,
    bytes: Arc<[u8]>,
}

/// The bodies of a scenario in the order of their arrival, and who is who in them.
pub(crate) struct Post {
    pub(crate) bodies: Vec<Body>,
    pub(crate) names: Names,
    last_event: u64,
}

impl Post {
    /// Makes the records and packs them.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let mut batches: BTreeMap<usize, Batch> = BTreeMap::new();
        let mut first_of: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut names, mut last_event, mut serial) = (Names::default(), 0, 0);
        for record in &scenario.happens {
            let delivery = record.delivery();
            let repeat = delivery.repeat.map_or((1, 0), |r| (r.times, r.every.0));
            for n in 0..repeat.0 {
                let at = delivery.at.0 + n * repeat.1;
                last_event = last_event.max(at);
                let suffix = if delivery.repeat.is_some() { format!("-{}", n + 1) } else { String::new() };
                serial += 1;
                let own =
                    if delivery.batch.is_empty() { serial } else { *first_of.entry(delivery.batch).or_insert(serial) };
                let batch = batches.entry(own).or_insert_with(|| (arrivals(&delivery, at), Vec::new()));
                batch.1.push(sent(record, &suffix, at, scenario.place, &mut names));
            }
        }
        let mut all = Vec::new();
        for (arrivals, batch) in batches.into_values() {
            for (signal, bytes) in bodies(&batch) {
                let bytes: Arc<[u8]> = bytes.into();
                all.extend(arrivals.iter().map(|arrives| Body {
                    arrives: *arrives,
                    signal,
                    bytes: Arc::clone(&bytes),
                }));
            }
        }
        all.sort_by_key(|body| body.arrives);
        Self { bodies: all, names, last_event }
    }

    /// The same bodies in the `n`th order, one a second after the last event. What came more than a minute before it stays where it
    /// is: it is what coroner knew when the incident began.
    pub(crate) fn shuffled(&self, n: u64) -> Vec<Body> {
        let known = self.bodies.partition_point(|body| body.arrives + KNOWN_BEFORE < self.last_event);
        let mut bodies = self.bodies.clone();
        let key = |body: &Body| {
            let mut hasher = DefaultHasher::new();
            (n, &body.bytes, body.arrives).hash(&mut hasher);
            hasher.finish()
        };
        bodies[known..].sort_by_cached_key(key);
        for (position, body) in (1..).zip(&mut bodies[known..]) {
            body.arrives = self.last_event + position * SECOND;
        }
        bodies
    }
}

fn arrivals(delivery: &Delivery<'_>, at: u64) -> Vec<u64> {
    if delivery.arrives.is_empty() {
        return vec![at + SECOND];
    }
    delivery.arrives.iter().map(|arrival| arrival.of(at)).collect()
}

/// The OTLP record, entered under its name.
fn sent(record: &Record, suffix: &str, at: u64, place: Place, names: &mut Names) -> Sent {
    let called = |name: &str| format!("{name}{suffix}");
    match record {
        Record::Call(r) => {
            let name = called(&r.name);
            let trace = r.trace.as_deref().or(r.inside.as_deref()).unwrap_or(&name);
            names.spans.insert(requests::span_id(&name), name.clone());
            names.traces.entry(requests::trace_id(trace)).or_insert_with(|| name.clone());
            names.request_ids.extend(r.request_id.iter().map(|id| (id.clone(), name.clone())));
            requests::call(r, &name, at, place)
        }
        Record::GenaiCall(r) => {
            let name = called(&r.name);
            names.spans.insert(requests::span_id(&name), name.clone());
            requests::genai_call(r, &name, at, place)
        }
        Record::AccessLog(r) => {
            let name = called(&r.name);
            names.ends.entry(at).or_insert_with(|| name.clone());
            names.request_ids.extend(r.request_id.iter().map(|id| (id.clone(), name.clone())));
            requests::access_log(r, at, place)
        }
        Record::AppSpan(r) => requests::app_span(r, &called(&r.name), at),
        Record::AppLog(r) => requests::app_log(r, at),
        Record::ModelLog(r) => containers::model_log(r, at),
        Record::ContainerLog(r) => containers::container_log(r, at),
        Record::Pod(r) => containers::pod(r, at),
        Record::Event(r) => containers::event(r, at),
        Record::Kernel(r) => containers::kernel(r, at),
        Record::Metric(r) => containers::metric(r, at),
    }
}

/// Plays these bodies; what the ledger was told, and how many cases were open at the times asked for.
pub(crate) fn play(
    stage: &Stage,
    scenario: &Scenario,
    bodies: &[Body],
    names: Names,
) -> (Recorded, BTreeMap<Clock, i64>) {
    let (books, observer) = stage.of(scenario);
    let mut run = Run {
        books,
        observer,
        mapper: Mapper::default(),
        ring: Repeats::new(DEDUPE.0, DEDUPE.1),
        correlator: Correlator::new(&settings(scenario), Arc::clone(books)),
        ledger: Recorded { names, ..Recorded::default() },
    };
    let first = bodies.first().map_or(0, |body| body.arrives) / TICK * TICK;
    let last = bodies.last().map_or(0, |body| body.arrives) + scenario.watch_for.0;
    let end = scenario.shutdown.map_or(last, |stop| stop.0);
    let (mut open, mut next) = (BTreeMap::new(), bodies.iter().peekable());
    for tick in (0..).map(|n| first + n * TICK).take_while(|tick| *tick <= end) {
        while let Some(body) = next.next_if(|body| body.arrives <= tick.min(end)) {
            run.take(body);
        }
        run.tick(tick);
        open.extend(
            scenario.expect.open.keys().filter(|at| at.0 / TICK * TICK == tick).map(|at| (*at, run.ledger.open)),
        );
    }
    if scenario.shutdown.is_some() {
        run.ledger.now_ns = end;
        run.correlator.drain(end, &mut run.ledger);
    }
    (run.ledger, open)
}

fn settings(scenario: &Scenario) -> Settings {
    let default = Settings::default();
    Settings {
        settle: scenario.settings.settle.map_or(default.settle, |span| Duration::from_nanos(span.0)),
        evidence: scenario.settings.facts.unwrap_or(default.evidence),
        open: scenario.settings.open_cases.unwrap_or(default.open),
        ..default
    }
}

struct Run<'s> {
    books: &'s Arc<Rulebooks>,
    observer: &'s Observer,
    mapper: Mapper,
    ring: Repeats,
    correlator: Correlator,
    ledger: Recorded,
}

impl Run<'_> {
    fn take(&mut self, body: &Body) {
        let hash = self.ring.hash(body.signal, &body.bytes);
        if !self.ring.first_time(hash, Duration::from_nanos(body.arrives)) {
            return;
        }
        let mut tally = Tally::default();
        match body.signal {
            Signal::Traces => self.mapper.traces(self.observer, &body.bytes, &mut tally),
            Signal::Logs => self.mapper.logs(self.observer, &body.bytes, &mut tally),
            Signal::Metrics => self.mapper.metrics(self.observer, &body.bytes, &mut tally),
        }
        .unwrap();
        let rules: Vec<_> = tally.failures.iter().map(|failure| Arc::clone(self.books.decide(failure))).collect();
        self.ledger.now_ns = body.arrives;
        self.correlator.fold(&tally, &rules, body.arrives, &mut self.ledger);
    }

    fn tick(&mut self, now_ns: u64) {
        self.ledger.now_ns = now_ns;
        self.correlator.tick(now_ns, &mut self.ledger);
    }
}
