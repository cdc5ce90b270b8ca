//! Every panel of every dashboard, drawn. In: `dashboards/`, a simulated day in a real Prometheus, Grafana's own components in a headless
//! Chromium. Out: pictures in `target/pictures`, and no panel that is empty, fails, has a wrong unit or paints nothing.
//!
//! `CORONER_BLESS=1` also writes the pictures of the documentation, `docs/pictures/*.png`.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "pipeline/compress.rs"]
mod compress;
#[path = "pictures/day.rs"]
mod day;
#[path = "pictures/drawing.rs"]
mod drawing;
#[path = "pictures/faults.rs"]
mod faults;
#[path = "pictures/seeded.rs"]
mod seeded;

use day::Day;
use drawing::{Drawing, Report, draw};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Pixels: a desktop's window, and what fits a page of documentation.
const WIDTH: u32 = 1600;
const DOCUMENT_WIDTH: u32 = 1400;
/// Most bytes of a picture in the documentation.
const DOCUMENT_BYTES: u64 = 300_000;
/// In the middle of the OOM storm, while the fleet has other troubles too; percent of the day.
const STORM: u64 = 62;
/// The model that it strikes.
const STRUCK: &str = "sdxltrbo";

/// What goes wrong on the day of the documentation.
const CALM: &[&str] = &["oom-storm", "short-time-outs", "cut-chats"];

/// Panels and queries that the simulated day leaves empty, with the reason. What stops being empty has to leave this list.
const EMPTY: &[(&str, &str, &str)] = &[];

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no {ending} in {folder}");
    found
}

/// A program that `tests/run` installs.
fn part(name: &str) -> PathBuf {
    let path = root(".parts/bin").join(name);
    assert!(path.exists(), "{} is missing: tests/run installs it", path.display());
    path
}

fn board(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(root("dashboards").join(format!("{name}.json"))).unwrap()).unwrap()
}

fn names() -> Vec<String> {
    files("dashboards", ".json").iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

/// The struck model, chosen.
fn struck() -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([("model_id".to_owned(), vec![STRUCK.to_owned()])])
}

/// Every board over the whole day, every board in the storm, and the struck model.
fn drawings(day: &Day) -> Vec<Drawing> {
    let of = |name: String, ending: &str, percent: u64| Drawing {
        board: board(&name),
        name: format!("{name}{ending}"),
        chosen: BTreeMap::new(),
        shut: false,
        from: day.began,
        to: day.at(percent),
    };
    let mut all: Vec<Drawing> =
        names().into_iter().flat_map(|name| [of(name.clone(), "", 100), of(name, "-storm", STORM)]).collect();
    all.push(Drawing { chosen: struck(), ..of("model".to_owned(), "-struck", STORM) });
    all
}

#[test]
fn every_panel_of_every_board_draws_and_a_broken_one_is_found() {
    let day = Day::pass(&[]);
    let out = root("target/pictures");
    drop(std::fs::remove_dir_all(&out));
    let reports = draw(&day, &out, WIDTH, &drawings(&day));
    let mut found: Vec<String> = reports.iter().flat_map(faults::of).collect();
    found.extend(names().iter().flat_map(|name| emptiness(name, &reports)));
    assert!(found.is_empty(), "look at {}:\n{}", out.display(), found.join("\n"));
    let struck = reports.iter().find(|report| report.name == "model-struck").unwrap();
    assert!(struck.annotations > 0, "the alerts of the storm are marked");
    let exemplars: usize = struck.panels.iter().flat_map(|panel| &panel.queries).map(|query| query.exemplars).sum();
    assert!(exemplars > 0, "exemplars lead to the traces");
    seeded::check(&day, &out);
    drop(day);
    document();
}

/// What is empty and should not be, and what is full and should not be.
fn emptiness(name: &str, reports: &[Report]) -> Vec<String> {
    let of_board: Vec<&Report> =
        reports.iter().filter(|report| report.name == name || report.name == format!("{name}-storm")).collect();
    assert_eq!(of_board.len(), 2, "{name}");
    let empty: BTreeSet<String> = faults::empty(&of_board).into_iter().collect();
    let meant: BTreeSet<String> =
        EMPTY.iter().filter(|(board, ..)| *board == name).map(|(_, place, _)| (*place).to_owned()).collect();
    let missing = empty.difference(&meant).map(|place| format!("{name}: {place}: empty all day"));
    let full = meant.difference(&empty).map(|place| format!("{name}: {place}: not empty any more"));
    missing.chain(full).collect()
}

/// The pictures of the documentation, of a calmer day: who is to blame, and what the struck model dies of, in the middle of the storm.
fn document() {
    if std::env::var_os("CORONER_BLESS").is_none() {
        return;
    }
    let day = Day::pass(CALM);
    let out = root("docs/pictures");
    let of = |name: &str, chosen| Drawing {
        name: name.to_owned(),
        board: board(name),
        chosen,
        shut: true,
        from: day.began,
        to: day.at(STORM),
    };
    draw(&day, &out, DOCUMENT_WIDTH, &[of("fleet", BTreeMap::new()), of("model", struck())]);
    for path in files("docs/pictures", ".png") {
        let bytes = path.metadata().unwrap().len();
        assert!(bytes <= DOCUMENT_BYTES, "{}: {bytes} bytes", path.display());
    }
}
