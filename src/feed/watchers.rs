//! Everybody who watches, each with a queue. In: cases, from the fold. Out: to each watcher those that it wants, in order, with
//! how many it lost before each.

use super::case;
use super::filter::Filter;
use super::v1::Case;
use crate::correlate::Settled;
use crate::judge::Verdict;
use crate::telemetry::{Metrics, Value, catalogue};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Cases that wait for one watcher; about a kilobyte each.
pub(super) const QUEUE: usize = 1024;
/// Most watchers at once, so that the admin port keeps connections for scrapers and probes.
pub(super) const WATCHERS: usize = 32;

/// Why nobody can begin to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// The limit is reached.
    #[error("{WATCHERS} watchers are connected, which is the limit; try again when one has left")]
    Full,
    /// The fold has ended.
    #[error("the service is stopping; no more cases will settle")]
    Closed,
}

/// A case on its way to one watcher.
struct Queued {
    case: Arc<Case>,
    /// How many were lost between the one before and this one.
    dropped: u64,
}

struct Watcher {
    id: u64,
    filter: Filter,
    queue: mpsc::Sender<Queued>,
    /// Lost since the last one that found room.
    lost: u64,
}

#[derive(Default)]
struct List {
    watchers: Vec<Watcher>,
    next_id: u64,
    closed: bool,
}

struct Shared {
    /// Length of the list, to be read without its lock.
    watching: AtomicUsize,
    list: Mutex<List>,
    watchers: Value,
    sent: Value,
    dropped: Value,
}

/// The feed, for those who watch. Clones are the same feed.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

/// The feed, for the fold. The feed ends when it is dropped.
pub struct Publisher(Arc<Shared>);

/// A feed that nobody watches yet; its own counters are in `metrics`.
pub fn channel(metrics: &Metrics) -> (Publisher, Feed) {
    let shared = Arc::new(Shared {
        watching: AtomicUsize::new(0),
        list: Mutex::default(),
        watchers: metrics.value(&catalogue::FEED_WATCHERS, &[]),
        sent: metrics.value(&catalogue::FEED_SENT, &[]),
        dropped: metrics.value(&catalogue::FEED_DROPPED, &[]),
    });
    (Publisher(Arc::clone(&shared)), Feed(shared))
}

impl Shared {
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how many watch, after the list has changed.
    fn count(&self, list: &List) {
        self.watching.store(list.watchers.len(), Ordering::Relaxed);
        self.watchers.set(list.watchers.len() as f64);
    }
}

impl Publisher {
    /// A case got its final verdict at `now_ns` (ns since 1970).
    pub fn settled(&self, told: &Settled<'_>, now_ns: u64) {
        self.offer(told, None, now_ns);
    }

    /// A case that was told with the verdict `before` has got a better one at `now_ns` (ns since 1970).
    pub fn corrected(&self, told: &Settled<'_>, before: &Verdict, now_ns: u64) {
        self.offer(told, Some(before), now_ns);
    }

    fn offer(&self, told: &Settled<'_>, before: Option<&Verdict>, now_ns: u64) {
        if self.0.watching.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut built: Option<Arc<Case>> = None;
        let verdicts = [Some(told.verdict), before];
        for watcher in &mut self.0.list().watchers {
            if !watcher.filter.wants(told.failure, verdicts) {
                continue;
            }
            let case = built.get_or_insert_with(|| Arc::new(case::message(told, before, now_ns)));
            let queued = Queued { case: Arc::clone(case), dropped: watcher.lost };
            if watcher.queue.try_send(queued).is_ok() {
                watcher.lost = 0;
            } else {
                watcher.lost += 1;
                self.0.dropped.add(1.0);
            }
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let mut list = self.0.list();
        list.closed = true;
        list.watchers.clear();
        self.0.count(&list);
    }
}

impl Feed {
    /// Begins to watch. `held` is kept for as long as the watch lives.
    pub(super) fn watch(&self, filter: Filter, held: Option<TaskTrackerToken>) -> Result<Watch, Refusal> {
        let mut list = self.0.list();
        if list.closed {
            return Err(Refusal::Closed);
        }
        if list.watchers.len() >= WATCHERS {
            return Err(Refusal::Full);
        }
        let (sender, queue) = mpsc::channel(QUEUE);
        let id = list.next_id;
        list.next_id += 1;
        list.watchers.push(Watcher { id, filter, queue: sender, lost: 0 });
        self.0.count(&list);
        Ok(Watch { id, queue, shared: Arc::clone(&self.0), _held: held })
    }
}

/// One watcher's cases, until it is dropped or the feed ends.
pub struct Watch {
    id: u64,
    queue: mpsc::Receiver<Queued>,
    shared: Arc<Shared>,
    _held: Option<TaskTrackerToken>,
}

impl Stream for Watch {
    type Item = Result<Case, tonic::Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.queue.poll_recv(context).map(|queued| {
            let Queued { case, dropped } = queued?;
            self.shared.sent.add(1.0);
            Some(Ok(Case { dropped, ..Arc::unwrap_or_clone(case) }))
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut list = self.shared.list();
        list.watchers.retain(|watcher| watcher.id != self.id);
        self.shared.count(&list);
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("watching", &self.0.watching).finish_non_exhaustive()
    }
}
