//! The table of `coroner watch`. In: a case. Out: one line. Columns are as wide as their longest words; what is longer pushes the
//! rest of its line and is never cut, because ids that are cut find nothing.

use crate::feed::v1::{Case, Evidence, Target, Verdict};
use prost_types::Timestamp;
use std::fmt::Write;

/// Names and widths.
const COLUMNS: [(&str, usize); 10] = [
    ("TIME UTC", 8),
    ("MODEL/ENV", 24),
    ("STATUS", 7),
    ("CLASS", 17),
    ("CAUSE", 20),
    ("BLAME", 12),
    ("SURE/MATCH", 18),
    ("EVIDENCE", 40),
    ("CALLER", 16),
    ("TRACE", 32),
];

/// How much of a replica's name is shown: the end, which tells replicas apart.
const REPLICA: usize = 11;

/// The names of the columns.
pub(super) fn head() -> String {
    row(COLUMNS.map(|(name, _)| name.to_owned()))
}

/// One case.
pub(super) fn line(case: &Case) -> String {
    let verdict = case.verdict.clone().unwrap_or_default();
    let mut line = row([
        clock(case.settle_time.as_ref()),
        case.target.as_ref().map(model).unwrap_or_default(),
        case.status_code.clone(),
        verdict.class,
        verdict.cause,
        verdict.blame,
        format!("{}/{}", verdict.confidence, verdict.r#match),
        case.evidence.as_ref().map(|found| evidence(found, case.end_time.as_ref())).unwrap_or_default(),
        case.caller.clone(),
        case.trace_id.clone(),
    ]);
    if let Some(Verdict { class, cause, blame, .. }) = &case.before {
        // Writing to a text cannot fail.
        write!(line, "  (corrected; was {class} {cause} {blame})").unwrap_or_default();
    }
    line
}

fn row(cells: [String; COLUMNS.len()]) -> String {
    let mut row = String::new();
    for ((_, width), cell) in COLUMNS.iter().zip(cells) {
        let cell = if cell.is_empty() { "-".to_owned() } else { plain(&cell) };
        write!(row, "{cell:<width$}  ").unwrap_or_default();
    }
    row.trim_end().to_owned()
}

/// Without what would steer a terminal: names come from whoever sent the telemetry.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn model(target: &Target) -> String {
    let Target { model_id, environment, .. } = target;
    if environment.is_empty() { model_id.clone() } else { format!("{model_id}/{environment}") }
}

/// What decided, when, and where: `oom_killed 2.1 s before, ..8c6b5-x2k4q`.
fn evidence(found: &Evidence, end: Option<&Timestamp>) -> String {
    let mut text = found.kind.clone();
    if let (Some(happened), Some(end)) = (&found.time, end) {
        let before = seconds(end) - seconds(happened);
        let side = if before < 0.0 { "after" } else { "before" };
        write!(text, " {:.1} s {side}", before.abs()).unwrap_or_default();
    }
    let long = found.replica.chars().count().saturating_sub(REPLICA);
    if !found.replica.is_empty() {
        let end: String = found.replica.chars().skip(long).collect();
        write!(text, ", {}{end}", if long > 0 { ".." } else { "" }).unwrap_or_default();
    }
    text
}

fn seconds(time: &Timestamp) -> f64 {
    time.seconds as f64 + f64::from(time.nanos) / 1e9
}

/// Time of the day in UTC.
fn clock(time: Option<&Timestamp>) -> String {
    let Some(time) = time else { return String::new() };
    let second = time.seconds.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::v1::CaseKind;
    use crate::judge::taxonomy::{Blame, Cause, Class, Confidence, Match};

    const fn at(seconds: i64) -> Timestamp {
        Timestamp { seconds, nanos: 0 }
    }

    fn verdict(class: &str, cause: &str) -> Verdict {
        Verdict {
            class: class.to_owned(),
            cause: cause.to_owned(),
            blame: "model".to_owned(),
            confidence: "likely".to_owned(),
            r#match: "target".to_owned(),
            ..Verdict::default()
        }
    }

    fn case() -> Case {
        Case {
            kind: CaseKind::Settled.into(),
            settle_time: Some(at(1_700_000_000)),
            end_time: Some(at(1_699_999_990)),
            target: Some(Target {
                model_id: "m1".to_owned(),
                environment: "production".to_owned(),
                ..Target::default()
            }),
            status_code: "502".to_owned(),
            caller: "checkout".to_owned(),
            trace_id: "5b8efff798038103d269b633813fc60c".to_owned(),
            verdict: Some(verdict("bad_gateway", "oom_killed")),
            evidence: Some(Evidence {
                kind: "oom_killed".to_owned(),
                time: Some(at(1_699_999_988)),
                replica: "model-m1-7d9f8c6b5-x2k4q".to_owned(),
                ..Evidence::default()
            }),
            ..Case::default()
        }
    }

    #[test]
    fn lines_stand_under_the_head() {
        let (head, line) = (head(), line(&case()));
        for (name, cell) in [
            ("TIME UTC", "22:13:20 "),
            ("MODEL/ENV", "m1/production "),
            ("STATUS", "502 "),
            ("CLASS", "bad_gateway "),
            ("CAUSE", "oom_killed "),
            ("BLAME", "model "),
            ("SURE/MATCH", "likely/target "),
            ("EVIDENCE", "oom_killed 2.0 s before, ..8c6b5-x2k4q "),
            ("CALLER", "checkout "),
            ("TRACE", "5b8efff798038103d269b633813fc60c"),
        ] {
            let column = head.find(name).unwrap();
            assert!(line.get(column..).is_some_and(|rest| rest.starts_with(cell)), "{name}\n{head}\n{line}");
        }
    }

    #[test]
    fn every_word_fits_its_column() {
        let longest = |words: &mut dyn Iterator<Item = &'static str>| words.map(str::len).max().unwrap();
        assert!(longest(&mut Class::ALL.iter().map(|w| w.as_str())) <= COLUMNS[3].1);
        assert!(longest(&mut Cause::ALL.iter().map(|w| w.as_str())) <= COLUMNS[4].1);
        assert!(longest(&mut Blame::ALL.iter().map(|w| w.as_str())) <= COLUMNS[5].1);
        let sure = longest(&mut Confidence::ALL.iter().map(|w| w.as_str()));
        assert!(sure + 1 + longest(&mut Match::ALL.iter().map(|w| w.as_str())) <= COLUMNS[6].1);
    }

    #[test]
    fn a_correction_says_what_it_replaces_and_a_bare_case_has_dashes() {
        let corrected = Case { before: Some(verdict("bad_gateway", "unknown")), ..case() };
        assert!(line(&corrected).ends_with("(corrected; was bad_gateway unknown model)"));
        let bare = Case { verdict: None, evidence: None, ..Case::default() };
        assert_eq!(
            line(&bare).split_whitespace().collect::<Vec<_>>(),
            ["-", "-", "-", "-", "-", "-", "/", "-", "-", "-"]
        );
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        let hostile = Case { caller: "x\u{1b}[2J\ny".to_owned(), ..case() };
        assert!(line(&hostile).contains("x\u{fffd}[2J\u{fffd}y"));
    }
}
