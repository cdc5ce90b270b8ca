//! The page in every format: decoded again, and read by Debian's promtool.

use super::*;
use crate::telemetry::catalogue;
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::{Metric, MetricFamily};
use prost::Message;
use std::io::Write;
use std::process::{Command, Stdio};

fn busy() -> Bench {
    let bench = Bench::new(Limits::default());
    for (n, status) in [200, 200, 502, 504, 401].into_iter().enumerate() {
        let mut row = row("m1", status, 1.0);
        row.ending = (n == 1).then_some(Ending::Truncated);
        bench.count(&row);
    }
    bench.fail(&failure("m1", 502), &verdict(Class::BadGateway, Cause::Unknown, Blame::Undetermined));
    bench.metrics.value(&catalogue::RECEIVED_BYTES, &["traces", "grpc"]).add(1234.0);
    bench.metrics.value(&catalogue::START_TIME, &[]).set(1.78e9);
    bench
}

fn families(bench: &Bench) -> Vec<MetricFamily> {
    let page = render(&bench.store, &bench.metrics, Format::Protobuf);
    let mut rest = &page[..];
    let mut families = Vec::new();
    while !rest.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut rest).unwrap());
    }
    families
}

fn metric<'a>(families: &'a [MetricFamily], name: &str, label: &str) -> &'a Metric {
    let family = families.iter().find(|family| family.name == name).unwrap();
    family.metric.iter().find(|metric| metric.label.iter().any(|pair| pair.value == label)).unwrap()
}

#[test]
fn protobuf_holds_what_the_text_holds_and_native_buckets() {
    let bench = busy();
    let families = families(&bench);
    let failed = metric(&families, "inference_failures_total", "bad_gateway").counter.as_ref();
    let unknown = families.iter().find(|family| family.name == "inference_failures_total").unwrap();
    let counted: f64 = unknown.metric.iter().map(|m| m.counter.as_ref().unwrap().value).sum();
    assert!(failed.is_some());
    assert_eq!(counted, 1.0);
    let exemplar = unknown.metric.iter().find_map(|m| m.counter.as_ref().unwrap().exemplar.clone()).unwrap();
    assert_eq!(exemplar.label.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["trace_id", "span_id"]);
    assert_eq!(exemplar.label[0].value, "11".repeat(16));
    assert_eq!(exemplar.timestamp.unwrap().seconds, 1_780_000_000);

    let histogram = metric(&families, "inference_request_duration_seconds", "error").histogram.as_ref().unwrap();
    assert_eq!((histogram.sample_count, histogram.schema, histogram.zero_count), (3, 3, 0));
    assert_eq!(histogram.bucket.len(), 13);
    assert_eq!(histogram.bucket.last().unwrap().cumulative_count, 3);
    let (mut count, mut total) = (0, 0);
    for delta in &histogram.positive_delta {
        count += delta;
        total += count;
    }
    assert_eq!(total, 3, "native buckets add up");
    assert_eq!(
        histogram.positive_span.iter().map(|span| span.length).sum::<u32>() as usize,
        histogram.positive_delta.len()
    );
    // 0.7 s lies in (2^(-5/8), 2^(-4/8)] = (0.648, 0.707].
    assert_eq!(histogram.positive_span[0].offset, -4);
    assert!(histogram.bucket.iter().any(|bucket| bucket.exemplar.is_some()));
    assert_eq!(families.iter().filter(|family| family.metric.is_empty()).count(), 0);
}

