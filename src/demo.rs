//! `coroner demo`: the whole service, and a simulated fleet that talks to it as real clients would.
//!
//! In: how long and which seed. Out: a live table, and at the end the verdicts against what the simulator knows. Nothing is
//! taken from inside: calls go in through the OTLP ports, counts come out of the `/metrics` page. `fleet`, `spans`, `truth` and
//! `table` are pure; sockets are in `wire`, the clock is here.

mod fleet;
mod incident;
mod logs;
mod page;
mod random;
mod senders;
mod spans;
mod table;
mod truth;
mod wire;

#[cfg(test)]
mod tests;

use crate::app::{Addresses, Service, StartError};
use crate::config::Config;
use crate::shutdown::Signals;
use fleet::Fleet;
use page::Page;
use senders::Senders;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use truth::Truth;

pub use wire::WireError;

/// How often clients export, as batch processors of SDKs do, only faster.
const TICK: Duration = Duration::from_millis(250);
/// Exports a second.
const TICKS_A_SECOND: u64 = 4;
/// How often each caller calls each of its models, per second.
const CALLS_A_SECOND: f64 = 8.0;
/// Longest wait of a simulated case for evidence: the incidents' logs come at once, and a demo is short.
const SETTLE: Duration = Duration::from_secs(8);
/// How much later a line must be to prove logs clean.
const CLEAN_MARGIN: Duration = Duration::from_secs(1);
/// How long the page may take, after the last case settled, to show what was acknowledged.
const SHOWN: Duration = Duration::from_secs(10);
/// What to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long, seconds.
    pub seconds: u64,
    /// Which day: the same seed gives the same calls.
    pub seed: u64,
    /// Keep serving after the report until a signal comes.
    pub keep: bool,
    /// Draw the table over itself; else a line a second.
    pub redraw: bool,
}

/// Why the demo could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The service did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The service could not be reached or refused something.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Nothing can be shown, or signals cannot be heard.
    #[error("the demo cannot go on: {0}")]
    Io(#[from] io::Error),
}

/// Runs the demo; true where every verdict agrees with the truth. Ends early, with its report, when a signal comes.
///
/// # Errors
/// The service does not start or does not answer, or the output is closed.
pub async fn run(options: &Options, config: &Config, out: &mut impl Write) -> Result<bool, DemoError> {
    let mut signals = Signals::listen()?;
    let mut config = config.clone();
    config.correlate.settle = config.correlate.settle.min(SETTLE);
    config.correlate.clean_margin = config.correlate.clean_margin.min(CLEAN_MARGIN);
    let mut service = start(&config)?;
    let addresses = service.addresses();
    writeln!(out, "A simulated fleet sends OTLP to this service for {} s (seed {}).", options.seconds, options.seed)?;
    writeln!(out, "{addresses}\nLook at it while it runs: http://{}/metrics\n", addresses.admin)?;
    let mut show = Display { out, redraw: options.redraw, drawn: 0 };
    let truth = simulate(options, addresses, &mut show, &mut signals).await?;
    let waits = config.correlate.settle;
    writeln!(show.out, "The last cases settle within {} s.", waits.as_secs())?;
    let page = settled(&truth, addresses, waits + SHOWN).await?;
    let report = truth.compare(&page);
    show.page(&page, options)?;
    for line in table::report(&report) {
        writeln!(show.out, "{line}")?;
    }
    if options.keep {
        writeln!(show.out, "Still serving; end it with Ctrl-C.")?;
        show.out.flush()?;
        signals.next().await;
    }
    service.drain().await;
    service.close().await;
    Ok(report.agrees())
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

async fn simulate<W: Write>(
    options: &Options,
    addresses: Addresses,
    show: &mut Display<'_, W>,
    signals: &mut Signals,
) -> Result<Truth, DemoError> {
    let mut senders = Senders::connect(addresses, options.seed).await?;
    let mut fleet = Fleet::new(options.seed, CALLS_A_SECOND, TICK.as_secs_f64());
    let mut truth = Truth::default();
    let mut clock = interval(TICK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ticks = options.seconds * TICKS_A_SECOND;
    for tick in 0..ticks {
        tokio::select! {
            _ = clock.tick() => {}
            _ = signals.next() => break,
        }
        let calls = fleet.tick(tick as f64 / ticks as f64);
        truth.note(&calls);
        let now = UNIX_EPOCH.elapsed().map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
        senders.send(&calls, now).await?;
        if (tick + 1) % TICKS_A_SECOND == 0 {
            show.second(&read(addresses).await?, (tick + 1) / TICKS_A_SECOND, options)?;
        }
    }
    Ok(truth)
}

async fn read(addresses: Addresses) -> Result<Page, WireError> {
    wire::metrics(addresses.admin).await.map(|text| Page::parse(&text))
}

/// The page once it shows all that was sent, or as it is when the time is over.
async fn settled(truth: &Truth, addresses: Addresses, longest: Duration) -> Result<Page, WireError> {
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
