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
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use std::net::SocketAddr;

/// A second sequence of numbers for spans that are no calls, so that they do not disturb the first.
const EVERYDAY: u64 = 0x5eed;

/// Connections that stay open for the whole run.
pub(super) struct Senders<'s> {
    scene: &'s Scene,
    callers: Vec<Exporter>,
    platform: Exporter,
    backend: Option<Backend>,
    logs: Logs<'s>,
    everyday: Random,
}

impl<'s> Senders<'s> {
    /// Connects everybody; `traces` is a backend that gets the calls' spans too.
    pub(super) async fn connect(
        scene: &'s Scene,
        addresses: Addresses,
        traces: Option<SocketAddr>,
        seed: u64,
    ) -> Result<Self, WireError> {
        let mut callers = Vec::new();
        for caller in &scene.callers {
            let connect =
                if caller.grpc { Exporter::grpc(addresses.grpc).await } else { Exporter::http(addresses.http).await };
            callers.push(connect?);
        }
        let platform = Exporter::http(addresses.http).await?;
        let backend = traces.map(|address| Backend { address, exporter: None });
        let logs = Logs::new(scene);
        Ok(Self { scene, callers, platform, backend, logs, everyday: Random::new(seed ^ EVERYDAY) })
    }

    /// Sends what the tick that ended at `now` (ns since 1970) left behind.
    pub(super) async fn send(&mut self, tick: &Tick, now: u64) -> Result<(), WireError> {
        for (caller, exporter) in self.callers.iter_mut().enumerate() {
            let Some(mut request) = spans::calls(self.scene, caller, &tick.calls, now) else { continue };
            if let Some(backend) = &mut self.backend {
                backend.send(&request).await;
            }
            spans::add_everyday(&mut request, now, &mut self.everyday);
            exporter.send(&request).await?;
        }
        match self.logs.export(tick, now, TICK_NS) {
            Some(request) => self.platform.send(&request).await,
            None => Ok(()),
        }
    }
}

/// A trace backend. It may start later, or go away and come back: the demo goes on without it.
struct Backend {
    address: SocketAddr,
    exporter: Option<Exporter>,
}

impl Backend {
    async fn send(&mut self, request: &ExportTraceServiceRequest) {
        if self.exporter.is_none() {
            self.exporter = Exporter::http(self.address).await.ok();
        }
        if let Some(exporter) = &mut self.exporter
            && exporter.send(request).await.is_err()
        {
            self.exporter = None;
        }
    }
}
