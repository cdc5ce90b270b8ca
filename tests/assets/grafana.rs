//! Writes a board as Grafana's classic JSON. In: a [`Board`]. Out: the file's text.
//!
//! Classic, because Grafana 10.4 to 13 read it; everything that only newer versions know is left out.

#[path = "grafana/panel.rs"]
mod panel;

use super::dashboard::{Annotation, Board, Panel, Variable};
use serde_json::{Value, json};

/// What Grafana 10.4 and 11 write and 13 still reads.
const SCHEMA_VERSION: u32 = 39;

/// Columns of the grid.
const WIDE: u32 = 24;

/// The longest line of the file that still holds a whole object or array.
const LINE: usize = 180;

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Puts panels beside one another while there is room, and below where there is none.
fn lay_out(panels: &[Panel], ids: &mut std::ops::RangeFrom<u32>, top: u32) -> (Vec<Value>, u32) {
    let (mut x, mut y, mut row) = (0, top, 0);
    let mut placed = Vec::new();
    for (panel, id) in panels.iter().zip(ids) {
        if x + panel.size.0 > WIDE {
            (x, y, row) = (0, y + row, 0);
        }
        placed.push(panel.json(id, (x, y)));
        x += panel.size.0;
        row = row.max(panel.size.1);
    }
    (placed, y + row)
}

impl Variable {
    fn json(&self, before: &[Self]) -> Value {
        let filters: Vec<String> = before.iter().map(|other| format!(r#"{0}=~"${0}""#, other.label)).collect();
        let query = format!("label_values({}{{{}}}, {})", self.metric, filters.join(", "), self.label);
        json!({
            "name": self.label, "label": self.title, "type": "query", "datasource": datasource(), "definition": query,
            "query": {"query": query, "refId": "variable"}, "current": {}, "options": [], "regex": "", "skipUrlSync": false,
            "includeAll": true, "allValue": ".*", "multi": true, "refresh": 2, "sort": 1, "hide": 0,
        })
    }
}

impl Annotation {
    fn json(&self) -> Value {
        json!({
            "name": self.name, "datasource": datasource(), "enable": true, "hide": false, "iconColor": self.colour, "step": "30s",
            "expr": self.expr, "titleFormat": self.title, "textFormat": self.text, "tagKeys": "", "useValueForTime": false,
        })
    }
}

impl Board {
    fn templating(&self) -> Vec<Value> {
        let source = json!({
            "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}, "options": [],
            "regex": "", "hide": 0, "includeAll": false, "multi": false, "refresh": 1, "skipUrlSync": false,
        });
        let asked = (0..).zip(&self.variables).map(|(at, one)| one.json(self.variables.get(..at).unwrap_or_default()));
        std::iter::once(source).chain(asked).collect()
    }

    fn panels(&self) -> Vec<Value> {
        let mut ids = 1..;
        let (mut all, mut y) = lay_out(&self.panels, &mut ids, 0);
        for (title, panels) in &self.closed {
            let id = ids.next().unwrap_or_default();
            let (inside, _) = lay_out(panels, &mut ids, y + 1);
            all.push(json!({
                "id": id, "type": "row", "title": title, "collapsed": true, "gridPos": {"x": 0, "y": y, "w": WIDE, "h": 1}, "panels": inside,
            }));
            y += 1;
        }
        all
    }

    /// The file's text.
    pub(crate) fn text(&self) -> String {
        let annotations: Vec<Value> = self.annotations.iter().map(Annotation::json).collect();
        let board = json!({
            "uid": self.uid, "title": self.title, "description": self.description, "schemaVersion": SCHEMA_VERSION,
            "id": null, "version": 1, "editable": false, "graphTooltip": 1, "refresh": "30s", "timezone": "browser", "weekStart": "",
            "tags": ["coroner", "inference"], "time": {"from": self.from, "to": "now"}, "timepicker": {},
            "links": [{
                "title": "coroner", "type": "dashboards", "tags": ["coroner"], "asDropdown": false, "icon": "external link",
                "includeVars": true, "keepTime": true, "targetBlank": false, "tooltip": "", "url": "",
            }],
            "annotations": {"list": annotations}, "templating": {"list": self.templating()}, "panels": self.panels(),
        });
        let mut text = String::new();
        write(&board, 0, &mut text);
        text.push('\n');
        text
    }
}

/// Writes what fits on a line on one line: a board is read in reviews.
fn write(value: &Value, depth: usize, text: &mut String) {
    let line = value.to_string();
    let inside = "  ".repeat(depth + 1);
    let parts: Vec<(String, &Value)> = match value {
        _ if line.len() + inside.len() <= LINE => Vec::new(),
        Value::Object(all) => all.iter().map(|(key, value)| (format!("{}: ", json!(key)), value)).collect(),
        Value::Array(all) => all.iter().map(|value| (String::new(), value)).collect(),
        _ => Vec::new(),
    };
    if parts.is_empty() {
        text.push_str(&line);
        return;
    }
    let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
    text.push(open);
    for (at, (key, value)) in (0..).zip(&parts) {
        text.push_str(if at == 0 { "\n" } else { ",\n" });
        text.push_str(&inside);
        text.push_str(key);
        write(value, depth + 1, text);
    }
    text.push('\n');
    text.push_str("  ".repeat(depth).as_str());
    text.push(close);
}
