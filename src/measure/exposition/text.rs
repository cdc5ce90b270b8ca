//! The page as text: OpenMetrics 1.0, or the Prometheus text format 0.0.4.
//!
//! In: numbers. Out: lines. The old format has no exemplars, no units and no end mark, and names counters with `_total` also in
//! their `TYPE` lines. Bucket bounds are written alike in both (`1.0`), so that a change of format starts no new series.

use super::super::histogram::{Histogram, Mark};
use super::Page;
use crate::telemetry::catalogue::Metric;
use std::fmt::Write;

/// A page of text.
#[derive(Debug)]
pub(super) struct Text {
    open_metrics: bool,
    page: String,
    metric: Option<&'static Metric>,
    /// Where the current metric began and where its first line would stand.
    begun: (usize, usize),
    /// The labels of the series at hand, as they stand between the braces.
    labels: String,
}

impl Text {
    pub(super) fn open_metrics() -> Self {
        Self::new(true)
    }

    pub(super) fn prometheus() -> Self {
        Self::new(false)
    }

    fn new(open_metrics: bool) -> Self {
        Self { open_metrics, page: String::new(), metric: None, begun: (0, 0), labels: String::new() }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.open_metrics {
            self.page.push_str("# EOF\n");
        }
        self.page.into_bytes()
    }

    fn set_labels(&mut self, values: &[&str]) {
        self.labels.clear();
        let names = self.metric.map_or(&[][..], |metric| metric.labels);
        for (name, value) in names.iter().zip(values) {
            if !self.labels.is_empty() {
                self.labels.push(',');
            }
            self.labels.push_str(name);
            self.labels.push_str("=\"");
            escape(value, &mut self.labels);
            self.labels.push('"');
        }
    }

    /// One line, but for its end: name, suffix, labels (with `le` where given) and value.
    fn line(&mut self, suffix: &str, le: Option<f64>, value: std::fmt::Arguments<'_>) {
        self.page.push_str(self.metric.map_or("", |metric| metric.name));
        self.page.push_str(suffix);
        if !self.labels.is_empty() || le.is_some() {
            self.page.push('{');
            self.page.push_str(&self.labels);
            if let Some(le) = le {
                let comma = if self.labels.is_empty() { "" } else { "," };
                let bound = if le.is_finite() { format!("{le:?}") } else { "+Inf".to_owned() };
                append(&mut self.page, format_args!("{comma}le=\"{bound}\""));
            }
            self.page.push('}');
        }
        append(&mut self.page, format_args!(" {value}"));
    }

    fn end_line(&mut self, mark: Option<&Mark>) {
        if let Some(mark) = mark.filter(|_| self.open_metrics) {
            self.page.push_str(" # {trace_id=\"");
            hex(&mark.trace_id, &mut self.page);
            self.page.push_str("\",span_id=\"");
            hex(&mark.span_id, &mut self.page);
            let (seconds, millis) = (mark.time_ns / 1_000_000_000, mark.time_ns / 1_000_000 % 1000);
            append(&mut self.page, format_args!("\"}} {} {seconds}.{millis:03}", mark.value));
        }
        self.page.push('\n');
    }
}

impl Page for Text {
    fn begin(&mut self, metric: &'static Metric) {
        self.metric = Some(metric);
        let start = self.page.len();
        let name = if self.open_metrics { metric.family() } else { metric.name };
        append(&mut self.page, format_args!("# HELP {name} {}\n# TYPE {name} {}\n", metric.help, metric.kind.as_str()));
        if let Some(unit) = metric.unit().filter(|_| self.open_metrics) {
            append(&mut self.page, format_args!("# UNIT {name} {unit}\n"));
        }
        self.begun = (start, self.page.len());
    }

    fn number(&mut self, labels: &[&str], value: f64, mark: Option<&Mark>, _born_ns: u64) {
        self.set_labels(labels);
        self.line("", None, format_args!("{value}"));
        self.end_line(mark);
    }

    fn histogram(&mut self, labels: &[&str], histogram: &Histogram, _born_ns: u64) {
        self.set_labels(labels);
        let mut total = 0;
        for (bound, count, mark) in histogram.classic() {
            total += count;
            self.line("_bucket", Some(bound), format_args!("{total}"));
            self.end_line(mark);
        }
        self.line("_sum", None, format_args!("{}", histogram.sum()));
        self.end_line(None);
        self.line("_count", None, format_args!("{}", histogram.count()));
        self.end_line(None);
    }

    fn end(&mut self) {
        // A metric without a series is left out, as it is in protobuf.
        if self.page.len() == self.begun.1 {
            self.page.truncate(self.begun.0);
        }
    }
}

/// Appends to text, which cannot fail.
fn append(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("writing to a String cannot fail");
}

fn escape(value: &str, page: &mut String) {
    if !value.bytes().any(|b| matches!(b, b'\\' | b'"' | b'\n')) {
        return page.push_str(value);
    }
    for c in value.chars() {
        match c {
            '\\' => page.push_str("\\\\"),
            '"' => page.push_str("\\\""),
            '\n' => page.push_str("\\n"),
            c => page.push(c),
        }
    }
}

/// Appends bytes as lower-case hex digits.
pub(super) fn hex(bytes: &[u8], page: &mut String) {
    for digit in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        page.push(char::from_digit(u32::from(digit), 16).expect("a digit below 16"));
    }
}
