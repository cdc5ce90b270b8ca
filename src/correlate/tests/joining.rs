//! One request, one case: what joins, what does not, and what is counted.

use super::scene::*;
use crate::judge::taxonomy::EvidenceKind::*;
use crate::observe::{Ending, Observation, Status, Tally, Target, Transport, Vantage};
use std::sync::Arc;

const UNKNOWN: &str = "bad_gateway unknown undetermined assumed none";
const STALLED: &str = "client_timeout stream_stalled undetermined assumed none";
const TRUNCATED: &str = "stream_truncated unknown undetermined assumed none";

/// The access line of the gateway for the same call, joined by the trace's ids.
fn access_line(id: u64, text: &str) -> Observation {
    Observation { vantage: Vantage::Gateway, text: text.to_owned(), ..bad_gateway(id, 3, 5) }
}

/// A client's failed call inside span `enclosing`.
fn inside(enclosing: u64, seen: Observation) -> Observation {
    Observation { parent_span_id: enclosing.to_be_bytes(), ..seen }
}

/// A model log's error in a stream of one request.
fn stream_error(request_id: &str, second: u64) -> Observation {
    Observation {
        vantage: Vantage::Model,
        trace_id: [0; 16],
        status: Status::None,
        ending: Some(Ending::Truncated),
        start_ns: 0,
        ..named(request_id, bad_gateway(0, second, second))
    }
}

/// Both orders of two records that arrive at seconds 6 and 8, at a target whose requests the client counts.
fn both(first: &Observation, second: &Observation) -> [Told; 2] {
    [[first, second], [second, first]]
        .map(|[a, b]| play(vec![succeeded(0, 0, "", 5), failed(6, a.clone()), failed(8, b.clone())]))
}

#[test]
fn two_vantages_of_one_request_are_one_failure_in_either_order() {
    let client = named("Q-1", bad_gateway(1, 3, 5));
    let gateway = Observation { trace_id: [9; 16], ..named("q1", access_line(2, "")) };
    for told in both(&client, &gateway) {
        assert_eq!((told.verdicts.len(), told.unjoined), (1, 0.0), "by request id in its spellings");
    }
    for told in both(&bad_gateway(1, 3, 5), &access_line(1, "")) {
        assert_eq!((told.verdicts.len(), told.unjoined), (1, 0.0), "by trace and span id");
    }
    for told in both(&bad_gateway(1, 3, 5), &access_line(2, "")) {
        assert_eq!((told.verdicts.len(), told.unjoined), (1, 0.0), "by trace id, at the same time");
    }
    let later = Observation { end_ns: access_line(2, "").end_ns + 6 * super::SECOND, ..access_line(2, "") };
    for told in both(&bad_gateway(1, 3, 5), &later) {
        assert_eq!((told.verdicts.len(), told.unjoined), (1, 1.0), "a later call of the same trace is another one");
    }
}

#[test]
fn the_first_counts_and_keeps_the_vantage() {
    let told = play(vec![
        failed(6, bad_gateway(1, 3, 5)),
        failed(8, access_line(1, "")),
        failed(9, bad_gateway(2, 3, 5)),
        failed(10, Observation { trace_id: [8; 16], ..access_line(3, "") }),
    ]);
    assert_eq!((told.verdicts.len(), told.requests, told.unjoined), (2, 2.0, 1.0));
    assert!(told.failures.iter().all(|failure| failure.vantage == Vantage::Client));
}

#[test]
fn cause_and_blame_are_the_more_specific_ones() {
    let draining = Observation { status: Status::Http(503), ..access_line(1, "client closed connection") };
    for told in both(&bad_gateway(1, 3, 5), &draining) {
        assert_eq!(told.verdicts, ["bad_gateway client_disconnect client observed none"]);
    }
}

#[test]
fn a_view_that_comes_after_the_verdict_changes_no_counter() {
    let late = Observation { status: Status::Http(503), ..access_line(1, "client closed connection") };
    let told = play(vec![failed(6, bad_gateway(1, 3, 5)), failed(300, late)]);
    assert_eq!((&*told.verdicts, told.requests, told.unjoined), (&[UNKNOWN.to_owned()][..], 1.0, 0.0));
    assert_eq!(told.refined, [format!("{UNKNOWN} -> bad_gateway client_disconnect client observed none by gateway")]);
}

