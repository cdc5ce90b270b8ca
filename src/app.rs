//! The wiring: every stage is built here, one line and one reason each.
//!
//! In: the config. Out: a running [`Service`], which starts downstream first (nothing is taken before it can be kept) and
//! stops upstream first (what was taken is counted before the end).

pub mod books;
mod clock;
mod error;
mod fold;
mod own;
mod pipeline;
mod pool;
mod ports;
mod settings;
mod tee;
mod waiting;

use crate::admin::{self, Admin, Health};
use crate::config::Config;
use crate::correlate::Correlator;
use crate::feed;
use crate::measure;
use crate::observe::Observer;
use crate::observe::knowledge::Knowledge;
use crate::observe::target::Patterns;
use crate::receive::repeat::Repeats;
use crate::receive::{Admission, Counters, Receiver, grpc, http};
use crate::shutdown::Signals;
use fold::{Batch, Fold};
use own::{Gatherer, Numbers};
use pipeline::{Pipeline, Spent};
use pool::Pool;
use ports::Ports;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use waiting::{Looks, Progress};

pub use error::{RunError, StartError};
pub use ports::Addresses;

/// Export requests that wait for the fold. It takes thousands a second, so a full queue means overload, not a burst.
const QUEUE: usize = 1024;
/// Mappers and batches kept for their memory; more are in use at once only where bursts queue up.
const REUSED: usize = 64;
/// Bodies remembered for `receive.dedupe`, about 100 bytes each.
const REMEMBERED_BODIES: usize = 100_000;
/// Longest wait for ports and fold to finish; the ports cut their connections after 10 s.
const DRAIN: Duration = Duration::from_secs(30);

/// A service that takes telemetry until it is stopped: two ports, the fold and the gatherer as tasks, admin as a thread.
#[derive(Debug)]
pub struct Service {
    addresses: Addresses,
    health: Health,
    /// Stops the ports; all else ends because its input does.
    stop: CancellationToken,
    /// Every stage; each returns its name when it ends.
    stages: JoinSet<&'static str>,
    /// To see what waits, without keeping the queue open.
    queue: mpsc::WeakSender<Batch>,
    admin: admin::Running,
}

impl Service {
    /// Starts all stages. Must be called on a runtime.
    ///
    /// # Errors
    /// What is wrong with the rulebooks or the ports; then nothing runs.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        // What can be wrong comes before anything is opened.
        let books = Arc::new(books::load(&config.rulebooks)?);
        // The user's patterns stand in front: they may say more about a host than a book does.
        let own_targets = config.observe.targets.iter().map(|(platform, spec)| (platform.as_str(), spec));
        let patterns = Patterns::compile(own_targets.chain(books.targets()))?;
        let knowledge = Knowledge::compile(settings::knowledge(config, &books))?;
        // All ports are bound before anything runs: one in use must not leave half a service.
        let ports = Ports::bind(config)?;
        let mut stages = JoinSet::new();

        // Own numbers first: every stage counts into them.
        let metrics = own::started();
        // The store: where everything ends.
        let store = measure::shared(settings::measure(config), &metrics);
        // The case feed: what settles, for whoever watches; ends with the fold.
        let (publisher, feed) = feed::channel(&metrics);
        // Admin before the other stages, so that the probes answer while they start.
        let health = Health::new(&["receive"]);
        let shown = Admin { store: Arc::clone(&store), metrics: metrics.clone(), feed, health: health.clone() };
        let admin = shown.start(ports.admin).map_err(StartError::Admin)?;

        // The queue between map and fold: an acknowledgement stands on a slot in it, and on room for its bytes.
        let (queue, batches) = mpsc::channel(QUEUE);
        let room = Admission::new(config.receive.in_flight);
        // Memory that goes around between map and fold, so that the steady state allocates nothing.
        let spent = Arc::new(Spent::new(REUSED));
        // The fold: one task that owns the cases and writes the series.
        let correlator = Correlator::new(&settings::correlate(config), Arc::clone(&books));
        let progress = Arc::new(Progress::default());
        let fold = Fold {
            queue: batches,
            correlator,
            store,
            feed: publisher,
            spent: Arc::clone(&spent),
            progress: Arc::clone(&progress),
        };
        stages.spawn(fold.run());

