//! A config's tree: what [`crate::yaml`] reads, with scalars as the text that a key then understands.
//!
//! In: text. Out: nodes, each with the line it stands in.

use super::problem::Problem;
use crate::yaml;

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
    let root = yaml::Node::parse(text).map_err(|(at, wrong)| {
        let line = (at.line != 0).then_some(at.line);
        Problem::in_file(file, line, "", &wrong, "valid YAML")
    })?;
    Ok(node(root))
}

fn node(read: yaml::Node) -> Node {
    let value = match read.value {
        yaml::Value::Null => Value::Empty,
        yaml::Value::Bool(value) => Value::Scalar(value.to_string()),
        yaml::Value::Int(value) => Value::Scalar(value.to_string()),
        yaml::Value::Float(value) => Value::Scalar(value.to_string()),
        yaml::Value::Text(text) => Value::Scalar(text),
        yaml::Value::List(items) => Value::List(items.into_iter().map(node).collect()),
        yaml::Value::Map(entries) => Value::Map(entries.into_iter().map(entry).collect()),
    };
    Node { line: read.at.line, value }
}

fn entry(read: yaml::Entry) -> Entry {
    Entry { name: read.key, line: read.at.line, node: node(read.node) }
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
