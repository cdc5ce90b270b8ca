//! Links of panels. In: a panel and all boards. Out: links to boards, variables or fields that do not exist.

use super::{Faults, list, text};
use regex::Regex;
use serde_json::Value;

/// Every link of a panel: of all its fields and of single ones.
fn links(panel: &Value) -> Vec<&Value> {
    let config = &panel["fieldConfig"];
    let of_fields = list(config, "overrides").iter().flat_map(|one| list(one, "properties"));
    list(&config["defaults"], "links")
        .iter()
        .chain(of_fields.filter(|property| property["id"] == "links").flat_map(|property| list(property, "value")))
        .collect()
}

pub(super) fn check(panel: &Value, boards: &[Value], faults: &mut Faults) {
    let target = Regex::new(r"^/d/([\w-]+)\?").unwrap();
    let variable = Regex::new(r"var-(\w+)=|\$\{(\w+):queryparam\}").unwrap();
    let field = Regex::new(r"\$\{__data\.fields\.(\w+)\}").unwrap();
    let columns = panel["transformations"].to_string();
    for link in links(panel) {
        let url = text(link, "url");
        faults.unless(!text(link, "title").is_empty(), "a link has no title");
        faults.unless(url.ends_with("${__url_time_range}"), format!("a link loses the time: {url}"));
        let uid = target.captures(url).map_or("", |capture| capture.get(1).map_or("", |uid| uid.as_str()));
        let Some(board) = boards.iter().find(|board| board["uid"] == uid) else {
            faults.add(format!("no board for {url}"));
            continue;
        };
        for capture in variable.captures_iter(url) {
            let name = capture.get(1).or(capture.get(2)).map_or("", |name| name.as_str());
            let known = list(&board["templating"], "list").iter().any(|variable| variable["name"] == name);
            faults.unless(known, format!("{uid} has no variable {name}"));
        }
        for capture in field.captures_iter(url) {
            faults.unless(
                columns.contains(&format!("\"{}\"", &capture[1])),
                format!("no column {} for {url}", &capture[1]),
            );
        }
    }
}