        // The map: run by the ports' own tasks, on any core, without locks.
        let counters = Arc::new(Counters::default());
        let waiting = queue.downgrade();
        let pipeline = Pipeline {
            observer: Observer::new(patterns, settings::weights(config)).knowing(knowledge),
            books,
            repeats: Repeats::new(config.receive.dedupe, REMEMBERED_BODIES),
            queue,
            room: Arc::clone(&room),
            mappers: Pool::new(REUSED),
            spent,
            progress: Arc::clone(&progress),
            counters: Arc::clone(&counters),
            numbers: Numbers::new(&metrics),
        };
        // What both ports share: admission before decoding, decompression, JSON.
        let receiver = Receiver::new(Arc::new(pipeline), settings::limits(config), Arc::clone(&counters));
        // The gatherer: brings what stages count for themselves to the metrics.
        let door = Arc::clone(receiver.admission());
        let looks = Looks::default();
        stages.spawn(Gatherer { metrics, counters, door, room, queue: waiting.clone(), progress, looks }.run());
        // The ports last: from here on telemetry is taken.
        let stop = CancellationToken::new();
        stages.spawn(named("otlp/grpc", grpc::run(ports.grpc, Arc::clone(&receiver), stop.clone())));
        stages.spawn(named("otlp/http", http::run(ports.http, receiver, stop.clone())));
        health.ready("receive");
        Ok(Self { addresses: ports.addresses, health, stop, stages, queue: waiting, admin })
    }

    /// The addresses in use.
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Comes back when a stage ends that should not, with its name.
    pub async fn failed(&mut self) -> String {
        let ended = tokio::select! {
            ended = self.stages.join_next() => ended,
            () = self.admin.ended() => return "admin".to_owned(),
        };
        match ended {
            Some(Ok(name)) => name.to_owned(),
            Some(Err(error)) => error.to_string(),
            None => "all stages".to_owned(),
        }
    }

    /// Stops the intake, counts what was taken, settles what is open. The metrics stay. Says how many acknowledged
    /// export requests were not counted before the deadline.
    pub async fn drain(&mut self) -> usize {
        self.health.drain();
        self.stop.cancel();
        // The ports end, with them the last sender of the queue, and so the fold, once the queue is empty.
        let all = async { while self.stages.join_next().await.is_some() {} };
        if timeout(DRAIN, all).await.is_ok() {
            return 0;
        }
        let lost = self.queue.upgrade().map_or(0, |queue| queue.max_capacity() - queue.capacity());
        self.stages.shutdown().await;
        lost
    }

    /// Ends the metrics too.
    pub async fn close(self) {
        self.admin.stop().await;
    }
}

/// Runs a service until a signal ends it: drain, linger, end. `announce` is told the addresses once it is ready.
///
/// # Errors
/// It did not start, a stage ended by itself, or a second signal asked for the end at once.
pub async fn run(config: &Config, announce: impl FnOnce(Addresses) -> io::Result<()>) -> Result<(), RunError> {
    let mut signals = Signals::listen().map_err(RunError::Signals)?;
    let mut service = Service::start(config)?;
    announce(service.addresses()).map_err(RunError::Announce)?;
    tracing::info!(grpc = %service.addresses.grpc, http = %service.addresses.http, admin = %service.addresses.admin, "ready");
    let ended = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping: no more telemetry is taken");
            None
        }
        stage = service.failed() => {
            tracing::error!(stage, "a stage ended by itself: stopping");
            Some(stage)
        }
    };
    let end = async {
        match service.drain().await {
            0 => tracing::info!("everything acknowledged is counted, nothing was lost"),
            lost => tracing::error!(lost, "export requests were acknowledged and not counted before the deadline"),
        }
        if ended.is_none() {
            tracing::info!(seconds = config.linger.as_secs_f64(), "metrics stay for a last scrape");
            sleep(config.linger).await;
        }
        service.close().await;
    };
    tokio::select! {
        () = end => {}
        signal = signals.next() => {
            tracing::warn!(signal, "second signal: ending at once");
            return Err(RunError::Interrupted);
        }
    }
    tracing::info!("stopped");
    ended.map_or(Ok(()), |stage| Err(RunError::Stage(stage)))
}

/// A stage that says its name when it ends.
async fn named(name: &'static str, stage: impl Future<Output = ()>) -> &'static str {
    stage.await;
    name
}

#[cfg(test)]
mod tests;
