//! Everybody who sends: each caller's exporter, and the platform's export of model logs.
//!
//! In: what happened in a tick and the time. Out: export requests, acknowledged one after the other.

use super::TICK_NS;
use super::fleet::Tick;
use super::logs::Logs;
use super::random::Random;
use super::scene::Scene;
use super::spans;
use super::wire::{Exporter, WireError};
use crate::app::Addresses;

/// A second sequence of numbers for spans that are no calls, so that they do not disturb the first.
const EVERYDAY: u64 = 0x5eed;

/// Connections that stay open for the whole run.
pub(super) struct Senders<'s> {
    scene: &'s Scene,
    callers: Vec<Exporter>,
    platform: Exporter,
    logs: Logs<'s>,
    everyday: Random,
}

impl<'s> Senders<'s> {
    /// Connects everybody.
    pub(super) async fn connect(scene: &'s Scene, addresses: Addresses, seed: u64) -> Result<Self, WireError> {
        let mut callers = Vec::new();
        for caller in &scene.callers {
            let connect =
                if caller.grpc { Exporter::grpc(addresses.grpc).await } else { Exporter::http(addresses.http).await };
            callers.push(connect?);
        }
        let platform = Exporter::http(addresses.http).await?;
        let logs = Logs::new(scene);
        Ok(Self { scene, callers, platform, logs, everyday: Random::new(seed ^ EVERYDAY) })
    }

    /// Sends what the tick that ended at `now` (ns since 1970) left behind.
    pub(super) async fn send(&mut self, tick: &Tick, now: u64) -> Result<(), WireError> {
        for (caller, exporter) in self.callers.iter_mut().enumerate() {
            if let Some(request) = spans::export(self.scene, caller, &tick.calls, now, &mut self.everyday) {
                exporter.send(&request).await?;
            }
        }
        match self.logs.export(tick, now, TICK_NS) {
            Some(request) => self.platform.send(&request).await,
            None => Ok(()),
        }
    }
}
