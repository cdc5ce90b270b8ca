//! The table against the rule files, and what entries of `alerts.thresholds` come to.

use super::*;
use crate::config::{Config, Subject, Surroundings, parse};
use regex::Regex;
use std::collections::BTreeMap;
use std::path::Path;

/// Every alert whose rule reads a threshold, with the defaults in its expression and in its texts.
fn shipped() -> BTreeMap<String, Vec<f64>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts");
    let read = Regex::new(
        r#"alert_threshold\{alert=\\?"(\w+)\\?"[^}]*\}\)\s+or (?:vector\(([0-9.]+)\)|on [^+]*\+ ([0-9.]+)\s)"#,
    )
    .unwrap();
    let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".rules.yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for rule in text.split("- alert: ").skip(1) {
            let name = rule.split_whitespace().next().unwrap();
            let reads = rule.matches("alert_threshold{alert=").count();
            let defaults: Vec<_> = read.captures_iter(rule).collect();
            assert_eq!(
                defaults.len(),
                reads,
                "{}: {name}: a threshold without a default in a known form",
                path.display()
            );
            for c in &defaults {
                assert_eq!(&c[1], name, "{}: {name} reads the threshold of another alert", path.display());
                let default = c.get(2).or_else(|| c.get(3)).unwrap().as_str().parse().unwrap();
                found.entry(name.to_owned()).or_default().push(default);
            }
        }
    }
    found
}

#[test]
#[expect(clippy::float_cmp, reason = "the same literals on both sides")]
fn the_table_is_what_the_rules_read() {
    let shipped = shipped();
    let names: Vec<&str> = shipped.keys().map(String::as_str).collect();
    let mut known: Vec<&str> = ALL.iter().map(|alert| alert.name).collect();
    known.sort_unstable();
    assert_eq!(known, names, "alerts of the table, and alerts whose rules read a threshold");
    for alert in ALL {
        for default in &shipped[alert.name] {
            assert_eq!(*default, alert.default, "{}", alert.name);
        }
        assert!(!alert.unit.is_empty() && alert.meaning.ends_with('.'), "{}", alert.name);
    }
}

fn config(thresholds: &str) -> Config {
    let text = format!("alerts:\n  thresholds:\n{thresholds}");
    parse("c.yaml", &text, &Surroundings { env: &|_| None, ..Surroundings::of_process() }).unwrap()
}

/// What the entries set, in words.
fn set(config: &Config) -> Vec<String> {
    let whom = |subject: &Subject| match subject {
        Subject::Models(pattern) => format!("models {pattern}"),
        Subject::Callers(pattern) => format!("callers {pattern}"),
        Subject::Service => "service".to_owned(),
    };
    config.thresholds.iter().map(|t| format!("{} {} {}", t.alert, whom(&t.subject), t.value)).collect()
}

#[test]
fn an_entry_is_about_what_it_says_or_else_what_its_alert_is_about() {
    let config = config(
        "    - { alert: InferenceBadGatewayRatio, match: 'm*', value: 0.1 }\n    - { alert: InferenceBadGatewayRatio, value: off }\n    \
         - { alert: InferenceQuotaExceeded, caller: 'b*', value: 100 }\n    - { alert: InferenceQuotaExceeded, match: , value: 50 }\n    \
         - { alert: InferenceBillingBlocked, value: 1 }\n    - { alert: CoronerTwoActive, value: 2 }\n",
    );
    assert_eq!(
        set(&config),
        [
            "InferenceBadGatewayRatio models m* 0.1",
            "InferenceBadGatewayRatio models * NaN",
            "InferenceQuotaExceeded callers b* 100",
            "InferenceQuotaExceeded callers * 50",
            "InferenceBillingBlocked models * 1",
            "CoronerTwoActive service 2",
        ]
    );
    assert_eq!(config.warnings, []);
}

#[test]
fn a_pattern_stands_for_all_alerts_that_such_an_entry_can_set() {
    let config = config(
        "    - { alert: 'InferenceErrorBudget*', match: 'm*', value: 0.9 }\n    - { alert: '*', caller: x, value: off }\n",
    );
    let set = set(&config);
    assert_eq!(set[..2], ["InferenceErrorBudgetBurnFast models m* 0.9", "InferenceErrorBudgetBurnSlow models m* 0.9"]);
    let callers = ALL.iter().filter(|alert| alert.scope == Scope::Caller).count();
    assert_eq!(set.len(), 2 + callers);
    assert!(set[2..].iter().all(|entry| entry.ends_with("callers x NaN")), "{set:?}");
    assert_eq!(config.warnings, []);
}

#[test]
fn what_holds_for_some_models_never_holds_for_their_platform() {
    let config = config(
        "    - { alert: '*', match: 'sandbox-*', value: off }\n    - { alert: InferenceBillingBlocked, match: 'sandbox-*', value: off }\n",
    );
    let models: Vec<String> = ALL
        .iter()
        .filter(|alert| alert.scope == Scope::Model)
        .map(|alert| format!("{} models sandbox-* NaN", alert.name))
        .collect();
    assert_eq!(set(&config), models);
    let said: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "c.yaml:4: alerts.thresholds[1]: `InferenceBillingBlocked` is not about single models, so this entry sets nothing; write neither `match` nor `caller`"
        ]
    );
}

#[test]
fn what_no_shipped_rule_reads_is_said() {
    let config = config(
        "    - { alert: InferenceOomKiled502Spike, value: 0.1 }\n    - { alert: InferenceQuotaExceeded, match: 'm*', value: 1 }\n    \
         - { alert: CoronerDropping, match: 'm*', value: 1 }\n    - { alert: InferenceBadGatewayRatio, caller: c, value: 1 }\n    \
         - { alert: CoronerDropping, caller: c, value: 1 }\n    - { alert: 'Mine*', value: 1 }\n",
    );
    let said: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "c.yaml:3: alerts.thresholds[0]: no shipped rule reads a threshold of `InferenceOomKiled502Spike`; write `InferenceOomKilled502Spike`, if that is meant; rules of your own may read it",
            "c.yaml:4: alerts.thresholds[1]: `InferenceQuotaExceeded` is not about single models, so this entry sets nothing; write `caller` instead",
            "c.yaml:5: alerts.thresholds[2]: `CoronerDropping` is not about single models, so this entry sets nothing; write neither `match` nor `caller`",
            "c.yaml:6: alerts.thresholds[3]: `InferenceBadGatewayRatio` is not about callers, so this entry sets nothing; write `match` instead",
            "c.yaml:7: alerts.thresholds[4]: `CoronerDropping` is not about callers, so this entry sets nothing; write neither `match` nor `caller`",
            "c.yaml:8: alerts.thresholds[5]: `Mine*` fits no alert that such an entry can set; write a name of docs/alerts.md; `*` stands for any text",
        ]
    );
    assert_eq!(set(&config), ["InferenceOomKiled502Spike models * 0.1"], "rules of the user's own may read it");
}

#[test]
fn an_entry_chooses_models_or_callers_and_has_a_value() {
    let text = "alerts: { thresholds: [{ alert: A, match: m, caller: c, value: 1 }, { alert: A, value: never }] }";
    let refused = parse("c.yaml", text, &Surroundings { env: &|_| None, ..Surroundings::of_process() }).unwrap_err();
    let said: Vec<String> = refused.0.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "c.yaml:1: alerts.thresholds[0]: `match` chooses models and `caller` chooses callers; write one of them",
            "c.yaml:1: alerts.thresholds[1].value: `never` is not a threshold; write a number such as 0.05, or off",
        ]
    );
}
