//! A call's span and the application's own log of its error, recorded together: one failure, whichever comes first.
//!
//! Scenario: every pair of `fixtures/captures` and `fixtures/app-logs` is folded in both orders, seconds and minutes apart.
//! Guarantees: exactly one failure and one request; the log's class where it names a caller's time-out or the model's error;
//! a transport error in the log over a 2xx span is a truncated stream; otherwise the span's class; cause and blame are the
//! more specific of the two. All misses are printed together.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use base64::Engine as _;
use coroner::correlate::{Correlator, Ledger, Settings, Settled};
use coroner::judge::{Rulebooks, Verdict};
use coroner::observe::knowledge::Knowledge;
use coroner::observe::target::Patterns;
use coroner::observe::{Mapper, Observer, Row, Tally, Timing, Vantage, Weights};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SECOND: u64 = 1_000_000_000;

/// One line of a fixture.
#[derive(Deserialize)]
struct Recorded {
    case: String,
    truth: Truth,
    #[serde(default)]
    traces: String,
    #[serde(default)]
    logs: String,
}

#[derive(Clone, Deserialize)]
struct Truth {
    class: String,
    #[serde(default)]
    class_also: Vec<String>,
    cause: Vec<String>,
    blame: Vec<String>,
}

/// A call as its span and the application's log tell it.
struct Pair {
    name: String,
    traces: Vec<u8>,
    logs: Vec<u8>,
    logged_ns: u64,
    expected: Truth,
}

fn lines(path: &Path) -> Vec<Recorded> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn decoded(base64: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(base64).unwrap()
}