#[test]
fn sparse_buckets_survive_the_way_there_and_back() {
    let bench = Bench::new(Limits::default());
    let row = row("m1", 200, 1.0);
    let seconds = [0.0, 0.0005, 0.01, 0.0101, 0.5, 3.0, 3.0, 900.0];
    let mut timings = seconds.iter().map(|s| Timing { row: 0, seconds: *s, weight: 1.0 });
    bench.store.lock().unwrap().requested(&row, &mut timings);
    let families = families(&bench);
    let histogram = metric(&families, "inference_request_duration_seconds", "success").histogram.as_ref().unwrap();
    let mut found = Vec::new();
    let (mut index, mut count, mut deltas) = (0, 0, histogram.positive_delta.iter());
    for span in &histogram.positive_span {
        index += span.offset;
        for _ in 0..span.length {
            count += deltas.next().unwrap();
            found.push((2f64.powf(f64::from(index - 1) / 8.0), 2f64.powf(f64::from(index) / 8.0), count));
            index += 1;
        }
    }
    assert_eq!(histogram.zero_count, 2);
    let expected: Vec<usize> =
        found.iter().map(|(low, high, _)| seconds.iter().filter(|s| *low < **s && **s <= *high).count()).collect();
    assert_eq!(found.iter().map(|(.., count)| usize::try_from(*count).unwrap()).collect::<Vec<_>>(), expected);
    assert_eq!(expected.iter().sum::<usize>(), 6);
}

#[test]
fn open_metrics_carries_exemplars_within_their_limit() {
    let page = String::from_utf8(render(&busy().store, &Metrics::default(), Format::OpenMetrics1)).unwrap();
    let mut seen = 0;
    for exemplar in page.lines().filter_map(|line| line.split_once(" # {").map(|(_, exemplar)| exemplar)) {
        let (labels, value) = exemplar.split_once("} ").unwrap();
        // OpenMetrics: names and values of an exemplar's labels together hold at most 128 characters.
        assert!(labels.chars().count() <= 128, "{exemplar}");
        assert!(labels.starts_with("trace_id=\"") && labels.contains(",span_id=\""), "{exemplar}");
        assert!(value.ends_with(" 1780000000.000"), "{exemplar}");
        seen += 1;
    }
    assert_eq!(seen, 3, "one failure, and one bucket of each outcome\n{page}");
    assert!(page.contains("# TYPE inference_failures counter\n"));
    assert!(page.contains("# UNIT inference_request_duration_seconds seconds\n"));
}

#[test]
fn the_old_text_format_has_none_of_the_new() {
    let page = String::from_utf8(render(&busy().store, &Metrics::default(), Format::Text)).unwrap();
    assert!(page.contains("# TYPE inference_failures_total counter\n"));
    assert!(!page.contains(" # {") && !page.contains("# UNIT") && !page.contains("# EOF"));
}

#[test]
fn no_trace_no_exemplar() {
    let bench = Bench::new(Limits::default());
    let mut row = row("m1", 200, 1.0);
    row.exemplar = None;
    bench.count(&row);
    let mut failure = failure("m1", 502);
    failure.trace_id = [0; 16];
    bench.fail(&failure, &verdict(Class::BadGateway, Cause::Unknown, Blame::Undetermined));
    let page = String::from_utf8(render(&bench.store, &bench.metrics, Format::OpenMetrics1)).unwrap();
    assert!(!page.contains(" # {"));
}

#[test]
fn a_clock_that_runs_ahead_cannot_hold_the_exemplar() {
    let bench = Bench::new(Limits::default());
    let verdict = verdict(Class::BadGateway, Cause::Unknown, Blame::Undetermined);
    let mut ahead = failure("m1", 502);
    ahead.end_ns = NOW + 10 * DAY;
    bench.fail(&ahead, &verdict);
    bench.store.lock().unwrap().at(NOW + 1_000_000_000);
    let mut next = failure("m1", 502);
    (next.trace_id, next.end_ns) = ([0x33; 16], NOW + 1_000_000_000);
    bench.fail(&next, &verdict);
    let page = String::from_utf8(render(&bench.store, &bench.metrics, Format::OpenMetrics1)).unwrap();
    assert!(page.contains(&"33".repeat(16)) && !page.contains(&"11".repeat(16)));
}

#[test]
fn promtool_finds_nothing_to_say() {
    let bench = busy();
    for metric in catalogue::ALL.iter().filter(|metric| metric.is_own()) {
        bench.metrics.value(metric, &vec!["x"; metric.labels.len()]);
    }
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = spawned.expect("promtool is missing: install Debian's package `prometheus` (tests/run does it)");
    promtool.stdin.take().unwrap().write_all(&render(&bench.store, &bench.metrics, Format::Text)).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}
