//! The store through the eyes of a scraper: what the fold says, and what the page then shows.

use super::exposition::{Format, render};
use super::limits::Limits;
use super::*;
use crate::correlate::{Failure, Held, Ledger, Part, Settled};
use crate::judge::Verdict;
use crate::judge::taxonomy::{Blame, Cause, Class, Confidence, EvidenceKind, Match, Retry};
use crate::observe::{Api, Ending, Exemplar, Observation, Outcome, Row, Status, Target, Timing, Vantage};
use crate::telemetry::Metrics;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

mod growth;
mod pages;
mod thresholds;

/// A Monday in 2026, ns since 1970.
pub(super) const NOW: u64 = 1_780_000_000_000_000_000;
const DAY: u64 = 86_400_000_000_000;

pub(super) fn target(model_id: &str) -> Arc<Target> {
    Arc::new(Target {
        platform: "baseten".to_owned(),
        model_id: model_id.to_owned(),
        environment: "production".to_owned(),
        deployment_id: String::new(),
    })
}

pub(super) fn row(model_id: &str, status: u16, requests: f64) -> Row {
    Row {
        target: target(model_id),
        caller: Arc::from("checkout"),
        vantage: Vantage::Client,
        status: Status::Http(status),
        outcome: if status < 400 { Outcome::Success } else { Outcome::Error },
        ending: None,
        requests,
        exemplar: Some(Exemplar { trace_id: [0xab; 16], span_id: [0xcd; 8], seconds: 0.7, time_ns: NOW }),
    }
}

pub(super) fn failure(model_id: &str, status: u16) -> Observation {
    Observation {
        vantage: Vantage::Client,
        target: target(model_id),
        api: Api::Dedicated,
        caller: Arc::from("checkout"),
        status: Status::Http(status),
        transport: None,
        ending: None,
        path: String::new(),
        text: String::new(),
        headers: Vec::new(),
        request_id: String::new(),
        start_ns: NOW - 1_000_000_000,
        end_ns: NOW,
        trace_id: [0x11; 16],
        span_id: [0x22; 8],
        parent_span_id: [0; 8],
        weight: 1.0,
        outcome: Outcome::Error,
    }
}

pub(super) fn verdict(class: Class, cause: Cause, blame: Blame) -> Verdict {
    Verdict {
        class,
        cause,
        blame,
        confidence: Confidence::Assumed,
        matched: Match::None,
        retry: Retry::Backoff,
        rule: Arc::from("test/rule"),
        next_step: Arc::from("Look."),
    }
}

/// A store and all that is needed to look at it.
pub(super) struct Bench {
    pub(super) store: Shared,
    pub(super) metrics: Metrics,
}

impl Bench {
    pub(super) fn new(limits: Limits) -> Self {
        Self::with(Settings { limits, ..Settings::default() })
    }

    pub(super) fn with(settings: Settings) -> Self {
        let metrics = Metrics::default();
        let store = shared(settings, &metrics);
        store.lock().unwrap().at(NOW);
        Self { store, metrics }
    }

    pub(super) fn count(&self, row: &Row) {
        let mut store = self.store.lock().unwrap();
        store.observed(row);
        store.requested(row, &mut std::iter::once(Timing { row: 0, seconds: 0.7, weight: row.requests }));
    }

    pub(super) fn fail(&self, observation: &Observation, verdict: &Verdict) {
        let failure = &Failure::from(observation);
        self.store.lock().unwrap().settled(&Settled { failure, verdict, proof: None });
    }

    /// All lines of the old text format, by series.
    pub(super) fn page(&self) -> BTreeMap<String, f64> {
        let page = String::from_utf8(render(&self.store, &self.metrics, Format::Text)).unwrap();
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.rsplit_once(' ').map(|(name, v)| (name.to_owned(), v.parse().unwrap())).unwrap())
            .collect()
    }

    fn sum(&self, prefix: &str) -> f64 {
        self.page().iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, value)| value).sum()
    }

    fn models(&self) -> usize {
        self.page().keys().filter(|name| name.starts_with("inference_target_info")).count()
    }
}

fn limits(models: usize, unverified: usize, callers: usize) -> Limits {
    Limits { models, unverified, callers, expire: Duration::from_hours(48) }
}

const M1: &str = "platform=\"baseten\",model_id=\"m1\",environment=\"production\"";

