//! What an inhibit rule says, so that the tests can ask which alerts it is about. In: `alerts/alertmanager.yaml`. Out: its inhibit rules.
//! Whether they work is asked of Alertmanager itself, not of this.

use regex::Regex;
use serde::Deserialize;

use crate::pack::Labels;
use crate::process::root;

#[derive(Deserialize)]
struct Config {
    inhibit_rules: Vec<InhibitRule>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct InhibitRule {
    source_matchers: Vec<String>,
    target_matchers: Vec<String>,
    #[serde(default)]
    pub(crate) equal: Vec<String>,
}

impl InhibitRule {
    pub(crate) fn is_source(&self, labels: &Labels) -> bool {
        self.source_matchers.iter().all(|matcher| matches(matcher, labels))
    }

    pub(crate) fn is_target(&self, labels: &Labels) -> bool {
        self.target_matchers.iter().all(|matcher| matches(matcher, labels))
    }
}

pub(crate) fn inhibit_rules() -> Vec<InhibitRule> {
    let text = std::fs::read_to_string(root().join("alerts/alertmanager.yaml")).unwrap();
    serde_saphyr::from_str::<Config>(&text).unwrap().inhibit_rules
}

/// Whether `name = "value"` (or !=, =~, !~) holds; a missing label is empty.
fn matches(matcher: &str, labels: &Labels) -> bool {
    let parts = Regex::new(r#"^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$"#).unwrap();
    let parts = parts.captures(matcher).unwrap_or_else(|| panic!("{matcher} is no matcher"));
    let value = labels.get(&parts[1]).map_or("", String::as_str);
    let fits = |pattern: &str| Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(value);
    match &parts[2] {
        "=" => value == &parts[3],
        "!=" => value != &parts[3],
        "=~" => fits(&parts[3]),
        _ => !fits(&parts[3]),
    }
}

#[test]
fn matchers_are_read_as_alertmanager_reads_them() {
    let labels = Labels::from([("severity".to_owned(), "critical".to_owned())]);
    for (matcher, holds) in [
        (r#"severity = "critical""#, true),
        (r#"severity="warning""#, false),
        (r#"severity != "warning""#, true),
        (r#"severity =~ "crit""#, false),
        (r#"severity =~ "crit.+|info""#, true),
        (r#"severity !~ "crit.+""#, false),
        (r#"team = """#, true),
        (r#"team =~ ".+""#, false),
    ] {
        assert_eq!(matches(matcher, &labels), holds, "{matcher}");
    }
}
