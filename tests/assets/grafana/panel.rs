//! One panel as Grafana's JSON. In: a [`Panel`]. Out: its object: queries, units, colours, mappings, links, columns.

use super::{WIDE, datasource};
use crate::colours::{Words, colour};
use crate::dashboard::{Axis, Kind, Link, Panel, Query, Scale};
use serde_json::{Value, json};

/// How often Prometheus is expected to scrape coroner, and how often the provider; the smallest step a panel asks for.
const SCRAPE_INTERVAL: &str = "15s";
const SLOW_SCRAPE_INTERVAL: &str = "1m";

/// Width of the value axis and of the legend beside a picture, so that panels above one another share one time axis.
const AXIS_WIDTH: u32 = 70;
const LEGEND_WIDTH: u32 = 320;

/// The same beside a picture of half the width.
const NARROW_LEGEND_WIDTH: u32 = 230;

/// How wide columns of labels are; numbers share what is left.
const COLUMNS: &[(&str, u32)] = &[
    ("alertname", 290),
    ("severity", 95),
    ("blame", 120),
    ("team", 120),
    ("model_id", 170),
    ("environment", 120),
    ("platform", 100),
    ("caller", 170),
    ("class", 160),
    ("cause", 180),
    ("deployment_id", 150),
    ("kind", 160),
    ("vantage", 100),
    ("channel", 130),
];

/// The least width of a column of numbers.
const NUMBER_WIDTH: u32 = 80;

/// The least width that leaves room for a legend beside the picture.
const HALF: u32 = 12;

fn fixed(colour: &str) -> Value {
    json!({"id": "color", "value": {"mode": "fixed", "fixedColor": colour}})
}

fn overriding(matcher: &str, options: &str, properties: &[Value]) -> Value {
    json!({"matcher": {"id": matcher, "options": options}, "properties": properties})
}