#[test]
fn what_alerts_name_is_there_at_zero_with_the_first_request() {
    let bench = Bench::new(Limits::default());
    bench.count(&row("m1", 200, 1.0));
    let page = bench.page();
    for series in [
        format!("inference_requests_total{{{M1},status_code=\"502\"}}"),
        format!("inference_requests_total{{{M1},status_code=\"504\"}}"),
        format!("inference_failures_total{{{M1},class=\"bad_gateway\",cause=\"unknown\",blame=\"undetermined\"}}"),
        format!("inference_failures_total{{{M1},class=\"bad_gateway\",cause=\"oom_killed\",blame=\"model\"}}"),
        format!("inference_failures_total{{{M1},class=\"timeout\",cause=\"slow_model\",blame=\"model\"}}"),
        format!("inference_failures_total{{{M1},class=\"stream_truncated\",cause=\"unknown\",blame=\"undetermined\"}}"),
        format!("inference_streams_total{{{M1},ending=\"complete\"}}"),
        format!("inference_streams_total{{{M1},ending=\"truncated\"}}"),
    ] {
        assert_eq!(page.get(&series), Some(&0.0), "{series}");
    }
    assert_eq!(page[&format!("inference_requests_total{{{M1},status_code=\"200\"}}")], 1.0);
    assert_eq!(page[&format!("inference_target_info{{{M1},vantage=\"client\",team=\"platform\"}}")], 1.0);
    assert_eq!(page["inference_caller_info{caller=\"checkout\",team=\"platform\"}"], 1.0);
}

#[test]
fn one_failure_is_counted_where_the_contract_says() {
    let bench = Bench::new(Limits::default());
    bench.count(&row("m1", 502, 1.0));
    bench.fail(&failure("m1", 502), &verdict(Class::BadGateway, Cause::Unknown, Blame::Undetermined));
    bench.fail(&failure("m1", 401), &verdict(Class::Authentication, Cause::InvalidApiKey, Blame::Client));
    let page = bench.page();
    for (series, value) in [
        (format!("inference_requests_total{{{M1},status_code=\"502\"}}"), 1.0),
        (format!("inference_failures_total{{{M1},class=\"bad_gateway\",cause=\"unknown\",blame=\"undetermined\"}}"), 1.0),
        (format!("inference_client_failures_total{{{M1},caller=\"checkout\",class=\"authentication\",cause=\"invalid_api_key\"}}"), 1.0),
        ("inference_verdicts_total{platform=\"baseten\",class=\"bad_gateway\",confidence=\"assumed\",match=\"none\"}".to_owned(), 1.0),
        (format!("inference_observations_total{{vantage=\"client\",{M1},outcome=\"error\"}}"), 1.0),
        (format!("inference_observations_total{{vantage=\"client\",{M1},outcome=\"success\"}}"), 0.0),
        (format!("inference_request_duration_seconds_bucket{{{M1},outcome=\"error\",le=\"0.5\"}}"), 0.0),
        (format!("inference_request_duration_seconds_bucket{{{M1},outcome=\"error\",le=\"1.0\"}}"), 1.0),
        (format!("inference_request_duration_seconds_bucket{{{M1},outcome=\"error\",le=\"+Inf\"}}"), 1.0),
        (format!("inference_request_duration_seconds_sum{{{M1},outcome=\"error\"}}"), 0.7),
    ] {
        assert_eq!(page.get(&series), Some(&value), "{series}");
    }
    assert_eq!(
        page.keys().filter(|name| name.starts_with("inference_client_failures_total")).count(),
        1,
        "only blame client"
    );
}

#[test]
fn every_model_past_the_limit_is_other_and_counted() {
    let bench = Bench::new(limits(3, 2, 10));
    for n in 0..10 {
        bench.count(&row(&format!("m{n}"), 200, 2.0));
    }
    assert_eq!(bench.models(), 4);
    let page = bench.page();
    let other =
        "inference_requests_total{platform=\"baseten\",model_id=\"_other\",environment=\"\",status_code=\"200\"}";
    assert_eq!(page[other], 14.0);
    assert_eq!(page["coroner_cardinality_overflow_total{limit=\"models\"}"], 14.0);
    assert_eq!(page["coroner_targets"], 3.0);
    assert_eq!(bench.sum("inference_requests_total"), 20.0, "nothing is lost");
}

