//! Reading what a book says about records that are no requests: `evidence`, `resources`, `metrics`, `request_id`.
//!
//! In: nodes. Out: the specs that `observe` compiles, and of evidence rules what the documentation and the example tests need.

use super::ANY_PLATFORM;
use super::read::{Fields, Reader};
use crate::expression::Expression;
use crate::judge::taxonomy::EvidenceKind;
use crate::observe::knowledge::{Ends, EvidenceSpec, KnowledgeSpec, LineExample, MetricSpec, ResourceSpec};
use crate::observe::{Channel, ReadingKind};
use crate::yaml::{Entry, Node, Position, Value};
use std::sync::Arc;

/// The keys of an evidence rule, as the documentation lists them.
pub(super) const EVIDENCE_KEYS: &[(&str, &str)] = &[
    ("id", "`<book>/<name>`, unique over all books"),
    (
        "channels",
        "who may say it: `platform_logs`, `container_logs`, `kubernetes`, `kernel`, `metrics`; default: anybody",
    ),
    ("from", "who says it, where the line itself shows that: a kernel's line that a shipper read from a file"),
    (
        "text",
        "literals, as written. Without `regex` one of them must begin a message (a line, behind a logger's prefix, behind an error's name and a colon); with `regex` they only make the search cheap and may stand anywhere",
    ),
    (
        "regex",
        "must fit somewhere in the text; needs `text`. Its classes (`\\d`, `\\w`, `\\s`, `\\b`) are of ASCII characters. A named group becomes a field, which `resources` may ask for",
    ),
    ("without", "literals that may stand nowhere"),
    (
        "fields",
        "attributes, members of JSON lines or maps (`kubernetes.pod_name`), facts of Kubernetes objects; each with a word, a list of words, or `any`",
    ),
    ("kind", "the evidence; left out where the line only shows that an answer was given"),
    ("finishes", "`true`: the line that a server writes when it has answered"),
    (
        "time",
        "the field that states when it happened; default: `timestamp`, `time`, `ts`, `@timestamp`, `asctime`, if it has a zone, else the record's time",
    ),
    ("source", "where this is written down"),
    ("examples", "texts, or `{ text, fields, channel }`, that this rule recognises"),
    ("others", "the same, which it must not recognise"),
];

/// The keys of an entry of `resources`.
pub(super) const RESOURCE_KEYS: &[(&str, &str)] = &[
    (
        "match",
        "attribute and pattern; all must fit. `{model_id}`, `{environment}` and `{deployment_id}` take the most characters that fit, but no slash; `*` stands for any text of at least one character",
    ),
    ("optional", "the same for attributes that may be missing"),
    ("replica", "the attribute that names the replica, e.g. `k8s.pod.name`"),
    (
        "channel",
        "what kind of source it is; default: what the record shows, else `container_logs`. An entry with `metrics` is for metric points alone",
    ),
    ("platform", "the platform; default: the book's"),
    ("model_id", "the model id where no pattern takes it; may use other captures, as `chain-{chain_id}`"),
    ("environment", "the same for the environment"),
    ("deployment_id", "the same for the deployment"),
];

/// The keys of an entry of `metrics`.
pub(super) const METRIC_KEYS: &[(&str, &str)] = &[
    ("metric", "names that mean the same"),
    ("reading", "what it measures: `restarts`, `memory_used`, `memory_limit`, `ready`, `replicas`, `last_end`"),
    ("fields", "attributes that must have one of these words, as in `evidence`"),
    ("container", "the attribute that names the container within its replica"),
    (
        "last_end",
        "`{ attribute: { word: evidence } }`: how the container's last end came about. It is news only when the restarts rise or the word changes",
    ),
    ("source", "where this is written down"),
];

/// The keys of `request_id`.
pub(super) const REQUEST_ID_KEYS: &[(&str, &str)] = &[
    ("headers", "response headers that carry a request's id; captured ones are read in every spelling"),
    ("fields", "log attributes and members of JSON lines that carry it"),
];

