//! The regular expressions of the rulebooks. In: a pattern as a book writes it. Out: whether and where a text fits.
//!
//! What servers and kernels print around their facts is ASCII, so `\d`, `\w`, `\s`, `\b` and `(?i)` speak of ASCII here. With Unicode's
//! tables the built-in books alone would take 35 MiB when compiled, without them 4; other characters still stand for themselves.

use regex::bytes::{Captures, Regex, RegexBuilder};

/// What one compiled expression may take, bytes.
const LIMIT: usize = 1 << 20;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression(Regex);

impl Expression {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn new(pattern: &str) -> Result<Self, String> {
        RegexBuilder::new(pattern).unicode(false).size_limit(LIMIT).build().map(Self).map_err(|error| {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
            if reason.contains("Unicode") { format!("{reason} (classes are of ASCII characters)") } else { reason }
        })
    }

    /// Whether it fits somewhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text.as_bytes())
    }

    /// The names of its groups.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.capture_names().flatten()
    }

    /// Where it first fits.
    pub fn find<'t>(&self, text: &'t str) -> Option<Found<'t>> {
        self.0.captures(text.as_bytes()).map(Found)
    }
}

/// Where an expression fits.
#[derive(Debug)]
pub struct Found<'t>(Captures<'t>);

impl<'t> Found<'t> {
    /// What a named group holds; `None` where it took no part, or ends within a character.
    pub fn group(&self, name: &str) -> Option<&'t str> {
        std::str::from_utf8(self.0.name(name)?.as_bytes()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_and_holds_groups() {
        let kill = Expression::new(r"(?i)\bKILLED process (?P<pid>\d+) \((?P<name>[^)]*)\)").unwrap();
        assert_eq!(kill.names().collect::<Vec<_>>(), ["pid", "name"]);
        let found = kill.find("Aus: Killed process 71 (caf\u{e9})").unwrap();
        assert_eq!(
            (found.group("pid"), found.group("name"), found.group("other")),
            (Some("71"), Some("caf\u{e9}"), None)
        );
        assert!(!kill.is_match("killed process x"));
        assert!(Expression::new("caf\u{e9}").unwrap().is_match("un caf\u{e9} noir"));
    }

    #[test]
    fn refuses_with_one_line() {
        assert_eq!(Expression::new("a(").unwrap_err(), "unclosed group");
        assert!(Expression::new(r"\p{Greek}").unwrap_err().contains("ASCII"));
        assert!(Expression::new("(?:[a-z]{1000}){1000}").unwrap_err().contains("limit"));
    }
}
