//! Phrases: where in an error text a literal may be believed.
//!
//! In: all literals of all books and one error text. Out: which of them the text *says*. An error text may carry the
//! caller's own words (an echoed prompt, a rejected body), so a phrase counts only where a message begins, and a code
//! only as the value of a field that holds codes. One pass over the text, whatever the number of rules.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// Fields of JSON bodies, Python reprs and the like whose values are messages.
const MESSAGE_FIELDS: &[&str] = &[
    "error",
    "errors",
    "message",
    "msg",
    "detail",
    "details",
    "title",
    "reason",
    "error_message",
    "errormessage",
    "error_description",
    "exception_message",
    "originalmessage",
];

/// Fields whose values are machine-readable codes.
const CODE_FIELDS: &[&str] =
    &["code", "error_code", "errorcode", "type", "error_type", "error", "status", "reason", "exception_cls_name"];

/// Bare words in front of a colon that announce the caller's own text.
const CALLERS_WORDS: &[&str] = &["prompt", "input", "inputs", "content", "text", "query", "question", "user", "body"];

/// Index of a phrase.
pub(super) type PhraseId = usize;

/// All literals of all books.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    literals: Vec<String>,
    automaton: Option<AhoCorasick>,
}

/// What one text says.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    messages: Vec<u64>,
    codes: Vec<u64>,
}

/// What stands in front of a literal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before<'a> {
    /// A message begins here.
    Start,
    /// It is the value of this quoted field.
    Field(&'a str),
    /// It stands in the middle of something.
    Middle,
}

impl Phrases {
    /// The phrase's index; equal phrases (without regard to ASCII case) share one.
    pub(super) fn add(&mut self, literal: &str) -> PhraseId {
        let literal = literal.to_ascii_lowercase();
        self.literals.iter().position(|l| *l == literal).unwrap_or_else(|| {
            self.literals.push(literal);
            self.literals.len() - 1
        })
    }

    /// Builds the automaton over everything that was added.
    pub(super) fn build(&mut self) -> Result<(), aho_corasick::BuildError> {
        let mut builder = AhoCorasick::builder();
        // Three times the speed of the compact form on a 2 KiB text, for about 1 MiB with the built-in books.
        builder.kind(Some(AhoCorasickKind::DFA)).ascii_case_insensitive(true).match_kind(MatchKind::Standard);
        self.automaton = Some(builder.build(&self.literals)?);
        Ok(())
    }

    /// What a text says.
    pub(super) fn read(&self, text: &str) -> Said {
        let words = self.literals.len().div_ceil(64);
        let mut said = Said { messages: vec![0; words], codes: vec![0; words] };
        let Some(automaton) = self.automaton.as_ref().filter(|_| !text.is_empty()) else { return said };
        for found in automaton.find_overlapping_iter(text) {
            let id = found.pattern().as_usize();
            let (Some(literal), Some(before), Some(after)) =
                (self.literals.get(id), text.get(..found.start()), text.get(found.end()..))
            else {
                continue;
            };
            let before = look_back(before);
            if says_message(literal, before, after) {
                set(&mut said.messages, id);
            }
            if says_code(literal, before, after) {
                set(&mut said.codes, id);
            }
        }
        said
    }
}

impl Said {
    /// A message begins with this phrase.
    pub(super) fn message(&self, id: PhraseId) -> bool {
        get(&self.messages, id)
    }

    /// A code field holds exactly this word.
    pub(super) fn code(&self, id: PhraseId) -> bool {
        get(&self.codes, id)
    }
}

fn set(bits: &mut [u64], id: PhraseId) {
    if let Some(word) = bits.get_mut(id / 64) {
        *word |= 1 << (id % 64);
    }
}

fn get(bits: &[u64], id: PhraseId) -> bool {
    bits.get(id / 64).is_some_and(|word| word & (1 << (id % 64)) != 0)
}

fn says_message(literal: &str, before: Before<'_>, after: &str) -> bool {
    let whole = literal.contains(' ') || !continues(after);
    whole
        && match before {
            Before::Start => true,
            Before::Field(name) => is_in(MESSAGE_FIELDS, name),
            Before::Middle => false,
        }
}

