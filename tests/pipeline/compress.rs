//! Rules that live faster. In: the text of a rules file, a factor, and the step at which its servers scrape. Out: the same rules with
//! every duration divided by the factor, as JSON, which Prometheus reads as it reads YAML.
//!
//! Windows of minutes to days are proved in minutes that way. What is divided: range selectors, subqueries and their steps, offsets,
//! `for`, `keep_firing_for`, `interval`, and the queries inside the templates of annotations. What is not: thresholds and floors, so an
//! incident must bring as many events into the shorter window as a real one into the long one. A constant that counts the evaluations
//! in a window stays true, because `interval` is divided too. Prose in annotations keeps its words.

use std::sync::LazyLock;
use std::time::Duration;

use regex::{Captures, Regex};
use serde_json::Value;

/// Of so many steps a range must consist, or its rate means nothing.
const STEPS_IN_A_RANGE: u32 = 4;

/// Strings and comments first, so that nothing inside them is taken for a duration.
static IN_A_QUERY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?s)"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|#[^\n]*"#,
        r"|\[\s*(?P<range>[^\]:]*?)\s*(?P<colon>:\s*(?P<step>[^\]]*?)\s*)?\]",
        r"|\boffset\s+(?P<sign>-?)\s*(?P<offset>\d\w*)",
    ))
    .unwrap()
});
/// `{{ ... }}`, whose strings may hold braces.
static ACTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?s)\{\{(?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^"`])*?\}\}"#).unwrap());
static LITERAL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"(?s)"(?:[^"\\]|\\.)*"|`[^`]*`"#).unwrap());
static DURATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$").unwrap()
});
/// Milliseconds in the units of `DURATION`, in its order.
const UNITS: [u64; 7] = [365 * 86_400_000, 7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1_000, 1];

/// The rules of `text` with every duration divided by `factor`.
///
/// # Errors
/// Something is no duration, has no whole number of milliseconds any more, or has become shorter than `step` (a range: than four).
pub(crate) fn compress(text: &str, factor: u32, step: Duration) -> Result<String, String> {
    let divide = Divide { factor, step };
    let mut file: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    for group in file["groups"].as_array_mut().ok_or("no groups")? {
        let name = group["name"].to_string();
        let interval = group["interval"].as_str().ok_or(format!("group {name} has no interval of its own"))?;
        group["interval"] = divide.duration(interval, 1).map_err(|error| format!("group {name}: {error}"))?.into();
        for rule in group["rules"].as_array_mut().ok_or(format!("group {name} has no rules"))? {
            let name = rule["alert"].as_str().or(rule["record"].as_str()).unwrap_or_default().to_owned();
            divide.rule(rule).map_err(|error| format!("{name}: {error}"))?;
        }
    }
    Ok(file.to_string())
}

/// A query of a dashboard with every duration divided by `factor`; what Grafana fills in stays as it is.
///
/// # Errors
/// As of [`compress`].
pub(crate) fn compress_query(text: &str, factor: u32, step: Duration) -> Result<String, String> {
    Divide { factor, step }.query(text, false)
}

/// How many times faster, and how often the servers look.
pub(crate) struct Divide {
    pub(crate) factor: u32,
    pub(crate) step: Duration,
}

impl Divide {
    fn rule(&self, rule: &mut Value) -> Result<(), String> {
        let expr = rule["expr"].as_str().ok_or("no expr")?;
        rule["expr"] = self.query(expr, true)?.into();
        for key in ["for", "keep_firing_for"] {
            if let Some(text) = rule.get(key).and_then(Value::as_str) {
                rule[key] = self.duration(text, 1)?.into();
            }
        }
        for (_, annotation) in rule.get_mut("annotations").and_then(Value::as_object_mut).into_iter().flatten() {
            *annotation = self.template(annotation.as_str().ok_or("an annotation is no text")?)?.into();
        }
        Ok(())
    }

    /// A query; `strict` where all that stands in brackets must be a range.
    fn query(&self, text: &str, strict: bool) -> Result<String, String> {
        replaced(&IN_A_QUERY, text, |found| {
            let whole = found[0].to_owned();
            if let Some(offset) = found.name("offset") {
                return Ok(format!("offset {}{}", &found["sign"], self.duration(offset.as_str(), 1)?));
            }
            let Some(range) = found.name("range").map(|range| range.as_str()) else { return Ok(whole) };
            if !strict && milliseconds(range).is_none() {
                return Ok(whole);
            }
            let range = self.duration(range, STEPS_IN_A_RANGE)?;
            match (found.name("colon"), found.name("step").map_or("", |step| step.as_str())) {
                (None, _) => Ok(format!("[{range}]")),
                (Some(_), "") => Ok(format!("[{range}:]")),
                (Some(_), step) => Ok(format!("[{range}:{}]", self.duration(step, 1)?)),
            }
        })
    }

    /// An annotation: only the strings inside its actions can be queries.
    fn template(&self, text: &str) -> Result<String, String> {
        replaced(&ACTION, text, |action| {
            replaced(&LITERAL, &action[0], |literal| {
                let literal = &literal[0];
                if let Some(raw) = literal.strip_prefix('`') {
                    return Ok(format!("`{}`", self.query(raw.trim_end_matches('`'), false)?));
                }
                // What Go escapes in a query (quotes, backslashes, new lines) JSON escapes the same way.
                let plain: String = serde_json::from_str(literal).map_err(|error| format!("{literal}: {error}"))?;
                Ok(Value::from(self.query(&plain, false)?).to_string())
            })
        })
    }

    /// One duration, divided; it must last at least so many steps.
    pub(crate) fn duration(&self, text: &str, steps: u32) -> Result<String, String> {
        let before = milliseconds(text).ok_or(format!("{text:?} is no duration"))?;
        let (factor, step) = (u64::from(self.factor), u64::try_from(self.step.as_millis()).unwrap());
        if before % factor != 0 {
            return Err(format!("{text} / {factor} has no whole number of milliseconds"));
        }
        let after = before / factor;
        if before > 0 && after < step * u64::from(steps) {
            return Err(format!("{text} / {factor} = {after}ms is shorter than {steps} x {step}ms"));
        }
        Ok(if after.is_multiple_of(1000) { format!("{}s", after / 1000) } else { format!("{after}ms") })
    }
}

