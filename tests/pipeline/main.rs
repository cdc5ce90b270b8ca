//! From OTLP bytes to the team that can act: routing, inhibition, notifications, and the whole pipeline with real parts.
//!
//! The parts come from `tests/run`; without them the tests fail and say so.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking, and all of this is test")]

mod alertmanager;
mod compress;
mod demo;
mod healthy_day;
#[path = "../e2e/http.rs"]
mod http;
mod incidents;
mod inhibition;
mod matchers;
mod notifications;
mod pack;
#[expect(dead_code, reason = "the end-to-end tests use the rest")]
#[path = "../e2e/process.rs"]
mod process;
#[expect(dead_code, reason = "the end-to-end tests use the rest")]
#[path = "../e2e/prometheus.rs"]
mod prometheus;
mod routing;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

/// Logs and configs of one test; left behind when it fails.
fn fresh_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pipeline").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Figures are shown even where the test passes.
fn say(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}

/// Makes all that Alertmanager waits for so many times shorter.
fn shorter_waits(factor: u32) -> impl Fn(&mut Value) {
    move |config| shorten(&mut config["route"], factor)
}

fn shorten(route: &mut Value, factor: u32) {
    for name in ["group_wait", "group_interval", "repeat_interval"] {
        if let Some(text) = route.get(name).and_then(Value::as_str) {
            let divide = compress::Divide { factor, step: Duration::from_millis(1) };
            route[name] = divide.duration(text, 1).unwrap().into();
        }
    }
    for child in route.get_mut("routes").and_then(Value::as_array_mut).into_iter().flatten() {
        shorten(child, factor);
    }
}
