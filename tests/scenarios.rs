//! Incidents as an on-call engineer tells them: what arrives when, and the verdicts and counts that must come of it.
//!
//! Scenario: each entry of `scenarios/*.yaml` (`scenarios/README.md` explains the form) becomes real OTLP bytes, which go
//! through the map and the fold with virtual time.
//! Guarantees: every verdict, its time, and every count are as written; what is not written did not happen. A failing one
//! prints what was expected beside what came.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets an error has failed")]

#[path = "scenarios/compare.rs"]
mod compare;
#[path = "scenarios/containers.rs"]
mod containers;
#[path = "scenarios/format.rs"]
mod format;
#[path = "scenarios/recorded.rs"]
mod recorded;
#[path = "scenarios/records.rs"]
mod records;
#[path = "scenarios/replay.rs"]
mod replay;
#[path = "scenarios/requests.rs"]
mod requests;
#[path = "scenarios/wire.rs"]
mod wire;
#[path = "scenarios/words.rs"]
mod words;

use format::Scenario;
use replay::{Post, Stage, play};

/// Orders of arrival that are tried where a scenario says `any_order`.
const ORDERS: u64 = 100;

/// What is wrong with a scenario; empty where it holds.
fn misses(stage: &Stage, scenario: &Scenario) -> Vec<String> {
    let post = Post::of(scenario);
    let (got, open) = play(stage, scenario, &post.bodies, post.names);
    let mut lines = compare::differences(scenario, &got, &open, true);
    if !scenario.any_order || !lines.is_empty() {
        return lines;
    }
    for order in 0..ORDERS {
        let post = Post::of(scenario);
        let (got, open) = play(stage, scenario, &post.shuffled(order), post.names);
        lines = compare::differences(scenario, &got, &open, false);
        if !lines.is_empty() {
            lines.insert(0, format!("    in order of arrival {order}:"));
            break;
        }
    }
    lines
}

/// All files, by name.
fn files() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_scenario_comes_to_what_it_says() {
    let stage = Stage::new();
    let (mut run, mut failed) = (0, Vec::new());
    for (file, text) in files() {
        for scenario in format::read(&file, &text).unwrap_or_else(|error| panic!("{error}")) {
            run += 1;
            let lines = misses(&stage, &scenario);
            if !lines.is_empty() {
                let (line, title) = (scenario.title.referenced.line(), &scenario.title.value);
                failed.push(format!("{file}:{line}: {title}\n    why: {}\n{}", scenario.why.trim(), lines.join("\n")));
            }
        }
    }
    assert!(failed.is_empty(), "\n{}\n\n{} of {run} scenarios do not hold", failed.join("\n\n"), failed.len());
    assert!(run >= 60, "only {run} scenarios were found");
}

const GOOD: &str = "
- title: A key is wrong
  why: the status says so
  happens:
    - call: { as: A, at: '12:00:00', status: 401 }
  expect:
    verdicts: { A: 'authentication / invalid_api_key / client, observed, at 12:00:01' }
";

#[test]
fn a_scenario_that_does_not_hold_prints_what_was_expected_and_what_came() {
    let wrong = GOOD.replace("authentication / invalid_api_key", "permission / invalid_api_key");
    let lines = misses(&Stage::new(), &format::read("x.yaml", &wrong).unwrap()[0]).join("\n");
    assert!(
        lines.contains("A                        expected  permission / invalid_api_key / client, observed"),
        "{lines}"
    );
    assert!(lines.contains("got       authentication / invalid_api_key / client, observed"), "{lines}");
    let unnamed = GOOD.replace(
        "verdicts: { A: 'authentication / invalid_api_key / client, observed, at 12:00:01' }",
        "counts: { requests: 2 }",
    );
    let lines = misses(&Stage::new(), &format::read("x.yaml", &unnamed).unwrap()[0]).join("\n");
    assert!(lines.contains("expected  nothing") && lines.contains("requests"), "{lines}");
    assert_eq!(misses(&Stage::new(), &format::read("x.yaml", GOOD).unwrap()[0]), Vec::<String>::new());
}

#[test]
fn a_malformed_file_is_refused_with_file_and_line() {
    for (from, to, line, message) in [
        ("status: 401", "statu: 401", 6, "unknown field `statu`"),
        ("- call:", "- phone:", 6, "unknown variant `phone`"),
        ("'12:00:00'", "noon", 6, "`noon` is no time of day"),
        ("authentication /", "authentification /", 8, "`authentification` is no class"),
        ("  why: the status says so\n", "", 5, "missing field `why`"),
    ] {
        let error = format::read("x.yaml", &GOOD.replace(from, to)).unwrap_err();
        assert!(error.contains(message), "{to}: {error}");
        let place: u64 = error.strip_prefix("x.yaml:").unwrap().split(':').next().unwrap().parse().unwrap();
        assert!(place.abs_diff(line) <= 1, "{to}: {error}");
    }
}
