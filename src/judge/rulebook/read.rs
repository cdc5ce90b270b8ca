//! Reading a book's tree and telling every mistake, not only the first.
//!
//! In: nodes. Out: checked values, and in `errors` what is wrong, where, and what would be right.

use super::{BookError, phrases::Phrases};
use crate::yaml::{Entry, Node, Position, Value};
use serde::de::DeserializeOwned;

/// One book being read.
pub(super) struct Reader<'b> {
    pub(super) book: &'b str,
    pub(super) rule: Option<String>,
    pub(super) phrases: &'b mut Phrases,
    pub(super) errors: &'b mut Vec<BookError>,
}

/// The checked entries of a map.
#[derive(Clone, Copy)]
pub(super) struct Fields<'n> {
    pub(super) at: Position,
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|e| e.key == key).map(|e| &e.node)
    }

    /// All entries.
    pub(super) const fn all(&self) -> &'n [Entry] {
        self.entries
    }
}

impl Reader<'_> {
    /// Notes a mistake.
    pub(super) fn wrong(&mut self, at: Position, message: impl Into<String>) {
        let (book, rule) = (self.book.to_owned(), self.rule.clone());
        self.errors.push(BookError { book, at, rule, message: message.into() });
    }

    /// A map with only known keys; unknown ones are told and passed over.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Option<Fields<'n>> {
        let Some(entries) = node.entries() else {
            self.wrong(node.at, format!("{what} must be a map, not {}", node.kind()));
            return None;
        };
        for entry in entries.iter().filter(|e| !known.contains(&e.key.as_str())) {
            self.wrong(entry.at, format!("{what}: unknown key `{}`; {}", entry.key, suggest(&entry.key, known)));
        }
        Some(Fields { at: node.at, entries })
    }

    /// The value of a key that must be there.
    pub(super) fn required<'n>(&mut self, fields: Fields<'n>, key: &str, example: &str) -> Option<&'n Node> {
        let node = fields.get(key);
        if node.is_none() {
            self.wrong(fields.at, format!("`{key}` is missing; write for example `{key}: {example}`"));
        }
        node
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Text(_) | Value::Null => {
                self.wrong(node.at, format!("`{what}` is empty"));
                None
            }
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
                self.wrong(node.at, format!("`{what}` must be a text; put it in quotes"));
                None
            }
            Value::List(_) | Value::Map(_) => {
                self.wrong(node.at, format!("`{what}` must be a text, not {}", node.kind()));
                None
            }
        }
    }

    /// Texts: one, or a list that is not empty.
    pub(super) fn texts(&mut self, node: &Node, what: &str) -> Vec<String> {
        self.list(node, what).iter().filter_map(|item| self.text(item, what)).collect()
    }

    /// One or a list of at least one.
    pub(super) fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        let items = node.items();
        if items.is_empty() {
            self.wrong(node.at, format!("`{what}` is an empty list: it would never hold; leave the key out"));
        }
        items
    }

    /// A word of a closed set.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &Node,
        what: &str,
        set: &[T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        let word = self.text(node, what)?;
        let found = set.iter().copied().find(|member| name(*member) == word);
        if found.is_none() {
            let words: Vec<&str> = set.iter().map(|member| name(*member)).collect();
            self.wrong(node.at, format!("`{word}` is no {what}; {}", suggest(&word, &words)));
        }
        found
    }

    /// A value that says itself what it takes.
    pub(super) fn value<T: DeserializeOwned>(&mut self, node: &Node, what: &str) -> Option<T> {
        node.read().map_err(|message| self.wrong(node.at, format!("{what}: {message}"))).ok()
    }
}

/// The nearest word, or all of them.
pub(super) fn suggest(word: &str, known: &[&str]) -> String {
    let lower = word.to_ascii_lowercase();
    let nearest = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&lower, k), *k))
        .min()
        .filter(|(distance, k)| *distance <= 2.max(k.len() / 4));
    match nearest {
        Some((_, k)) => format!("did you mean `{k}`?"),
        None => format!("one of: {}", known.join(", ")),
    }
}
