//! The house rules that a compiler does not check: how long files are, that each says what it is for, and that arrows
//! run only along the flow.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// Most lines of a source file.
const LONGEST: usize = 400;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "common", "helpers", "misc", "manager"];

/// What a module may use, besides itself. In the order of the flow; what stands lower may use what stands higher.
const ARROWS: &[(&str, &[&str])] = &[
    ("yaml", &[]),
    ("otlp", &[]),
    // The words of a verdict lie in `judge` and know nobody.
    ("taxonomy", &[]),
    // Patterns of names and of texts know nobody either.
    ("glob", &[]),
    ("expression", &[]),
    ("observe", &["expression", "otlp", "taxonomy"]),
    ("judge", &["expression", "observe", "taxonomy", "yaml"]),
    ("correlate", &["judge", "observe", "taxonomy"]),
    ("config", &["glob", "observe", "yaml"]),
    ("telemetry", &["config"]),
    ("receive", &["otlp", "telemetry"]),
    ("measure", &["correlate", "glob", "judge", "observe", "taxonomy", "telemetry"]),
    ("feed", &["correlate", "glob", "judge", "observe", "taxonomy", "telemetry"]),
    ("admin", &["feed", "measure", "receive", "telemetry"]),
    ("shutdown", &[]),
    (
        "app",
        &[
            "admin",
            "config",
            "correlate",
            "feed",
            "judge",
            "measure",
            "observe",
            "otlp",
            "receive",
            "shutdown",
            "taxonomy",
            "telemetry",
        ],
    ),
    ("demo", &["app", "config", "judge", "measure", "observe", "otlp", "shutdown", "taxonomy", "telemetry"]),
    ("cli", &["app", "config", "demo", "feed", "judge", "shutdown", "taxonomy", "telemetry"]),
    ("main", &["cli"]),
    ("lib", &[]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files of the project.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src"), root().join("tests"), root().join("benches")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|e| e.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 20, "the walk finds the sources: {found:?}");
    found
}

/// Path from the project's root.
fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

#[track_caller]
fn none(faults: &[String], rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n{}", faults.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut faults = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > LONGEST {
            faults.push(format!("{}: {lines} lines", name(&path)));
        }
        if !text.starts_with("//! ") {
            faults.push(format!("{}: no `//!` head", name(&path)));
        }
    }
    none(&faults, "at most 400 lines, with a head");
}

#[test]
fn sources_are_ascii_but_for_the_picture() {
    let mut faults = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let drawn = |c: char| path.ends_with("src/lib.rs") && ('\u{2500}'..='\u{257f}').contains(&c);
        for (at, line) in text.lines().enumerate() {
            if line.chars().any(|c| !c.is_ascii() && !drawn(c)) {
                faults.push(format!("{}:{}", name(&path), at + 1));
            }
        }
    }
    none(&faults, "ASCII only; write \\u{..} in texts");
}

#[test]
fn names_mean_something() {
    let mut faults = Vec::new();
    for path in sources() {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let folder = path.parent().and_then(Path::file_name).unwrap().to_string_lossy().into_owned();
        if EMPTY_NAMES.contains(&stem.as_str()) || EMPTY_NAMES.contains(&folder.as_str()) || stem == "mod" {
            faults.push(name(&path));
        }
    }
    none(&faults, "a file is named after what it holds, foo.rs beside foo/");
}

/// The top-level module that a file of `src` belongs to.
fn module(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).ok()?;
    let first = inside.components().next()?.as_os_str().to_string_lossy().into_owned();
    Some(first.trim_end_matches(".rs").to_owned())
}

/// The top-level modules that a text names by `crate::` paths, outside of comments.
fn uses(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for after in code.split("crate::").skip(1) {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let (first, rest) = after.split_at(end);
            if first == "judge" && rest.starts_with("::taxonomy::") {
                found.push((at + 1, "taxonomy".to_owned()));
                continue;
            }
            if first.is_empty() && rest.starts_with('{') {
                found.push((at + 1, "{ } of several modules: write one `use` each".to_owned()));
            } else {
                found.push((at + 1, first.to_owned()));
            }
        }
    }
    found
}

#[test]
fn arrows_run_only_along_the_flow() {
    let mut faults = Vec::new();
    for path in sources() {
        let Some(this) = module(&path) else { continue };
        let Some((_, allowed)) = ARROWS.iter().find(|(m, _)| *m == this) else {
            faults.push(format!("{}: module `{this}` has no place in the flow", name(&path)));
            continue;
        };
        for (line, other) in uses(&fs::read_to_string(&path).unwrap()) {
            if other != this && !allowed.contains(&other.as_str()) {
                faults.push(format!("{}:{line}: {this} may not use {other}", name(&path)));
            }
        }
    }
    none(&faults, "a stage uses only what stands before it");
}

#[test]
fn the_taxonomy_knows_nobody() {
    let text = fs::read_to_string(root().join("src/judge/taxonomy.rs")).unwrap();
    assert_eq!(uses(&text), []);
    assert!(!text.contains("super::"));
}

#[test]
fn the_flow_has_no_circle() {
    let position = |m: &str| ARROWS.iter().position(|(name, _)| *name == m).unwrap();
    for (this, allowed) in ARROWS {
        for other in *allowed {
            assert!(position(other) < position(this), "{this} -> {other} points back");
        }
    }
}

#[test]
fn uses_are_found_in_code_and_not_in_comments() {
    let text = "use crate::judge::Verdict;\n// crate::app\nlet x = crate::otlp::wire::f(crate::config::C);\n";
    let found: Vec<String> = uses(text).into_iter().map(|(at, m)| format!("{at} {m}")).collect();
    assert_eq!(found, ["1 judge", "3 otlp", "3 config"]);
}

#[test]
fn main_is_short_and_one_command_checks_everything() {
    let main = fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(main.lines().count() < 100);
    assert!(root().join(".ci/run").is_file());
}
