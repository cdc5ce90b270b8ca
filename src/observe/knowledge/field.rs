//! The fields of a record that anybody asks for, by index instead of by name.
//!
//! In: names that books and config ask for, and a record's attributes and JSON members. Out: slots, filled while the record is
//! walked, so that a question costs an index and no search.

use crate::otlp::wire::Value;
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

/// Where loggers and log shippers put a record's text; the first that is there is taken.
const MESSAGE_NAMES: [&str; 4] = ["message", "msg", "log", "MESSAGE"];
/// Where they put an exception's trace.
const EXCEPTION_NAMES: [&str; 4] = ["exc_info", "exception.stacktrace", "stack_trace", "exception"];
/// Where they put the time of the line.
const TIME_NAMES: [&str; 5] = ["timestamp", "time", "ts", "@timestamp", "asctime"];

/// Slots of the text.
pub(in crate::observe) const MESSAGES: Range<usize> = 0..4;
/// Slots of the trace.
pub(in crate::observe) const EXCEPTIONS: Range<usize> = 4..8;
/// Slots of the time.
pub(in crate::observe) const TIMES: Range<usize> = 8..13;

/// Names and their places.
#[derive(Debug)]
pub(in crate::observe) struct FieldNames(HashMap<String, usize, RandomState>);

impl FieldNames {
    pub(super) fn new() -> Self {
        let mut names = Self(HashMap::default());
        for name in MESSAGE_NAMES.iter().chain(&EXCEPTION_NAMES).chain(&TIME_NAMES) {
            names.add(name);
        }
        names
    }

    /// The place of a name that is asked for.
    pub(super) fn add(&mut self, name: &str) -> usize {
        let next = self.0.len();
        *self.0.entry(name.to_owned()).or_insert(next)
    }

    /// The place of a name, if anybody asks for it.
    pub(in crate::observe) fn find(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }
}

/// A field's value.
#[derive(Clone, Debug)]
pub(in crate::observe) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
}

impl<'a> Scalar<'a> {
    /// The scalar that an attribute holds; the first one of a list.
    pub(in crate::observe) fn of(value: Value<'a>) -> Option<Self> {
        Some(match value {
            Value::Str(text) => Self::Text(text.into()),
            Value::Int(n) => Self::Int(n),
            Value::Double(d) => Self::Float(d),
            Value::Bool(b) => Self::Bool(b),
            Value::Array(values) => return values.iter().find_map(Self::of_one),
            Value::Empty | Value::Bytes(_) | Value::Map(_) => return None,
        })
    }

    /// As [`Scalar::of`], but no list in a list.
    fn of_one(value: Value<'a>) -> Option<Self> {
        if matches!(value, Value::Array(_)) { None } else { Self::of(value) }
    }

    pub(in crate::observe) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Appends it as text.
    pub(in crate::observe) fn write(&self, into: &mut String) {
        let written = match self {
            Self::Text(text) => {
                into.push_str(text);
                Ok(())
            }
            Self::Int(n) => write!(into, "{n}"),
            Self::Float(d) => write!(into, "{d}"),
            Self::Bool(b) => write!(into, "{b}"),
        };
        debug_assert!(written.is_ok(), "writing to a text cannot fail");
    }

    /// Whether it is this word, or the number or truth value that the word writes.
    pub(super) fn is(&self, word: &str) -> bool {
        match self {
            Self::Text(text) => text == word,
            Self::Int(n) => word.parse() == Ok(*n),
            Self::Float(d) => word.parse() == Ok(*d),
            Self::Bool(b) => word.parse() == Ok(*b),
        }
    }
}

/// The fields of one record or resource.
#[derive(Debug, Default)]
pub(in crate::observe) struct Slots<'a>(Vec<Option<Scalar<'a>>>);

impl<'a> Slots<'a> {
    /// Empty slots for these names.
    pub(in crate::observe) fn of(names: &FieldNames) -> Self {
        Self(std::iter::repeat_with(|| None).take(names.0.len()).collect())
    }

    pub(in crate::observe) fn clear(&mut self) {
        self.0.fill_with(|| None);
    }

    pub(in crate::observe) fn set(&mut self, index: usize, value: Scalar<'a>) {
        if let Some(slot) = self.0.get_mut(index) {
            *slot = Some(value);
        }
    }

    pub(in crate::observe) fn unset(&mut self, index: usize) {
        if let Some(slot) = self.0.get_mut(index) {
            *slot = None;
        }
    }

    pub(in crate::observe) fn get(&self, index: usize) -> Option<&Scalar<'a>> {
        self.0.get(index)?.as_ref()
    }

    /// Takes the first text among these slots.
    pub(in crate::observe) fn take_text(&mut self, among: Range<usize>) -> Option<Cow<'a, str>> {
        for slot in self.0.get_mut(among)? {
            if let Some(Scalar::Text(text)) = slot {
                let text = std::mem::take(text);
                *slot = None;
                return Some(text);
            }
        }
        None
    }
}

/// What a record says: its own fields, else its resource's.
#[derive(Clone, Copy, Debug)]
pub(in crate::observe) struct View<'v, 'a> {
    pub(in crate::observe) record: &'v Slots<'a>,
    pub(in crate::observe) resource: &'v Slots<'a>,
}

impl<'v, 'a> View<'v, 'a> {
    pub(in crate::observe) fn get(self, index: usize) -> Option<&'v Scalar<'a>> {
        self.record.get(index).or_else(|| self.resource.get(index))
    }

    /// The text of a field; empty for everything else.
    pub(in crate::observe) fn text(self, index: usize) -> &'v str {
        self.get(index).and_then(Scalar::text).unwrap_or("")
    }
}
