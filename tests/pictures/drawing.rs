//! Drawing. In: boards, and a day. Out: PNG files, and what each panel shows as `tests/parts/drawing` reports it.

use super::compress::compress_query;
use super::day::Day;
use super::root;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A board to be drawn.
#[derive(Clone, Serialize)]
pub(crate) struct Drawing {
    /// Of the picture; also of its file.
    pub(crate) name: String,
    pub(crate) board: Value,
    /// What is chosen for its variables; all where nothing is.
    pub(crate) chosen: BTreeMap<String, Vec<String>>,
    /// Rows stay shut where the board has them shut.
    pub(crate) shut: bool,
    /// Milliseconds since the epoch.
    pub(crate) from: u64,
    pub(crate) to: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Job<'d> {
    folder: &'d Path,
    chromium: &'d Path,
    out: &'d Path,
    prometheus: &'d str,
    /// Milliseconds.
    scrape: u128,
    scale: u32,
    /// Pixels.
    width: u32,
    boards: &'d [Drawing],
}

/// What a drawn board shows.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) name: String,
    /// Errors that the page wrote.
    pub(crate) console: Vec<String>,
    pub(crate) annotations: usize,
    pub(crate) panels: Vec<Panel>,
}

/// What one panel shows.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Panel {
    pub(crate) title: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) queries: Vec<Query>,
    /// Why it could not be drawn.
    pub(crate) fault: Option<String>,
    /// Values in its frames.
    pub(crate) values: usize,
    /// Pixels painted on its canvases.
    pub(crate) canvas: usize,
    pub(crate) units: Units,
    pub(crate) series: Vec<Series>,
    /// All words in it, its title first.
    pub(crate) text: String,
    /// Texts that do not fit and end in dots.
    pub(crate) cut: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    /// `A`, `B`, ...
    #[serde(rename = "ref")]
    pub(crate) name: String,
    /// As Prometheus was asked.
    #[serde(rename = "query")]
    pub(crate) expr: String,
    pub(crate) samples: usize,
    pub(crate) exemplars: usize,
    pub(crate) error: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Units {
    /// Those that Grafana does not have.
    pub(crate) unknown: Vec<String>,
    pub(crate) fields: Vec<Unit>,
}

/// A field of numbers.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Unit {
    /// As it is shown.
    pub(crate) name: String,
    #[serde(rename = "unit")]
    pub(crate) id: Option<String>,
    pub(crate) least: Option<f64>,
    pub(crate) most: Option<f64>,
}

/// A line of a chart.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) color: String,
    pub(crate) pixels: usize,
    /// It is nowhere apart from zero or another line.
    pub(crate) covered: bool,
}

/// Draws them into `out`, one report each.
pub(crate) fn draw(day: &Day, out: &Path, width: u32, boards: &[Drawing]) -> Vec<Report> {
    let boards: Vec<Drawing> =
        boards.iter().map(|one| Drawing { board: faster(&one.board, day), ..one.clone() }).collect();
    let folder = root(".parts/drawing");
    assert!(folder.join("page/page.js").exists(), "the drawing code is missing: tests/run installs it");
    let job = Job {
        folder: &folder,
        chromium: &root(".parts/bin/chromium"),
        out,
        prometheus: &day.prometheus,
        scrape: day.pace.scrape().as_millis(),
        scale: day.pace.scale,
        width,
        boards: &boards,
    };
    let mut node = Command::new("node")
        .arg(root("tests/parts/drawing/draw.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    node.stdin.take().unwrap().write_all(serde_json::to_string(&job).unwrap().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "draw.mjs: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The board with the fixed durations of its queries divided as those of the rules are.
fn faster(board: &Value, day: &Day) -> Value {
    let mut board = board.clone();
    let mut open = vec![&mut board];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match value {
                        Value::String(text) if key == "expr" => {
                            *text = compress_query(text, day.pace.scale, day.pace.scrape()).unwrap();
                        }
                        _ => open.push(value),
                    }
                }
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    board
}
