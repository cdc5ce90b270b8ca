//! The second look at a record that matters: everything its attributes and events say about an error.
//!
//! In: a span (or a log record's attributes). Out: [`Detail`]: clues for the transport table, captured headers, texts.
//! May allocate: only failures, `GenAI` spans and spans with an exception come here.

use super::intern::{NAME_LIMIT, front};
use super::semconv::{first_text, response_header, status, text};
use super::stream::StreamClues;
use super::transport::Clues;
use crate::otlp::wire::{Attributes, Span, Value};
use std::borrow::Cow;

/// Longest text kept of one part, in bytes. Error bodies and messages are shorter; stack traces are not kept at all.
const TEXT_LIMIT: usize = 4096;

/// What a record says about an error.
#[derive(Debug, Default)]
pub(super) struct Detail<'a> {
    error_type: Cow<'a, str>,
    exception: &'a str,
    message: &'a str,
    stacktrace: &'a str,
    description: &'a str,
    body: &'a str,
    pub(super) headers: Vec<(String, String)>,
    pub(super) status: Option<u16>,
    pub(super) url: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    /// `gen_ai.request.model`, else the response's.
    pub(super) model: &'a str,
    pub(super) stream: StreamClues,
}

impl<'a> Detail<'a> {
    /// Everything that a span says. The last exception event is the one that ended the call.
    pub(super) fn of_span(span: &Span<'a>) -> Self {
        let mut detail = Self { description: span.status_message, ..Self::default() };
        detail.take(span.attributes());
        for event in span.events().filter(|e| e.name == "exception") {
            (detail.exception, detail.message, detail.stacktrace) = ("", "", "");
            detail.take(event.attributes());
        }
        detail
    }

    /// Takes over what attributes say.
    pub(super) fn take(&mut self, attributes: Attributes<'a>) {
        for (key, value) in attributes {
            match key {
                "error.type" => self.error_type = word(value),
                "exception.type" => self.exception = text(value),
                "exception.message" => self.message = text(value),
                "exception.stacktrace" => self.stacktrace = text(value),
                "error.message" if self.message.is_empty() => self.message = text(value),
                "error.cause_chain" if self.description.is_empty() => self.description = text(value),
                "http.response.body.content" => self.body = text(value),
                "http.response.status_code" | "http.status_code" => self.status = status(value).or(self.status),
                "url.full" | "http.url" | "gen_ai.openai.api_base" => self.url = text(value),
                "server.address" | "http.host" => self.host = text(value),
                "url.path" | "http.target" => self.path = text(value),
                "gen_ai.request.model" => self.model = front(text(value), NAME_LIMIT),
                "gen_ai.response.model" if self.model.is_empty() => self.model = front(text(value), NAME_LIMIT),
                "gen_ai.is_streaming" | "llm.is_streaming" | "gen_ai.request.stream" => {
                    self.stream.flag |= matches!(value, Value::Bool(true));
                }
                "gen_ai.response.finish_reasons" => self.stream.finish_reasons = Some(reasons(value)),
                _ => {
                    if let Some(name) = response_header(key) {
                        self.headers.push((name, first_text(value).to_owned()));
                    }
                }
            }
        }
    }

    /// Takes the words around an error for its description, where it has no better one.
    pub(super) fn describe(&mut self, words: &'a str) {
        if self.description.is_empty() {
            self.description = words;
        }
    }

    /// The parts that the transport table reads.
    pub(super) fn clues(&self) -> Clues<'_> {
        let error_type = if self.status_in_type().is_some() { "" } else { &*self.error_type };
        let (exception, message) = (self.exception, self.message);
        Clues { error_type, exception, message, description: self.description, stacktrace: self.stacktrace }
    }

    /// `error.type` where it is a status written as text.
    pub(super) fn status_in_type(&self) -> Option<u16> {
        self.error_type.parse().ok().filter(|code| (100..=599).contains(code))
    }

    /// `error.type`, or the exception's type where there is none.
    pub(super) fn error_name(&self) -> &str {
        if self.error_type.is_empty() { self.exception } else { &self.error_type }
    }

    /// The exception's type; says which library raised it.
    pub(super) fn exception(&self) -> &'a str {
        self.exception
    }

    /// What the error says in words: the exception's message, else the status' description.
    pub(super) fn message(&self) -> &'a str {
        if self.message.is_empty() { self.description } else { self.message }
    }

    /// Whether anything here speaks of an error.
    pub(super) fn has_error(&self) -> bool {
        !self.error_type.is_empty() || !self.exception.is_empty() || !self.message.is_empty()
    }

    /// All texts, most specific first, one a line, none twice: body, exception, description, bare error type.
    pub(super) fn texts(&self, into: &mut String) {
        push_line(into, self.body, "");
        push_line(into, self.exception, self.message);
        if self.message.is_empty() || !self.description.contains(self.message) {
            push_line(into, "", self.description);
        }
        if self.exception.is_empty() && self.status_in_type().is_none() {
            push_line(into, &self.error_type, "");
        }
    }
}

/// Adds `name: message` as a line, cut to the limit.
fn push_line(into: &mut String, name: &str, message: &str) {
    if name.is_empty() && message.is_empty() {
        return;
    }
    if !into.is_empty() {
        into.push('\n');
    }
    into.push_str(front(name, TEXT_LIMIT));
    if !name.is_empty() && !message.is_empty() {
        into.push_str(": ");
    }
    into.push_str(front(message, TEXT_LIMIT));
}

/// `error.type` may be a string or an integer (undici writes a `DOMException` code).
fn word(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Int(n) => Cow::Owned(n.to_string()),
        other => Cow::Borrowed(text(other)),
    }
}

fn reasons(value: Value<'_>) -> usize {
    match value {
        Value::Array(values) => values.iter().filter(|v| !text(*v).is_empty()).count(),
        other => usize::from(!text(other).is_empty()),
    }
}
