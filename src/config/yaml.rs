//! A YAML file as a tree that knows its lines.
//!
//! In: text. Out: nodes, each with the line it stands in, so that every error of a file can be told at once and with
//! its place; a derived reader would stop at the first. Duplicate keys and broken YAML are refused by the library.

use super::problem::Problem;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::fmt;

/// One value and the line where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: u64,
    pub(super) value: Value,
}

/// What a node is. Scalars keep their text: what it means is up to the key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Empty,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One `key: value`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) line: u64,
    pub(super) node: Node,
}

/// Reads a file's text; an empty file is an empty node.
pub(super) fn parse(file: &str, text: &str) -> Result<Node, Problem> {
    let tree: Result<Option<Spanned<Value>>, _> = serde_saphyr::from_str(text);
    match tree {
        Ok(tree) => Ok(tree.map_or(Node { line: 1, value: Value::Empty }, node)),
        Err(error) => {
            let wrong = error.without_snippet().to_string().replace('\n', " ");
            let line = error.location().map(|at| at.line());
            Err(Problem::in_file(file, line, "", &wrong, "valid YAML"))
        }
    }
}

fn node(spanned: Spanned<Value>) -> Node {
    Node { line: spanned.referenced.line(), value: spanned.value }
}

impl Value {
    /// What to call it in an error.
    pub(super) const fn noun(&self) -> &'static str {
        match self {
            Self::Empty => "nothing",
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a group of keys",
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a group of keys")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Empty)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Empty)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Scalar(v.to_string()))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Scalar(v.to_string()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Scalar(v.to_string()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Value::Scalar(v.to_string()))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::Scalar(v.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Value>>()? {
            list.push(node(item));
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, Spanned<Value>>()? {
            map.push(Entry { name: key.value, line: key.referenced.line(), node: node(value) });
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_knows_its_line() {
        let root = parse("t.yaml", "a: 5m\nb:\n  - x\n  - {c: 0.10, d: }\ne: '7'\n").unwrap();
        let Value::Map(entries) = &root.value else { panic!("{root:?}") };
        assert_eq!(
            entries.iter().map(|e| (e.name.as_str(), e.line)).collect::<Vec<_>>(),
            [("a", 1), ("b", 2), ("e", 5)]
        );
        let Value::List(items) = &entries[1].node.value else { panic!("{root:?}") };
        assert_eq!(items[1].line, 4);
        let Value::Map(inner) = &items[1].value else { panic!("{root:?}") };
        assert_eq!(inner[1].node.value, Value::Empty);
        assert_eq!(entries[2].node.value, Value::Scalar("7".into()));
    }

    #[test]
    fn broken_yaml_and_duplicate_keys_are_told_with_their_line() {
        let twice = parse("t.yaml", "a: 1\nb: 2\na: 3\n").unwrap_err().to_string();
        assert!(twice.starts_with("t.yaml:3: ") && twice.contains("duplicate"), "{twice}");
        let broken = parse("t.yaml", "a:\n  - [1, 2\nb: 1\n").unwrap_err().to_string();
        assert!(broken.starts_with("t.yaml:"), "{broken}");
        assert!(!broken.contains('\n'), "{broken}");
    }

    #[test]
    fn an_empty_file_is_no_error() {
        assert_eq!(parse("t.yaml", "").unwrap().value, Value::Empty);
        assert_eq!(parse("t.yaml", "# nothing\n").unwrap().value, Value::Empty);
    }
}
