//! The fold: one task that owns the cases and writes the series.
//!
//! In: batches, in the order of their acknowledgement. Out: series in the store, cases to those who watch; the batches' memory goes back to the map.
//! Ends when every sender is gone, after it has settled what was open.

use super::clock;
use super::pipeline::{Findings, Spent};
use super::tee::Tee;
use super::waiting::Progress;
use crate::correlate::Correlator;
use crate::feed::Publisher;
use crate::measure::Shared;
use crate::receive::Permit;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

/// How often time passes for the cases.
const TICK: Duration = Duration::from_secs(1);
/// How often idle series are looked for.
const EXPIRE_EVERY: Duration = Duration::from_mins(1);
/// Most batches written while the store is held once, so that a scrape never waits long.
const AT_ONCE: usize = 16;

/// One acknowledged export request on its way to the fold.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) findings: Findings,
    /// When it arrived, ns since 1970.
    pub(super) arrival_ns: u64,
    /// Its bytes in the queue, given back when it is folded.
    pub(super) _held: Permit,
}

/// What the fold works on.
pub(super) struct Fold {
    pub(super) queue: mpsc::Receiver<Batch>,
    pub(super) correlator: Correlator,
    pub(super) store: Shared,
    /// Who watches the cases; ends with the fold.
    pub(super) feed: Publisher,
    pub(super) spent: Arc<Spent>,
    /// Says how far it has got.
    pub(super) progress: Arc<Progress>,
}

impl Fold {
    /// Folds until the queue is closed and empty.
    pub(super) async fn run(mut self) -> &'static str {
        let mut tick = interval(TICK);
        let mut expire = interval(EXPIRE_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        expire.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut batches = Vec::with_capacity(AT_ONCE);
        loop {
            tokio::select! {
                taken = self.queue.recv_many(&mut batches, AT_ONCE) => {
                    if taken == 0 {
                        break;
                    }
                    self.write(&mut batches);
                }
                _ = tick.tick() => {
                    let now_ns = clock::now_ns();
                    let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
                    store.at(now_ns);
                    self.correlator.tick(now_ns, &mut Tee::new(&mut *store, &self.feed, now_ns));
                }
                _ = expire.tick() => {
                    self.store.lock().unwrap_or_else(PoisonError::into_inner).expire(clock::now_ns());
                }
            }
        }
        let now_ns = clock::now_ns();
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.at(now_ns);
        self.correlator.drain(now_ns, &mut Tee::new(&mut *store, &self.feed, now_ns));
        "fold"
    }

    fn write(&mut self, batches: &mut Vec<Batch>) {
        {
            let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            for Batch { findings, arrival_ns, .. } in &*batches {
                store.at(*arrival_ns);
                let mut ledger = Tee::new(&mut *store, &self.feed, *arrival_ns);
                self.correlator.fold(&findings.tally, &findings.rules, *arrival_ns, &mut ledger);
            }
        }
        self.progress.fold(batches.len());
        for batch in batches.drain(..) {
            self.spent.give(batch.findings);
        }
    }
}
