//! `coroner demo`: the whole service, and a simulated fleet that talks to it as real clients would.
//!
//! In: how long, which seed, which incidents. Out: a live table, and at the end the verdicts against what the simulator knows. Nothing
//! is taken from inside: calls go in through the OTLP ports, counts come out of the `/metrics` page. Beside it the platform's own
//! metrics are served. All but `wire`, `senders` and `provider::port` is pure; the clock is here.

mod fleet;
mod logs;
mod page;
mod provider;
mod random;
mod scene;
mod senders;
mod spans;
mod table;
mod truth;
mod wire;

#[cfg(test)]
mod tests;

use crate::app::{Addresses, Service, StartError};
use crate::config::{Config, Owner};
use crate::shutdown::Signals;
use fleet::Fleet;
use page::Page;
use provider::{Port, Provider};
use scene::Scene;
use senders::Senders;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};
use tokio::net::lookup_host;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use truth::Truth;

pub use scene::UnknownIncident;
pub use wire::WireError;

/// How often clients export, as batch processors of SDKs do, only faster.
const TICK: Duration = Duration::from_millis(250);
/// The same, ns.
const TICK_NS: u64 = 250_000_000;
/// Exports a second.
const TICKS_A_SECOND: u64 = 4;
/// Longest wait of a simulated case for evidence: the incidents' logs come at once, and a demo is short.
const SETTLE: Duration = Duration::from_secs(8);
/// How much later a line must be to prove logs clean.
const CLEAN_MARGIN: Duration = Duration::from_secs(1);
/// How long the page may take, after the last case settled, to show what was acknowledged.
const SHOWN: Duration = Duration::from_secs(10);

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long, seconds.
    pub seconds: u64,
    /// Which day: the same seed gives the same calls.
    pub seed: u64,
    /// How often each caller calls each of its models, per second.
    pub rate: f64,
    /// Only these incidents; `None` = all of them.
    pub only: Option<Vec<String>>,
    /// Where the platform's own metrics are served; another port where that one is in use.
    pub provider: SocketAddr,
    /// `HOST:PORT` of an OTLP/HTTP receiver that gets the calls' spans too: a trace backend, so that exemplars open.
    pub traces: Option<String>,
    /// Begin again when the run is over, until a signal comes.
    pub repeat: bool,
    /// Keep serving after the report until a signal comes.
    pub keep: bool,
    /// Draw the table over itself; else a line a second.
    pub redraw: bool,
}

