//! How often an end or a state of a container counts, however many lines tell of it.

use super::scene::*;
use super::{SECOND, START};
use crate::judge::taxonomy::EvidenceKind::{self, *};

#[test]
fn an_end_that_many_lines_tell_of_counts_once_a_minute_replica_and_process() {
    let minute = START / SECOND % 60;
    let counted = |facts: &[(EvidenceKind, u64, &str)]| {
        let said = |(n, (kind, time, replica)): (usize, &(EvidenceKind, u64, &str))| {
            let mut step = fact(200, *kind, time + 60 - minute, replica);
            step.1.evidence[0].text = format!("line {n}");
            step
        };
        play(facts.iter().enumerate().map(said).collect()).facts
    };
    for (facts, count, why) in [
        (&[(EngineDead, 1, "r1"), (EngineDead, 59, "r1"), (EngineDead, 1, "r1")][..], 1.0, "one end"),
        (&[(EngineDead, 1, "r1"), (EngineDead, 1, "r2")], 2.0, "two replicas"),
        (&[(EngineDead, 1, "r1"), (ContainerExit, 1, "r1")], 2.0, "another kind counts for itself"),
        (&[(EngineDead, 59, "r1"), (EngineDead, 60, "r1")], 2.0, "the next minute"),
        (&[(GpuOom, 1, "r1"), (GpuOom, 2, "r1")], 2.0, "an allocation that fails is no state"),
    ] {
        assert!((counted(facts) - count).abs() < 1e-9, "{why}");
    }
    let lost = |processes: &[u32]| {
        let named = processes.iter().enumerate().map(|(n, process)| {
            let mut step = fact(200, ContainerExit, 60 - minute, "r1");
            (step.1.evidence[0].process, step.1.evidence[0].text) = (*process, format!("line {n}"));
            step
        });
        play(named.collect()).facts
    };
    for (processes, count, why) in [
        (&[11, 12, 13][..], 3.0, "three workers of one server"),
        (&[11, 12, 11], 2.0, "each process ends once"),
        (&[11, 0, 12, 0], 2.0, "what names none is one of them"),
        (&[0, 11, 12], 2.0, "whichever comes first"),
        (&[0, 0], 1.0, "one end"),
    ] {
        assert!((lost(processes) - count).abs() < 1e-9, "{why}: {}", lost(processes));
    }
    let echo = vec![
        fact(9, EngineDead, 2, "r1"),
        failed(9, named("q", bad_gateway(1, 3, 5))),
        fact_of(10, EngineDead, 4, "r1", "q"),
    ];
    assert_eq!(
        play(echo).verdicts,
        ["bad_gateway container_crash model correlated request"],
        "it decides all the same"
    );
}