fn says_code(literal: &str, before: Before<'_>, after: &str) -> bool {
    match before {
        // A word with underscores is no prose; a plain one (`timeout`) needs its field.
        Before::Start => literal.contains('_') && !continues(after),
        Before::Field(name) => is_in(CODE_FIELDS, name) && after.starts_with(is_quote),
        Before::Middle => false,
    }
}

fn continues(after: &str) -> bool {
    after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '\\')
}

fn is_in(names: &[&str], name: &str) -> bool {
    names.iter().any(|n| n.eq_ignore_ascii_case(name))
}

fn look_back(before: &str) -> Before<'_> {
    let unquoted = before.trim_end_matches(is_quote);
    let head = unquoted.trim_end_matches(['[', ' ', '\t']);
    let Some(last) = head.chars().next_back() else { return Before::Start };
    let spaced = head.len() < unquoted.len();
    match last {
        '\n' | '\r' | '>' => Before::Start,
        '-' | '|' if spaced => Before::Start,
        '(' if head.trim_end_matches('(').ends_with(|c: char| c.is_ascii_alphanumeric()) => Before::Start,
        ':' => field(head.trim_end_matches([':', ' '])),
        _ => Before::Middle,
    }
}

/// The name in front of a colon.
fn field(head: &str) -> Before<'_> {
    let bare = head.trim_end_matches(is_quote);
    let start = bare.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
    // `rfind` gives the start of a char that may be longer than a byte: then the name is not ASCII and no field.
    let name = bare.get(start..).unwrap_or_default();
    if bare.len() < head.len() {
        Before::Field(name)
    } else if is_in(CALLERS_WORDS, name) {
        Before::Middle
    } else {
        Before::Start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> (bool, bool) {
        let mut phrases = Phrases::default();
        let id = phrases.add("CUDA out of memory");
        let code = phrases.add("capacity_exceeded");
        phrases.build().unwrap();
        let said = phrases.read(text);
        (said.message(id), said.code(code))
    }

    #[test]
    fn a_phrase_counts_where_a_message_begins() {
        for text in [
            "CUDA out of memory. Tried to allocate 1 GiB",
            "first line\nCUDA out of memory",
            "torch.OutOfMemoryError: cuda out of memory.",
            r#"predict: unexpected status 500: {"error": "CUDA out of memory"}"#,
            r#"{"error": {"message": "RuntimeError: CUDA out of memory"}}"#,
            r#"{\"error\": \"CUDA out of memory\"}"#,
            "Error code: 500 - {'error': {'message': 'CUDA out of memory'}}",
            "Error code: 500 - CUDA out of memory.",
            "OutOfMemoryError('CUDA out of memory.')",
            r#"{"errors": ["CUDA out of memory"]}"#,
        ] {
            assert!(said(text).0, "{text}");
        }
    }

    #[test]
    fn the_callers_own_words_do_not_count() {
        for text in [
            r#"{"error": "cannot answer: what does a CUDA out of memory error mean?"}"#,
            r#"{"detail": [{"msg": "Field required", "input": {"prompt": "CUDA out of memory"}}]}"#,
            r#"{"detail": [{"msg": "bad", "input": "CUDA out of memory"}]}"#,
            "rejected prompt: CUDA out of memory",
            "why CUDA out of memory?",
        ] {
            assert!(!said(text).0, "{text}");
        }
    }

    #[test]
    fn a_code_is_the_whole_value_of_a_code_field() {
        assert!(said(r#"{"error_code": "CAPACITY_EXCEEDED"}"#).1);
        assert!(said(r#"{"errors":[{"code":"CAPACITY_EXCEEDED","message":"x"}]}"#).1);
        assert!(said("{'error': {'code': 'CAPACITY_EXCEEDED'}}").1);
        assert!(said("CAPACITY_EXCEEDED: later").1);
        assert!(!said(r#"{"error_code": "CAPACITY_EXCEEDED_MAYBE"}"#).1);
        assert!(!said(r#"{"prompt": "CAPACITY_EXCEEDED"}"#).1);
    }
}
