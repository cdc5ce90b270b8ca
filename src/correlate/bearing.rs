//! What each kind of evidence may explain: the one table.
//!
//! In: a kind. Out: how closely it must belong to the request ([`Needs`]) and which requests its time covers ([`Reach`]).

use crate::judge::taxonomy::EvidenceKind;

/// The weakest tie between a fact and a request that lets the fact decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// The request id: the fact speaks of one request, and of no other that ran at the same time.
    Request,
    /// The same target in time. Where the fact names a request it speaks of that one alone; where both name a replica it must be
    /// the same.
    Target,
}

/// Which requests a fact's time covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// From its time until the replica serves again: whoever was there, or came meanwhile.
    Outage,
    /// Only requests that were running at its time.
    Moment,
    /// None by time.
    Never,
}

/// What a kind may explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bearing {
    pub(super) needs: Needs,
    pub(super) reach: Reach,
    /// Logs that show it are not clean.
    pub(super) trouble: bool,
}

/// The table. A new kind does not compile until it has its line.
pub(super) const fn bearing(kind: EvidenceKind) -> Bearing {
    use EvidenceKind as Kind;
    let (needs, reach, trouble) = match kind {
        // Deaths and states of a container: nobody is answered until it serves again.
        Kind::OomKilled
        | Kind::NodeOom
        | Kind::Evicted
        | Kind::ContainerExit
        | Kind::EngineDead
        | Kind::GpuFault
        | Kind::LoadFailed
        | Kind::Unhealthy => (Needs::Target, Reach::Outage, true),
        // The same, but nothing went wrong: a start or an end that was wanted.
        Kind::Loading | Kind::Draining => (Needs::Target, Reach::Outage, false),
        // One worker or one allocation fails, and the container goes on: only who was inside at that moment is hit.
        Kind::WorkerTimeout | Kind::GpuOom | Kind::MemoryPressure => (Needs::Target, Reach::Moment, true),
        // An exception or a hang-up of one request says nothing about the next one. How far a request got is derived from its lines,
        // never sent as a fact; `proved_clean` is the absence of facts; a sign of life ends outages and decides nothing.
        Kind::UserException
        | Kind::StreamException
        | Kind::ClientDisconnect
        | Kind::StillRunning
        | Kind::FinishedLate
        | Kind::NeverReturned
        | Kind::ProvedClean
        | Kind::Serving => (Needs::Request, Reach::Never, false),
    };
    Bearing { needs, reach, trouble }
}
