//! From the tree of a file to typed values, collecting every error.
//!
//! In: the tree and the key table. Out: a value for each key that is asked for: the environment's, else the file's,
//! else the default; where one is wrong, its error is noted and the default stands in, so that reading goes on.

use super::keys;
use super::problem::Problem;
use super::units::Kind;
use super::yaml::{Entry, Node, Value};
use super::{Surroundings, secret};
use std::cell::RefCell;

/// The file being read.
pub(super) struct Reader<'a> {
    file: &'a str,
    root: &'a Node,
    outside: &'a Surroundings<'a>,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl<'a> Reader<'a> {
    /// Begins; every unknown key is noted here.
    pub(super) fn new(file: &'a str, root: &'a Node, outside: &'a Surroundings<'a>) -> Self {
        let reader = Self { file, root, outside, problems: RefCell::default(), warnings: RefCell::default() };
        reader.know_group("", root);
        reader
    }

    /// Everything that was wrong, in the order of the file.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems
    }

    /// What may be meant but is probably not, in the order of the file.
    pub(super) fn take_warnings(&self) -> Vec<Problem> {
        self.warnings.take()
    }

    /// Notes something that is odd, but no error.
    pub(super) fn warn(&self, line: u64, path: &str, wrong: &str, right: &str) {
        self.warnings.borrow_mut().push(Problem::in_file(self.file, Some(line), path, wrong, right));
    }

    /// Notes something wrong at a line of the file.
    pub(super) fn note(&self, line: u64, path: &str, wrong: &str, right: &str) {
        self.problems.borrow_mut().push(Problem::in_file(self.file, Some(line), path, wrong, right));
    }

    /// Line of a key, for errors about several keys together.
    pub(super) fn line(&self, path: &str) -> u64 {
        self.find(path).map_or(0, |node| node.line)
    }

    /// One scalar key.
    pub(super) fn get<T>(&self, path: &str, kind: &Kind<T>) -> T {
        let key = keys::get(path);
        let given = match (self.outside.env)(key.env).filter(|text| !key.env.is_empty() && !text.is_empty()) {
            Some(text) => {
                let value = (kind.parse)(&text);
                if value.is_none() {
                    let wrong = format!("`{text}` is not {}", kind.noun);
                    self.problems.borrow_mut().push(Problem::in_environment(key.env, path, &wrong, kind.right));
                }
                value
            }
            None => self.find(path).and_then(|node| self.scalar(node, path, kind)),
        };
        given.unwrap_or_else(|| (kind.parse)(key.default).expect("defaults are right; a test reads them all"))
    }

    /// A key whose value is a list; each item is read by `read`, which notes what is wrong with it.
    pub(super) fn list<T>(&self, path: &str, read: impl Fn(&Self, &str, &Node) -> Option<T>) -> Vec<T> {
        debug_assert!(keys::get(path).path == path, "read from the table");
        self.find(path).map(|node| self.items(node, path, read)).unwrap_or_default()
    }

    /// The items of a list node.
    pub(super) fn items<T>(&self, node: &Node, path: &str, read: impl Fn(&Self, &str, &Node) -> Option<T>) -> Vec<T> {
        match &node.value {
            Value::Empty => Vec::new(),
            Value::List(items) => {
                let read_one = |(i, item): (usize, &Node)| read(self, &format!("{path}[{i}]"), item);
                items.iter().enumerate().filter_map(read_one).collect()
            }
            other => {
                self.note(
                    node.line,
                    path,
                    &format!("{} stands where a list belongs", other.noun()),
                    "[one, two] or lines that begin with `- `",
                );
                Vec::new()
            }
        }
    }

    /// The entries of a key whose members are named by the user.
    pub(super) fn entries(&self, path: &str) -> &'a [Entry] {
        debug_assert!(keys::get(path).path == path, "read from the table");
        self.find(path).map(|node| self.map(node, path)).unwrap_or_default()
    }

    /// The entries of a map node.
    pub(super) fn map<'n>(&self, node: &'n Node, path: &str) -> &'n [Entry] {
        match &node.value {
            Value::Map(entries) => entries,
            Value::Empty => &[],
            other => {
                self.note(
                    node.line,
                    path,
                    &format!("{} stands where a group of keys belongs", other.noun()),
                    "`key: value` lines below it",
                );
                &[]
            }
        }
    }

    /// A map node that may hold only these keys; for items of lists.
    pub(super) fn record<'n>(&self, node: &'n Node, path: &str, known: &[&str]) -> Option<Record<'n>> {
        let entries = self.map(node, path);
        for entry in entries.iter().filter(|e| !known.contains(&e.name.as_str())) {
            self.unknown(entry, path, known);
        }
        matches!(node.value, Value::Map(_) | Value::Empty).then_some(Record { line: node.line, entries })
    }

    /// A member of a record that must be there.
    pub(super) fn need<T>(&self, record: &Record<'_>, path: &str, name: &str, kind: &Kind<T>) -> Option<T> {
        if let Some(node) = record.find(name).filter(|node| node.value != Value::Empty) {
            return self.scalar(node, &format!("{path}.{name}"), kind);
        }
        let right = format!("`{name}:` with {}", kind.right);
        self.note(record.line, path, &format!("`{name}` is missing"), &right);
        None
    }

    /// A member of a record that may be left out.
    pub(super) fn may<T>(&self, record: &Record<'_>, path: &str, name: &str, kind: &Kind<T>) -> Option<T> {
        record.find(name).and_then(|node| self.scalar(node, &format!("{path}.{name}"), kind))
    }

    /// A scalar; nothing written is no error.
    pub(super) fn scalar<T>(&self, node: &Node, path: &str, kind: &Kind<T>) -> Option<T> {
        let raw = match &node.value {
            Value::Scalar(raw) => raw,
            Value::Empty => return None,
            other => {
                self.note(node.line, path, &format!("{} is not {}", other.noun(), kind.noun), kind.right);
                return None;
            }
        };
        match secret::expand(raw, self.outside) {
            Ok(text) => {
                let value = (kind.parse)(&text);
                if value.is_none() {
                    self.note(node.line, path, &format!("`{raw}` is not {}", kind.noun), kind.right);
                }
                value
            }
            Err((wrong, right)) => {
                self.note(node.line, path, &wrong, right);
                None
            }
        }
    }

    fn find(&self, path: &str) -> Option<&'a Node> {
        let mut node = self.root;
        for name in path.split('.') {
            let Value::Map(entries) = &node.value else { return None };
            node = &entries.iter().find(|e| e.name == name)?.node;
        }
        Some(node)
    }

    /// Walks the groups of the table and notes what is not in it.
    fn know_group(&self, path: &str, node: &Node) {
        for entry in self.map(node, path) {
            let inner = if path.is_empty() { entry.name.clone() } else { format!("{path}.{}", entry.name) };
            if keys::is_group(&inner) && !keys::KEYS.iter().any(|k| k.path == inner) {
                self.know_group(&inner, &entry.node);
            } else if !keys::KEYS.iter().any(|k| k.path == inner) {
                self.unknown(entry, path, &keys::members(path));
            }
        }
    }

    fn unknown(&self, entry: &Entry, path: &str, known: &[&str]) {
        let inner = if path.is_empty() { entry.name.clone() } else { format!("{path}.{}", entry.name) };
        self.note(entry.line, &inner, "unknown key", &format!("one of: {}", known.join(", ")));
    }
}

/// An item of a list that is a group of keys.
pub(super) struct Record<'n> {
    line: u64,
    entries: &'n [Entry],
}

impl<'n> Record<'n> {
    /// The node of a member.
    pub(super) fn find(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|e| e.name == name).map(|e| &e.node)
    }
}
