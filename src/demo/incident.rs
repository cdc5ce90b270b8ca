//! What goes wrong in the simulated fleet, when, and what a careful reader of the records may conclude. In: nothing. Out: data.
//!
//! A record alone does not always show why, and not every model's logs are exported. So the truth has two sides: what happened, in
//! words, and the verdicts that are right for someone who saw what was sent.

use crate::judge::taxonomy::{Blame, Cause, Class};

/// What one request of an incident looks like to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symptom {
    /// This status from the platform.
    Status(u16),
    /// The answer began and its body ended early.
    CutStream,
    /// The caller's own time limit ran out; milliseconds.
    GaveUp(u32),
}

/// How a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// By the kernel, for its memory.
    OomKilled,
    /// By itself.
    Crashed,
}

/// One incident.
#[derive(Debug)]
pub(super) struct Incident {
    /// Short name for the table.
    pub(super) name: &'static str,
    /// What really happened.
    pub(super) truth: &'static str,
    /// The models it strikes.
    pub(super) models: &'static [&'static str],
    /// The caller it strikes; others see nothing of it.
    pub(super) caller: &'static str,
    /// From and to, as shares of the run.
    pub(super) time: (f64, f64),
    /// Share of the requests that it strikes.
    pub(super) share: f64,
    /// What the struck requests look like.
    pub(super) symptom: Symptom,
    /// How the container ended, where the model's log says so.
    pub(super) death: Option<Death>,
    /// The right class.
    pub(super) class: Class,
    /// The causes that what was sent allows.
    pub(super) causes: &'static [Cause],
    /// The blames that what was sent allows.
    pub(super) blames: &'static [Blame],
}

impl Incident {
    /// Whether it is going on at this share of the run.
    pub(super) fn is_on(&self, progress: f64) -> bool {
        (self.time.0..self.time.1).contains(&progress)
    }
}

/// Every incident of a run. No two share a model and a caller, so that each failure belongs to one.
pub(super) const ALL: &[Incident] = &[
    Incident {
        name: "slow model",
        truth: "video rendering takes longer than the platform's 20 minutes",
        models: &["wanvideo"],
        caller: "media-gateway",
        time: (0.12, 0.8),
        share: 0.4,
        symptom: Symptom::Status(504),
        death: None,
        class: Class::Timeout,
        causes: &[Cause::SlowModel],
        blames: &[Blame::Model],
    },
    Incident {
        name: "cut streams (Go)",
        truth: "the generator fails in mid-answer and the connection closes",
        models: &["kokoro82"],
        caller: "media-gateway",
        time: (0.2, 0.6),
        share: 0.3,
        symptom: Symptom::CutStream,
        death: None,
        class: Class::StreamTruncated,
        causes: &[Cause::Unknown],
        blames: &[Blame::Undetermined],
    },
    Incident {
        name: "cut streams (GenAI)",
        truth: "chat answers end without a finish reason after a deployment",
        models: &["llama70b"],
        caller: "assistant",
        time: (0.3, 0.9),
        share: 0.2,
        symptom: Symptom::CutStream,
        death: None,
        class: Class::StreamTruncated,
        causes: &[Cause::Unknown],
        blames: &[Blame::Undetermined],
    },
    Incident {
        name: "expired key",
        truth: "the nightly batch's API key expired",
        models: &["bgelarge", "e5mistrl", "nomicemb"],
        caller: "nightly-batch",
        time: (0.35, 1.0),
        share: 1.0,
        symptom: Symptom::Status(401),
        death: None,
        class: Class::Authentication,
        causes: &[Cause::InvalidApiKey],
        blames: &[Blame::Client],
    },
    Incident {
        name: "short time-outs",
        truth: "the mobile app gives up after 1.5 s on a model that needs 2 s",
        models: &["qwen72b0"],
        caller: "mobile-bff",
        time: (0.1, 0.95),
        share: 0.5,
        symptom: Symptom::GaveUp(1500),
        death: None,
        class: Class::ClientTimeout,
        causes: &[Cause::ShortClientTimeout],
        blames: &[Blame::Client],
    },
    Incident {
        name: "rollout",
        truth: "replicas drain while a deployment is rolled out; the app's span has the text",
        models: &["flux1dev"],
        caller: "media-gateway",
        time: (0.5, 0.65),
        share: 0.6,
        symptom: Symptom::Status(503),
        death: None,
        class: Class::Unavailable,
        causes: &[Cause::Draining],
        blames: &[Blame::Platform],
    },
    Incident {
        name: "burst of 502",
        truth: "a large batch killed the container; no log that says so was sent",
        models: &["whisper3"],
        caller: "search-api",
        time: (0.7, 0.8),
        share: 0.9,
        symptom: Symptom::Status(502),
        death: None,
        class: Class::BadGateway,
        causes: &[Cause::Unknown],
        blames: &[Blame::Undetermined],
    },
    Incident {
        name: "OOM storm",
        truth: "images in batches of 16 do not fit the memory limit; the model's log shows OOMKilled",
        models: &["sdxltrbo"],
        caller: "media-gateway",
        time: (0.25, 0.7),
        share: 0.5,
        symptom: Symptom::Status(502),
        death: Some(Death::OomKilled),
        class: Class::BadGateway,
        causes: &[Cause::OomKilled],
        blames: &[Blame::Model],
    },
    Incident {
        name: "crash loop",
        truth: "a bad checkpoint ends the process over and over; the model's log shows exit code 1",
        models: &["parakeet"],
        caller: "media-gateway",
        time: (0.4, 0.85),
        share: 0.4,
        symptom: Symptom::Status(502),
        death: Some(Death::Crashed),
        class: Class::BadGateway,
        causes: &[Cause::ContainerCrash],
        blames: &[Blame::Model],
    },
    Incident {
        name: "platform blip",
        truth: "the gateway loses its connections; the model's logs go on without a fault",
        models: &["gemma27b"],
        caller: "chat-api",
        time: (0.45, 0.55),
        share: 0.7,
        symptom: Symptom::Status(502),
        death: None,
        class: Class::BadGateway,
        causes: &[Cause::PlatformFault],
        blames: &[Blame::Platform],
    },
];
