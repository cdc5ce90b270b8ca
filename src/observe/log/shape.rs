//! What a log record says, whatever shape its shipper gave it.
//!
//! In: a record's body and the fields of its attributes. Out: its message and its exception's trace, and in the slots the
//! members of JSON lines and of maps. Read are: a plain string; a JSON line (Truss, custom servers, docker's files), as the whole
//! body or in a `log` member; the prefix of CRI files (`<time> stdout F `); a map with `message`, `msg` or `log`.

use crate::observe::knowledge::{EXCEPTIONS, FieldNames, MESSAGES, Scalar, Slots, TIMES};
use crate::otlp::wire::{Attributes, Value};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// How deep maps in maps are read: `kubernetes.labels.app`.
const DEPTH: usize = 3;
/// How often a line may be wrapped: a CRI prefix, JSON with a `log` member, and JSON in that.
const WRAPS: usize = 3;

/// A record's words.
#[derive(Clone, Debug, Default)]
pub(super) struct Words<'a> {
    pub(super) message: Cow<'a, str>,
    pub(super) trace: Cow<'a, str>,
}

/// Reads a record's body; its attributes are in the slots already, and what the body says stands above them.
pub(super) fn read<'a>(body: Value<'a>, names: &FieldNames, slots: &mut Slots<'a>, name: &mut String) -> Words<'a> {
    let message = match body {
        Value::Str(text) => Some(unwrap(text.into(), names, slots, name)),
        Value::Map(members) => {
            name.clear();
            take_map(members, names, slots, name, 1);
            slots.take_text(MESSAGES).map(|text| unwrap(text, names, slots, name))
        }
        _ => None,
    };
    let message = message.filter(|m| !m.is_empty());
    let message = message.or_else(|| slots.take_text(MESSAGES)).unwrap_or_default();
    Words { message, trace: slots.take_text(EXCEPTIONS).unwrap_or_default() }
}

/// Puts the members of a map into their slots.
pub(super) fn take_map<'a>(
    members: Attributes<'a>,
    names: &FieldNames,
    slots: &mut Slots<'a>,
    name: &mut String,
    depth: usize,
) {
    for (key, value) in members {
        let length = enter(name, key);
        match value {
            Value::Map(inner) if depth < DEPTH => take_map(inner, names, slots, name, depth + 1),
            _ => {
                if let (Some(index), Some(value)) = (names.find(name), Scalar::of(value)) {
                    slots.set(index, value);
                }
            }
        }
        name.truncate(length);
    }
}

/// Adds a member's name; gives the length to return to.
fn enter(name: &mut String, key: &str) -> usize {
    let length = name.len();
    if length > 0 {
        name.push('.');
    }
    name.push_str(key);
    length
}

/// Takes off what shippers put around a line.
fn unwrap<'a>(mut text: Cow<'a, str>, names: &FieldNames, slots: &mut Slots<'a>, name: &mut String) -> Cow<'a, str> {
    for _ in 0..WRAPS {
        if let Some((stamp, rest)) = cri(&text) {
            let (stamp, from) = (stamp.len(), text.len() - rest);
            text = match text {
                Cow::Borrowed(whole) => {
                    set_time(slots, whole.get(..stamp).unwrap_or_default().into());
                    whole.get(from..).unwrap_or_default().into()
                }
                Cow::Owned(whole) => {
                    set_time(slots, whole.get(..stamp).unwrap_or_default().to_owned().into());
                    whole.get(from..).unwrap_or_default().to_owned().into()
                }
            };
        }
        if !text.trim_start().starts_with('{') {
            break;
        }
        name.clear();
        let members = Members { names, slots, name, depth: 1 };
        let whole = match &text {
            Cow::Borrowed(text) => members.deserialize(&mut serde_json::Deserializer::from_str(text)),
            Cow::Owned(text) => members.deserialize(&mut serde_json::Deserializer::from_reader(text.as_bytes())),
        };
        // Half a JSON object is a line like any other.
        if whole.is_err() {
            break;
        }
        // Only a shipper's `log` wraps another line; in a logger's `message` stands what somebody wanted to say.
        let logger = MESSAGES.filter(|index| *index != LOG).any(|index| slots.get(index).is_some());
        match slots.take_text(MESSAGES) {
            Some(message) => text = message,
            None => return text,
        }
        if logger {
            break;
        }
    }
    text
}

/// Slot of the member `log`.
const LOG: usize = 2;

fn set_time<'a>(slots: &mut Slots<'a>, stamp: Cow<'a, str>) {
    slots.set(TIMES.start, Scalar::Text(stamp));
}

/// The stamp of a CRI line, and how long its rest is: `2026-11-22T08:47:44.123Z stdout F text`.
fn cri(text: &str) -> Option<(&str, usize)> {
    let (stamp, rest) = text.split_once(' ')?;
    let rest = rest.strip_prefix("stdout ").or_else(|| rest.strip_prefix("stderr "))?;
    let (tag, rest) = rest.split_once(' ')?;
    (matches!(tag, "F" | "P") && stamp.len() >= 20 && stamp.contains('T')).then_some((stamp, rest.len()))
}

/// Reads a JSON object's members into slots.
struct Members<'s, 'a> {
    names: &'s FieldNames,
    slots: &'s mut Slots<'a>,
    name: &'s mut String,
    depth: usize,
}

impl<'a> DeserializeSeed<'a> for Members<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Members<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(length) = members.next_key_seed(Name(&mut *self.name))? {
            let (names, slots, depth) = (self.names, &mut *self.slots, self.depth);
            members.next_value_seed(Member { names, slots, name: &mut *self.name, depth })?;
            self.name.truncate(length);
        }
        Ok(())
    }
}

/// Reads a member's name behind those of the objects around it; gives the length to return to.
struct Name<'s>(&'s mut String);

impl<'a> DeserializeSeed<'a> for Name<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<usize, E> {
        Ok(enter(self.0, name))
    }
}

/// Reads a member's value.
struct Member<'s, 'a> {
    names: &'s FieldNames,
    slots: &'s mut Slots<'a>,
    name: &'s mut String,
    depth: usize,
}

impl<'a> Member<'_, 'a> {
    fn set(self, value: impl FnOnce() -> Scalar<'a>) {
        if let Some(index) = self.names.find(self.name) {
            self.slots.set(index, value());
        }
    }
}

impl<'a> DeserializeSeed<'a> for Member<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Member<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.set(|| Scalar::Text(text.into()));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.set(|| Scalar::Text(text.to_owned().into()));
        Ok(())
    }

    fn visit_i64<E>(self, n: i64) -> Result<(), E> {
        self.set(|| Scalar::Int(n));
        Ok(())
    }

    fn visit_u64<E>(self, n: u64) -> Result<(), E> {
        self.set(|| i64::try_from(n).map_or(Scalar::Float(n as f64), Scalar::Int));
        Ok(())
    }

    fn visit_f64<E>(self, n: f64) -> Result<(), E> {
        self.set(|| Scalar::Float(n));
        Ok(())
    }

    fn visit_bool<E>(self, b: bool) -> Result<(), E> {
        self.set(|| Scalar::Bool(b));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> Result<(), A::Error> {
        if self.depth < DEPTH {
            let inner = Members { names: self.names, slots: self.slots, name: self.name, depth: self.depth + 1 };
            return inner.visit_map(members);
        }
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests;
