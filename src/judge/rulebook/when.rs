//! Reading a rule's `when`: each key checked, and that all of them together can hold.

use super::condition::{HeaderTest, StatusTest, When};
use super::read::{Fields, Reader};
use crate::expression::Expression;
use crate::observe::{Ending, Status, Vantage};
use crate::yaml::{Node, Value};

/// The keys of a `when`, as the documentation lists them.
pub(super) const KEYS: &[(&str, &str)] = &[
    (
        "status",
        "the answer's status: `502`, `5xx`, `none` (no answer), `grpc:14`, `grpc` (any but OK), `ws:1011`, `ws`; or a list",
    ),
    ("transport", "the normal form of the transport error, `none` for no such error; or a list"),
    (
        "ending",
        "how the stream ended: `complete`, `truncated`, `cancelled`, `unknown`, or `none` where it is not known to be a stream",
    ),
    ("api", "the kind of endpoint: `dedicated`, `model_api`, `chain`; or a list"),
    ("vantage", "where it was seen from: `client`, `sdk`, `app`, `gateway`, `model`; or a list"),
    ("answered", "`true`: a 2xx answer had begun"),
    ("seconds", "how long it took: `{ below: 60 }`, `{ at_least: 1190 }`, or both"),
    ("path", "the URL path; `*` stands for any text; or a list"),
    (
        "header",
        "captured response headers by name, each with a value, a list of values, or `'*'` for any; all must hold",
    ),
    (
        "text",
        "a phrase with which a message of the error text begins (a line, the value of `error`, `message`, ..., what follows `: `); case does not count; or a list",
    ),
    (
        "code",
        "the whole value of a code field of the error text (`code`, `error_code`, `type`, ...); case does not count; or a list",
    ),
    (
        "text_regex",
        "a regular expression found anywhere in the error text (its classes are of ASCII characters); or a list. `text`, `code` and `text_regex` are alternatives; all other keys must hold together",
    ),
    ("always", "`true`: holds for everything; only in the last rule of a book for all platforms"),
];

const ENDINGS: &[Ending] = &[Ending::Complete, Ending::Truncated, Ending::Cancelled, Ending::Unknown];
const VANTAGES: &[Vantage] = &[Vantage::Client, Vantage::Sdk, Vantage::App, Vantage::Gateway, Vantage::Model];

/// Reads a `when`. `always` holds for everything.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> When {
    let keys: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
    let Some(fields) = reader.fields(node, "when", &keys) else { return When::default() };
    if fields.all().is_empty() {
        reader.wrong(node.at, "`when` is empty: the rule would hold for everything; name what it needs");
    }
    let before = reader.errors.len();
    let mut when = When::default();
    read_record(reader, fields, &mut when);
    read_text(reader, fields, &mut when);
    if reader.errors.len() == before {
        check_reachable(reader, node, fields, &when);
    }
    when
}

fn read_record(reader: &mut Reader<'_>, fields: Fields<'_>, when: &mut When) {
    if let Some(node) = fields.get("status") {
        when.status = reader.list(node, "status").iter().filter_map(|n| status_test(reader, n)).collect();
    }
    if let Some(node) = fields.get("transport") {
        when.transport = reader
            .list(node, "transport")
            .iter()
            .filter_map(|n| if says_none(n) { Some(None) } else { reader.value(n, "transport").map(Some) })
            .collect();
    }
    if let Some(node) = fields.get("ending") {
        let items = reader.list(node, "ending");
        when.ending = items
            .iter()
            .filter_map(|n| {
                if says_none(n) { Some(None) } else { reader.word(n, "ending", ENDINGS, Ending::as_str).map(Some) }
            })
            .collect();
    }
    if let Some(node) = fields.get("api") {
        when.api = reader.list(node, "api").iter().filter_map(|n| reader.value(n, "api")).collect();
    }
    if let Some(node) = fields.get("vantage") {
        let items = reader.list(node, "vantage");
        when.vantage = items.iter().filter_map(|n| reader.word(n, "vantage", VANTAGES, Vantage::as_str)).collect();
    }
    if let Some(node) = fields.get("answered") {
        when.answered = reader.value(node, "answered");
    }
    if let Some(node) = fields.get("seconds") {
        read_seconds(reader, node, when);
    }
    if let Some(node) = fields.get("path") {
        when.path = reader.texts(node, "path").iter().map(|g| g.split('*').map(str::to_owned).collect()).collect();
    }
    if let Some(node) = fields.get("header") {
        read_headers(reader, node, when);
    }
}

/// `none`: the rule asks that there is no such thing.
fn says_none(node: &Node) -> bool {
    matches!(&node.value, Value::Text(word) if word == "none")
}

fn read_seconds(reader: &mut Reader<'_>, node: &Node, when: &mut When) {
    let Some(fields) = reader.fields(node, "seconds", &["below", "at_least"]) else { return };
    when.below = fields.get("below").and_then(|n| reader.value(n, "below"));
    when.at_least = fields.get("at_least").and_then(|n| reader.value(n, "at_least"));
    if fields.all().is_empty() {
        reader.wrong(node.at, "`seconds` is empty; write `{ below: 60 }` or `{ at_least: 60 }`");
    }
}

