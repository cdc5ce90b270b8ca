//! The small words of a scenario file: times of day, spans of time, deliveries, verdicts.
//!
//! In: one scalar of the YAML. Out: its value, or an error that says what would be right (the reader adds file and line).

use serde::Deserialize;
use std::fmt;

/// Midnight of the day on which all scenarios play, ns since 1970: 2026-11-22 UTC.
pub(crate) const MIDNIGHT_NS: u64 = 1_795_305_600_000_000_000;

/// A time of day, `12:00:03` or `12:00:03.250`, as ns since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Clock(pub(crate) u64);

impl TryFrom<String> for Clock {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time of day; write 12:00:03 or 12:00:03.250");
        let mut parts = text.split(':');
        let (Some(h), Some(m), Some(s), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let hours: u64 = h.parse().ok().filter(|h| *h < 48).ok_or_else(wrong)?;
        let minutes: u64 = m.parse().ok().filter(|m| *m < 60).ok_or_else(wrong)?;
        let seconds = s.parse::<f64>().ok().filter(|s| (0.0..60.0).contains(s)).ok_or_else(wrong)?;
        Ok(Self(MIDNIGHT_NS + (hours * 3600 + minutes * 60) * 1_000_000_000 + to_ns(seconds)))
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.saturating_sub(MIDNIGHT_NS) / 1_000_000;
        let (s, rest) = (ms / 1000, ms % 1000);
        write!(f, "{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)?;
        if rest == 0 { Ok(()) } else { write!(f, ".{rest:03}") }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a scenario, never negative")]
fn to_ns(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// A span of time, ns: `250ms`, `2s`, `15m`, `1h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span(pub(crate) u64);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => f64::NAN,
        };
        let seconds = number.parse::<f64>().unwrap_or(f64::NAN) * unit;
        if seconds.is_nan() {
            return Err(format!("`{text}` is no span of time; write 250ms, 2s, 15m or 1h"));
        }
        Ok(Self(to_ns(seconds)))
    }
}

/// When a record arrives: `+2s` after its event (its end), `-1h` before it (its clock is ahead), or at a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Arrival {
    After(Span),
    Before(Span),
    At(Clock),
}

impl TryFrom<String> for Arrival {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = match (text.strip_prefix('+'), text.strip_prefix('-')) {
            (Some(span), _) => Span::try_from(span.to_owned()).map(Self::After),
            (_, Some(span)) => Span::try_from(span.to_owned()).map(Self::Before),
            _ => Clock::try_from(text.clone()).map(Self::At),
        };
        read.map_err(|_| format!("`{text}` is no arrival; write +2s (after the event), -1h (before it) or 12:00:05"))
    }
}

impl Arrival {
    /// The arrival of an event at `at`, ns since 1970.
    pub(crate) fn of(self, at: u64) -> u64 {
        match self {
            Self::After(span) => at + span.0,
            Self::Before(span) => at - span.0,
            Self::At(clock) => clock.0,
        }
    }
}

/// How often a record comes: `50x every 100ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Repeat {
    pub(crate) times: u64,
    pub(crate) every: Span,
}

impl TryFrom<String> for Repeat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no repetition; write `50x every 100ms`");
        let (times, every) = text.split_once("x every ").ok_or_else(wrong)?;
        let times = times.parse().ok().filter(|n| (1..=100_000).contains(n)).ok_or_else(wrong)?;
        Ok(Self { times, every: Span::try_from(every.to_owned()).map_err(|_| wrong())? })
    }
}

/// What a request must come to: `bad_gateway / oom_killed / model, likely by target, at 12:00:05`; the parts after the
/// blame may be left out. `fine` = it is no failure; `open` = its case has not settled when the scenario ends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Expected {
    Fine,
    Open,
    Failed(Failed),
}

/// The parts of a failure's verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) class: String,
    pub(crate) cause: String,
    pub(crate) blame: String,
    pub(crate) confidence: Option<String>,
    /// How it was matched; `none` where the text names a confidence alone.
    pub(crate) matched: Option<String>,
    pub(crate) at: Option<Clock>,
}

impl TryFrom<String> for Expected {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "fine" => return Ok(Self::Fine),
            "open" => return Ok(Self::Open),
            _ => {}
        }
        let mut parts = text.split(", ");
        let words: Vec<&str> = parts.next().unwrap_or_default().split(" / ").collect();
        let [class, cause, blame] = words[..] else {
            return Err(format!(
                "`{text}` is no verdict; write `class / cause / blame, likely by target, at 12:00:05`"
            ));
        };
        let mut failed = Failed {
            class: known::<Class>(class, "class", Class::from_word)?,
            cause: known::<Cause>(cause, "cause", Cause::from_word)?,
            blame: known::<Blame>(blame, "blame", Blame::from_word)?,
            confidence: None,
            matched: None,
            at: None,
        };
        for part in parts {
            if let Some(at) = part.strip_prefix("at ") {
                failed.at = Some(Clock::try_from(at.to_owned())?);
                continue;
            }
            let (confidence, matched) = part.split_once(" by ").unwrap_or((part, "none"));
            failed.confidence = Some(known::<Confidence>(confidence, "confidence", Confidence::from_word)?);
            failed.matched = Some(known::<Match>(matched, "match", Match::from_word)?);
        }
        Ok(Self::Failed(failed))
    }
}

use coroner::judge::taxonomy::{Blame, Cause, Class, Confidence, Match};

fn known<T>(word: &str, what: &str, from: impl Fn(&str) -> Option<T>) -> Result<String, String> {
    from(word).map(|_| word.to_owned()).ok_or_else(|| format!("`{word}` is no {what} of the taxonomy"))
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine => f.write_str("fine"),
            Self::Open => f.write_str("open"),
            Self::Failed(failed) => failed.fmt(f),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {} / {}", self.class, self.cause, self.blame)?;
        match (self.confidence.as_deref(), self.matched.as_deref()) {
            (Some(confidence), None | Some("none")) => write!(f, ", {confidence}")?,
            (Some(confidence), Some(matched)) => write!(f, ", {confidence} by {matched}")?,
            (None, _) => {}
        }
        self.at.map_or(Ok(()), |at| write!(f, ", at {at}"))
    }
}

impl Failed {
    /// Whether what came is what this asks for. The service looks at its windows once a second, so a case may settle up to a
    /// second later than said.
    pub(crate) fn fits(&self, got: &Self) -> bool {
        let same = |asked: &Option<String>, got: &Option<String>| asked.is_none() || asked == got;
        let in_time = match (self.at, got.at) {
            (Some(asked), Some(got)) => (asked.0..=asked.0 + 1_000_000_000).contains(&got.0),
            (asked, _) => asked.is_none(),
        };
        (&self.class, &self.cause, &self.blame) == (&got.class, &got.cause, &got.blame)
            && same(&self.confidence, &got.confidence)
            && same(&self.matched, &got.matched)
            && in_time
    }
}