fn pairs() -> Vec<Pair> {
    let fixtures = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"));
    let files = std::fs::read_dir(fixtures.join("app-logs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pairs = Vec::new();
    for file in files.filter(|path| path.extension().is_some_and(|e| e == "jsonl")) {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        let spans = lines(&fixtures.join("captures").join(file.file_name().unwrap()));
        let spans: HashMap<String, Recorded> = spans.into_iter().map(|r| (r.case.clone(), r)).collect();
        for log in lines(&file) {
            let span = &spans[&log.case];
            let mut logs = Vec::new();
            flate2::read::GzDecoder::new(&*decoded(&log.logs)).read_to_end(&mut logs).unwrap();
            let record =
                &ExportLogsServiceRequest::decode(&*logs).unwrap().resource_logs[0].scope_logs[0].log_records[0];
            pairs.push(Pair {
                name: format!("{stem}/{}", log.case),
                traces: decoded(&span.traces),
                logged_ns: record.time_unix_nano,
                expected: together(&span.truth, &log.truth),
                logs,
            });
        }
    }
    pairs.sort_by(|a, b| a.name.cmp(&b.name));
    pairs
}

/// What both records together come to, by the rule in this file's head.
fn together(span: &Truth, log: &Truth) -> Truth {
    let answered = span.class == "none";
    let named = ["client_timeout", "model_error"].contains(&log.class.as_str());
    let (class, class_also) = match (named, answered || span.class == "stream_truncated") {
        (true, _) if span.class == log.class => (log.class.clone(), log.class_also.clone()),
        (true, _) => (log.class.clone(), Vec::new()),
        (false, true) => ("stream_truncated".to_owned(), Vec::new()),
        (false, false) => (span.class.clone(), span.class_also.clone()),
    };
    if log.class == "client_timeout" && log.class != span.class {
        let (cause, blame) = (vec!["stream_stalled".to_owned()], vec!["undetermined".to_owned()]);
        return Truth { class, class_also, cause, blame };
    }
    let cause = more_specific(&span.cause, &log.cause, "unknown");
    let blame = more_specific(&span.blame, &log.blame, "undetermined");
    Truth { class, class_also, cause, blame }
}

/// Of two sets of acceptable words the one that does not allow `vague`; both where they agree on that.
fn more_specific(span: &[String], log: &[String], vague: &str) -> Vec<String> {
    let allows = |set: &[String]| set.iter().any(|word| word == vague || word == "none");
    let both = || span.iter().chain(log).filter(|word| *word != "none").cloned().collect();
    match (allows(span), allows(log)) {
        (true, false) => log.to_vec(),
        (false, true) => span.to_vec(),
        _ => both(),
    }
}

/// What was counted.
#[derive(Default)]
struct Counted {
    requests: f64,
    settled: Vec<Verdict>,
}

impl Ledger for Counted {
    fn observed(&mut self, _: &Row) {}
    fn requested(&mut self, row: &Row, _: &mut dyn Iterator<Item = Timing>) {
        self.requests += row.requests;
    }
    fn settled(&mut self, case: &Settled<'_>) {
        self.settled.push(case.verdict.clone());
    }
    fn primary(&mut self, _: &Row, _: Vantage) {}
    fn unjoined(&mut self, _: Vantage, _: f64) {}
    /// The other record came after the verdict was told: the case feed carries what both together say.
    fn refined(&mut self, case: &Settled<'_>, before: &Verdict, _: Vantage) {
        let told = self.settled.iter_mut().find(|verdict| *verdict == before).expect("only what was told is refined");
        *told = case.verdict.clone();
    }
}

fn folded(books: &Arc<Rulebooks>, observer: &Observer, pair: &Pair, log_first: bool, apart: u64) -> Counted {
    let (mut mapper, mut counted) = (Mapper::default(), Counted::default());
    let mut correlator = Correlator::new(&Settings::default(), Arc::clone(books));
    let first = pair.logged_ns + SECOND;
    for (arrival, is_log) in [(first, log_first), (first + apart, !log_first)] {
        let mut tally = Tally::default();
        if is_log {
            mapper.logs(observer, &pair.logs, &mut tally).unwrap();
        } else {
            mapper.traces(observer, &pair.traces, &mut tally).unwrap();
        }
        let rules: Vec<_> = tally.failures.iter().map(|failure| Arc::clone(books.decide(failure))).collect();
        correlator.tick(arrival, &mut counted);
        correlator.fold(&tally, &rules, arrival, &mut counted);
    }
    correlator.tick(first + apart + 300 * SECOND, &mut counted);
    correlator.drain(first + apart + 300 * SECOND, &mut counted);
    counted
}

/// What is wrong; `None` where nothing is.
fn miss(expected: &Truth, counted: &Counted) -> Option<String> {
    let fits = |v: &Verdict| {
        let has = |set: &[String], word: &str| set.iter().any(|w| w == word);
        (expected.class == v.class.as_str() || has(&expected.class_also, v.class.as_str()))
            && has(&expected.cause, v.cause.as_str())
            && has(&expected.blame, v.blame.as_str())
    };
    // A host that no book knows (the name that did not resolve) is no call to a model.
    if counted.settled.is_empty() && expected.class_also.iter().any(|class| class == "none") {
        return None;
    }
    let one = matches!(&*counted.settled, [verdict] if fits(verdict)) && (counted.requests - 1.0).abs() < 1e-9;
    (!one).then(|| {
        let got: Vec<String> =
            counted.settled.iter().map(|v| format!("{} / {} / {} by {}", v.class, v.cause, v.blame, v.rule)).collect();
        let Truth { class, class_also, cause, blame } = expected;
        format!("{} requests, got {got:?}, expected {class} {class_also:?} / {cause:?} / {blame:?}", counted.requests)
    })
}

#[test]
fn a_span_and_the_applications_log_of_one_call_are_one_failure() {
    let books = Arc::new(Rulebooks::builtin());
    let knowledge = Knowledge::compile(books.knowledge()).unwrap();
    let observer = Observer::new(Patterns::compile(books.targets()).unwrap(), Weights::default()).knowing(knowledge);
    let pairs = pairs();
    assert!(pairs.len() >= 221, "only {} pairs were found", pairs.len());
    let mut misses = Vec::new();
    for pair in &pairs {
        for (log_first, apart) in [(false, SECOND), (true, SECOND), (false, 240 * SECOND), (true, 90 * SECOND)] {
            let counted = folded(&books, &observer, pair, log_first, apart);
            if let Some(miss) = miss(&pair.expected, &counted) {
                let first = if log_first { "log" } else { "span" };
                misses.push(format!("{}, {first} first, {} s apart: {miss}", pair.name, apart / SECOND));
            }
        }
    }
    assert!(misses.is_empty(), "{} misses in {} pairs:\n{}", misses.len(), pairs.len(), misses.join("\n"));
}