#[test]
fn a_death_elsewhere_that_had_decided_is_taken_back_in_the_feed() {
    let told_early = "bad_gateway oom_killed model likely target";
    let gateway = || failed(9, named("q-1", access_line(1, "")));
    let ran_on = |second, replica| line(second, replica, "q-1", 4, false);
    let killed = || vec![failed(6, bad_gateway(1, 3, 5)), fact(7, OomKilled, 4, "r1")];
    for (what, more, refined) in [
        ("a line names another replica", vec![gateway(), ran_on(10, "r2")], vec![("model", UNKNOWN)]),
        ("the id leads to a line that came before", vec![ran_on(8, "r2"), gateway()], vec![("gateway", UNKNOWN)]),
        ("it ran where the death was", vec![gateway(), ran_on(10, "r1")], vec![]),
    ] {
        let told = play(killed().into_iter().chain(more).collect());
        assert_eq!(told.verdicts, [told_early], "{what}: counted once");
        let expected: Vec<_> = refined.iter().map(|(by, to)| format!("{told_early} -> {to} by {by}")).collect();
        assert_eq!(told.refined, expected, "{what}");
    }
}

#[test]
fn a_line_that_shows_progress_after_the_verdict_is_told_as_late() {
    let short = Observation { status: Status::None, ..named("q", transport(Transport::Timeout, bad_gateway(1, 3, 5))) };
    let told = play(vec![failed(6, short), line(7, "r1", "q", 4, false), line(200, "r1", "q", 190, true)]);
    assert_eq!(told.verdicts, ["client_timeout short_client_timeout client assumed none"]);
    let known = "client_timeout short_client_timeout client correlated request";
    assert_eq!(told.corrected, [format!("short_client_timeout -> {known} by finished_late")]);
}

#[test]
fn attempts_under_one_span_stay_apart_and_the_log_joins_the_last() {
    let first = inside(77, bad_gateway(1, 3, 5));
    let last = inside(77, transport(Transport::Disconnected, bad_gateway(2, 6, 8)));
    let log = app_log(77, 8, Transport::Timeout);
    let orders: [[(u64, &Observation); 3]; 3] = [
        [(9, &first), (10, &last), (11, &log)],
        [(9, &log), (10, &first), (11, &last)],
        [(9, &first), (10, &log), (11, &last)],
    ];
    for order in orders {
        let mut told = play(order.iter().map(|(second, seen)| failed(*second, (*seen).clone())).collect());
        told.verdicts.sort();
        assert_eq!(
            told.verdicts,
            [UNKNOWN, "client_timeout short_client_timeout client assumed none"],
            "{:?}",
            order.map(|(_, seen)| seen.vantage)
        );
        assert_eq!((told.requests, told.unjoined), (2.0, 0.0));
    }
}

#[test]
fn an_application_log_proves_a_fine_answer_broken() {
    for (kind, verdict) in [(Transport::Disconnected, TRUNCATED), (Transport::Timeout, STALLED)] {
        let log = || app_log(77, 9, kind);
        for (what, steps) in [
            ("the log came later", vec![succeeded(6, 5, "", 77), failed(10, log())]),
            ("the log came first", vec![failed(10, log()), succeeded(20, 5, "", 77)]),
            ("the call's request id is known too", vec![succeeded(6, 5, "q", 77), failed(10, log())]),
            ("the log came twice", vec![succeeded(6, 5, "", 77), failed(10, log()), failed(11, log())]),
        ] {
            let told = play(steps);
            assert_eq!(told.verdicts, [verdict], "{what}");
            assert_eq!((told.streams, told.requests, told.unjoined), (1.0, 1.0, 0.0), "{what}");
            assert_eq!(&*told.failures[0].target.model_id, "m", "{what}: the success says whose model it was");
        }
    }
    let refused = play(vec![succeeded(6, 5, "", 77), failed(10, app_log(78, 9, Transport::Timeout))]);
    assert_eq!((refused.verdicts.len(), refused.unjoined), (0, 1.0), "another span's log proves nothing");
    let next = play(vec![failed(10, app_log(77, 9, Transport::Timeout)), succeeded(20, 15, "", 77)]);
    assert_eq!((next.verdicts.len(), next.unjoined), (0, 1.0), "a call that ended after the log was another one");
}