/// Why the demo could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// An incident is asked for that does not exist.
    #[error(transparent)]
    Unknown(#[from] UnknownIncident),
    /// The service did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The service could not be reached or refused something.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The trace backend has no address.
    #[error("cannot find the trace backend {0}")]
    Backend(String),
    /// Nothing can be shown, or signals cannot be heard.
    #[error("the demo cannot go on: {0}")]
    Io(#[from] io::Error),
}

/// Writes what can be simulated: a table for a run of so many seconds, or one JSON object a line.
///
/// # Errors
/// The output is closed.
pub fn list(seconds: u64, json: bool, out: &mut impl Write) -> io::Result<()> {
    let scene = Scene::builtin();
    let lines = if json { table::json(&scene) } else { table::list(&scene, seconds) };
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// Runs the demo; true where every verdict agrees with the truth. Ends early, with its report, when a signal comes.
///
/// # Errors
/// The service does not start or does not answer, or the output is closed.
pub async fn run(options: &Options, config: &Config, out: &mut impl Write) -> Result<bool, DemoError> {
    let mut scene = Scene::builtin();
    if let Some(only) = &options.only {
        scene.only(only)?;
    }
    let mut signals = Signals::listen()?;
    let config = simulated(config, &scene);
    let mut service = start(&config)?;
    let addresses = service.addresses();
    let port = Port::open(options.provider).await?;
    writeln!(out, "A simulated fleet sends OTLP to this service for {} s (seed {}).", options.seconds, options.seed)?;
    writeln!(out, "{addresses}\nprovider {}", port.address)?;
    writeln!(out, "Look at it while it runs: http://{}/metrics\n", addresses.admin)?;
    let traces = match &options.traces {
        Some(backend) => Some(find(backend).await?),
        None => None,
    };
    let mut show = Display { out, redraw: options.redraw, drawn: 0 };
    let mut run = Run {
        options,
        addresses,
        fleet: Fleet::new(&scene, options.seed, options.rate, TICK.as_secs_f64()),
        truth: Truth::new(&scene),
        senders: Senders::connect(&scene, addresses, traces, options.seed).await?,
        provider: Provider::new(&scene),
        port,
    };
    let agrees = loop {
        let ended = run.simulate(&mut show, &mut signals).await?;
        let agrees = run.report(config.correlate.settle, &mut show).await?;
        if ended || !options.repeat {
            break agrees;
        }
    };
    if options.keep {
        writeln!(show.out, "Still serving; end it with Ctrl-C.")?;
        show.out.flush()?;
        signals.next().await;
    }
    service.drain().await;
    service.close().await;
    Ok(agrees)
}

/// The first address of a `HOST:PORT`.
async fn find(backend: &str) -> Result<SocketAddr, DemoError> {
    let unknown = || DemoError::Backend(backend.to_owned());
    lookup_host(backend).await.map_err(|_| unknown())?.next().ok_or_else(unknown)
}

/// The config with the fleet's owners, where it names none, and with waits that fit a short run.
fn simulated(config: &Config, scene: &Scene) -> Config {
    let mut config = config.clone();
    config.correlate.settle = config.correlate.settle.min(SETTLE);
    config.correlate.clean_margin = config.correlate.clean_margin.min(CLEAN_MARGIN);
    let owner = |name: &str, team: &str| Owner { pattern: name.to_owned(), team: team.to_owned() };
    let models = scene.models.iter().filter_map(|model| Some(owner(&model.id, model.team.as_ref()?)));
    config.owners.models.extend(models);
    config.owners.callers.extend(scene.callers.iter().map(|caller| owner(&caller.service, &caller.team)));
    config
}

/// On the usual ports, or on free ones where those are in use.
fn start(config: &Config) -> Result<Service, StartError> {
    match Service::start(config) {
        Err(StartError::Listen { .. }) => {
            let free = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
            let mut config = config.clone();
            (config.receive.grpc_listen, config.receive.http_listen, config.admin_listen) = (free, free, free);
            Service::start(&config)
        }
        started => started,
    }
}

/// A run that goes on.
struct Run<'s> {
    options: &'s Options,
    addresses: Addresses,
    fleet: Fleet<'s>,
    truth: Truth<'s>,
    senders: Senders<'s>,
    provider: Provider<'s>,
    port: Port,
}

impl Run<'_> {
    /// One day from its beginning to its end; true where a signal ended it.
    async fn simulate<W: Write>(
        &mut self,
        show: &mut Display<'_, W>,
        signals: &mut Signals,
    ) -> Result<bool, DemoError> {
        let mut clock = interval(TICK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ticks = self.options.seconds * TICKS_A_SECOND;
        for tick in 0..ticks {
            tokio::select! {
                _ = clock.tick() => {}
                _ = signals.next() => return Ok(true),
            }
            let happened = self.fleet.tick(tick, ticks);
            self.truth.note(&happened.calls);
            self.provider.note(&happened, TICK.as_secs_f64());
            let now = UNIX_EPOCH.elapsed().map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
            self.senders.send(&happened, now).await?;
            if (tick + 1) % TICKS_A_SECOND == 0 {
                self.port.show(self.provider.page());
                show.second(&read(self.addresses).await?, (tick + 1) / TICKS_A_SECOND, self.options)?;
            }
        }
        Ok(false)
    }

    /// Waits for the last cases and shows the verdicts against the truth; true where they agree.
    async fn report<W: Write>(&self, waits: Duration, show: &mut Display<'_, W>) -> Result<bool, DemoError> {
        writeln!(show.out, "The last cases settle within {} s.", waits.as_secs())?;
        let page = settled(&self.truth, self.addresses, waits + SHOWN).await?;
        let report = self.truth.compare(&page);
        show.page(&page, self.options)?;
        for line in table::report(&report) {
            writeln!(show.out, "{line}")?;
        }
        show.drawn = 0;
        show.out.flush()?;
        Ok(report.agrees())
    }
}

async fn read(addresses: Addresses) -> Result<Page, WireError> {
    wire::metrics(addresses.admin).await.map(|text| Page::parse(&text))
}

/// The page once it shows all that was sent, or as it is when the time is over.
async fn settled(truth: &Truth<'_>, addresses: Addresses, longest: Duration) -> Result<Page, WireError> {
    let deadline = Instant::now() + longest;
    loop {
        let page = read(addresses).await?;
        let requests = page.count("inference_requests_total", |_| true);
        let failures = page.count("inference_failures_total", |_| true);
        if (requests >= truth.requests && failures >= truth.failures()) || Instant::now() >= deadline {
            return Ok(page);
        }
        sleep(TICK).await;
    }
}

/// Where the numbers are shown.
struct Display<'a, W> {
    out: &'a mut W,
    redraw: bool,
    drawn: usize,
}

impl<W: Write> Display<'_, W> {
    fn second(&mut self, page: &Page, second: u64, options: &Options) -> io::Result<()> {
        if !self.redraw {
            writeln!(self.out, "{}", table::plain(page, second, options.seconds))?;
            return self.out.flush();
        }
        self.table(page, second, options.seconds)
    }

    fn page(&mut self, page: &Page, options: &Options) -> io::Result<()> {
        self.table(page, options.seconds, options.seconds)
    }

    fn table(&mut self, page: &Page, second: u64, seconds: u64) -> io::Result<()> {
        let lines = table::live(page, second, seconds);
        if self.drawn > 0 {
            // Back to the first line of the last table, and clear from there.
            write!(self.out, "\x1b[{}A\x1b[J", self.drawn)?;
        }
        for line in &lines {
            writeln!(self.out, "{line}")?;
        }
        self.drawn = if self.redraw { lines.len() } else { 0 };
        self.out.flush()
    }
}
