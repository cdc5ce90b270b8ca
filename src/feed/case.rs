//! A case as the feed tells it. In: what the fold told its ledger. Out: a message that owns its texts.

use super::v1::{Case, CaseKind, Evidence, Target, Verdict};
use crate::correlate::{Proof, Settled};
use crate::judge;
use prost_types::Timestamp;
use std::fmt::Write;

/// The message about a case; `before` is the verdict that was told before, where this is a correction.
pub(super) fn message(told: &Settled<'_>, before: Option<&judge::Verdict>, now_ns: u64) -> Case {
    let seen = told.failure;
    let kind = if before.is_some() { CaseKind::Corrected } else { CaseKind::Settled };
    Case {
        kind: kind.into(),
        settle_time: time(now_ns),
        start_time: time(seen.start_ns),
        end_time: time(seen.end_ns),
        target: Some(Target {
            platform: seen.target.platform.clone(),
            model_id: seen.target.model_id.clone(),
            environment: seen.target.environment.clone(),
            deployment_id: seen.target.deployment_id.clone(),
        }),
        caller: seen.caller.to_string(),
        vantage: seen.vantage.as_str().to_owned(),
        status_code: seen.status.to_string(),
        trace_id: hex(&seen.trace_id),
        span_id: hex(&seen.span_id),
        request_id: seen.request_id.to_string(),
        verdict: Some(verdict(told.verdict)),
        before: before.map(verdict),
        evidence: told.proof.map(evidence),
        weight: seen.weight,
        dropped: 0,
    }
}

fn verdict(of: &judge::Verdict) -> Verdict {
    Verdict {
        class: of.class.as_str().to_owned(),
        cause: of.cause.as_str().to_owned(),
        blame: of.blame.as_str().to_owned(),
        confidence: of.confidence.as_str().to_owned(),
        r#match: of.matched.as_str().to_owned(),
        retry: of.retry.as_str().to_owned(),
        rule: of.rule.to_string(),
        next_step: of.next_step.to_string(),
    }
}

fn evidence(of: &Proof) -> Evidence {
    Evidence {
        kind: of.kind.as_str().to_owned(),
        time: time(of.time_ns),
        replica: of.replica.to_string(),
        text: of.text.to_string(),
    }
}

/// A time; `None` for 0, which stands for "not known".
fn time(ns: u64) -> Option<Timestamp> {
    const SECOND: u64 = 1_000_000_000;
    let (seconds, nanos) = (i64::try_from(ns / SECOND).ok()?, i32::try_from(ns % SECOND).ok()?);
    (ns != 0).then_some(Timestamp { seconds, nanos })
}

/// An id in hexadecimal digits; empty where it is all zero, which stands for "not known".
fn hex(id: &[u8]) -> String {
    let mut text = String::new();
    if id.iter().any(|byte| *byte != 0) {
        for byte in id {
            // Writing to a text cannot fail.
            write!(text, "{byte:02x}").unwrap_or_default();
        }
    }
    text
}
