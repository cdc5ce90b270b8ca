//! Everybody who sends: each caller's exporter, and the platform's export of model logs.
//!
//! In: the calls of a tick and the time. Out: export requests, acknowledged one after the other.

use super::fleet::{CALLERS, Call};
use super::logs::Logs;
use super::random::Random;
use super::spans;
use super::wire::{Exporter, WireError};
use crate::app::Addresses;

/// A second sequence of numbers for spans that are no calls, so that they do not disturb the first.
const EVERYDAY: u64 = 0x5eed;

/// Connections that stay open for the whole run.
pub(super) struct Senders {
    callers: Vec<Exporter>,
    platform: Exporter,
    logs: Logs,
    everyday: Random,
}

impl Senders {
    /// Connects everybody.
    pub(super) async fn connect(addresses: Addresses, seed: u64) -> Result<Self, WireError> {
        let mut callers = Vec::new();
        for caller in CALLERS {
            let connect =
                if caller.grpc { Exporter::grpc(addresses.grpc).await } else { Exporter::http(addresses.http).await };
            callers.push(connect?);
        }
        let platform = Exporter::http(addresses.http).await?;
        Ok(Self { callers, platform, logs: Logs::new(seed), everyday: Random::new(seed ^ EVERYDAY) })
    }

    /// Sends what the tick that ended at `now` (ns since 1970) left behind.
    pub(super) async fn send(&mut self, calls: &[Call], now: u64) -> Result<(), WireError> {
        for (caller, exporter) in self.callers.iter_mut().enumerate() {
            if let Some(request) = spans::export(caller, calls, now, &mut self.everyday) {
                exporter.send(&request).await?;
            }
        }
        match self.logs.export(calls, now) {
            Some(request) => self.platform.send(&request).await,
            None => Ok(()),
        }
    }
}
