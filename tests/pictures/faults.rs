//! What is wrong with a drawn panel. In: what it shows, once or at several times. Out: its faults in words. Pure.

use super::drawing::{Panel, Report, Unit};
use std::collections::BTreeMap;

/// Largest share that is still one. More than all by a little happens: failures are counted when settled, their requests on arrival.
const ALL: f64 = 1.25;
/// Fields that are no shares: the count of one observer over that of another, which may have seen much less.
const RATIOS: [&str; 1] = ["requests seen"];

/// Faults of a picture that stand whatever the time is: errors, units, lines without colour, titles that do not fit.
pub(crate) fn of(report: &Report) -> Vec<String> {
    let console = report.console.iter().map(|line| format!("{}: the page says: {line}", report.name));
    let panels = report.panels.iter().flat_map(|panel| {
        of_panel(panel).into_iter().map(|fault| format!("{}: {}: {fault}", report.name, panel.title))
    });
    console.chain(panels).collect()
}

fn of_panel(panel: &Panel) -> Vec<String> {
    let refused = panel.queries.iter().filter_map(|query| Some((query, query.error.as_ref()?)));
    let mut faults: Vec<String> =
        refused.map(|(query, error)| format!("{}: {error}: {}", query.name, query.expr)).collect();
    if faults.is_empty() {
        faults.extend(panel.fault.clone());
    }
    faults.extend(panel.units.unknown.iter().map(|unit| format!("Grafana has no unit {unit}")));
    faults.extend(panel.units.fields.iter().filter_map(of_unit));
    if panel.kind == "timeseries" && panel.values > 0 && panel.fault.is_none() {
        if panel.canvas == 0 {
            faults.push("nothing is painted".to_owned());
        }
        let unseen = panel.series.iter().filter(|one| one.pixels == 0 && !one.covered);
        faults.extend(unseen.map(|one| format!("no pixel of {} ({})", one.name, one.color)));
    }
    if panel.values > 0 && panel.kind != "timeseries" && panel.canvas == 0 && panel.text.len() <= panel.title.len() {
        faults.push("nothing is written".to_owned());
    }
    if panel.cut.contains(&panel.title) {
        faults.push("its title is cut".to_owned());
    }
    faults.dedup();
    faults
}

fn of_unit(field: &Unit) -> Option<String> {
    let (Some(least), Some(most)) = (field.least, field.most) else { return None };
    match field.id.as_deref() {
        Some(_) if RATIOS.contains(&field.name.as_str()) => None,
        None => Some("numbers without a unit".to_owned()),
        Some("percentunit") if least < 0.0 || most > ALL => {
            Some(format!("percentunit is for 0 to 1, its values are {least} to {most}"))
        }
        Some("percent") if least < 0.0 || most > ALL * 100.0 => {
            Some(format!("percent is for 0 to 100, its values are {least} to {most}"))
        }
        Some(_) => None,
    }
}

/// What stayed empty in every one of these pictures of one board: a panel, or a query of a panel.
pub(crate) fn empty(reports: &[&Report]) -> Vec<String> {
    let mut filled: BTreeMap<String, bool> = BTreeMap::new();
    for panel in reports.iter().flat_map(|report| &report.panels) {
        if panel.kind == "row" || panel.kind == "text" || panel.fault.is_some() {
            continue;
        }
        *filled.entry(panel.title.clone()).or_default() |= panel.values > 0;
        if panel.queries.len() > 1 {
            for query in &panel.queries {
                *filled.entry(format!("{} {}", panel.title, query.name)).or_default() |= query.samples > 0;
            }
        }
    }
    filled.into_iter().filter(|(_, full)| !full).map(|(place, _)| place).collect()
}
