//! Writes Grafana dashboards as classic JSON. In: what each panel asks. Out: the file's text.
//!
//! Small on purpose: the panels of one board are data in a file of their own (`fleet_board.rs`); here is only what they share:
//! the shape of a panel, the grid, units, colours that a colour-blind reader can tell apart (Okabe-Ito), and the variables.

use serde_json::{Value, json};

/// Schema that Grafana 10.4 and 11 write, and 13 still reads.
const SCHEMA_VERSION: u32 = 39;

/// How often Prometheus is expected to scrape; the smallest step a panel asks for.
const SCRAPE_INTERVAL: &str = "15s";

/// The colour of each blame, the same on every board.
pub(crate) const BLAME_COLOURS: &[(&str, &str)] =
    &[("client", "#E69F00"), ("model", "#D55E00"), ("platform", "#0072B2"), ("undetermined", "#CC79A7")];

/// The colour of each stream ending.
pub(crate) const ENDING_COLOURS: &[(&str, &str)] =
    &[("complete", "#009E73"), ("truncated", "#D55E00"), ("cancelled", "#56B4E9"), ("unknown", "#999999")];

/// The colour of each confidence.
pub(crate) const CONFIDENCE_COLOURS: &[(&str, &str)] =
    &[("observed", "#009E73"), ("correlated", "#56B4E9"), ("likely", "#F0E442"), ("assumed", "#CC79A7")];

/// One question to Prometheus and how its answer is called.
pub(crate) struct Query {
    /// `PromQL`.
    pub(crate) expr: String,
    /// Legend, with `{{label}}`.
    pub(crate) legend: &'static str,
}

/// Which kind of picture.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// One number.
    Stat,
    /// Lines over time.
    Lines,
    /// Stacked areas over time.
    Stacked,
    /// Rows of the present.
    Table,
}

/// One panel.
pub(crate) struct Panel {
    /// Title: what is shown.
    pub(crate) title: &'static str,
    /// Description: which metric it reads and what it means.
    pub(crate) description: &'static str,
    /// Which kind of picture.
    pub(crate) kind: Kind,
    /// Grafana's unit id.
    pub(crate) unit: &'static str,
    /// Width and height on the grid of 24 columns.
    pub(crate) size: (u32, u32),
    /// Its questions.
    pub(crate) queries: Vec<Query>,
    /// Fixed colours by series name.
    pub(crate) colours: &'static [(&'static str, &'static str)],
    /// Show exemplars as dots.
    pub(crate) exemplars: bool,
    /// What stands there when nothing comes back.
    pub(crate) no_value: &'static str,
}

/// A whole board.
pub(crate) struct Board {
    /// Fixed identity; links point to it.
    pub(crate) uid: &'static str,
    /// Title.
    pub(crate) title: &'static str,
    /// The question it answers.
    pub(crate) description: &'static str,
    /// Variables: label of the metric that fills them.
    pub(crate) variables: &'static [&'static str],
    /// The metric that fills the variables.
    pub(crate) variable_metric: &'static str,
    /// Panels in reading order.
    pub(crate) panels: Vec<Panel>,
}

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn by_name(name: &str, property: &str, value: &Value) -> Value {
    json!({"matcher": {"id": "byName", "options": name}, "properties": [{"id": property, "value": value}]})
}

impl Panel {
    fn targets(&self) -> Vec<Value> {
        let table = self.kind == Kind::Table;
        self.queries
            .iter()
            .zip('A'..='Z')
            .map(|(query, id)| {
                json!({
                    "datasource": datasource(), "refId": id.to_string(), "editorMode": "code",
                    "expr": query.expr, "legendFormat": query.legend,
                    "exemplar": self.exemplars, "instant": table, "range": !table,
                    "format": if table { "table" } else { "time_series" },
                })
            })
            .collect()
    }

    fn overrides(&self) -> Vec<Value> {
        let colours = self
            .colours
            .iter()
            .map(|(name, colour)| by_name(name, "color", &json!({"mode": "fixed", "fixedColor": colour})));
        let columns = self.queries.iter().zip('A'..='Z').filter(|_| self.kind == Kind::Table).map(|(query, id)| {
            let unit = if query.legend.contains("ratio") { "percentunit" } else { self.unit };
            json!({"matcher": {"id": "byName", "options": format!("Value #{id}")},
                   "properties": [{"id": "displayName", "value": query.legend}, {"id": "unit", "value": unit}]})
        });
        colours.chain(columns).collect()
    }