/// An evidence rule, as the documentation shows it.
#[derive(Clone, Debug)]
pub struct EvidenceRule {
    /// Its id.
    pub id: String,
    /// Name of its book.
    pub book: Arc<str>,
    /// What it needs, as the book writes it.
    pub shown: String,
    /// What it says; `None` where it only shows that an answer was given.
    pub kind: Option<EvidenceKind>,
    /// Where this is written down.
    pub source: String,
    /// Lines that it recognises.
    pub examples: Vec<Line>,
    /// Lines that it does not recognise.
    pub others: Vec<Line>,
    pub(super) platform: String,
    pub(super) at: Position,
}

/// A record in short form.
#[derive(Clone, Debug)]
pub struct Line {
    /// As the book writes it.
    pub shown: String,
    pub(super) at: Position,
    text: String,
    fields: Vec<(String, String)>,
    channel: Channel,
}

impl Line {
    /// The record, of a target of this platform.
    pub(super) fn example<'e>(&'e self, platform: &'e str) -> LineExample<'e> {
        let platform = if platform == ANY_PLATFORM { "" } else { platform };
        LineExample { text: &self.text, fields: &self.fields, channel: self.channel, platform }
    }
}

/// What a book says besides its rules.
#[derive(Debug, Default)]
pub(super) struct Sections {
    pub(super) spec: KnowledgeSpec,
    pub(super) rules: Vec<EvidenceRule>,
}

/// Reads the sections of a book.
pub(super) fn read(reader: &mut Reader<'_>, book: Fields<'_>, platform: &str) -> Sections {
    let mut sections = Sections::default();
    for item in book.get("evidence").map(Node::items).into_iter().flatten() {
        if let Some((spec, rule)) = read_evidence(reader, item, platform) {
            sections.spec.evidence.push((platform.to_owned(), spec));
            sections.rules.push(rule);
        }
        reader.rule = None;
    }
    for item in book.get("resources").map(Node::items).into_iter().flatten() {
        sections.spec.resources.extend(read_resource(reader, item).map(|spec| (owner(platform), spec)));
    }
    for item in book.get("metrics").map(Node::items).into_iter().flatten() {
        sections.spec.metrics.extend(read_metric(reader, item));
    }
    if let Some(node) = book.get("request_id") {
        let keys: Vec<&str> = REQUEST_ID_KEYS.iter().map(|(key, _)| *key).collect();
        if let Some(fields) = reader.fields(node, "request_id", &keys) {
            let headers = fields.get("headers").map_or_else(Vec::new, |n| reader.texts(n, "headers"));
            sections.spec.request_id_headers =
                headers.iter().map(|h| h.to_ascii_lowercase().replace('_', "-")).collect();
            sections.spec.request_id_fields = fields.get("fields").map_or_else(Vec::new, |n| reader.texts(n, "fields"));
        }
    }
    sections
}

/// The platform of the targets that a book's resources name: every platform's where the book speaks for all.
fn owner(platform: &str) -> String {
    if platform == ANY_PLATFORM { String::new() } else { platform.to_owned() }
}