#[test]
fn a_model_log_proves_a_fine_answer_broken_once() {
    let proof = || fact_of(10, StreamException, 9, "r1", "q");
    let told = play(vec![
        succeeded(6, 5, "Q", 77),
        proof(),
        failed(10, stream_error("q", 9)),
        failed(11, app_log(77, 9, Transport::Disconnected)),
    ]);
    assert_eq!(told.verdicts, ["stream_truncated user_exception model correlated request"]);
    assert_eq!((told.streams, told.unjoined), (1.0, 0.0), "both logs are one failure");
    let (model, app) = (stream_error("q", 9), app_log(77, 9, Transport::Disconnected));
    let before = play(vec![failed(10, model), failed(11, app), proof(), succeeded(20, 5, "q", 77)]);
    assert_eq!(
        (&before.verdicts, before.streams, before.unjoined),
        (&told.verdicts, 1.0, 0.0),
        "also where both came first"
    );
}

#[test]
fn a_stream_error_that_joins_nothing_is_a_failure_of_its_own() {
    let alone = play(vec![
        succeeded(6, 5, "", 77),
        fact_of(10, StreamException, 9, "r1", "q"),
        failed(10, stream_error("q", 9)),
    ]);
    assert_eq!(alone.verdicts, ["stream_truncated user_exception model correlated request"]);
    assert_eq!((alone.streams, alone.requests, alone.unjoined), (1.0, 1.0, 0.0), "the client has counted the request");
    let only = play(vec![failed(10, stream_error("q", 9))]);
    assert_eq!(
        (only.verdicts.len(), only.requests, only.streams),
        (1, 1.0, 0.0),
        "where nobody counts, it is a request too"
    );
    let first = play(vec![failed(10, stream_error("q", 9)), succeeded(20, 9, "q", 77)]);
    assert_eq!((first.verdicts.len(), first.requests, first.streams), (1, 1.0, 1.0), "an error is no access line");
    let cut = Observation { ending: Some(Ending::Truncated), ..status(200, bad_gateway(1, 3, 9)) };
    let claimed = play(vec![failed(10, cut), failed(10, stream_error("q", 9))]);
    assert_eq!((claimed.verdicts.len(), claimed.unjoined), (1, 1.0), "the client saw that stream break");
}

#[test]
fn limits_settle_the_oldest_with_what_is_known() {
    let settings =
        crate::correlate::Settings { open: 10, remember_successes: 0, ..crate::correlate::Settings::default() };
    let told = play_with(&settings, (1..=30).map(|id| failed(6, bad_gateway(id, 3, 5))).collect());
    assert_eq!(told.verdicts, vec![UNKNOWN; 30]);
    assert_eq!(
        (told.at.iter().filter(|at| **at == 6).count(), told.at.iter().filter(|at| **at == 126).count()),
        (20, 10)
    );
    assert_eq!(told.dropped.iter().map(|(_, count)| count).sum::<u64>(), 20);
}

#[test]
fn evidence_gives_way_when_its_limit_is_reached() {
    let settings =
        crate::correlate::Settings { evidence: 5, remember_successes: 0, ..crate::correlate::Settings::default() };
    let facts = (0..20).map(|n| fact(4, ContainerExit, 4, &format!("r{n}")));
    let told = play_with(&settings, facts.chain([failed(6, bad_gateway(1, 3, 5))]).collect());
    assert_eq!(told.verdicts, ["bad_gateway container_crash model likely target"]);
    assert_eq!(told.dropped.iter().map(|(_, count)| count).sum::<u64>(), 15);
}

#[test]
fn when_a_channel_last_spoke_is_told_of_targets_that_are_called() {
    // Whoever calls names the environment; this source does not.
    let mut called = crate::correlate::tests::row(Vantage::Client, "a", "m");
    called.target = Arc::new(Target { environment: "production".to_owned(), ..(*called.target).clone() });
    let calls = Tally { rows: vec![called], ..Tally::default() };
    let told = play(vec![heard(5, "r1", 4, 4), heard(9, "r2", 4, 4), (10, calls), overheard(70, "r1", 60, 60)]);
    let at = |words: &str, second| (words.to_owned(), second);
    let (platform, container) = ("m production platform_logs", "m production container_logs");
    assert_eq!(
        told.heard[..2],
        [at(platform, 9), at(platform, 9)],
        "told at 60 and 120, of the replica that spoke last"
    );
    assert!(told.heard[2..].contains(&at(container, 70)), "{:?}", told.heard);
    let nobody = play(vec![heard(5, "r1", 4, 4)]);
    assert_eq!(nobody.heard, [], "a target that nobody calls has no series");
}