/// `None` where the text is no duration of Prometheus.
fn milliseconds(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let parts = DURATION.captures(text).filter(|_| !text.is_empty())?;
    let part = |at: usize| parts.get(at + 1).map_or(Some(0), |digits| digits.as_str().parse::<u64>().ok());
    UNITS.iter().enumerate().map(|(at, unit)| Some(part(at)? * unit)).sum()
}

/// Every match replaced by what `by` makes of it, or its first error.
fn replaced(what: &Regex, text: &str, by: impl Fn(&Captures<'_>) -> Result<String, String>) -> Result<String, String> {
    let mut first_error = None;
    let out = what.replace_all(text, |found: &Captures<'_>| {
        by(found).unwrap_or_else(|error| {
            first_error.get_or_insert(error);
            String::new()
        })
    });
    let out = out.into_owned();
    first_error.map_or(Ok(out), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn query(text: &str, factor: u32) -> Result<String, String> {
        Divide { factor, step: SECOND }.query(text, true)
    }

    #[test]
    fn every_duration_of_a_query_is_divided_and_nothing_else() {
        let table = [
            ("increase(x_total[5m]) > 0.02", "increase(x_total[30s]) > 0.02"),
            ("sum_over_time(a:b:increase5m[30m:30s]) / 10", "sum_over_time(a:b:increase5m[180s:3s]) / 10"),
            ("max_over_time(x[1h30m:]) >= 5", "max_over_time(x[540s:]) >= 5"),
            ("x unless x offset 5m or y offset -1d", "x unless x offset 30s or y offset -8640s"),
            ("x offset\n  5m", "x offset 30s"),
            ("rate(x[ 5m : 45s ])", "rate(x[30s:4500ms])"),
            (r#"x{a=~"[5m]", b='offset 5m'} # [5m]"#, r#"x{a=~"[5m]", b='offset 5m'} # [5m]"#),
            ("x{c=\"a\\\"[5m]\"}[5m]", "x{c=\"a\\\"[5m]\"}[30s]"),
            ("x{offset=\"5m\"} and offset_seconds > 5", "x{offset=\"5m\"} and offset_seconds > 5"),
        ];
        for (before, after) in table {
            assert_eq!(query(before, 10).as_deref(), Ok(after), "{before}");
        }
    }

    #[test]
    fn what_grafana_fills_in_stays() {
        let before = "rate(x[$__rate_interval]) or x[5m:] offset 1h or y offset $__range";
        let after = "rate(x[$__rate_interval]) or x[30s:] offset 360s or y offset $__range";
        assert_eq!(compress_query(before, 10, SECOND).as_deref(), Ok(after));
    }

    #[test]
    fn what_would_mean_nothing_is_refused() {
        for (text, factor, why) in [
            ("rate(x[5m])", 100, "shorter than 4 x 1000ms"),
            ("max_over_time(x[5m:30s])", 60, "30s / 60 = 500ms is shorter than 1 x 1000ms"),
            ("x offset 5m", 600, "shorter"),
            ("rate(x[1s])", 3000, "no whole number"),
            ("rate(x[300])", 10, "is no duration"),
            ("rate(x[$__rate_interval])", 10, "is no duration"),
            ("rate(x[])", 10, "is no duration"),
        ] {
            let answer = query(text, factor);
            assert!(answer.as_ref().is_err_and(|error| error.contains(why)), "{text} / {factor}: {answer:?}");
        }
    }

    #[test]
    fn a_whole_file_keeps_its_words_and_thresholds() {
        let text = r#"
groups:
  - name: g
    interval: 30s
    rules:
      - record: r
        expr: increase(x[5m])
      - alert: A
        expr: |
          r offset 1h > 0.05 # for an hour
        for: 1m
        keep_firing_for: 10m
        labels: { severity: page }
        annotations:
          summary: 'For 5 minutes [5m] {{ $value | printf "%.0f" }}'
          description: >-
            {{ range query (printf "topk(3, rate(x{a=%q,b=\"[5m]\"}[5m] offset 1h))" $labels.a) }}{{ .Value }}{{ end }}
            {{ query `r[30m:30s]` }} {{ reReplaceAll "[0-9]m" "}}" .x }}
"#;
        let file: Value = serde_json::from_str(&compress(text, 10, SECOND).unwrap()).unwrap();
        let group = &file["groups"][0];
        assert_eq!((&group["interval"], &group["rules"][0]["expr"]), (&"3s".into(), &"increase(x[30s])".into()));
        let alert = &group["rules"][1];
        assert_eq!(alert["expr"], "r offset 360s > 0.05 # for an hour\n");
        assert_eq!((&alert["for"], &alert["keep_firing_for"]), (&"6s".into(), &"60s".into()));
        assert_eq!(alert["labels"]["severity"], "page");
        let annotations = &alert["annotations"];
        assert_eq!(annotations["summary"], "For 5 minutes [5m] {{ $value | printf \"%.0f\" }}");
        let description = concat!(
            r#"{{ range query (printf "topk(3, rate(x{a=%q,b=\"[5m]\"}[30s] offset 360s))" $labels.a) }}{{ .Value }}{{ end }}"#,
            r#" {{ query `r[180s:3s]` }} {{ reReplaceAll "[0-9]m" "}}" .x }}"#
        );
        assert_eq!(annotations["description"], description);
    }

    #[test]
    fn a_file_that_cannot_be_divided_says_where() {
        let group = |interval: &str, rule: &str| format!("groups: [{{ name: g, {interval} rules: [{rule}] }}]");
        for (text, why) in [
            (group("", "{ record: r, expr: x }"), "group \"g\" has no interval"),
            (group("interval: 5s,", "{ record: r, expr: x }"), "group \"g\": 5s / 10 = 500ms"),
            (group("interval: 30s,", "{ alert: A, expr: x, for: 5s }"), "A: 5s / 10"),
            (group("interval: 30s,", "{ alert: A, expr: x, keep_firing_for: soon }"), "A: \"soon\" is no duration"),
            ("groups: 3".to_owned(), "no groups"),
        ] {
            let answer = compress(&text, 10, SECOND);
            assert!(answer.as_ref().is_err_and(|error| error.contains(why)), "{text}: {answer:?}");
        }
    }
}
