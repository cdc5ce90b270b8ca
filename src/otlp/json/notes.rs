//! Where the reader is and what it passed over. In: keys and indexes as they are entered, odd values as they are met.
//! Out: a JSON path for errors, and a short summary for the sender.

use std::fmt::Write;

/// One step from a JSON value to one inside it.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Key(&'static str),
    Index(usize),
}

/// How often something was met, and what the first one was.
#[derive(Default)]
struct Tally {
    count: u64,
    first: String,
}

impl Tally {
    fn add(&mut self, describe: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = describe();
        }
        self.count += 1;
    }
}

/// The place in the text, and what was passed over so far.
#[derive(Default)]
pub(super) struct Notes {
    steps: Vec<Step>,
    odd: Tally,
    snake: Tally,
    conflicts: Tally,
}

impl Notes {
    pub(super) fn enter(&mut self, step: Step) {
        self.steps.push(step);
    }

    pub(super) fn leave(&mut self) {
        self.steps.pop();
    }

    /// The place as a JSON path: `$.resourceSpans[0].resource`.
    pub(super) fn path(&self) -> String {
        let mut path = String::from("$");
        for step in &self.steps {
            match step {
                Step::Key(key) => path.extend([".", key]),
                Step::Index(index) => {
                    write!(path, "[{index}]").expect("writing to a string cannot fail");
                }
            }
        }
        path
    }

    /// A value that does not fit its field and was left out.
    pub(super) fn odd(&mut self, expected: &str) {
        let path = if self.odd.count == 0 { self.path() } else { String::new() };
        self.odd.add(|| format!("{path}: expected {expected}"));
    }

    /// A key in `snake_case` that was ignored, where `camel` would have been read.
    pub(super) fn snake_case(&mut self, key: &str, camel: &str) {
        let path = if self.snake.count == 0 { self.path() } else { String::new() };
        self.snake.add(|| format!("`{key}` in {path}, which is written `{camel}`"));
    }

    /// A second member of a `oneof`.
    pub(super) fn conflict(&mut self) {
        let path = if self.conflicts.count == 0 { self.path() } else { String::new() };
        self.conflicts.add(|| path);
    }

    /// All notes in a few sentences; empty if there are none.
    pub(super) fn summary(&self) -> String {
        let parts = [
            (&self.snake, "key(s) in snake_case were ignored; first"),
            (&self.odd, "value(s) did not fit their field and were left out; first"),
            (&self.conflicts, "object(s) held two values where one belongs and the last counts; first"),
        ];
        let sentences = parts.iter().filter(|(tally, _)| tally.count > 0);
        sentences.map(|(tally, what)| format!("{} {what}: {}", tally.count, tally.first)).collect::<Vec<_>>().join(". ")
    }
}
