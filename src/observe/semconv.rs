//! The attribute keys that matter, in the old and the new semantic conventions.
//!
//! In: one attribute after the other, as the walk meets them. Out: [`Picks`]: what decides whether a record is a request
//! to a model and whether it went well. This is the hot path: keys are told apart by length first, nothing is copied.

use crate::otlp::wire::Value;

/// What the light walk keeps of a record's attributes.
#[expect(
    clippy::struct_excessive_bools,
    reason = "five independent facts of one record, set one by one on the hot path"
)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Picks<'a> {
    /// `url.full` or `http.url`.
    pub(super) url: &'a str,
    /// `http.host`, else `server.address`, else `net.peer.name`.
    pub(super) host: &'a str,
    /// `url.path` or `http.target`.
    pub(super) path: &'a str,
    /// `http.response.status_code` or `http.status_code`; 0 = none.
    pub(super) status: u16,
    /// `http.request.method` or `http.method` is there.
    pub(super) method: bool,
    /// `error.type` is there.
    pub(super) error_type: bool,
    /// Any `gen_ai.*` or `llm.*` attribute is there.
    pub(super) gen_ai: bool,
    /// The `GenAI` operation is an agent's or a tool's: it encloses calls, to models and to others, and is none itself.
    pub(super) agent: bool,
    /// The captured response content type is an event stream.
    pub(super) event_stream: bool,
    /// Duration that the record states, seconds; 0 = none.
    pub(super) seconds: f64,
}

impl<'a> Picks<'a> {
    /// Takes one attribute.
    #[inline]
    pub(super) fn pick(&mut self, key: &'a str, value: Value<'a>) {
        match (key.as_bytes().first(), key.len()) {
            (Some(b'g' | b'l'), _) => self.pick_gen_ai(key, value),
            (_, 8..=14) => self.pick_place(key, value),
            (_, 16..=28) => self.pick_exchange(key, value),
            (_, 33..) => self.event_stream |= is_event_stream(key, value),
            _ => {}
        }
    }

    /// Where the call went, and whether it is one.
    #[inline]
    fn pick_place(&mut self, key: &'a str, value: Value<'a>) {
        match key.len() {
            8 if key == "url.full" || key == "http.url" => self.url = text(value),
            8 if key == "url.path" => self.path = text(value),
            9 if key == "http.host" => self.host = text(value),
            10 if key == "error.type" => self.error_type = true,
            11 if key == "http.method" => self.method = true,
            11 if key == "http.target" => self.path = text(value),
            13 | 14 if matches!(key, "net.peer.name" | "server.address") && self.host.is_empty() => {
                self.host = text(value);
            }
            _ => {}
        }
    }

    /// What was asked and answered.
    #[inline]
    fn pick_exchange(&mut self, key: &'a str, value: Value<'a>) {
        match key.len() {
            16 if key == "http.status_code" => self.status = status(value).unwrap_or(self.status),
            19 if key == "http.request.method" => self.method = true,
            21 if key == "gen_ai.operation.name" => {
                self.gen_ai = true;
                self.agent =
                    matches!(text(value), "invoke_agent" | "create_agent" | "execute_tool" | "invoke_workflow");
            }
            25 if key == "http.response.status_code" => self.status = status(value).unwrap_or(self.status),
            28 if matches!(key, "http.client.request.duration" | "http.server.request.duration") => {
                self.seconds = seconds(value);
            }
            _ => {}
        }
    }

    /// Whether a model library wrote the record, and whether for an agent's step instead of a call.
    fn pick_gen_ai(&mut self, key: &'a str, value: Value<'a>) {
        self.gen_ai |= key.starts_with("gen_ai.") || key.starts_with("llm.");
        if key == "gen_ai.operation.name" {
            self.agent = matches!(text(value), "invoke_agent" | "create_agent" | "execute_tool" | "invoke_workflow");
        }
    }

    /// Whether the record speaks of an HTTP exchange at all.
    #[inline]
    pub(super) fn is_http(&self) -> bool {
        self.method || self.status != 0 || !self.url.is_empty()
    }
}

/// The text of a string value; empty for every other type.
pub(super) fn text(value: Value<'_>) -> &str {
    match value {
        Value::Str(s) => s,
        _ => "",
    }
}

/// The first text of a string or of an array of strings.
pub(super) fn first_text(value: Value<'_>) -> &str {
    match value {
        Value::Array(values) => values.iter().map(text).find(|t| !t.is_empty()).unwrap_or(""),
        other => text(other),
    }
}

/// A status, written as int, double or string. What HTTP does not define is none: it would become a label.
pub(super) fn status(value: Value<'_>) -> Option<u16> {
    match value {
        Value::Int(n) => u16::try_from(n).ok(),
        Value::Str(s) => s.trim().parse().ok(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
        Value::Double(d) if (0.0..=999.0).contains(&d) => Some(d as u16),
        _ => None,
    }
    .filter(|code| (100..=599).contains(code))
}

fn seconds(value: Value<'_>) -> f64 {
    match value {
        Value::Double(d) if d.is_finite() && d > 0.0 => d,
        Value::Int(n) if n > 0 => n as f64,
        Value::Str(s) => s.trim().parse().ok().filter(|d: &f64| d.is_finite() && *d > 0.0).unwrap_or(0.0),
        _ => 0.0,
    }
}

#[cold]
fn is_event_stream(key: &str, value: Value<'_>) -> bool {
    matches!(key, "http.response.header.content-type" | "http.response.header.content_type")
        && first_text(value).trim_start().starts_with("text/event-stream")
}

/// The name of a captured response header, as written.
#[inline]
pub(super) fn captured_header(key: &str) -> Option<&str> {
    // No other key of the conventions is as long and has its dot there.
    if key.len() < 22 || key.as_bytes().get(20) != Some(&b'.') {
        None
    } else {
        key.strip_prefix("http.response.header.")
    }
}

/// The header's name in lower case with `-`, where `key` is a captured response header (Python writes `_`).
pub(super) fn response_header(key: &str) -> Option<String> {
    key.strip_prefix("http.response.header.").map(|name| name.to_ascii_lowercase().replace('_', "-"))
}