fn links(all: &[(&'static str, Link)], field: &str) -> Vec<Value> {
    all.iter()
        .filter(|(of, _)| *of == field)
        .map(|(_, link)| json!({"title": link.title, "url": link.url, "targetBlank": false}))
        .collect()
}

impl Panel {
    fn at_once(&self) -> bool {
        matches!(self.kind, Kind::Stat | Kind::Table)
    }

    fn targets(&self) -> Vec<Value> {
        let form = if self.kind == Kind::Table { "table" } else { "time_series" };
        self.queries
            .iter()
            .zip('A'..='Z')
            .map(|(Query { expr, legend, exemplars, .. }, id)| {
                json!({
                    "refId": id.to_string(), "datasource": datasource(), "editorMode": "code", "expr": expr, "legendFormat": legend,
                    "exemplar": exemplars, "instant": self.at_once(), "range": !self.at_once(), "format": form,
                })
            })
            .collect()
    }

    /// The colours of the words, where they are whole names and where names end with them.
    fn colours(&self) -> Vec<Value> {
        let whole = |set: &Words| {
            set.label().is_none_or(|label| self.queries.iter().any(|query| query.legend == format!("{{{{{label}}}}}")))
        };
        self.words
            .iter()
            .flat_map(|set| {
                let whole = whole(set);
                set.colours().into_iter().map(move |(word, colour)| {
                    let ending = format!("/\\b{word}$/");
                    let (matcher, name) = if whole { ("byName", word) } else { ("byRegexp", ending.as_str()) };
                    overriding(matcher, name, &[fixed(&colour)])
                })
            })
            .collect()
    }

    /// In tables a word's colour goes with its cell.
    fn cells(&self) -> Vec<Value> {
        let mut found = Vec::new();
        for set in &self.words {
            let Some(label) = set.label() else { continue };
            let options: serde_json::Map<String, Value> = set
                .colours()
                .into_iter()
                .zip(0..)
                .map(|((word, colour), index)| {
                    (word.to_owned(), json!({"color": colour, "text": word, "index": index}))
                })
                .collect();
            found.push(overriding(
                "byName",
                label,
                &[
                    json!({"id": "mappings", "value": [{"type": "value", "options": options}]}),
                    json!({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}}),
                // A cell without a word has no colour.
                json!({"id": "color", "value": {"mode": "thresholds"}}),
                json!({"id": "thresholds", "value": {"mode": "absolute", "steps": [{"color": "transparent", "value": null}]}}),
                ],
            ));
        }
        for label in self.labels {
            let (_, width) = COLUMNS.iter().find(|(of, _)| of == label).expect("every label has a width");
            let mut properties = vec![json!({"id": "custom.width", "value": width})];
            let links = links(&self.links, label);
            if !links.is_empty() {
                properties.push(json!({"id": "links", "value": links}));
            }
            found.push(overriding("byName", label, &properties));
        }
        for (query, column) in self.queries.iter().zip(self.columns()) {
            let name = json!({"id": "displayName", "value": query.legend});
            let unit = json!({"id": "unit", "value": query.unit.unwrap_or(self.unit)});
            found.push(overriding("byName", &column, &[name, unit]));
        }
        found
    }

    /// What Grafana calls the columns of numbers: one alone has no letter.
    fn columns(&self) -> Vec<String> {
        match self.queries.len() {
            1 => vec!["Value".to_owned()],
            _ => self.queries.iter().zip('A'..='Z').map(|(_, id)| format!("Value #{id}")).collect(),
        }
    }

    fn overrides(&self) -> Vec<Value> {
        if self.kind == Kind::Table {
            return self.cells();
        }
        let mut found = self.colours();
        for (query, id) in self.queries.iter().zip('A'..='Z') {
            let mut properties = Vec::new();
            if let Some(unit) = query.unit {
                properties.push(json!({"id": "unit", "value": unit}));
            }
            if !properties.is_empty() {
                found.push(overriding("byFrameRefID", &id.to_string(), &properties));
            }
        }
        found
    }

    fn options(&self) -> Value {
        match self.kind {
            Kind::Stat => json!({
                "colorMode": if self.coloured() { "background_solid" } else { "none" }, "graphMode": "none", "justifyMode": "center",
                "textMode": if self.names_only { "name" } else { "value_and_name" }, "orientation": "auto", "wideLayout": true,
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            }),
            Kind::Table => {
                let first = self.queries.first().map_or("", |query| query.legend.as_str());
                json!({"showHeader": true, "cellHeight": "sm", "sortBy": [{"displayName": first, "desc": true}]})
            }
            Kind::Timeline => json!({
                "mergeValues": true, "showValue": "never", "rowHeight": 0.8, "alignValue": "left",
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
                "tooltip": {"mode": "single", "sort": "none"},
            }),
            Kind::Lines | Kind::Stacked | Kind::Bars => {
                json!({"legend": self.legend(), "tooltip": {"mode": "multi", "sort": "desc"}})
            }
        }
    }

    /// Beside the picture, with numbers, where there is room; else names in a line below.
    fn legend(&self) -> Value {
        let (width, calcs) = match self.size.0 {
            WIDE => (LEGEND_WIDTH, json!(["lastNotNull", "max"])),
            HALF.. => (NARROW_LEGEND_WIDTH, json!(["max"])),
            _ => return json!({"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []}),
        };
        json!({
            "displayMode": "table", "placement": "right", "width": width, "showLegend": true, "calcs": calcs,
            "sortBy": "Max", "sortDesc": true,
        })
    }

    fn coloured(&self) -> bool {
        !self.words.is_empty() || !self.meanings.is_empty() || !matches!(self.scale, Scale::None)
    }

    fn custom(&self) -> Value {
        let lines = matches!(self.scale, Scale::Above(..) | Scale::Below(..));
        let style = json!({"mode": if lines { "dashed" } else { "off" }});
        let scale =
            if self.axis == Axis::Logarithmic { json!({"type": "log", "log": 10}) } else { json!({"type": "linear"}) };
        match self.kind {
            Kind::Lines => {
                json!({
                    "lineWidth": 2, "fillOpacity": 0, "showPoints": "auto", "axisWidth": AXIS_WIDTH, "thresholdsStyle": style,
                    "scaleDistribution": scale,
                })
            }
            Kind::Stacked | Kind::Bars => json!({
                "drawStyle": if self.kind == Kind::Bars { "bars" } else { "line" }, "lineWidth": 1, "fillOpacity": 70,
                "showPoints": "never", "axisWidth": AXIS_WIDTH, "stacking": {"mode": "normal", "group": "A"}, "thresholdsStyle": style,
            }),
            Kind::Timeline => json!({"fillOpacity": 90, "lineWidth": 0}),
            Kind::Table => json!({"align": "auto", "filterable": false, "minWidth": NUMBER_WIDTH}),
            Kind::Stat => json!({}),
        }
    }

    fn thresholds(&self) -> Value {
        let state = |word| colour(Words::State, word);
        let steps = match self.scale {
            Scale::None => json!([{"color": "text", "value": null}]),
            Scale::Above(doubtful, bad) => json!([
                {"color": state("none seen"), "value": null}, {"color": state("doubtful"), "value": doubtful}, {"color": state("bad"), "value": bad},
            ]),
            Scale::Below(doubtful, bad) => json!([
                {"color": state("bad"), "value": null}, {"color": state("doubtful"), "value": bad}, {"color": state("none seen"), "value": doubtful},
            ]),
        };
        json!({"mode": "absolute", "steps": steps})
    }

    fn mappings(&self) -> Vec<Value> {
        let nothing =
            json!({"type": "special", "options": {"match": "null+nan", "result": {"text": self.no_value, "index": 0}}});
        let meanings: serde_json::Map<String, Value> = self
            .meanings
            .iter()
            .zip(1..)
            .map(|((number, word, words), index)| {
                ((*number).to_owned(), json!({"text": word, "color": colour(*words, word), "index": index}))
            })
            .collect();
        if meanings.is_empty() { vec![nothing] } else { vec![nothing, json!({"type": "value", "options": meanings})] }
    }

    fn defaults(&self) -> Value {
        let judged = !matches!(self.scale, Scale::None) && self.at_once() || !self.meanings.is_empty();
        let mode = if judged { "thresholds" } else { "palette-classic" };
        let mut defaults = json!({
            "unit": self.unit, "noValue": self.no_value, "color": {"mode": mode}, "custom": self.custom(),
            "mappings": self.mappings(), "thresholds": self.thresholds(), "links": links(&self.links, ""),
        });
        if self.axis == Axis::FromZero {
            defaults["min"] = json!(0);
        }
        if self.unit == "short" && self.at_once() {
            defaults["decimals"] = json!(0);
        }
        defaults
    }

    /// Tables show one row for each set of labels, with the answers of all their queries beside them.
    fn transformations(&self) -> Value {
        if self.kind != Kind::Table {
            return json!([]);
        }
        let columns = self.labels.iter().map(|label| (*label).to_owned());
        let order: serde_json::Map<String, Value> =
            columns.chain(self.columns()).zip(0..).map(|(name, index)| (name, json!(index))).collect();
        let unseen = self.queries.iter().zip(self.columns()).filter(|(query, _)| query.labels_only);
        let hidden: serde_json::Map<String, Value> = std::iter::once("Time".to_owned())
            .chain(unseen.map(|(_, column)| column))
            .map(|column| (column, json!(true)))
            .collect();
        json!([
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": hidden, "indexByName": order, "renameByName": {}}},
        ])
    }

    /// The object, with this id at this place of the grid.
    pub(super) fn json(&self, id: u32, (x, y): (u32, u32)) -> Value {
        let kind = match self.kind {
            Kind::Stat => "stat",
            Kind::Table => "table",
            Kind::Timeline => "state-timeline",
            Kind::Lines | Kind::Stacked | Kind::Bars => "timeseries",
        };
        json!({
            "id": id, "type": kind, "title": self.title, "description": self.description, "datasource": datasource(),
            "interval": if self.slow { SLOW_SCRAPE_INTERVAL } else { SCRAPE_INTERVAL },
            "gridPos": {"x": x, "y": y, "w": self.size.0, "h": self.size.1},
            "targets": self.targets(), "transformations": self.transformations(), "options": self.options(),
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides()},
        })
    }
}