#[test]
fn typing_errors_never_push_real_models_out() {
    let bench = Bench::new(limits(3, 2, 10));
    for n in 0..50 {
        bench.count(&row(&format!("typo{n}"), [401, 403, 404][n % 3], 1.0));
    }
    assert_eq!(bench.models(), 3, "two of their own and _unverified");
    let unverified = |status: u16| {
        format!(
            "inference_requests_total{{platform=\"baseten\",model_id=\"_unverified\",environment=\"\",status_code=\"{status}\"}}"
        )
    };
    assert_eq!([401, 403, 404].iter().map(|s| bench.page()[&unverified(*s)]).sum::<f64>(), 48.0);
    for n in 0..3 {
        bench.count(&row(&format!("real{n}"), 200, 1.0));
    }
    assert_eq!(bench.models(), 6);
    // A typo that turns out to be a model leaves `_unverified`, and one that had its own series keeps them and frees its place.
    let bench = Bench::new(limits(3, 1, 10));
    bench.count(&row("first", 401, 1.0));
    bench.count(&row("second", 401, 1.0));
    bench.count(&row("second", 200, 1.0));
    bench.count(&row("first", 200, 1.0));
    bench.count(&row("third", 404, 1.0));
    let page = bench.page();
    let own = |model: &str, status| {
        page[&format!(
            "inference_requests_total{{platform=\"baseten\",model_id=\"{model}\",environment=\"production\",status_code=\"{status}\"}}"
        )]
    };
    assert_eq!((own("first", 401), own("first", 200), own("second", 200), own("third", 404)), (1.0, 1.0, 1.0, 1.0));
}

#[test]
fn callers_are_capped_and_unknown_ones_have_a_name() {
    let bench = Bench::new(limits(3, 2, 2));
    let verdict = verdict(Class::Authentication, Cause::InvalidApiKey, Blame::Client);
    for caller in ["", "a", "b", "c", "d"] {
        let mut row = row("m1", 401, 1.0);
        let mut failure = failure("m1", 401);
        (row.caller, failure.caller) = (Arc::from(caller), Arc::from(caller));
        bench.count(&row);
        bench.fail(&failure, &verdict);
    }
    let page = bench.page();
    let of = |caller: &str| {
        page[&format!(
            "inference_client_failures_total{{{M1},caller=\"{caller}\",class=\"authentication\",cause=\"invalid_api_key\"}}"
        )]
    };
    assert_eq!([of("_unknown"), of("a"), of("b"), of("_other")], [1.0, 1.0, 1.0, 2.0]);
    assert_eq!(page["coroner_cardinality_overflow_total{limit=\"callers\"}"], 2.0);
}

#[test]
fn idle_targets_and_callers_leave_and_make_room() {
    let bench = Bench::new(limits(2, 2, 1));
    bench.count(&row("old", 200, 1.0));
    let mut later = row("busy", 200, 1.0);
    later.caller = Arc::from("late");
    bench.store.lock().unwrap().at(NOW + DAY);
    bench.count(&later);
    bench.count(&row("third", 200, 1.0));
    assert!(bench.page().keys().any(|name| name.contains("_other")));
    bench.store.lock().unwrap().expire(NOW + 3 * DAY);
    assert_eq!(bench.models(), 2, "busy and _other were seen within two days");
    assert!(!bench.page().keys().any(|name| name.contains("\"old\"")));
    bench.count(&row("third", 200, 1.0));
    assert!(bench.page().keys().any(|name| name.contains("\"third\"")), "the place is free again");
    bench.store.lock().unwrap().expire(NOW + 9 * DAY);
    assert_eq!((bench.models(), bench.page()["coroner_targets"]), (0, 0.0));
}

#[test]
fn hostile_names_cannot_break_the_page() {
    let bench = Bench::new(Limits::default());
    bench.count(&row("a\"b\\c\nd\u{0}} 5\n# EOF", 200, 1.0));
    bench.count(&row(&"long".repeat(1000), 200, 1.0));
    let page = String::from_utf8(render(&bench.store, &bench.metrics, Format::OpenMetrics1)).unwrap();
    assert!(page.contains("model_id=\"a\\\"b\\\\cd} 5# EOF\""), "{page}");
    assert_eq!(page.matches("\n# EOF\n").count(), 1);
    assert!(page.lines().all(|line| line.len() < 500));
}

#[test]
fn statuses_and_deployments_of_one_target_are_bounded() {
    let bench = Bench::new(Limits::default());
    for status in 100..600 {
        bench.count(&row("m1", status, 1.0));
    }
    for n in 0..200 {
        let target = Arc::new(Target { deployment_id: format!("d{n}"), ..(*target("m1")).clone() });
        bench.store.lock().unwrap().testified(&target, EvidenceKind::OomKilled, 1.0);
    }
    let page = bench.page();
    let series = |name: &str| page.keys().filter(|series| series.starts_with(name)).count();
    assert!(series("inference_requests_total") <= 65 && series("inference_evidence_total") <= 51);
    assert_eq!(bench.sum("inference_requests_total"), 500.0);
    assert_eq!(bench.sum("inference_evidence_total"), 200.0);
}

