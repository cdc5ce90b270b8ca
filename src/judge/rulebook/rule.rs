//! Reading one rule: its verdict, what evidence may change in it, its examples.

use super::read::{Fields, Reader};
use super::{Decision, Rule, example, when};
use crate::judge::taxonomy::{Blame, Cause, Class, Confidence, EvidenceKind, Match, Retry};
use crate::judge::verdict::Verdict;
use crate::yaml::{Node, Value};
use std::sync::Arc;

/// The keys of a rule, as the documentation lists them.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("id", "`<book>/<name>`, unique over all books; the verdict carries it"),
    ("when", "what must hold, see below"),
    ("class", "what happened"),
    ("cause", "why; left out where `otherwise` stands"),
    ("blame", "who has to act; default: the cause's own"),
    ("confidence", "`observed` where the record itself says so, `assumed` where it is the default"),
    (
        "decide",
        "list of `{ evidence, cause, blame, class }`, strongest first: what evidence may still decide; `blame` and `class` may be left out",
    ),
    ("otherwise", "`{ cause, blame }`: the verdict where no evidence decided; confidence is `assumed`"),
    ("retry", "whether and how to try again"),
    ("next_step", "what a person should do next"),
    ("source", "where this is written down"),
    (
        "examples",
        "observations that this rule decides: `status`, `transport`, `ending`, `api`, `vantage`, `seconds`, `path`, `headers`, `text`",
    ),
];

/// What a rule says when nothing else is known.
struct Default {
    cause: Cause,
    blame: Blame,
    confidence: Confidence,
}

/// Reads a rule; `None` if it is not whole (the errors say why).
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, platform: &str) -> Option<Rule> {
    let keys: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
    reader.rule = node.entries().and_then(|entries| {
        entries.iter().find(|e| e.key == "id").and_then(|e| match &e.node.value {
            Value::Text(id) => Some(id.clone()),
            _ => None,
        })
    });
    let fields = reader.fields(node, "rule", &keys)?;
    let id = reader.required(fields, "id", "mine/502-upstream").and_then(|n| read_id(reader, n));
    let when_node = reader.required(fields, "when", "{ status: 502 }");
    let condition = when_node.map(|n| when::read(reader, n));
    let class = reader
        .required(fields, "class", "bad_gateway")
        .and_then(|n| reader.word(n, "class", Class::ALL, Class::as_str));
    let default = read_default(reader, fields);
    let decide = fields.get("decide").map_or_else(Vec::new, |n| read_decide(reader, n));
    let retry =
        reader.required(fields, "retry", "backoff").and_then(|n| reader.word(n, "retry", Retry::ALL, Retry::as_str));
    let next_step =
        reader.required(fields, "next_step", "Look at the model logs.").and_then(|n| reader.text(n, "next_step"));
    let source = reader.required(fields, "source", "docs.example.com/errors").and_then(|n| reader.text(n, "source"));
    let examples = read_examples(reader, fields, platform);
    let (id, default, condition) = (id?, default?, condition?);
    Some(Rule {
        at: node.at,
        book: Arc::from(reader.book),
        always: when_node.and_then(Node::entries).is_some_and(|e| e.iter().any(|e| e.key == "always")),
        shown: when_node.map(ToString::to_string).unwrap_or_default(),
        when: condition,
        verdict: Verdict {
            class: class?,
            cause: default.cause,
            blame: default.blame,
            confidence: default.confidence,
            matched: Match::None,
            retry: retry?,
            rule: Arc::from(id),
            next_step: Arc::from(next_step?),
        },
        decide,
        source: source?,
        examples,
    })
}

pub(super) fn read_id(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let id = reader.text(node, "id")?;
    let good = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    if id.split_once('/').is_some_and(|(book, name)| good(book) && good(name)) {
        return Some(id);
    }
    reader
        .wrong(node.at, format!("`{id}` is no rule id; write `<book>/<name>` with letters, digits, `-`, `_` and `.`"));
    None
}

/// `cause`, `blame`, `confidence` or `otherwise`.
fn read_default(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<Default> {
    let confidence =
        fields.get("confidence").map(|n| reader.word(n, "confidence", Confidence::ALL, Confidence::as_str));
    let (holder, confidence) = match (fields.get("otherwise"), fields.get("cause")) {
        (Some(otherwise), Some(_)) => {
            reader.wrong(otherwise.at, "`cause` and `otherwise` both give the default; take one away");
            return None;
        }
        (Some(otherwise), None) => {
            if fields.get("blame").is_some() {
                reader.wrong(otherwise.at, "`blame` belongs inside `otherwise` here");
            }
            (
                reader.fields(otherwise, "otherwise", &["cause", "blame"])?,
                confidence.unwrap_or(Some(Confidence::Assumed)),
            )
        }
        (None, _) => {
            if confidence.is_none() {
                reader.wrong(fields.at, "`confidence` is missing; write `observed` or `assumed`");
            }
            (fields, confidence.flatten())
        }
    };
    let cause =
        reader.required(holder, "cause", "unknown").and_then(|n| reader.word(n, "cause", Cause::ALL, Cause::as_str))?;
    let blame = match holder.get("blame") {
        Some(n) => reader.word(n, "blame", Blame::ALL, Blame::as_str)?,
        None => cause.default_blame(),
    };
    let confidence = confidence?;
    if matches!(confidence, Confidence::Correlated | Confidence::Likely) {
        reader.wrong(fields.at, format!("a record alone is `observed` or `assumed`, never `{confidence}`"));
    }
    if matches!(cause, Cause::OomKilled | Cause::ContainerCrash) {
        reader.wrong(fields.at, format!("no record shows `{cause}`: only evidence does; put it under `decide`"));
    }
    Some(Default { cause, blame, confidence })
}

fn read_decide(reader: &mut Reader<'_>, node: &Node) -> Vec<Decision> {
    let mut decisions: Vec<Decision> = Vec::new();
    for item in reader.list(node, "decide") {
        let Some(fields) = reader.fields(item, "decide", &["evidence", "cause", "blame", "class"]) else { continue };
        let evidence = reader
            .required(fields, "evidence", "oom_killed")
            .and_then(|n| reader.word(n, "evidence", EvidenceKind::ALL, EvidenceKind::as_str));
        let cause = reader
            .required(fields, "cause", "oom_killed")
            .and_then(|n| reader.word(n, "cause", Cause::ALL, Cause::as_str));
        let blame = fields.get("blame").map(|n| reader.word(n, "blame", Blame::ALL, Blame::as_str));
        let class = fields.get("class").and_then(|n| reader.word(n, "class", Class::ALL, Class::as_str));
        let (Some(evidence), Some(cause)) = (evidence, cause) else { continue };
        if decisions.iter().any(|d| d.evidence == evidence) {
            reader.wrong(item.at, format!("`{evidence}` is named twice; the second would never decide"));
        }
        let blame = blame.flatten().unwrap_or_else(|| cause.default_blame());
        decisions.push(Decision { evidence, cause, blame, class });
    }
    decisions
}

fn read_examples(reader: &mut Reader<'_>, fields: Fields<'_>, platform: &str) -> Vec<super::Example> {
    let Some(node) = reader.required(fields, "examples", "[{ status: 502 }]") else { return Vec::new() };
    if node.items().is_empty() {
        reader.wrong(node.at, "`examples` is empty: every rule shows at least one observation that it decides");
    }
    let read = |item: &Node| {
        let observation = example::read(reader, item, platform)?;
        Some(super::Example { at: item.at, observation, shown: item.to_string() })
    };
    node.items().iter().filter_map(read).collect()
}
