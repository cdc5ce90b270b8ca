//! What is wrong with a config, said so that a person can repair it at once.

use std::fmt;
use thiserror::Error;

/// One thing that is wrong: where, what, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A file, or `environment variable NAME`.
    place: String,
    /// Line in the file, where one is known.
    pub(super) line: Option<u64>,
    /// Path of the key, such as `receive.grpc.listen`; empty for the file as a whole.
    path: String,
    wrong: String,
    right: String,
}

impl Problem {
    pub(super) fn in_file(file: &str, line: Option<u64>, path: &str, wrong: &str, right: &str) -> Self {
        Self {
            place: file.into(),
            line: line.filter(|n| *n > 0),
            path: path.into(),
            wrong: wrong.into(),
            right: right.into(),
        }
    }

    pub(super) fn in_environment(variable: &str, path: &str, wrong: &str, right: &str) -> Self {
        let place = format!("environment variable {variable}");
        Self { place, line: None, path: path.into(), wrong: wrong.into(), right: right.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; write {}", self.wrong, self.right)
    }
}

/// Everything that is wrong with a config, one line each.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", lines(.0))]
pub struct Problems(pub Vec<Problem>);

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