fn read_evidence(reader: &mut Reader<'_>, node: &Node, platform: &str) -> Option<(EvidenceSpec, EvidenceRule)> {
    let keys: Vec<&str> = EVIDENCE_KEYS.iter().map(|(key, _)| *key).collect();
    let fields = reader.fields(node, "evidence", &keys)?;
    let id = reader.required(fields, "id", "mine/disk-full").and_then(|n| super::rule::read_id(reader, n));
    reader.rule.clone_from(&id);
    let before = reader.errors.len();
    let texts = |reader: &mut Reader<'_>, key| fields.get(key).map_or_else(Vec::new, |n| reader.texts(n, key));
    let channels = fields
        .get("channels")
        .map_or_else(Vec::new, |n| reader.list(n, "channels").iter().filter_map(|n| channel(reader, n)).collect());
    let spec = EvidenceSpec {
        id: id.clone().unwrap_or_default(),
        from: fields.get("from").and_then(|n| channel(reader, n)),
        text: texts(reader, "text"),
        regex: fields.get("regex").and_then(|n| read_regex(reader, n)),
        without: texts(reader, "without"),
        fields: fields.get("fields").map_or_else(Vec::new, |n| read_words(reader, n, "fields")),
        kind: fields.get("kind").and_then(|n| kind(reader, n)),
        finishes: fields.get("finishes").and_then(|n| reader.value(n, "finishes")).unwrap_or_default(),
        time: fields.get("time").and_then(|n| reader.text(n, "time")),
        channels,
    };
    check_evidence(reader, fields, &spec);
    let source = reader.required(fields, "source", "our wiki").and_then(|n| reader.text(n, "source"));
    let lines = |reader: &mut Reader<'_>, key| {
        let nodes = fields.get(key).map_or(&[][..], Node::items);
        nodes.iter().filter_map(|n| read_line(reader, n, &spec.channels)).collect::<Vec<_>>()
    };
    let (examples, others) = (lines(reader, "examples"), lines(reader, "others"));
    if examples.is_empty() {
        reader.wrong(
            fields.at,
            "`examples` is missing: every evidence rule carries at least one line that it recognises",
        );
    }
    let needs = ["channels", "text", "regex", "without", "fields"];
    let shown = needs.iter().filter_map(|key| fields.get(key).map(|n| format!("{key}: {n}"))).collect::<Vec<_>>();
    let rule = EvidenceRule {
        id: id?,
        book: reader.book.into(),
        shown: format!("{{ {} }}", shown.join(", ")),
        kind: spec.kind,
        source: source?,
        examples,
        others,
        platform: platform.to_owned(),
        at: node.at,
    };
    (reader.errors.len() == before).then_some((spec, rule))
}

fn check_evidence(reader: &mut Reader<'_>, fields: Fields<'_>, spec: &EvidenceSpec) {
    if spec.text.is_empty() && spec.fields.is_empty() {
        reader.wrong(fields.at, "needs `text` or `fields`: else it would be asked of every line");
    }
    if spec.regex.is_some() && spec.text.is_empty() {
        reader.wrong(fields.at, "`regex` needs `text`: literals of which one stands in every line that it fits");
    }
    if fields.get("kind").is_none() && !spec.finishes {
        reader.wrong(fields.at, "`kind` is missing; write for example `kind: container_exit`");
    }
    if spec.kind == Some(EvidenceKind::ProvedClean) {
        reader.wrong(fields.at, "no line shows `proved_clean`: it is what silence shows");
    }
}

fn read_regex(reader: &mut Reader<'_>, node: &Node) -> Option<Expression> {
    let text = reader.text(node, "regex")?;
    let read = Expression::new(&text);
    read.map_err(|reason| reader.wrong(node.at, format!("`regex` cannot be read: {reason}"))).ok()
}

fn channel(reader: &mut Reader<'_>, node: &Node) -> Option<Channel> {
    reader.word(node, "channel", Channel::ALL, Channel::as_str)
}

fn kind(reader: &mut Reader<'_>, node: &Node) -> Option<EvidenceKind> {
    reader.word(node, "evidence", EvidenceKind::ALL, EvidenceKind::as_str)
}

/// Names, each with a word or a list of words; `any` stands for every value.
fn read_words(reader: &mut Reader<'_>, node: &Node, what: &str) -> Vec<(String, Vec<String>)> {
    let Some(entries) = node.entries() else {
        reader.wrong(node.at, format!("`{what}` must be a map of names and words, not {}", node.kind()));
        return Vec::new();
    };
    let read = |entry: &Entry| {
        let words: Vec<String> = entry.node.items().iter().filter_map(|n| scalar(reader, n, &entry.key)).collect();
        (entry.key.clone(), if words == ["any"] { Vec::new() } else { words })
    };
    entries.iter().map(read).collect()
}

