//! What client libraries' errors mean, in normal form.
//!
//! In: the words that a record carries about an error ([`Clues`]). Out: the [`Transport`] error they stand for.
//! The knowledge is data: `transport.yaml`, whose examples are run as tests.

use super::Transport;
use super::stream::ScopeRule;
use crate::expression::Expression;
use aho_corasick::AhoCorasick;
use serde::Deserialize;
use std::collections::HashMap;

const BUILTIN: &str = include_str!("transport.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    kinds: Vec<Kind>,
    vague: Vec<Vague>,
    status_texts: Vec<String>,
    status_types: HashMap<String, u16>,
    stream_errors: Vec<String>,
    stream_error_types: Vec<String>,
    http_libraries: Vec<String>,
    scopes: Vec<ScopeRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    #[serde(rename = "kind")]
    means: Transport,
    types: Vec<String>,
    texts: Vec<String>,
    /// Texts that take more than a literal to recognise.
    #[serde(default)]
    patterns: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "examples are run as tests"))]
    examples: Vec<Example>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), expect(dead_code, reason = "examples are run as tests"))]
struct Example {
    r#type: String,
    #[serde(default)]
    exception: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vague {
    kind: Transport,
    #[serde(default)]
    types: Vec<String>,
    #[serde(default)]
    text_is: Option<String>,
}

/// What a record says about an error, each part possibly empty.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clues<'a> {
    /// `error.type`.
    pub(super) error_type: &'a str,
    /// The exception's type.
    pub(super) exception: &'a str,
    /// The exception's message.
    pub(super) message: &'a str,
    /// The span status' description.
    pub(super) description: &'a str,
    /// The exception's stack trace.
    pub(super) stacktrace: &'a str,
}

/// The compiled table.
#[derive(Debug)]
pub(super) struct Transports {
    by_type: HashMap<String, Transport>,
    texts: AhoCorasick,
    kinds_by_text: Vec<Transport>,
    patterns: Vec<(Expression, Transport)>,
    vague_types: HashMap<String, Transport>,
    vague_texts: Vec<(String, Transport)>,
    status_texts: Vec<Expression>,
    status_types: HashMap<String, u16>,
    stream_errors: AhoCorasick,
    stream_error_types: Vec<String>,
    http_libraries: Vec<String>,
    /// Longest prefix first; the last one, without a prefix, fits every scope.
    pub(super) scopes: Vec<ScopeRule>,
}

impl Transports {
    /// The built-in table.
    pub(super) fn builtin() -> Self {
        let book: Book = serde_saphyr::from_str(BUILTIN).expect("the built-in transport table is read by a test");
        Self::compile(book).expect("the built-in transport table is compiled by a test")
    }

