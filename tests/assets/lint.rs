//! Our linter of dashboards. In: boards as JSON, and the names that exist. Out: what is wrong, one line a fault.
//!
//! The checks of Grafana's dashboard-linter that matter here, and what it does not know: whether names, values, legends, links, units
//! and colours are real. `docs/dashboards.md` lists them. It reads the JSON, not the generator's types: the JSON is what ships.

#[path = "lint/board.rs"]
mod board;
#[path = "lint/colour.rs"]
mod colour;
#[path = "lint/link.rs"]
mod link;
#[path = "lint/panel.rs"]
mod panel;
#[path = "lint/query.rs"]
mod query;
#[path = "lint/tests.rs"]
mod tests;

use super::promql::Names;
use serde_json::Value;

/// What is wrong, with the place where it is wrong.
#[derive(Debug)]
struct Faults {
    place: String,
    found: Vec<String>,
}

impl Faults {
    fn add(&mut self, fault: impl std::fmt::Display) {
        self.found.push(format!("{}: {fault}", self.place));
    }

    fn unless(&mut self, right: bool, fault: impl std::fmt::Display) {
        if !right {
            self.add(fault);
        }
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The panels of a board, those in closed rows too, but not the rows.
pub(crate) fn panels(board: &Value) -> Vec<&Value> {
    let outer = list(board, "panels");
    let inner = outer.iter().flat_map(|row| list(row, "panels"));
    outer.iter().filter(|panel| panel["type"] != "row").chain(inner).collect()
}

/// Everything that is wrong with one board; links may lead to any of `boards`.
fn faults_of(one: &Value, boards: &[Value], names: &Names) -> Vec<String> {
    let uid = text(one, "uid").to_owned();
    let mut faults = Faults { place: uid.clone(), found: Vec::new() };
    board::check(one, names, &mut faults);
    for panel in panels(one) {
        faults.place = format!("{uid}: {}", text(panel, "title"));
        panel::check(panel, &mut faults);
        query::check(panel, names, &mut faults);
        colour::check(panel, names, &mut faults);
        link::check(panel, boards, &mut faults);
    }
    faults.found
}

/// What is wrong between boards, each of which may be right.
fn faults_between(boards: &[Value]) -> Vec<String> {
    let mut faults = Faults { place: "between boards".to_owned(), found: Vec::new() };
    colour::check_between(boards, &mut faults);
    board::check_between(boards, &mut faults);
    faults.found
}

/// Everything that is wrong with these boards.
pub(crate) fn faults(boards: &[Value], names: &Names) -> Vec<String> {
    boards.iter().flat_map(|one| faults_of(one, boards, names)).chain(faults_between(boards)).collect()
}