    fn options(&self) -> Value {
        match self.kind {
            Kind::Stat => json!({
                "colorMode": "none", "graphMode": "area", "textMode": "value_and_name",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            }),
            Kind::Table => json!({"showHeader": true, "sortBy": [{"displayName": "failures ratio", "desc": true}]}),
            Kind::Lines | Kind::Stacked => json!({
                "legend": {"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": ["lastNotNull", "max"]},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
        }
    }

    fn custom(&self) -> Value {
        match self.kind {
            Kind::Lines => json!({"lineWidth": 2, "fillOpacity": 0, "showPoints": "never"}),
            Kind::Stacked => {
                json!({"lineWidth": 1, "fillOpacity": 60, "showPoints": "never", "stacking": {"mode": "normal", "group": "A"}})
            }
            Kind::Stat | Kind::Table => json!({}),
        }
    }

    fn json(&self, id: u32, (x, y): (u32, u32)) -> Value {
        let kind = match self.kind {
            Kind::Stat => "stat",
            Kind::Table => "table",
            Kind::Lines | Kind::Stacked => "timeseries",
        };
        let transformations = if self.kind == Kind::Table {
            json!([{"id": "merge", "options": {}}, {"id": "organize", "options": {"excludeByName": {"Time": true}}}])
        } else {
            json!([])
        };
        json!({
            "id": id, "type": kind, "title": self.title, "description": self.description,
            "datasource": datasource(), "interval": SCRAPE_INTERVAL,
            "gridPos": {"x": x, "y": y, "w": self.size.0, "h": self.size.1},
            "targets": self.targets(), "transformations": transformations, "options": self.options(),
            "fieldConfig": {
                "defaults": {"unit": self.unit, "noValue": self.no_value, "min": 0, "color": {"mode": "palette-classic"}, "custom": self.custom()},
                "overrides": self.overrides(),
            },
        })
    }
}

impl Board {
    fn variables(&self) -> Vec<Value> {
        let source = json!({
            "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
            "current": {}, "hide": 0, "includeAll": false, "multi": false, "refresh": 1,
        });
        let mut filters: Vec<String> = Vec::new();
        let mut all = vec![source];
        for label in self.variables {
            let query = format!("label_values({}{{{}}}, {label})", self.variable_metric, filters.join(", "));
            all.push(json!({
                "name": label, "label": label, "type": "query", "datasource": datasource(),
                "definition": query, "query": {"query": query, "refId": "variable"},
                "current": {}, "includeAll": true, "allValue": ".*", "multi": true, "refresh": 2, "sort": 1, "hide": 0,
            }));
            filters.push(format!("{label}=~\"${label}\""));
        }
        all
    }

    /// The file's text.
    pub(crate) fn text(&self) -> String {
        let (mut x, mut y, mut row) = (0, 0, 0);
        let panels: Vec<Value> = (1..)
            .zip(&self.panels)
            .map(|(id, panel)| {
                if x + panel.size.0 > 24 {
                    (x, y, row) = (0, y + row, 0);
                }
                let place = (x, y);
                x += panel.size.0;
                row = row.max(panel.size.1);
                panel.json(id, place)
            })
            .collect();
        let firing = json!({
            "name": "Alerts", "datasource": datasource(), "enable": true, "iconColor": "#D55E00", "step": "60s",
            "expr": "ALERTS{alertstate=\"firing\", alertname=~\"Inference.*\", model_id=~\"$model_id\"}",
            "titleFormat": "{{alertname}}", "textFormat": "{{model_id}} {{environment}}", "tagKeys": "severity",
        });
        let board = json!({
            "uid": self.uid, "title": self.title, "description": self.description, "schemaVersion": SCHEMA_VERSION,
            "id": null, "version": 1, "editable": true, "graphTooltip": 1, "refresh": "30s", "timezone": "browser",
            "tags": ["coroner", "inference"], "time": {"from": "now-1h", "to": "now"},
            "links": [{"title": "coroner", "type": "dashboards", "tags": ["coroner"], "asDropdown": true, "includeVars": true, "keepTime": true}],
            "annotations": {"list": [firing]}, "templating": {"list": self.variables()}, "panels": panels,
        });
        let mut text = serde_json::to_string_pretty(&board).expect("a value of strings and numbers can be written");
        text.push('\n');
        text
    }
}
