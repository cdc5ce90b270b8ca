//! Which evidence decides which failure: one sentence and one scene for each rule.

use super::scene::*;
use crate::judge::taxonomy::EvidenceKind::*;
use crate::observe::{Observation, Target, Transport};
use std::sync::Arc;

const OOM: &str = "bad_gateway oom_killed model likely target";
const UNKNOWN: &str = "bad_gateway unknown undetermined assumed none";
const CLEAN: &str = "bad_gateway platform_fault platform likely target";

/// A sentence, what arrives, and the verdicts in their order.
type Scene = (&'static str, Vec<Step>, &'static [&'static str]);

#[track_caller]
fn check(scenes: Vec<Scene>) {
    let misses: Vec<_> = scenes
        .into_iter()
        .map(|(what, steps, expected)| (what, play(steps).verdicts, expected))
        .filter(|(_, told, expected)| told != expected)
        .map(|(what, told, expected)| format!("{what}:\n  told {told:?}\n  not  {expected:?}"))
        .collect();
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn a_death_explains_a_request_if_they_touch() {
    check(vec![
        (
            "a kill in the request that came before it",
            vec![fact(5, OomKilled, 4, ""), failed(6, bad_gateway(1, 3, 5))],
            &[OOM],
        ),
        ("a kill that came after it", vec![failed(6, bad_gateway(1, 3, 5)), fact(9, OomKilled, 4, "")], &[OOM]),
        (
            "a kill that came twice",
            vec![fact(5, OomKilled, 4, ""), fact(6, OomKilled, 4, ""), failed(7, bad_gateway(1, 3, 5))],
            &[OOM],
        ),
        ("a kill that never came", vec![failed(6, bad_gateway(1, 3, 5))], &[UNKNOWN]),
        (
            "a kill that came after the window",
            vec![failed(6, bad_gateway(1, 3, 5)), fact(127, OomKilled, 4, "")],
            &[UNKNOWN],
        ),
        (
            "a kill stamped 30 s after the end",
            vec![failed(6, bad_gateway(1, 3, 5)), fact(40, OomKilled, 35, "")],
            &[OOM],
        ),
        (
            "a kill stamped 31 s after the end",
            vec![failed(6, bad_gateway(1, 3, 5)), fact(40, OomKilled, 36, "")],
            &[UNKNOWN],
        ),
        (
            "a kill 14 minutes before the 502 of a request of 15",
            vec![fact(70, OomKilled, 60, ""), failed(901, bad_gateway(1, 1, 900))],
            &[OOM],
        ),
        (
            "a kill 15 minutes before a short one",
            vec![fact(70, OomKilled, 60, ""), failed(961, bad_gateway(1, 958, 960))],
            &[UNKNOWN],
        ),
        (
            "a kill two minutes before, and no sign of life",
            vec![fact(5, OomKilled, 4, ""), failed(126, bad_gateway(1, 124, 125))],
            &[OOM],
        ),
        (
            "a kill of another model",
            vec![
                failed(6, Observation { target: super::target("n"), ..bad_gateway(1, 3, 5) }),
                fact(9, OomKilled, 4, ""),
            ],
            &[UNKNOWN],
        ),
    ]);
}

#[test]
fn what_a_replica_answers_after_it_serves_again_is_not_explained() {
    check(vec![
        (
            "it served again before the request began",
            vec![fact(5, OomKilled, 4, "r1"), fact(30, Serving, 29, "r1"), failed(41, bad_gateway(1, 39, 40))],
            &[UNKNOWN],
        ),
        (
            "the sign came after the failure",
            vec![
                fact(5, OomKilled, 4, "r1"),
                failed(41, named("q", bad_gateway(1, 39, 40))),
                fact(50, Serving, 29, "r1"),
            ],
            &[UNKNOWN],
        ),
        (
            "the request had begun before",
            vec![fact(5, OomKilled, 4, "r1"), fact(30, Serving, 29, "r1"), failed(41, bad_gateway(1, 28, 40))],
            &[OOM],
        ),
        (
            "another replica serves all the time",
            vec![fact(5, OomKilled, 4, "r1"), fact(30, Serving, 29, "r2"), failed(41, bad_gateway(1, 39, 40))],
            &[OOM],
        ),
        (
            "nobody knows which replica died, and one serves",
            vec![fact(5, OomKilled, 4, ""), fact(30, Serving, 29, "r2"), failed(41, bad_gateway(1, 39, 40))],
            &[UNKNOWN],
        ),
        (
            "it stayed away for five minutes",
            vec![fact(5, OomKilled, 4, "r1"), fact(310, Serving, 304, "r1"), failed(301, bad_gateway(1, 299, 300))],
            &[OOM],
        ),
    ]);
}

#[test]
fn request_then_replica_then_target() {
    let on = |replica: &'static str| line(6, replica, "q-1", 4, false);
    check(vec![
        (
            "the request id tells the replica that died",
            vec![failed(6, named("Q1", bad_gateway(1, 3, 5))), on("r1"), fact(9, OomKilled, 4, "r1")],
            &["bad_gateway oom_killed model correlated replica"],
        ),
        (
            "it ran on another replica than the one that died",
            vec![failed(6, named("Q1", bad_gateway(1, 3, 5))), on("r2"), fact(9, OomKilled, 4, "r1")],
            &[UNKNOWN],
        ),
        (
            "its own hang-up beats a death of its replica",
            vec![
                failed(6, named("Q1", bad_gateway(1, 3, 5))),
                fact_of(7, ClientDisconnect, 5, "r1", "q1"),
                fact(9, OomKilled, 4, "r1"),
            ],
            &["client_closed client_disconnect client correlated request"],
        ),
        (
            "the hang-up of another request says nothing",
            vec![failed(6, named("Q1", bad_gateway(1, 3, 5))), fact_of(7, ClientDisconnect, 5, "r1", "q2")],
            &[UNKNOWN],
        ),
        (
            "the exception of another request explains nobody",
            vec![
                failed(6, status(500, bad_gateway(1, 3, 5))),
                fact_of(7, UserException, 5, "r1", "q2"),
                fact(7, UserException, 5, "r1"),
            ],
            &["model_error unknown model assumed none"],
        ),
        (
            "its own exception does",
            vec![failed(6, named("q2", status(500, bad_gateway(1, 3, 5)))), fact_of(7, UserException, 5, "r1", "q2")],
            &["model_error user_exception model correlated request"],
        ),
        (
            "a GPU out of memory in the request, in a line without ids",
            vec![failed(6, status(500, bad_gateway(1, 3, 5))), fact(7, GpuOom, 4, "r1")],
            &["model_error gpu_oom model likely target"],
        ),
        (
            "a GPU out of memory before the request",
            vec![failed(16, status(500, bad_gateway(1, 13, 15))), fact(17, GpuOom, 4, "r1")],
            &["model_error unknown model assumed none"],
        ),
        (
            "an OOM beats an exit of the same replica, whichever is nearer",
            vec![
                failed(6, named("q", bad_gateway(1, 3, 5))),
                fact(7, ContainerExit, 5, "r1"),
                fact(8, OomKilled, 3, "r1"),
            ],
            &[OOM],
        ),
    ]);
}

#[test]
fn clean_needs_a_watermark_and_a_channel_that_can_speak() {
    let seen = || failed(6, bad_gateway(1, 3, 5));
    check(vec![
        (
            "its only replica spoke ten seconds later",
            vec![heard(4, "r1", 1, 4), seen(), heard(20, "r1", 15, 15)],
            &[CLEAN],
        ),
        ("nine seconds are not enough", vec![heard(4, "r1", 1, 4), seen(), heard(20, "r1", 6, 14)], &[UNKNOWN]),
        (
            "the replica fell silent",
            vec![heard(4, "r1", 1, 4), heard(4, "r2", 1, 4), seen(), heard(20, "r2", 15, 15)],
            &[UNKNOWN],
        ),
        (
            "all replicas that were seen lately went on",
            vec![heard(4, "r1", 1, 4), heard(4, "r2", 1, 4), seen(), heard(20, "r2", 15, 15), heard(30, "r1", 25, 25)],
            &[CLEAN],
        ),
        (
            "plain container lines cannot report a death",
            vec![overheard(4, "r1", 1, 4), seen(), overheard(20, "r1", 15, 15)],
            &[UNKNOWN],
        ),
        (
            "a replica whose death nobody could report is not proved",
            vec![
                heard(4, "r1", 1, 4),
                overheard(4, "r2", 1, 4),
                seen(),
                heard(20, "r1", 15, 15),
                overheard(20, "r2", 15, 15),
            ],
            &[UNKNOWN],
        ),
        ("a replica that began later is no witness", vec![seen(), heard(20, "r9", 15, 15)], &[UNKNOWN]),
        (
            "the request's own replica went on, whatever the others did",
            vec![
                heard(4, "r2", 1, 4),
                failed(6, named("q", bad_gateway(1, 3, 5))),
                line(7, "r1", "q", 4, false),
                heard(20, "r1", 15, 15),
            ],
            &["bad_gateway platform_fault platform likely replica"],
        ),
        (
            "trouble that the rule does not ask for is trouble",
            vec![heard(4, "r1", 1, 4), seen(), fact(9, MemoryPressure, 4, "r1"), heard(20, "r1", 15, 15)],
            &[UNKNOWN],
        ),
        (
            "evidence beats clean logs",
            vec![heard(4, "r1", 1, 4), seen(), heard(20, "r1", 15, 15), fact(60, OomKilled, 4, "r1")],
            &[OOM],
        ),
    ]);
}

#[test]
fn time_outs_ask_how_far_the_request_got() {
    let short = || failed(6, named("q", transport(Transport::Timeout, bad_gateway(1, 3, 5))));
    let began = || line(5, "r1", "q", 4, false);
    let other = || line(7, "r1", "other", 6, true);
    check(vec![
        (
            "it finished later: the caller's limit was short",
            vec![short(), began(), line(9, "r1", "q", 8, true)],
            &["client_timeout short_client_timeout client correlated request"],
        ),
        (
            "it never came back, and its log goes on",
            vec![short(), began(), other(), heard(30, "r1", 20, 20)],
            &["client_timeout hung_request model correlated request"],
        ),
        (
            "a log that never notes an end cannot prove it",
            vec![short(), began(), heard(30, "r1", 20, 20)],
            &["client_timeout short_client_timeout client assumed none"],
        ),
        (
            "a log that stops cannot prove it",
            vec![short(), began(), other()],
            &["client_timeout short_client_timeout client assumed none"],
        ),
        (
            "its replica died: that is why it never came back",
            vec![short(), began(), other(), fact(9, OomKilled, 5, "r1"), heard(30, "r1", 20, 20)],
            &["client_timeout oom_killed model correlated replica"],
        ),
    ]);
}

#[test]
fn it_settles_at_once_only_if_nothing_can_change_it() {
    let settled = |steps: Vec<Step>| play(steps).at;
    assert_eq!(settled(vec![failed(6, status(401, bad_gateway(1, 3, 5)))]), [6], "nothing to decide");
    assert_eq!(settled(vec![failed(6, bad_gateway(1, 3, 5)), fact(9, OomKilled, 4, "r1")]), [9], "first kind, no ids");
    assert_eq!(settled(vec![fact(5, OomKilled, 4, ""), failed(6, bad_gateway(1, 3, 5))]), [6], "it was there before");
    assert_eq!(
        settled(vec![failed(6, bad_gateway(1, 3, 5)), fact(9, ContainerExit, 4, "")]),
        [126],
        "an OOM may come yet"
    );
    assert_eq!(
        settled(vec![failed(6, named("q", bad_gateway(1, 3, 5))), fact(9, OomKilled, 4, "r1")]),
        [126],
        "a record with its request id may come yet"
    );
    assert_eq!(settled(vec![failed(6, bad_gateway(1, 3, 5))]), [126], "nothing came");
    assert_eq!(
        settled(vec![fact(3, OomKilled, 2, "r1"), failed(6, bad_gateway(1, 3, 5))]),
        [126],
        "it died before, and may have served again"
    );
}

#[test]
fn late_evidence_corrects_the_feed_and_no_counter() {
    let late =
        play(vec![failed(6, bad_gateway(1, 3, 5)), fact(130, OomKilled, 4, "r1"), fact(140, OomKilled, 5, "r1")]);
    assert_eq!(late.verdicts, [UNKNOWN]);
    assert_eq!(late.corrected, [format!("unknown -> {OOM} by oom_killed")], "told once");
    let better =
        play(vec![failed(6, bad_gateway(1, 3, 5)), fact(9, ContainerExit, 4, "r1"), fact(130, OomKilled, 4, "r1")]);
    assert_eq!(better.verdicts, ["bad_gateway container_crash model likely target"]);
    assert_eq!(better.corrected, [format!("container_crash -> {OOM} by oom_killed")]);
    let worse =
        play(vec![failed(6, bad_gateway(1, 3, 5)), fact(9, OomKilled, 4, "r1"), fact(130, ContainerExit, 4, "r1")]);
    assert!(worse.corrected.is_empty(), "what is weaker corrects nothing");
    let named = play(vec![failed(6, named("q", bad_gateway(1, 3, 5))), fact_of(130, ClientDisconnect, 4, "r1", "q")]);
    assert_eq!(
        named.corrected,
        ["unknown -> client_closed client_disconnect client correlated request by client_disconnect"]
    );
    let forgotten = play(vec![failed(6, bad_gateway(1, 3, 5)), fact(727, OomKilled, 4, "r1")]);
    assert!(forgotten.corrected.is_empty(), "ten minutes after settling it is forgotten");
}

#[test]
fn evidence_without_a_target_matches_nothing() {
    let mut step = fact(9, OomKilled, 4, "r1");
    step.1.evidence[0].target = None;
    let told = play(vec![failed(6, bad_gateway(1, 3, 5)), step]);
    assert_eq!((told.verdicts, told.unplaced, told.facts), (vec![UNKNOWN.to_owned()], 1.0, 0.0));
}

#[test]
fn a_field_that_is_not_stated_fits_and_a_different_one_does_not() {
    let place = |environment: &str, deployment: &str| Target {
        platform: "baseten".into(),
        model_id: "m".into(),
        environment: environment.into(),
        deployment_id: deployment.into(),
    };
    let verdict = |seen: Target, killed: Target| {
        let mut step = fact(9, OomKilled, 4, "r1");
        step.1.evidence[0].target = Some(Arc::new(killed));
        play(vec![failed(6, Observation { target: Arc::new(seen), ..bad_gateway(1, 3, 5) }), step]).verdicts
    };
    assert_eq!(verdict(place("production", ""), place("production", "d1")), [OOM]);
    assert_eq!(verdict(place("", ""), place("production", "d1")), [OOM]);
    assert_eq!(verdict(place("production", ""), place("staging", "d2")), [UNKNOWN]);
    assert_eq!(verdict(place("", "d1"), place("", "d2")), [UNKNOWN]);
}

#[test]
fn a_clock_ahead_is_shifted_and_costs_a_step_of_confidence() {
    // The source's clock is 100 s ahead: it stamps the kill of second 4 with 104.
    let killed = fact(5, OomKilled, 104, "r1");
    let told = play(vec![heard(4, "r1", 104, 104), killed, failed(6, bad_gateway(1, 3, 5))]);
    assert_eq!(told.verdicts, ["bad_gateway oom_killed model assumed target"]);
    // Without the shift it would be too late for this failure.
    let honest = play(vec![failed(6, bad_gateway(1, 3, 5)), fact(106, OomKilled, 104, "r1")]);
    assert_eq!(honest.verdicts, [UNKNOWN]);
    let delayed = play(vec![heard(4, "r1", 4, 4), failed(6, bad_gateway(1, 3, 5)), heard(100, "r1", 4, 5)]);
    assert!(delayed.skews.iter().all(|(_, _, shifted)| !shifted), "what comes late may only be delayed");
}