/// A text, a number or a truth value, as text.
fn scalar(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<String> {
    match &node.value {
        Value::Int(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => reader.text(node, what),
    }
}

fn read_line(reader: &mut Reader<'_>, node: &Node, channels: &[Channel]) -> Option<Line> {
    let usual = channels.first().copied().unwrap_or(Channel::ContainerLogs);
    let mut line =
        Line { shown: node.to_string(), at: node.at, text: String::new(), fields: Vec::new(), channel: usual };
    if let Value::Text(text) = &node.value {
        line.text.clone_from(text);
        return Some(line);
    }
    let fields = reader.fields(node, "example", &["text", "fields", "channel"])?;
    line.text = fields.get("text").and_then(|n| reader.text(n, "text")).unwrap_or_default();
    line.channel = fields.get("channel").and_then(|n| channel(reader, n)).unwrap_or(usual);
    for (name, words) in fields.get("fields").map_or_else(Vec::new, |n| read_words(reader, n, "fields")) {
        line.fields.extend(words.into_iter().next().map(|word| (name, word)));
    }
    Some(line)
}

fn read_resource(reader: &mut Reader<'_>, node: &Node) -> Option<ResourceSpec> {
    let keys: Vec<&str> = RESOURCE_KEYS.iter().map(|(key, _)| *key).collect();
    let fields = reader.fields(node, "resource", &keys)?;
    reader.required(fields, "match", "{ k8s.deployment.name: '{model_id}' }")?;
    let spec = reader.value::<ResourceSpec>(node, "resource")?;
    if spec.attributes.is_empty() {
        reader.wrong(node.at, "`match` is empty: every record would be of this container");
    }
    if let Err(error) = spec.check() {
        reader.wrong(node.at, error.to_string());
    }
    Some(spec)
}

fn read_metric(reader: &mut Reader<'_>, node: &Node) -> Option<MetricSpec> {
    let keys: Vec<&str> = METRIC_KEYS.iter().map(|(key, _)| *key).collect();
    let fields = reader.fields(node, "metric", &keys)?;
    let metric = reader.required(fields, "metric", "k8s.container.restarts").map(|n| reader.texts(n, "metric"));
    let reading = reader
        .required(fields, "reading", "restarts")
        .and_then(|n| reader.word(n, "reading", ReadingKind::ALL, ReadingKind::as_str));
    reader.required(fields, "source", "our wiki").and_then(|n| reader.text(n, "source"));
    let last_end = fields.get("last_end").and_then(|n| read_last_end(reader, n));
    if reading == Some(ReadingKind::LastEnd) && last_end.is_none() {
        reader.wrong(fields.at, "`last_end` is missing: it says what the words mean");
    }
    Some(MetricSpec {
        metric: metric?,
        reading: reading?,
        fields: fields.get("fields").map_or_else(Vec::new, |n| read_words(reader, n, "fields")),
        container: fields.get("container").and_then(|n| reader.text(n, "container")),
        last_end,
    })
}

/// `{ attribute: { word: evidence } }`.
fn read_last_end(reader: &mut Reader<'_>, node: &Node) -> Option<(String, Ends)> {
    let Some([entry]) = node.entries() else {
        reader
            .wrong(node.at, "`last_end` must be one attribute and its words: `{ reason: { OOMKilled: oom_killed } }`");
        return None;
    };
    let Some(words) = entry.node.entries() else {
        reader.wrong(entry.at, format!("`{}` must be a map of words and evidence", entry.key));
        return None;
    };
    let read = |e: &Entry| Some((e.key.clone(), kind(reader, &e.node)?));
    Some((entry.key.clone(), words.iter().filter_map(read).collect()))
}
