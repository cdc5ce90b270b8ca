//! A board as a whole. In: its JSON. Out: faults of identity, variables, annotations, ids and grid.

use super::{Faults, list, panels, text};
use crate::promql::{Names, fill};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Width of Grafana's grid.
const WIDE: u64 = 24;

/// The variables that every board has, so that links carry them everywhere.
const VARIABLES: [&str; 4] = ["datasource", "platform", "model_id", "environment"];

/// Most panels that a reader sees at once.
const VISIBLE: usize = 12;

pub(super) fn check(board: &Value, names: &Names, faults: &mut Faults) {
    identity(board, faults);
    variables(board, names, faults);
    annotations(board, names, faults);
    ids(board, faults);
    let outer = list(board, "panels");
    let visible = outer.iter().filter(|panel| panel["type"] != "row").count();
    faults.unless(visible <= VISIBLE, format!("{visible} visible panels are more than {VISIBLE}"));
    grid(outer, faults);
    for row in outer.iter().filter(|panel| panel["type"] == "row") {
        faults.unless(row["collapsed"] == true && !text(row, "title").is_empty(), "a row is open or has no title");
        grid(list(row, "panels"), faults);
    }
}

fn identity(board: &Value, faults: &mut Faults) {
    faults.unless(text(board, "uid").starts_with("coroner-"), "uid does not begin with coroner-");
    faults.unless(board["id"].is_null(), "id must be null: it belongs to one Grafana");
    faults.unless(board["editable"] == false, "editable: changes would be lost with the next release");
    faults.unless(board["graphTooltip"] == 1, "graphTooltip is not 1, the shared cross-hair");
    let schema = board["schemaVersion"].as_u64().unwrap_or(0);
    faults.unless((39..=42).contains(&schema), format!("schemaVersion {schema} is not of the classic schema"));
    for key in ["title", "description", "refresh"] {
        faults.unless(!text(board, key).is_empty(), format!("no {key}"));
    }
    let whole = board.to_string();
    faults.unless(
        !whole.contains("__inputs") && !whole.contains("${DS_"),
        "needs inputs, which provisioning does not fill",
    );
    let linked = list(board, "links").iter().any(|link| {
        link["type"] == "dashboards"
            && link["tags"] == json!(["coroner"])
            && link["includeVars"] == true
            && link["keepTime"] == true
    });
    faults.unless(linked, "no links by tag that keep variables and time");
    faults.unless(list(board, "tags").contains(&json!("coroner")), "no tag coroner");
}

fn variables(board: &Value, names: &Names, faults: &mut Faults) {
    let all = list(&board["templating"], "list");
    let found: Vec<&str> = all.iter().map(|variable| text(variable, "name")).collect();
    faults.unless(found.starts_with(&VARIABLES), format!("variables {found:?} do not begin with {VARIABLES:?}"));
    let asked: String = panels(board).iter().map(|panel| panel["targets"].to_string()).collect();
    for variable in all {
        let name = text(variable, "name");
        faults.unless(variable["current"] == json!({}), format!("variable {name} has a current value"));
        faults.unless(!text(variable, "label").is_empty(), format!("variable {name} has no label"));
        if name == "datasource" {
            let right = variable["type"] == "datasource" && variable["query"] == "prometheus";
            faults.unless(right, "variable datasource does not choose a Prometheus");
            continue;
        }
        let used = asked.contains(&format!("${name}"));
        faults.unless(used, format!("variable {name} changes no panel"));
        faults.unless(
            variable["datasource"]["uid"] == "${datasource}",
            format!("variable {name} has its own data source"),
        );
        faults.unless(variable["refresh"] == 2, format!("variable {name} does not follow the time range"));
        let offers = variable["includeAll"] == true && variable["allValue"] == ".*" && variable["multi"] == true;
        faults.unless(offers, format!("variable {name} does not offer All and several"));
        faults.unless(variable["sort"] != 0, format!("variable {name} is not sorted"));
        values(variable, names, faults);
    }
}

/// The query of a variable names a metric and a label that exist.
fn values(variable: &Value, names: &Names, faults: &mut Faults) {
    let query = text(&variable["query"], "query");
    let form = Regex::new(r"^label_values\((.+), (\w+)\)$").unwrap();
    let Some(parts) = form.captures(query) else {
        return faults.add(format!("not label_values(metric, label): {query}"));
    };
    faults.unless(parts[2] == *text(variable, "name"), format!("a variable is called as its label: {query}"));
    for problem in names.problems(&fill(&format!("group by ({}) ({})", &parts[2], &parts[1]))) {
        faults.add(format!("{query}: {problem}"));
    }
}

fn annotations(board: &Value, names: &Names, faults: &mut Faults) {
    let all = list(&board["annotations"], "list");
    faults.unless(!all.is_empty(), "no annotations");
    for one in all {
        let expr = fill(text(one, "expr"));
        faults.unless(one["datasource"]["uid"] == "${datasource}", "an annotation has its own data source");
        for problem in names.problems(&expr) {
            faults.add(format!("{expr}: {problem}"));
        }
        let labels = super::query::labels(names, &expr);
        for label in super::query::named(text(one, "titleFormat"))
            .into_iter()
            .chain(super::query::named(text(one, "textFormat")))
        {
            faults.unless(
                labels.contains(&label),
                format!("an annotation shows the label {label}, which its query loses"),
            );
        }
    }
}

fn ids(board: &Value, faults: &mut Faults) {
    let outer = list(board, "panels");
    let all: Vec<u64> = outer
        .iter()
        .chain(outer.iter().flat_map(|row| list(row, "panels")))
        .map(|panel| panel["id"].as_u64().unwrap_or(0))
        .collect();
    let different: BTreeSet<u64> = all.iter().copied().collect();
    faults.unless(different.len() == all.len() && !different.contains(&0), format!("ids are not unique: {all:?}"));
}

/// Panels neither overlap nor leave holes.
fn grid(panels: &[Value], faults: &mut Faults) {
    let mut taken = BTreeSet::new();
    let mut cells = 0;
    let mut rows = BTreeSet::new();
    for panel in panels {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap_or(0));
        cells += w * h;
        faults.unless(x + w <= WIDE, format!("{} is wider than the grid", panel["title"]));
        taken.extend((x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))));
        rows.extend(y..y + h);
    }
    faults.unless(taken.len() as u64 == cells, "panels overlap");
    faults.unless(rows.len() as u64 * WIDE == taken.len() as u64, "panels leave a hole in the grid");
}

/// No two boards have one identity.
pub(super) fn check_between(boards: &[Value], faults: &mut Faults) {
    for key in ["uid", "title"] {
        let different: BTreeSet<&str> = boards.iter().map(|board| text(board, key)).collect();
        faults.unless(different.len() == boards.len(), format!("two boards share a {key}"));
    }
}
