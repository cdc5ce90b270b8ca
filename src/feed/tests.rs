//! The fan-out without a network: who gets which cases, and what a slow watcher loses.

use super::filter::Filter;
use super::v1::{Case, CaseKind, WatchRequest};
use super::watchers::{QUEUE, Refusal, WATCHERS};
use super::{Feed, Publisher, Watch, channel};
use crate::correlate::{Failure, Proof, Settled};
use crate::judge::Verdict;
use crate::judge::taxonomy::{Blame, Cause, Class, Confidence, EvidenceKind, Match, Retry};
use crate::observe::{Status, Target, Vantage};
use crate::telemetry::catalogue::{FEED_DROPPED, FEED_SENT, FEED_WATCHERS};
use crate::telemetry::{Metrics, catalogue::Metric};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio_stream::Stream;

const SECOND: u64 = 1_000_000_000;
const NOW: u64 = 1_700_000_000 * SECOND;

fn failure(model: &str) -> Failure {
    let target = Target {
        platform: "baseten".to_owned(),
        model_id: model.to_owned(),
        environment: "production".to_owned(),
        deployment_id: "d1".to_owned(),
    };
    Failure {
        target: Arc::new(target),
        caller: "checkout".into(),
        vantage: Vantage::Client,
        status: Status::Http(502),
        request_id: "r-1".into(),
        start_ns: 0,
        end_ns: NOW - SECOND,
        trace_id: [0xab; 16],
        span_id: [0; 8],
        weight: 2.0,
    }
}

fn verdict(cause: Cause, blame: Blame) -> Verdict {
    Verdict {
        class: Class::BadGateway,
        cause,
        blame,
        confidence: Confidence::Likely,
        matched: Match::Target,
        retry: Retry::Backoff,
        rule: "baseten/502".into(),
        next_step: "Look at the memory.".into(),
    }
}

fn oom() -> Verdict {
    verdict(Cause::OomKilled, Blame::Model)
}

fn unknown() -> Verdict {
    verdict(Cause::Unknown, Blame::Undetermined)
}

fn settle(publisher: &Publisher, model: &str, verdict: &Verdict) {
    publisher.settled(&Settled { failure: &failure(model), verdict, proof: None }, NOW);
}

fn watch(feed: &Feed, request: WatchRequest) -> Watch {
    feed.watch(Filter::new(request).unwrap(), None).unwrap()
}

fn poll(watch: &mut Watch) -> Poll<Option<Case>> {
    std::pin::Pin::new(watch).poll_next(&mut Context::from_waker(Waker::noop())).map(|case| case.map(Result::unwrap))
}

/// What waits for a watcher now.
fn take(watch: &mut Watch) -> Vec<Case> {
    std::iter::from_fn(|| match poll(watch) {
        Poll::Ready(case) => case,
        Poll::Pending => None,
    })
    .collect()
}

fn models(cases: &[Case]) -> Vec<&str> {
    cases.iter().map(|case| case.target.as_ref().unwrap().model_id.as_str()).collect()
}

fn value(metrics: &Metrics, metric: &'static Metric) -> u64 {
    format!("{}", metrics.value(metric, &[]).get()).parse().unwrap()
}

#[test]
fn a_case_carries_all_that_is_known() {
    let (publisher, feed) = channel(&Metrics::default());
    let mut watcher = watch(&feed, WatchRequest::default());
    let proof = Proof {
        kind: EvidenceKind::OomKilled,
        time_ns: NOW - 2 * SECOND,
        replica: "pod-1".into(),
        text: "OOMKilled".into(),
    };
    publisher.settled(&Settled { failure: &failure("m1"), verdict: &oom(), proof: Some(&proof) }, NOW + 5);
    let case = &take(&mut watcher)[0];
    let json: serde_json::Value = serde_json::to_value(case).unwrap();
    let expected = serde_json::json!({
        "kind": "settled", "settle_time": "2023-11-14T22:13:20.000000005Z", "start_time": null,
        "end_time": "2023-11-14T22:13:19Z", "caller": "checkout", "vantage": "client", "status_code": "502",
        "target": { "platform": "baseten", "model_id": "m1", "environment": "production", "deployment_id": "d1" },
        "trace_id": "abababababababababababababababab", "span_id": "", "request_id": "r-1",
        "verdict": { "class": "bad_gateway", "cause": "oom_killed", "blame": "model", "confidence": "likely",
            "match": "target", "retry": "backoff", "rule": "baseten/502", "next_step": "Look at the memory." },
        "before": null, "weight": 2.0, "dropped": 0,
        "evidence": { "kind": "oom_killed", "time": "2023-11-14T22:13:18Z", "replica": "pod-1", "text": "OOMKilled" },
    });
    assert_eq!(json, expected);
}

