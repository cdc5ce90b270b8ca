//! What was expected against what came, in lines that a person can read.

use super::format::{Count, Scenario};
use super::recorded::{Recorded, Told};
use super::words::{Clock, Expected};
use std::collections::BTreeMap;

/// Every difference, one a line; none where the scenario holds. `timed`: also compare when cases settled.
pub(crate) fn differences(
    scenario: &Scenario,
    got: &Recorded,
    open: &BTreeMap<Clock, i64>,
    timed: bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    verdicts("", &scenario.expect.verdicts, &got.settled, timed, &mut lines);
    verdicts("correction of ", &scenario.expect.corrected, &got.corrected, timed, &mut lines);
    let failures = f64::from(u32::try_from(got.settled.len()).unwrap());
    for count in Count::ALL {
        let came = got.counts.get(&count).copied().unwrap_or_default();
        let asked = match (scenario.expect.counts.get(&count), count) {
            (Some(number), _) => *number,
            (None, Count::Requests | Count::Evidence) => continue,
            (None, Count::Failures) => failures,
            (None, _) => 0.0,
        };
        if (asked - came).abs() > 1e-6 {
            lines.push(difference(&word(count), &asked.to_string(), &came.to_string(), ""));
        }
    }
    if timed {
        for (at, asked) in &scenario.expect.open {
            let came = open.get(at).copied().unwrap_or_default();
            if *asked != came {
                lines.push(difference(&format!("open at {at}"), &asked.to_string(), &came.to_string(), ""));
            }
        }
    }
    lines
}

fn word(count: Count) -> String {
    let name = format!("{count:?}");
    let spaced = name.chars().flat_map(|c| [c.is_uppercase().then_some(' '), Some(c.to_ascii_lowercase())]);
    spaced.flatten().collect::<String>().trim_start().to_owned()
}

fn difference(what: &str, asked: &str, got: &str, because: &str) -> String {
    let because = if because.is_empty() { String::new() } else { format!("   ({because})") };
    format!("    {what:<24} expected  {asked}\n    {:<24} got       {got}{because}", "")
}

/// `A` in the file stands for `A`, or for all of `A-1`, `A-2` ...
fn is_called(told: &Told, name: &str) -> bool {
    let number = told.name.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
    told.name == name || number.is_some_and(|n| n.parse::<u32>().is_ok())
}

fn verdicts(what: &str, expected: &BTreeMap<String, Expected>, told: &[Told], timed: bool, lines: &mut Vec<String>) {
    for (name, expected) in expected {
        let came: Vec<&Told> = told.iter().filter(|t| is_called(t, name)).collect();
        match expected {
            Expected::Failed(failed) => {
                let mut failed = failed.clone();
                failed.at = failed.at.filter(|_| timed);
                if came.is_empty() {
                    lines.push(difference(&format!("{what}{name}"), &failed.to_string(), "nothing", ""));
                }
                for told in came.iter().filter(|told| !failed.fits(&told.verdict)) {
                    let got = told.verdict.to_string();
                    lines.push(difference(&format!("{what}{}", told.name), &failed.to_string(), &got, &told.because));
                }
            }
            // Both say that nothing was told of it; of the open ones the count of open cases speaks besides.
            Expected::Fine | Expected::Open => lines.extend(came.iter().map(|told| {
                let got = told.verdict.to_string();
                difference(&format!("{what}{}", told.name), &expected.to_string(), &got, &told.because)
            })),
        }
    }
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for t in told {
        *seen.entry(&t.name).or_default() += 1;
        if !expected.keys().any(|name| is_called(t, name)) {
            lines.push(difference(&format!("{what}{}", t.name), "nothing", &t.verdict.to_string(), &t.because));
        }
    }
    for (name, times) in seen.into_iter().filter(|(_, times)| *times > 1) {
        lines.push(difference(&format!("{what}{name}"), "one verdict", &format!("{times} verdicts"), ""));
    }
}