fn read_headers(reader: &mut Reader<'_>, node: &Node, when: &mut When) {
    let Some(entries) = node.entries().filter(|e| !e.is_empty()) else {
        reader.wrong(node.at, "`header` must be a map of names and values, such as `{ x-error-code: '600' }`");
        return;
    };
    for entry in entries {
        let name = entry.key.to_ascii_lowercase().replace('_', "-");
        let mut values = reader.texts(&entry.node, &entry.key);
        if values.iter().any(|v| v == "*") {
            values.clear();
        }
        when.headers.push(HeaderTest { name, values });
    }
}

fn read_text(reader: &mut Reader<'_>, fields: Fields<'_>, when: &mut When) {
    if let Some(node) = fields.get("text") {
        when.text = reader.texts(node, "text").iter().map(|t| reader.phrases.add(t)).collect();
    }
    if let Some(node) = fields.get("code") {
        when.code = reader.texts(node, "code").iter().map(|t| reader.phrases.add(t)).collect();
    }
    let Some(node) = fields.get("text_regex") else { return };
    for item in reader.list(node, "text_regex") {
        let Some(pattern) = reader.text(item, "text_regex") else { continue };
        match Expression::new(&pattern) {
            Ok(regex) if regex.is_match("") => {
                reader.wrong(item.at, format!("`{pattern}` matches the empty text: it would always hold"));
            }
            Ok(regex) => when.regex.push(regex),
            Err(reason) => reader.wrong(item.at, format!("`{pattern}` is no regular expression: {reason}")),
        }
    }
}

fn status_test(reader: &mut Reader<'_>, node: &Node) -> Option<StatusTest> {
    let test = match &node.value {
        Value::Int(code) => {
            u16::try_from(*code).ok().filter(|c| (100..=599).contains(c)).map(|c| StatusTest::Is(Status::Http(c)))
        }
        Value::Text(word) => status_word(word),
        _ => None,
    };
    if test.is_none() {
        let seen = match &node.value {
            Value::Int(code) => code.to_string(),
            Value::Text(word) => word.clone(),
            _ => node.kind().to_owned(),
        };
        reader.wrong(
            node.at,
            format!("`{seen}` is no status; write 100 to 599, `5xx`, `none`, `grpc:14`, `grpc`, `ws:1011` or `ws`"),
        );
    }
    test
}

fn status_word(word: &str) -> Option<StatusTest> {
    let code = |digits: &str| digits.parse::<u16>().ok();
    match word {
        "none" => Some(StatusTest::Is(Status::None)),
        "grpc" => Some(StatusTest::Grpc),
        "ws" => Some(StatusTest::WebSocket),
        _ => match (word.split_once(':'), word.strip_suffix("xx")) {
            (Some(("grpc", digits)), _) => code(digits).filter(|c| *c <= 16).map(|c| StatusTest::Is(Status::Grpc(c))),
            (Some(("ws", digits)), _) => {
                code(digits).filter(|c| (1000..5000).contains(c)).map(|c| StatusTest::Is(Status::WebSocket(c)))
            }
            (None, Some(digit)) => code(digit).filter(|d| (1..=5).contains(d)).map(StatusTest::Hundred),
            _ => None,
        },
    }
}

/// Keys that cannot hold together make a rule that never decides: told here, not found by chance.
fn check_reachable(reader: &mut Reader<'_>, node: &Node, fields: Fields<'_>, when: &When) {
    if fields.get("always").is_some() && fields.all().len() > 1 {
        reader.wrong(node.at, "`always` stands alone: take it or the other keys away");
    }
    if fields.get("always").is_some_and(|n| !matches!(n.value, Value::Bool(true))) {
        reader.wrong(node.at, "`always` can only be `true`");
    }
    if let (Some(below), Some(at_least)) = (when.below, when.at_least)
        && below <= at_least
    {
        reader.wrong(node.at, format!("never holds: no time is at least {at_least} s and below {below} s"));
    }
    let good = |test: &StatusTest| matches!(test, StatusTest::Hundred(2) | StatusTest::Is(Status::Http(200..=299)));
    if when.answered == Some(true) && !when.status.is_empty() && !when.status.iter().any(good) {
        reader.wrong(node.at, "never holds: `answered: true` needs a 2xx status");
    }
    if when.answered == Some(false) && !when.status.is_empty() && when.status.iter().all(good) {
        reader.wrong(node.at, "never holds: `answered: false` with only 2xx statuses");
    }
    let answerless = |test: &StatusTest| matches!(test, StatusTest::Is(Status::None));
    if !when.headers.is_empty() && !when.status.is_empty() && when.status.iter().all(answerless) {
        reader.wrong(node.at, "never holds: there are no response headers where no answer came (`status: none`)");
    }
}

/// A status that an example shows: one, not a class.
pub(super) fn status(reader: &mut Reader<'_>, node: &Node) -> Option<Status> {
    if let StatusTest::Is(status) = status_test(reader, node)? {
        return Some(status);
    }
    reader.wrong(node.at, "an example shows one status, not a class of them");
    None
}

/// A vantage word.
pub(super) fn vantage(reader: &mut Reader<'_>, node: &Node) -> Option<Vantage> {
    reader.word(node, "vantage", VANTAGES, Vantage::as_str)
}

/// An ending word.
pub(super) fn ending(reader: &mut Reader<'_>, node: &Node) -> Option<Ending> {
    reader.word(node, "ending", ENDINGS, Ending::as_str)
}
