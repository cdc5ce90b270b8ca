//! Prometheus' own tool on the pack. In: the rule files and their tests. Out: Debian's 2.42 and a 3.x both accept the rules, and
//! every test passes in both.

use crate::pack::{files, part, root, short};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

/// Runs one tool; its complaints where it has any.
fn run(tool: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(part(tool)).args(arguments).current_dir(root("alerts")).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(format!("{tool} {arguments:?}:\n{text}")) }
}

#[test]
fn both_versions_accept_the_rules() {
    let paths = files("alerts", ".rules.yaml");
    let mut arguments = vec!["check", "rules", "--lint=all", "--lint-fatal"];
    arguments.extend(paths.iter().map(|path| path.to_str().unwrap()));
    for tool in ["promtool2", "promtool3"] {
        run(tool, &arguments).unwrap_or_else(|text| panic!("{text}"));
    }
}

#[test]
fn every_test_passes_in_both_versions() {
    let mut jobs: Vec<(&str, PathBuf)> = Vec::new();
    for path in files("alerts/tests", ".test.yaml") {
        jobs.extend(["promtool2", "promtool3"].map(|tool| (tool, path.clone())));
    }
    let (jobs, failed) = (Mutex::new(jobs), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                loop {
                    let Some((tool, path)) = jobs.lock().unwrap().pop() else { break };
                    if let Err(text) = run(tool, &["test", "rules", path.to_str().unwrap()]) {
                        failed.lock().unwrap().push(format!("{}: {text}", short(&path)));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
