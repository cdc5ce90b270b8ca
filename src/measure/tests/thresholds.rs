//! What rules read besides counters: thresholds, owners, and when a channel last spoke.

use super::*;
use crate::observe::Channel;

fn set(alert: &str, subject: Subject, value: f64) -> Threshold {
    Threshold { alert: alert.to_owned(), subject, value }
}

#[test]
fn there_is_one_threshold_an_alert_and_target_whatever_matches() {
    let models = |pattern: &str| Subject::Models(pattern.to_owned());
    let callers = |pattern: &str| Subject::Callers(pattern.to_owned());
    let bench = Bench::with(Settings {
        thresholds: vec![
            set("Ratio", models("m1"), 0.25),
            set("Ratio", models("*"), f64::NAN),
            set("Ratio", models("m*"), 0.75),
            set("Quota", callers("check*"), 100.0),
            set("Quota", callers("*"), f64::NAN),
            set("Skew", Subject::Service, 60.0),
            set("Skew", Subject::Service, 90.0),
        ],
        ..Settings::default()
    });
    let page = bench.page();
    assert_eq!(page["inference_alert_threshold{alert=\"Skew\",platform=\"\",model_id=\"\",environment=\"\"}"], 60.0);
    bench.count(&row("m1", 200, 1.0));
    bench.count(&row("m2", 200, 1.0));
    let page = bench.page();
    let lines = |name: &str| page.keys().filter(|series| series.starts_with(name)).count();
    assert_eq!(lines("inference_alert_threshold"), 3);
    let of = |model: &str| {
        page[&format!(
            "inference_alert_threshold{{alert=\"Ratio\",platform=\"baseten\",model_id=\"{model}\",environment=\"production\"}}"
        )]
    };
    assert_eq!(of("m1"), 0.25);
    assert!(of("m2").is_nan(), "switched off");
    assert_eq!(lines("inference_caller_alert_threshold"), 2);
    assert_eq!(page["inference_caller_alert_threshold{alert=\"Quota\",caller=\"checkout\"}"], 100.0);
    assert!(page["inference_caller_alert_threshold{alert=\"Quota\",caller=\"_unknown\"}"].is_nan());
}

#[test]
fn the_owner_of_what_nobody_claims_is_always_there() {
    let bench = Bench::with(Settings {
        owners: Owners { default: "finance".to_owned(), ..Owners::default() },
        ..Settings::default()
    });
    assert_eq!(bench.page()["inference_caller_info{caller=\"_unknown\",team=\"finance\"}"], 1.0);
}

#[test]
fn a_channel_shows_when_it_last_spoke_until_its_target_goes() {
    let bench = Bench::new(Limits { expire: Duration::from_hours(24), ..Limits::default() });
    bench.count(&row("m1", 200, 1.0));
    let name = |channel: &str| {
        format!(
            "inference_channel_timestamp_seconds{{platform=\"baseten\",model_id=\"m1\",environment=\"production\",channel=\"{channel}\"}}"
        )
    };
    assert!(!bench.page().keys().any(|series| series.starts_with("inference_channel")), "nothing spoke");
    {
        let mut store = bench.store.lock().unwrap();
        store.heard(&target("m1"), Channel::Kernel, NOW - 5_000_000_000);
        store.heard(&target("m1"), Channel::PlatformLogs, NOW);
        store.heard(&target("m1"), Channel::PlatformLogs, NOW - 1_000_000_000);
    }
    let page = bench.page();
    assert_eq!(page[&name("kernel")], (NOW / 1_000_000_000 - 5) as f64);
    assert_eq!(page[&name("platform_logs")], (NOW / 1_000_000_000) as f64, "time never runs back");
    bench.store.lock().unwrap().expire(NOW + DAY + 1);
    assert!(!bench.page().keys().any(|series| series.starts_with("inference_channel")));
}