#[test]
fn each_watcher_gets_what_it_asked_for() {
    let (publisher, feed) = channel(&Metrics::default());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let table = [
        (WatchRequest::default(), vec!["a-1", "a-2", "b-1"]),
        (WatchRequest { model: "a-*".to_owned(), ..WatchRequest::default() }, vec!["a-1", "a-2"]),
        (WatchRequest { causes: words(&["oom_killed", "gpu_oom"]), ..WatchRequest::default() }, vec!["a-1", "b-1"]),
        (WatchRequest { blames: words(&["undetermined"]), ..WatchRequest::default() }, vec!["a-2"]),
        (WatchRequest { classes: words(&["timeout"]), ..WatchRequest::default() }, vec![]),
        (WatchRequest { caller: "check*".to_owned(), ..WatchRequest::default() }, vec!["a-1", "a-2", "b-1"]),
        (WatchRequest { caller: "web".to_owned(), ..WatchRequest::default() }, vec![]),
        (WatchRequest { model: "a-*".to_owned(), blames: words(&["model"]), ..WatchRequest::default() }, vec!["a-1"]),
    ];
    let mut watchers: Vec<_> =
        table.into_iter().map(|(request, wanted)| (watch(&feed, request.clone()), request, wanted)).collect();
    settle(&publisher, "a-1", &oom());
    settle(&publisher, "a-2", &unknown());
    settle(&publisher, "b-1", &oom());
    for (watcher, request, wanted) in &mut watchers {
        assert_eq!(models(&take(watcher)), *wanted, "{request:?}");
    }
}

#[test]
fn a_correction_is_told_to_those_who_want_either_verdict() {
    let (publisher, feed) = channel(&Metrics::default());
    let by_cause = |cause: &str| WatchRequest { causes: vec![cause.to_owned()], ..WatchRequest::default() };
    let [mut new, mut old, mut other] = ["oom_killed", "unknown", "gpu_oom"].map(|cause| watch(&feed, by_cause(cause)));
    publisher.corrected(&Settled { failure: &failure("m1"), verdict: &oom(), proof: None }, &unknown(), NOW);
    for watcher in [&mut new, &mut old] {
        let case = &take(watcher)[0];
        assert_eq!(case.kind(), CaseKind::Corrected);
        assert_eq!(case.verdict.as_ref().unwrap().cause, "oom_killed");
        assert_eq!(case.before.as_ref().unwrap().cause, "unknown");
    }
    assert_eq!(take(&mut other), []);
}

#[test]
fn a_slow_watcher_loses_cases_is_told_how_many_and_disturbs_nobody() {
    let metrics = Metrics::default();
    let (publisher, feed) = channel(&metrics);
    let mut slow = watch(&feed, WatchRequest::default());
    let mut quick = watch(&feed, WatchRequest::default());
    for n in 0..QUEUE + 7 {
        settle(&publisher, &n.to_string(), &oom());
        assert_eq!(models(&take(&mut quick)), [n.to_string()]);
    }
    let kept = take(&mut slow);
    assert_eq!(kept.len(), QUEUE);
    assert!(kept.iter().all(|case| case.dropped == 0), "nothing was lost before these");
    settle(&publisher, "next", &oom());
    settle(&publisher, "after", &oom());
    let told: Vec<_> = take(&mut slow).iter().map(|case| case.dropped).collect();
    assert_eq!(told, [7, 0]);
    assert_eq!(take(&mut quick).iter().map(|case| case.dropped).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(value(&metrics, &FEED_DROPPED), 7);
    assert_eq!(value(&metrics, &FEED_SENT), 2 * (QUEUE as u64 + 2) + 7);
}

#[test]
fn watchers_come_and_go_within_a_limit() {
    let metrics = Metrics::default();
    let (publisher, feed) = channel(&metrics);
    let mut watchers: Vec<_> = (0..WATCHERS).map(|_| watch(&feed, WatchRequest::default())).collect();
    assert_eq!(feed.watch(Filter::default(), None).err(), Some(Refusal::Full));
    assert_eq!(value(&metrics, &FEED_WATCHERS), WATCHERS as u64);
    watchers.pop();
    let mut last = watch(&feed, WatchRequest::default());
    settle(&publisher, "m1", &oom());
    drop(publisher);
    assert_eq!(models(&take(&mut last)), ["m1"], "what settled before the end still comes");
    assert_eq!(poll(&mut last), Poll::Ready(None));
    assert_eq!(feed.watch(Filter::default(), None).err(), Some(Refusal::Closed));
    assert_eq!(value(&metrics, &FEED_WATCHERS), 0);
}

#[test]
fn words_that_do_not_exist_are_refused() {
    let request = WatchRequest { blames: vec!["user".to_owned()], ..WatchRequest::default() };
    let error = Filter::new(request).unwrap_err().to_string();
    assert_eq!(error, "`user` is no blame; write one of: client, model, platform, undetermined");
}
