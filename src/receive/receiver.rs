//! What both ports share. In: a body as it came over the wire. Out: the same body plain and in protobuf, handed to
//! the [`Intake`]; its answer, or why the request was refused.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::admission::{Admission, Permit};
use super::counters::{Counters, Protocol};
use super::limits::Limits;
use crate::otlp::compression::{Encoding, Inflater};
use crate::otlp::json;
use crate::otlp::rejection::Rejection;
use crate::otlp::signal::Signal;

thread_local! {
    // Opening a body and handing it over happen without a pause, so a thread needs one decompressor and one buffer.
    static INFLATER: RefCell<Inflater> = RefCell::new(Inflater::new());
}

/// What stands behind the ports. Called on a runtime thread with the plain protobuf bytes of one export request.
pub trait Intake: Send + Sync + 'static {
    /// Takes the request as a whole, or refuses it as a whole.
    ///
    /// # Errors
    /// Why nothing of the request was taken.
    fn accept(&self, signal: Signal, body: &[u8]) -> Result<Accepted, Rejection>;
}

/// A request that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Records that were invalid and left out.
    pub rejected: u64,
    /// What the sender should know; empty if all is well.
    pub message: String,
}

impl Accepted {
    fn with_warning(mut self, warning: &str) -> Self {
        if !warning.is_empty() {
            if !self.message.is_empty() {
                self.message.push_str("; ");
            }
            self.message.push_str(warning);
        }
        self
    }
}

/// The shared half of both ports.
pub struct Receiver {
    intake: Arc<dyn Intake>,
    pub(super) limits: Limits,
    admission: Arc<Admission>,
    counters: Arc<Counters>,
}

/// One request as it came over the wire.
pub(super) struct Delivery<'a> {
    pub(super) signal: Signal,
    pub(super) protocol: Protocol,
    pub(super) encoding: Encoding,
    pub(super) body: &'a [u8],
}

impl Receiver {
    /// A receiver in front of `intake`; `counters` are read by telemetry.
    pub fn new(intake: Arc<dyn Intake>, limits: Limits, counters: Arc<Counters>) -> Arc<Self> {
        let admission = Admission::new(limits.in_flight);
        Arc::new(Self { intake, limits, admission, counters })
    }

    /// The room for bodies, to be watched.
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Opens a body, turns it into protobuf if need be, and hands it over.
    pub(super) fn deliver(&self, delivery: &Delivery<'_>, permit: &mut Permit) -> Result<Accepted, Rejection> {
        INFLATER.with_borrow_mut(|inflater| {
            let limit = self.limits.request;
            let plain = inflater.inflate(delivery.encoding, delivery.body, limit, &mut |bytes| permit.grow(bytes))?;
            let accepted = if delivery.protocol == Protocol::HttpJson {
                // Protobuf is shorter than the JSON it stands for, numbers in arrays aside.
                if !permit.grow(plain.len()) {
                    return Err(Rejection::busy());
                }
                let converted = json::to_protobuf(delivery.signal, plain, limit)?;
                self.hand_over(delivery.signal, &converted.body)?.with_warning(&converted.warning)
            } else {
                self.hand_over(delivery.signal, plain)?
            };
            self.counters.accept(delivery.signal, delivery.protocol, delivery.body.len(), plain.len());
            Ok(accepted)
        })
    }

    /// A fault behind the ports must cost one request, not the connection or the service.
    fn hand_over(&self, signal: Signal, body: &[u8]) -> Result<Accepted, Rejection> {
        catch_unwind(AssertUnwindSafe(|| self.intake.accept(signal, body))).unwrap_or_else(|_| {
            tracing::error!(%signal, bytes = body.len(), "a request made the service fail and was refused");
            Err(Rejection::Internal)
        })
    }
}
