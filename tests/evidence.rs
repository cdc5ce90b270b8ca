//! What recorded lines, model logs and application logs come to.
//!
//! Scenario: every recording in `fixtures/evidence` (line by line, as a log shipper sends it), `fixtures/model-logs` and
//! `fixtures/app-logs` goes through observe, with the built-in books.
//! Guarantees: each line is the evidence that a careful person takes it for, and no other; an application's error log, judged
//! alone, gets its truth. All misses are printed together.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets an error has failed")]

#[path = "evidence/export.rs"]
mod export;
#[path = "evidence/marks.rs"]
mod marks;
#[path = "evidence/metrics.rs"]
mod metrics;
#[path = "evidence/shapes.rs"]
mod shapes;

use base64::Engine as _;
use coroner::judge::taxonomy::EvidenceKind;
use coroner::judge::{Rulebooks, Verdict};
use coroner::observe::{Channel, Ending, Status, Vantage};
use export::{attribute, lines, map, placed, record, shown};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;

#[derive(Deserialize)]
struct Recording {
    case: String,
    truth: Truth,
    logs: String,
}

#[derive(Deserialize)]
struct Truth {
    #[serde(default)]
    class: String,
    #[serde(default)]
    class_also: Vec<String>,
    cause: Vec<String>,
    blame: Vec<String>,
}

/// Most fixtures are gzip: a record's attributes repeat.
fn plain(bytes: Vec<u8>) -> Vec<u8> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return bytes;
    }
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut out).unwrap();
    out
}

fn recordings(file: &str) -> Vec<(Recording, Vec<u8>)> {
    let text = fs::read_to_string(format!("tests/fixtures/{file}")).unwrap();
    let read = |line: &str| {
        let recording: Recording = serde_json::from_str(line).unwrap();
        let logs = base64::engine::general_purpose::STANDARD.decode(&recording.logs).unwrap();
        (recording, plain(logs))
    };
    text.lines().map(read).collect()
}

