//! From the config to what each stage asks for: the only place that knows both.

use crate::config::{self, Config};
use crate::correlate;
use crate::judge::Rulebooks;
use crate::measure::{self, Limits, Owner, Owners, Subject, Threshold};
use crate::observe::knowledge::KnowledgeSpec;
use crate::observe::{Vantage, Weights};
use crate::receive;

/// What the ports may take.
pub(super) fn limits(config: &Config) -> receive::Limits {
    receive::Limits {
        request: config.receive.max_request,
        in_flight: config.receive.in_flight,
        ..receive::Limits::default()
    }
}

/// How many requests a record of each vantage stands for.
pub(super) fn weights(config: &Config) -> Weights {
    let weight =
        |vantage| config.observe.sampled.iter().find(|(v, _)| *v == vantage).map_or(1.0, |(_, share)| 1.0 / share);
    Weights { client: weight(Vantage::Client), sdk: weight(Vantage::Sdk), gateway: weight(Vantage::Gateway) }
}

/// What is known of containers: the user's resources in front of the books'.
pub(super) fn knowledge(config: &Config, books: &Rulebooks) -> KnowledgeSpec {
    let mut known = KnowledgeSpec {
        // A user's entry without a platform fits every platform.
        resources: config.resources.iter().map(|spec| (String::new(), spec.clone())).collect(),
        death_reports: config.correlate.death_reports.clone(),
        ..KnowledgeSpec::default()
    };
    known.append(books.knowledge());
    known
}

/// What the fold remembers: as many targets and callers as have series, and as much again that came and went.
pub(super) fn correlate(config: &Config) -> correlate::Settings {
    correlate::Settings {
        vantages: config.observe.vantages.clone(),
        remember_failures: config.correlate.join_for,
        callers: 2 * config.measure.callers.max(5000),
        targets: 2 * config.measure.models,
        settle: config.correlate.settle,
        evidence_before: config.correlate.evidence_before,
        evidence_after: config.correlate.evidence_after,
        keep_evidence: config.correlate.keep_evidence,
        clean_margin: config.correlate.clean_margin,
        join_for: config.correlate.join_for,
        remember_successes: config.correlate.remember_successes,
        ..correlate::Settings::default()
    }
}

fn subject(of: &config::Subject) -> Subject {
    match of {
        config::Subject::Models(pattern) => Subject::Models(pattern.clone()),
        config::Subject::Callers(pattern) => Subject::Callers(pattern.clone()),
        config::Subject::Service => Subject::Service,
    }
}

/// Limits, owners and thresholds of the series.
pub(super) fn measure(config: &Config) -> measure::Settings {
    let owner = |owner: &config::Owner| Owner { pattern: owner.pattern.clone(), team: owner.team.clone() };
    measure::Settings {
        limits: Limits {
            models: config.measure.models,
            unverified: config.measure.unverified,
            callers: config.measure.callers,
            expire: config.measure.expire,
        },
        owners: Owners {
            default: config.owners.default.clone(),
            models: config.owners.models.iter().map(owner).collect(),
            callers: config.owners.callers.iter().map(owner).collect(),
        },
        thresholds: config
            .thresholds
            .iter()
            .map(|t| Threshold { alert: t.alert.clone(), subject: subject(&t.subject), value: t.value })
            .collect(),
    }
}