    fn compile(book: Book) -> Result<Self, String> {
        let mut by_type = HashMap::new();
        let (mut texts, mut kinds_by_text, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
        for kind in book.kinds {
            for pattern in &kind.patterns {
                patterns.push((Expression::new(pattern)?, kind.means));
            }
            for name in kind.types {
                by_type.entry(name).or_insert(kind.means);
            }
            kinds_by_text.extend(kind.texts.iter().map(|_| kind.means));
            texts.extend(kind.texts);
        }
        let any_case = |texts: &[String]| {
            AhoCorasick::builder().ascii_case_insensitive(true).build(texts).map_err(|e| e.to_string())
        };
        let (mut vague_types, mut vague_texts) = (HashMap::new(), Vec::new());
        for vague in book.vague {
            vague_types.extend(vague.types.into_iter().map(|t| (t, vague.kind)));
            vague_texts.extend(vague.text_is.map(|t| (t, vague.kind)));
        }
        let mut scopes = book.scopes;
        scopes.push(ScopeRule::default());
        scopes.sort_by_key(|s| std::cmp::Reverse(s.scope.len()));
        Ok(Self {
            by_type,
            texts: any_case(&texts)?,
            kinds_by_text,
            patterns,
            vague_types,
            vague_texts,
            status_texts: book.status_texts.iter().map(|t| Expression::new(t)).collect::<Result<_, _>>()?,
            status_types: book.status_types,
            stream_errors: any_case(&book.stream_errors)?,
            stream_error_types: book.stream_error_types,
            http_libraries: book.http_libraries,
            scopes,
        })
    }

    /// The transport error that the clues stand for; `None` where there is no clue at all.
    pub(super) fn classify(&self, clues: &Clues<'_>) -> Option<Transport> {
        let types = [clues.error_type, clues.exception, leading_type(clues.description)].map(last_part);
        if types.iter().all(|t| t.is_empty()) && clues.message.is_empty() && clues.description.is_empty() {
            return None;
        }
        let by_type = || types.iter().find_map(|t| self.by_type.get(*t)).copied();
        let by_text = || self.by_text(clues.message).or_else(|| self.by_text(clues.description));
        let by_cause = || causes(clues.stacktrace).filter_map(|line| self.by_cause(line)).min();
        let vague_text = || {
            let said = [clues.message, clues.description];
            self.vague_texts.iter().find(|(text, _)| said.contains(&text.as_str())).map(|(_, kind)| *kind)
        };
        let vague_type = || types.iter().find_map(|t| self.vague_types.get(*t)).copied();
        by_type()
            .or_else(by_text)
            .or_else(by_cause)
            .or_else(vague_text)
            .or_else(vague_type)
            .or(Some(Transport::Unknown))
    }

    /// What a text alone says.
    pub(super) fn by_text(&self, text: &str) -> Option<Transport> {
        if let Some((_, kind)) = self.patterns.iter().find(|(pattern, _)| pattern.is_match(text)) {
            return Some(*kind);
        }
        let first = self.texts.find_overlapping_iter(text).map(|m| m.pattern().as_usize()).min()?;
        self.kinds_by_text.get(first).copied()
    }

    /// What one `Type: message` line of a stack trace says.
    fn by_cause(&self, line: &str) -> Option<Transport> {
        let (name, message) = line.split_once(": ").unwrap_or((line, ""));
        self.by_text(message).or_else(|| self.by_type.get(last_part(name)).copied())
    }

    /// The HTTP status that an SDK wrote into its error text.
    pub(super) fn status_in(&self, text: &str) -> Option<u16> {
        let code = self.status_texts.iter().find_map(|r| r.find(text))?.group("status")?.parse().ok()?;
        (400..=599).contains(&code).then_some(code)
    }

    /// The HTTP status that an SDK's error class stands for.
    pub(super) fn status_of(&self, error_type: &str) -> Option<u16> {
        self.status_types.get(last_part(error_type)).copied()
    }

    /// Whether a text is an engine's own error from inside a stream.
    pub(super) fn is_stream_error(&self, text: &str) -> bool {
        self.stream_errors.is_match(text)
    }

    /// Whether an SDK raises this error in place of the rest of a stream.
    pub(super) fn ends_a_stream(&self, error_type: &str) -> bool {
        let name = last_part(error_type);
        self.status_types.contains_key(name) || self.stream_error_types.iter().any(|t| t == name)
    }

    /// Whether an exception's type belongs to a library that makes HTTP calls.
    pub(super) fn is_http_library(&self, exception: &str) -> bool {
        self.http_libraries.iter().any(|l| exception.strip_prefix(l.as_str()).is_some_and(|rest| rest.starts_with('.')))
    }
}

/// `httpx.ReadTimeout` -> `ReadTimeout`, `*net.OpError` -> `OpError`, `net/http.http2GoAwayError` -> `http2GoAwayError`,
/// `Net::ReadTimeout` -> `ReadTimeout`, `GuzzleHttp\Exception\ConnectException` -> `ConnectException`.
fn last_part(name: &str) -> &str {
    name.rsplit(['.', '/', '*', '$', ':', '\\']).next().unwrap_or(name)
}

/// `TimeoutError` and `ReadTimeout: timed out` begin with a type; a sentence does not.
fn leading_type(description: &str) -> &str {
    let front = description.split_once(": ").map_or(description, |(front, _)| front);
    if front.contains(char::is_whitespace) { "" } else { front }
}

/// The lines of a stack trace that name an error: `Caused by: ...` (Java) and unindented `Type: message` (Python).
fn causes(stacktrace: &str) -> impl Iterator<Item = &str> {
    stacktrace.lines().filter_map(|line| {
        let cause = line.strip_prefix("Caused by: ");
        let python = line.starts_with(|c: char| c.is_ascii_alphabetic()) && !line.contains("raceback (most recent");
        cause.or_else(|| python.then_some(line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_recognised() {
        let table = Transports::builtin();
        let book: Book = serde_saphyr::from_str(BUILTIN).unwrap();
        for kind in &book.kinds {
            assert!(!kind.examples.is_empty());
            for e in &kind.examples {
                let clues =
                    Clues { error_type: &e.r#type, exception: &e.exception, message: &e.text, ..Clues::default() };
                assert_eq!(table.classify(&clues), Some(kind.means), "{} {}", e.r#type, e.text);
            }
        }
    }

    #[test]
    fn generic_names_yield_to_texts_and_causes() {
        let table = Transports::builtin();
        let clues = |exception, message, stacktrace| Clues { exception, message, stacktrace, ..Clues::default() };
        for (given, expected) in [
            (clues("openai.APIConnectionError", "Connection error.", ""), Transport::Disconnected),
            (
                clues(
                    "openai.APIConnectionError",
                    "Connection error.",
                    "Traceback (most recent call last):\n  File \"x\"\nhttpcore.ConnectError: [Errno 111] Connection refused\n",
                ),
                Transport::Refused,
            ),
            (
                clues(
                    "java.net.ConnectException",
                    "",
                    "java.net.ConnectException\n\tat x\nCaused by: java.nio.channels.UnresolvedAddressException\n",
                ),
                Transport::Dns,
            ),
            (clues("java.net.SocketException", "Socket closed", ""), Transport::Cancelled),
            (clues("java.net.SocketException", "Connection reset", ""), Transport::Disconnected),
            (clues("", "", ""), Transport::Unknown),
            (clues("com.acme.Oops", "no idea", ""), Transport::Unknown),
        ] {
            let got = table.classify(&given);
            if given.exception.is_empty() {
                assert_eq!(got, None);
            } else {
                assert_eq!(got, Some(expected), "{given:?}");
            }
        }
        assert_eq!(table.status_in("Error code: 502"), Some(502));
        assert_eq!(table.status_in("502 \"Error making prediction\""), Some(502));
        assert_eq!(table.status_in("tried 502 times"), None);
    }
}