/// A file, the kinds that its lines come to, and how often.
type Row = (&'static str, &'static [(&'static str, usize)]);

/// The kinds that the lines of a file come to, and how often; one line is one record.
fn kinds(file: &str) -> BTreeMap<&'static str, usize> {
    let text = fs::read_to_string(format!("tests/fixtures/evidence/{file}.log")).unwrap();
    let mut kinds = BTreeMap::new();
    for (n, line) in text.lines().enumerate() {
        // A second apart: of the signs of life of one second only the first is kept.
        let tally = map(&lines(&[line], 1_000_000_000 * (n as u64 + 1)));
        for evidence in &tally.evidence {
            *kinds.entry(evidence.kind.as_str()).or_default() += 1;
        }
    }
    kinds
}

#[test]
fn every_recorded_line_is_what_a_person_takes_it_for() {
    let table: &[Row] = &[
        // 137 alone is no OOM.
        ("exit_status_oom", &[("container_exit", 1)]),
        ("gunicorn_exception", &[("draining", 1), ("loading", 1), ("serving", 1), ("user_exception", 2)]),
        // gunicorn guesses: three files hold the same sentence, one of them was out of memory.
        ("gunicorn_worker_killed_by_hand", &[("container_exit", 1), ("draining", 1), ("loading", 2)]),
        ("gunicorn_worker_oom", &[("container_exit", 1), ("draining", 1), ("loading", 2)]),
        // Line by line, the traceback of the abort looks like any other; the time-out in front of it is stronger.
        (
            "gunicorn_worker_timeout_abort",
            &[("draining", 1), ("loading", 2), ("user_exception", 2), ("worker_timeout", 1)],
        ),
        (
            "gunicorn_worker_timeout_sigkill",
            &[("container_exit", 1), ("draining", 1), ("loading", 2), ("worker_timeout", 1)],
        ),
        ("kernel_oom_child", &[("oom_killed", 2)]),
        ("kernel_oom_memcg_full", &[("oom_killed", 2)]),
        ("kernel_oom_memcg_lines", &[("oom_killed", 2)]),
        ("memory_oom_control", &[("oom_killed", 1)]),
        ("python_memory_error", &[("user_exception", 2)]),
        ("python_memory_error_exit", &[("container_exit", 1)]),
        ("shell_child_killed", &[("container_exit", 2)]),
        // The line of code that raises says the error's words too.
        ("uvicorn_exception", &[("loading", 3), ("serving", 2), ("user_exception", 6)]),
        ("uvicorn_single_oom", &[("container_exit", 2), ("loading", 3), ("serving", 1)]),
        ("uvicorn_worker_killed", &[("container_exit", 1), ("draining", 1), ("loading", 9), ("serving", 1)]),
    ];
    let misses: Vec<String> = table
        .iter()
        .filter_map(|(file, wanted)| {
            let (got, wanted) = (kinds(file), wanted.iter().copied().collect::<BTreeMap<_, _>>());
            (got != wanted).then(|| format!("{file}:\n  got    {got:?}\n  wanted {wanted:?}"))
        })
        .collect();
    assert!(misses.is_empty(), "{}", misses.join("\n"));
    let files = fs::read_dir("tests/fixtures/evidence")
        .unwrap()
        .filter(|f| f.as_ref().unwrap().path().extension().is_some_and(|e| e == "log"))
        .count();
    assert_eq!(files, table.len(), "a recording without a line in the table");
}

#[test]
fn a_kernels_line_says_who_speaks_and_which_group_died() {
    let line = fs::read_to_string("tests/fixtures/evidence/kernel_oom_child.log").unwrap();
    let line = line.lines().next().unwrap();
    let tally = export::map_with(
        "[{ match: { cgroup: '/kubepods/*/{model_id}' }, platform: own }]",
        &export::logs(&[], vec![record(line, 7_000_000_000, &[])]),
    );
    let [evidence] = &tally.evidence[..] else { panic!("{:?}", tally.evidence) };
    assert_eq!((evidence.channel, evidence.kind), (Channel::Kernel, EvidenceKind::OomKilled));
    let target = evidence.target.as_ref().unwrap();
    assert_eq!((&*target.platform, &*target.model_id), ("own", "model-server"));
    assert_eq!(evidence.time_ns, 7_000_000_000, "a stamp since boot is no time");
}

#[test]
fn the_platforms_model_logs_come_to_their_truth() {
    let table: &[(&str, &[&str])] = &[
        ("oom_restart", &["serving", "serving", "oom_killed", "loading", "serving"]),
        ("load_failure_self_kill", &["loading", "load_failed", "load_failed", "container_exit"]),
        ("user_exception", &["user_exception"]),
        ("gpu_oom_exception", &["gpu_oom"]),
        ("health_check_failed", &["unhealthy", "unhealthy", "unhealthy", "unhealthy"]),
        // One sign of life a second is kept.
        ("clean_serving", &["serving"; 6]),
    ];
    for (recording, logs) in recordings("model-logs/baseten.jsonl") {
        let tally = map(&logs);
        let got: Vec<&str> = tally.evidence.iter().map(|e| e.kind.as_str()).collect();
        let wanted = table.iter().find(|(case, _)| *case == recording.case).map(|(_, kinds)| *kinds).unwrap();
        assert_eq!(got, wanted, "{}", recording.case);
        let [heard] = &tally.heard[..] else { panic!("{:?}", tally.heard) };
        assert_eq!((heard.channel, heard.reports_death), (Channel::PlatformLogs, true));
        assert!(matches!(&*heard.target.model_id, "q4r5s6t7" | "w1x2y3z4"), "{heard:?}");
        assert!(!heard.target.deployment_id.is_empty() && heard.target.environment == "production");
        assert!(!heard.replica.is_empty() && heard.first_ns <= heard.last_ns);
        let with_id = tally.evidence.iter().filter(|e| !e.request_id.is_empty()).count();
        assert_eq!(tally.activity.len(), with_id, "{}", recording.case);
        assert!(tally.failures.is_empty() && tally.rows.is_empty());
    }
}

impl Truth {
    fn accepts(&self, verdict: &Verdict) -> bool {
        let class = verdict.class.as_str();
        (self.class == class || self.class_also.iter().any(|c| c == class))
            && self.cause.iter().any(|c| c == verdict.cause.as_str())
            && self.blame.iter().any(|b| b == verdict.blame.as_str())
    }
}

#[test]
fn an_applications_log_alone_gets_its_truth() {
    let books = Rulebooks::builtin();
    let (mut seen, mut misses) = (0, Vec::new());
    let mut files: Vec<_> = fs::read_dir("tests/fixtures/app-logs").unwrap().map(|e| e.unwrap().file_name()).collect();
    files.sort();
    for file in files.iter().map(|f| f.to_string_lossy()).filter(|f| f.ends_with(".jsonl")) {
        for (recording, logs) in recordings(&format!("app-logs/{file}")) {
            seen += 1;
            let tally = map(&logs);
            let may_be_none = recording.truth.class_also.iter().any(|c| c == "none");
            let told = match &tally.failures[..] {
                [] if may_be_none => continue,
                [failure] => {
                    assert_eq!(failure.vantage, Vantage::App);
                    assert!(failure.parent_span_id != [0; 8] && failure.trace_id != [0; 16]);
                    let verdict = books.judge(failure);
                    if recording.truth.accepts(&verdict) {
                        continue;
                    }
                    format!(
                        "{}/{}/{} by {}: {}",
                        verdict.class, verdict.cause, verdict.blame, verdict.rule, failure.text
                    )
                }
                failures => format!("{} failures", failures.len()),
            };
            let t = &recording.truth;
            misses
                .push(format!("{file} {}: {told}\n    wanted {} {:?} {:?}", recording.case, t.class, t.cause, t.blame));
            assert!(tally.rows.is_empty() && tally.evidence.is_empty(), "an application's log counts nothing");
        }
    }
    assert!(seen >= 221, "only {seen} recordings found");
    assert!(misses.is_empty(), "{} of {seen} miss their truth:\n{}", misses.len(), misses.join("\n"));
}

#[test]
fn an_error_inside_a_stream_is_evidence_and_a_failure_of_its_own() {
    let line = "Exception while generating streamed response: list index out of range";
    for request in ["9f0c", ""] {
        let tally = map(&placed(vec![record(line, 5_000_000_000, &[attribute("request_id", request)])]));
        assert_eq!(shown(&tally), [["stream_exception", "q4r5s6t7", "x7k2p", request]]);
        let [failure] = &tally.failures[..] else { panic!("{:?}", tally.failures) };
        assert_eq!((failure.vantage, failure.status), (Vantage::Model, Status::Http(200)));
        assert_eq!((failure.ending, &*failure.request_id), (Some(Ending::Truncated), request));
        assert_eq!((&*failure.target.model_id, failure.end_ns), ("q4r5s6t7", 5_000_000_000));
        assert_eq!(Rulebooks::builtin().judge(failure).class.as_str(), "stream_truncated");
        assert_eq!(tally.activity.len(), usize::from(!request.is_empty()));
    }
}
