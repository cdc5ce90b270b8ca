//! The metrics page.
//!
//! In: the store, the own metrics, and the format that was negotiated. Out: the bytes of the page.
//!
//! `prometheus-client` cannot be given exemplars beside native histograms (its `Exemplar` has no constructor) nor write the old text
//! format, so the numbers are put on the page from here: into its `io.prometheus.client` messages, or as text.

mod negotiate;
mod protobuf;
mod text;

pub use negotiate::{Format, accepts_gzip, negotiate};

use super::Shared;
use super::histogram::{Histogram, Mark};
use crate::telemetry::Metrics;
use crate::telemetry::catalogue::{ALL, Metric};
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

/// Targets shown at a time while the store is held: well under a millisecond.
const TARGETS_AT_ONCE: usize = 128;
/// Pause between these, in which the fold gets the store: a mutex that is taken again at once would keep it waiting for the
/// whole page. Ten thousand targets take some 700 of them.
const PAUSE: Duration = Duration::from_micros(50);

/// A page that is being written, one metric after the other.
pub(super) trait Page {
    /// The numbers that follow are of this metric.
    fn begin(&mut self, metric: &'static Metric);
    /// A counter or gauge with its label values, its exemplar, and when it began (ns since 1970).
    fn number(&mut self, labels: &[&str], value: f64, mark: Option<&Mark>, born_ns: u64);
    /// A histogram with its label values, and when it began.
    fn histogram(&mut self, labels: &[&str], histogram: &Histogram, born_ns: u64);
    /// The metric is complete.
    fn end(&mut self);
}

/// The page of all metrics in this format.
pub fn render(store: &Shared, own: &Metrics, format: Format) -> Vec<u8> {
    match format {
        Format::Protobuf => {
            let mut page = protobuf::Delimited::default();
            write(store, own, &mut page);
            page.finish()
        }
        Format::OpenMetrics1 | Format::OpenMetrics0 => {
            let mut page = text::Text::open_metrics();
            write(store, own, &mut page);
            page.finish()
        }
        Format::Text => {
            let mut page = text::Text::prometheus();
            write(store, own, &mut page);
            page.finish()
        }
    }
}

fn write(store: &Shared, own: &Metrics, page: &mut dyn Page) {
    let born_ns = store.lock().unwrap_or_else(PoisonError::into_inner).born_ns;
    for metric in ALL.iter().copied() {
        page.begin(metric);
        if metric.is_own() {
            own.visit(metric, |labels, value| page.number(labels, value, None, born_ns));
        } else {
            inference(store, metric, page);
        }
        page.end();
    }
}

/// Puts one metric of the store on the page, and lets go of the store every few targets.
fn inference(store: &Shared, metric: &'static Metric, page: &mut dyn Page) {
    let mut next = 0;
    loop {
        let store = store.lock().unwrap_or_else(PoisonError::into_inner);
        let places = next..next + TARGETS_AT_ONCE;
        if next == 0 {
            store.show_rest(metric, page);
        }
        let all = places.end >= store.places();
        if !store.show_targets(metric, places, page) || all {
            return;
        }
        drop(store);
        next += TARGETS_AT_ONCE;
        thread::park_timeout(PAUSE);
    }
}
