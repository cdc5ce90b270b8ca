//! The order of the page.
//!
//! In: the store and one metric of the catalogue. Out: its series, handed to a [`Page`] a few targets at a time, so that the fold
//! never waits for a whole page.

use super::Store;
use super::exposition::Page;
use super::histogram::Mark;
use super::owners;
use super::target::Series;
use crate::telemetry::catalogue::{self, Metric};
use std::ops::Range;

/// Puts the series of one metric of one target on the page.
type Show = fn(&Series, &mut dyn Page);

/// The metrics that belong to targets.
const BY_TARGET: &[(&Metric, Show)] = &[
    (&catalogue::FAILURES, failures),
    (&catalogue::CLIENT_FAILURES, client_failures),
    (&catalogue::REQUESTS, requests),
    (&catalogue::OBSERVATIONS, observations),
    (&catalogue::DURATION, durations),
    (&catalogue::STREAMS, streams),
    (&catalogue::EVIDENCE, evidence),
    (&catalogue::CHANNEL_TIMESTAMP, channels),
    (&catalogue::TARGET_INFO, target_info),
    (&catalogue::ALERT_THRESHOLD, thresholds),
];

impl Store {
    /// How many places for targets there are now.
    pub(super) fn places(&self) -> usize {
        self.targets.len()
    }

    /// Puts the series of `metric` of the targets in `places` on the page; false where the metric does not belong to targets.
    pub(super) fn show_targets(&self, metric: &'static Metric, places: Range<usize>, page: &mut dyn Page) -> bool {
        let Some((_, show)) = BY_TARGET.iter().find(|(known, _)| *known == metric) else { return false };
        for series in self.targets.iter().take(places.end).skip(places.start).flatten() {
            show(series, page);
        }
        true
    }

    /// Puts the series of a metric that does not belong to targets on the page.
    pub(super) fn show_rest(&self, metric: &'static Metric, page: &mut dyn Page) {
        if *metric == catalogue::VERDICTS {
            for ((platform, class, confidence, matched), count) in &self.verdicts {
                let labels = [platform, class.as_str(), confidence.as_str(), matched.as_str()];
                page.number(&labels, *count, None, self.born_ns);
            }
        } else if *metric == catalogue::OPEN_CASES {
            for ((platform, class), count) in &self.open {
                page.number(&[platform, class.as_str()], *count, None, self.born_ns);
            }
        } else if *metric == catalogue::CALLER_INFO {
            for (caller, team) in self.callers.each(&self.settings.owners) {
                page.number(&[caller, team], 1.0, None, self.born_ns);
            }
        } else if *metric == catalogue::ALERT_THRESHOLD {
            for (alert, value) in owners::of_service(&self.settings.thresholds) {
                page.number(&[alert, "", "", ""], value, None, self.born_ns);
            }
        } else if *metric == catalogue::CALLER_ALERT_THRESHOLD {
            for (caller, _) in self.callers.each(&self.settings.owners) {
                for (alert, value) in owners::of_caller(&self.settings.thresholds, caller) {
                    page.number(&[alert, caller], value, None, self.born_ns);
                }
            }
        }
    }
}

/// One number of a target, whose labels are its name and then `more`.
fn number(series: &Series, page: &mut dyn Page, more: &[&str], value: f64, mark: Option<&Mark>) {
    let mut labels = [""; 6];
    let name: [&str; 3] = [&series.name.platform, &series.name.model_id, &series.name.environment];
    let all = name.iter().chain(more);
    let count = labels.iter_mut().zip(all).map(|(slot, value)| *slot = value).count();
    page.number(labels.get(..count).unwrap_or_default(), value, mark, series.born_ns);
}

fn failures(series: &Series, page: &mut dyn Page) {
    for ((class, cause, blame), failed) in &series.failures {
        number(series, page, &[class.as_str(), cause.as_str(), blame.as_str()], failed.count, failed.mark.as_ref());
    }
}

fn client_failures(series: &Series, page: &mut dyn Page) {
    for ((caller, class, cause), count) in &series.client_failures {
        number(series, page, &[caller, class.as_str(), cause.as_str()], *count, None);
    }
}

fn requests(series: &Series, page: &mut dyn Page) {
    for (status, count) in &series.requests {
        number(series, page, &[&status.to_string()], *count, None);
    }
    if series.other_statuses > 0.0 {
        number(series, page, &[super::label::OTHER], series.other_statuses, None);
    }
}

fn observations(series: &Series, page: &mut dyn Page) {
    let name = &series.name;
    for (vantage, outcomes) in &series.observations {
        for (outcome, count) in outcomes {
            let labels = [vantage.as_str(), &name.platform, &name.model_id, &name.environment, outcome.as_str()];
            page.number(&labels, *count, None, series.born_ns);
        }
    }
}

fn durations(series: &Series, page: &mut dyn Page) {
    let name = &series.name;
    for (outcome, histogram) in &series.durations {
        let labels = [&*name.platform, &name.model_id, &name.environment, outcome.as_str()];
        page.histogram(&labels, histogram, series.born_ns);
    }
}

fn streams(series: &Series, page: &mut dyn Page) {
    for (ending, count) in &series.streams {
        number(series, page, &[ending.as_str()], *count, None);
    }
}

fn evidence(series: &Series, page: &mut dyn Page) {
    for ((deployment_id, kind), count) in &series.evidence {
        number(series, page, &[deployment_id, kind], *count, None);
    }
}

fn channels(series: &Series, page: &mut dyn Page) {
    for (channel, last_ns) in &series.channels {
        number(series, page, &[channel.as_str()], *last_ns as f64 / 1e9, None);
    }
}

fn target_info(series: &Series, page: &mut dyn Page) {
    let vantage = series.primary.map_or("", |vantage| vantage.as_str());
    number(series, page, &[vantage, &series.team], 1.0, None);
}

fn thresholds(series: &Series, page: &mut dyn Page) {
    let name = &series.name;
    for (alert, value) in &series.thresholds {
        page.number(&[alert, &name.platform, &name.model_id, &name.environment], *value, None, series.born_ns);
    }
}
