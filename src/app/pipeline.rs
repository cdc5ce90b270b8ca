//! The map, where the request arrived: bytes in, a batch in the fold's queue out.
//!
//! In: the plain protobuf bytes of one export request. Out: its tally and verdicts in the queue, then the acknowledgement; or
//! a refusal, and then nothing of it is counted. Runs on any core without waiting: room is reserved first, time is read once.

use super::clock;
use super::fold::Batch;
use super::own::Numbers;
use super::pool::Pool;
use super::waiting::Progress;
use crate::judge::{Rule, Rulebooks};
use crate::observe::{Mapper, Observation, Observer, Tally};
use crate::otlp::rejection::Rejection;
use crate::otlp::signal::Signal;
use crate::otlp::wire::WireError;
use crate::receive::repeat::Repeats;
use crate::receive::{Accepted, Admission, Counters, Intake};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Largest batch, in timings, whose memory is kept for the next one; a normal export has at most some thousand spans.
const KEPT_TIMINGS: usize = 65_536;

/// Everything that the map needs, shared by all connections.
pub(super) struct Pipeline {
    pub(super) observer: Observer,
    pub(super) books: Arc<Rulebooks>,
    pub(super) repeats: Repeats,
    pub(super) queue: mpsc::Sender<Batch>,
    /// Bytes that wait in the queue.
    pub(super) room: Arc<Admission>,
    pub(super) mappers: Pool<Box<Mapper>>,
    pub(super) spent: Arc<Spent>,
    pub(super) progress: Arc<Progress>,
    pub(super) counters: Arc<Counters>,
    pub(super) numbers: Numbers,
}

/// Batches whose memory is used again.
#[derive(Debug)]
pub(super) struct Spent(Pool<Findings>);

/// What the map found in one export.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) tally: Box<Tally>,
    /// The rule that decided each of the failures.
    pub(super) rules: Vec<Arc<Rule>>,
}

impl Spent {
    /// Keeps the memory of at most this many batches.
    pub(super) fn new(most: usize) -> Self {
        Self(Pool::new(most))
    }

    /// Takes back what the fold has finished with.
    pub(super) fn give(&self, mut findings: Findings) {
        findings.tally.clear();
        findings.rules.clear();
        if findings.tally.timings.capacity() <= KEPT_TIMINGS {
            self.0.give(findings);
        }
    }
}

impl Intake for Pipeline {
    fn accept(&self, signal: Signal, body: &[u8]) -> Result<Accepted, Rejection> {
        let arrival_ns = clock::now_ns();
        // Nothing to count, and all empty bodies are alike.
        if body.is_empty() {
            return Ok(Accepted::default());
        }
        let slot = self.queue.try_reserve().map_err(|_| Rejection::busy())?;
        let findings = self.map(signal, body)?;
        let mut held = self.room.permit();
        if !held.grow(size(&findings)) {
            self.spent.give(findings);
            return Err(Rejection::busy());
        }
        // Nothing can refuse the request from here on: it is counted now, or was before.
        let hash = self.repeats.hash(signal, body);
        if !self.repeats.first_time(hash, Duration::from_nanos(arrival_ns)) {
            self.counters.repeat();
            self.spent.give(findings);
            return Ok(Accepted::default());
        }
        let records = findings.tally.records;
        self.numbers.seen(signal, &records, arrival_ns);
        self.progress.send();
        slot.send(Batch { findings, arrival_ns, _held: held });
        Ok(Accepted { rejected: records.invalid, message: invalid_note(records.invalid) })
    }
}

impl Pipeline {
    /// What the records are and what each failure means.
    fn map(&self, signal: Signal, body: &[u8]) -> Result<Findings, Rejection> {
        let mut findings = self.spent.0.take();
        let mut mapper = self.mappers.take();
        let tally = &mut *findings.tally;
        let done = match signal {
            Signal::Traces => mapper.traces(&self.observer, body, tally),
            Signal::Logs => mapper.logs(&self.observer, body, tally),
            Signal::Metrics => mapper.metrics(&self.observer, body, tally),
        };
        self.mappers.give(mapper);
        if let Err(error) = done {
            self.spent.give(findings);
            return Err(malformed(signal, error));
        }
        findings.rules.extend(findings.tally.failures.iter().map(|failure| Arc::clone(self.books.decide(failure))));
        Ok(findings)
    }
}

/// Bytes that a batch holds while it waits.
fn size(findings: &Findings) -> usize {
    let tally = &findings.tally;
    let text = |o: &Observation| {
        let headers: usize = o.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        o.text.len() + o.path.len() + o.request_id.len() + headers
    };
    let failures: usize = tally.failures.iter().map(|o| size_of::<Observation>() + text(o)).sum();
    let evidence: usize = tally.evidence.iter().map(|e| size_of_val(e) + e.text.len() + e.request_id.len()).sum();
    size_of_val(findings)
        + size_of_val(&*tally.rows)
        + size_of_val(&*tally.timings)
        + size_of_val(&*tally.successes)
        + size_of_val(&*tally.heard)
        + size_of_val(&*tally.activity)
        + size_of_val(&*tally.readings)
        + evidence
        + failures
}

fn malformed(signal: Signal, error: WireError) -> Rejection {
    Rejection::malformed(format!("not a protobuf export request for {signal}: {error}"))
}

fn invalid_note(invalid: u64) -> String {
    if invalid == 0 {
        String::new()
    } else {
        format!("{invalid} spans without a valid trace id and span id were left out")
    }
}

#[cfg(test)]
mod tests;
