//! Recorded exports of real client libraries against the truth that a careful person reads from each record.
//!
//! Scenario: every export in `fixtures/captures` goes through observe and judge with the built-in books.
//! Guarantees: each failure counted from it has the true class, an accepted cause and an accepted blame; nothing is
//! counted where the record shows no failure; a retried call counts each attempt. All misses are printed together.

use base64::Engine as _;
use coroner::judge::{Rulebooks, Verdict};
use coroner::observe::target::Patterns;
use coroner::observe::{Mapper, Observer, Tally, Weights};
use serde::Deserialize;

#[derive(Deserialize)]
struct Capture {
    case: String,
    truth: Truth,
    traces: String,
}

#[derive(Deserialize)]
struct Truth {
    class: String,
    #[serde(default)]
    class_also: Vec<String>,
    cause: Vec<String>,
    blame: Vec<String>,
}

impl Truth {
    fn accepts(&self, verdict: &Verdict) -> bool {
        let class = verdict.class.as_str();
        (self.class == class || self.class_also.iter().any(|c| c == class))
            && self.cause.iter().any(|c| c == verdict.cause.as_str())
            && self.blame.iter().any(|b| b == verdict.blame.as_str())
    }

    /// What is wrong with these verdicts; `None` where nothing is.
    fn miss(&self, case: &str, verdicts: &[Verdict]) -> Option<String> {
        let may_be_none = self.class == "none" || self.class_also.iter().any(|c| c == "none");
        let expected = if case.ends_with("_sdk_retried") { 2 } else { 1 };
        let wrong = verdicts.iter().find(|v| !self.accepts(v));
        match (verdicts.len(), wrong) {
            (0, _) if may_be_none => None,
            (n, None) if n == expected && self.class != "none" => None,
            (n, _) => Some(format!(
                "{n} failures, expected {expected} of {} {:?} {:?} {:?}; got {}",
                self.class,
                self.class_also,
                self.cause,
                self.blame,
                verdicts
                    .iter()
                    .map(|v| format!("{}/{}/{} by {}", v.class, v.cause, v.blame, v.rule))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        }
    }
}

#[test]
fn every_recorded_export_gets_its_truth() {
    let books = Rulebooks::builtin();
    let observer = Observer::new(Patterns::compile(books.targets()).expect("built-in patterns"), Weights::default());
    let mut mapper = Mapper::default();
    let (mut seen, mut misses) = (0, Vec::new());
    let mut files: Vec<_> = std::fs::read_dir("tests/fixtures/captures").unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "jsonl")) {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let capture: Capture = serde_json::from_str(line).unwrap();
            let body = base64::engine::general_purpose::STANDARD.decode(&capture.traces).unwrap();
            let mut tally = Tally::default();
            mapper.traces(&observer, &body, &mut tally).unwrap();
            let verdicts: Vec<_> = tally.failures.iter().map(|o| books.judge(o)).collect();
            seen += 1;
            if let Some(miss) = capture.truth.miss(&capture.case, &verdicts) {
                misses.push(format!("{}/{}: {miss}", file.file_stem().unwrap().to_string_lossy(), capture.case));
            }
        }
    }
    assert!(seen >= 1142, "only {seen} recordings found");
    assert!(misses.is_empty(), "{} of {seen} recordings miss their truth:\n{}", misses.len(), misses.join("\n"));
}