#[test]
fn owners_thresholds_and_open_cases() {
    let bench = Bench::with(Settings {
        owners: Owners {
            models: vec![Owner { pattern: "m*".to_owned(), team: "vision".to_owned() }],
            callers: vec![Owner { pattern: "check*".to_owned(), team: "shop".to_owned() }],
            ..Owners::default()
        },
        thresholds: vec![Threshold {
            alert: "Ratio".to_owned(),
            subject: Subject::Models("m1".to_owned()),
            value: 0.25,
        }],
        ..Settings::default()
    });
    bench.count(&row("m1", 200, 1.0));
    bench.count(&row("x", 200, 1.0));
    bench.store.lock().unwrap().primary(&row("m1", 200, 1.0), Vantage::Gateway);
    bench.store.lock().unwrap().opened("baseten", Class::BadGateway, 2);
    bench.store.lock().unwrap().opened("baseten", Class::BadGateway, -1);
    bench.store.lock().unwrap().unjoined(Vantage::Gateway, 1.5);
    let page = bench.page();
    assert_eq!(page[&format!("inference_target_info{{{M1},vantage=\"gateway\",team=\"vision\"}}")], 1.0);
    assert_eq!(page["inference_caller_info{caller=\"checkout\",team=\"shop\"}"], 1.0);
    assert_eq!(page[&format!("inference_alert_threshold{{alert=\"Ratio\",{M1}}}")], 0.25);
    assert_eq!(page.keys().filter(|name| name.starts_with("inference_alert_threshold")).count(), 1);
    assert_eq!(page["inference_open_cases{platform=\"baseten\",class=\"bad_gateway\"}"], 1.0);
    assert_eq!(page["coroner_unjoined_total{vantage=\"gateway\"}"], 1.5);
}

#[test]
fn what_the_fold_says_about_evidence_is_on_the_page() {
    let bench = Bench::new(Limits::default());
    {
        let mut store = bench.store.lock().unwrap();
        let observation = failure("m", 502);
        let (seen, before) =
            (Failure::from(&observation), verdict(Class::BadGateway, Cause::Unknown, Blame::Undetermined));
        let after = verdict(Class::BadGateway, Cause::OomKilled, Blame::Model);
        store.unplaced(EvidenceKind::OomKilled, 2.0);
        // The second one is surer, but not another verdict.
        for told in [&before, &after] {
            store.corrected(&Settled { failure: &seen, verdict: &after, proof: None }, told, EvidenceKind::OomKilled);
        }
        store.stream_corrected(&seen.target, Some(Ending::Unknown), 3.0);
        store.stream_corrected(&seen.target, None, 1.0);
        store.dropped(Part::Cases, 4);
        store.skewed("kernel", -7.5, false);
        store.held(Held { open: 5, bytes: 600, ..Held::default() });
    }
    let page = bench.page();
    let expected = [
        ("coroner_evidence_unplaced_total{kind=\"oom_killed\"}", 2.0),
        ("coroner_evidence_late_total{kind=\"oom_killed\"}", 1.0),
        ("coroner_evidence_late_total{kind=\"container_exit\"}", 0.0),
        ("coroner_streams_corrected_total{from=\"unknown\"}", 3.0),
        ("coroner_streams_corrected_total{from=\"none\"}", 1.0),
        ("coroner_correlate_dropped_total{what=\"cases\"}", 4.0),
        ("coroner_clock_skew_seconds{channel=\"kernel\"}", -7.5),
        ("coroner_correlate_entries{kind=\"open\"}", 5.0),
        ("coroner_correlate_bytes", 600.0),
        (
            "inference_failures_total{platform=\"baseten\",model_id=\"m\",environment=\"production\",class=\"bad_gateway\",cause=\"oom_killed\",blame=\"model\"}",
            0.0,
        ),
        (
            "inference_streams_total{platform=\"baseten\",model_id=\"m\",environment=\"production\",ending=\"truncated\"}",
            4.0,
        ),
    ];
    for (name, value) in expected {
        assert_eq!(page.get(name), Some(&value), "{name}");
    }
}
