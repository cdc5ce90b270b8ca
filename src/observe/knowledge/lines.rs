//! What a line or a Kubernetes object means: the evidence rules, ready to be asked.
//!
//! In: a record's texts and fields. Out: the first rule that fits. One pass over each text finds the literals of all rules;
//! only rules whose literal or field is there are asked further, so an innocent line costs that pass and nothing else.

use super::field::{FieldNames, View};
use super::{ANY_PLATFORM, KnowledgeError};
use crate::expression::Expression;
use crate::judge::taxonomy::EvidenceKind;
use crate::observe::Channel;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::sync::Arc;

/// An evidence rule as a book writes it.
#[derive(Clone, Debug, Default)]
pub struct EvidenceSpec {
    /// Unique over all books.
    pub id: String,
    /// Who may say it; empty = anybody.
    pub channels: Vec<Channel>,
    /// Who says it, where the line itself shows that.
    pub from: Option<Channel>,
    /// Literals. Without a `regex` one of them must begin a message; with one it is enough that one stands anywhere.
    pub text: Vec<String>,
    /// Must fit somewhere in a text. A named group is a field of that name.
    pub regex: Option<Expression>,
    /// Literals that may stand nowhere.
    pub without: Vec<String>,
    /// Fields and the words of which each must have one; no words = any value.
    pub fields: Vec<(String, Vec<String>)>,
    /// What it says; `None` where it only shows that an answer was given.
    pub kind: Option<EvidenceKind>,
    /// It is the line that a server writes when it has answered.
    pub finishes: bool,
    /// The field that states when it happened.
    pub time: Option<String>,
}

/// A compiled rule.
#[derive(Debug)]
pub(in crate::observe) struct Line {
    pub(in crate::observe) id: Arc<str>,
    pub(in crate::observe) kind: Option<EvidenceKind>,
    pub(in crate::observe) finishes: bool,
    pub(in crate::observe) from: Option<Channel>,
    pub(in crate::observe) time: Option<usize>,
    /// The expression with named groups, and the field of each group.
    pub(in crate::observe) groups: Vec<(String, usize)>,
    pub(in crate::observe) regex: Option<Expression>,
    platform: String,
    channels: Vec<Channel>,
    without: Vec<String>,
    fields: Vec<(usize, Vec<String>)>,
}

/// A literal and the rules that ask for it.
#[derive(Debug)]
struct Literal {
    text: String,
    lines: Vec<(usize, Where)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    /// Where a message begins.
    Begin,
    /// Anywhere; the rule's expression says the rest.
    Anywhere,
}

/// All rules.
#[derive(Debug)]
pub(in crate::observe) struct Lines {
    rules: Vec<Line>,
    literals: Vec<Literal>,
    automaton: AhoCorasick,
    /// Rules without a text: the first field that each asks for.
    by_field: Vec<(usize, usize)>,
}

/// Which rules may fit a record; memory that is used again.
#[derive(Debug, Default)]
pub(in crate::observe) struct Hits(Vec<u64>);

/// What is asked of a record.
#[derive(Clone, Copy, Debug)]
pub(in crate::observe) struct Said<'s, 'a> {
    /// Its message and its exception's trace, each possibly empty.
    pub(in crate::observe) texts: [&'s str; 2],
    pub(in crate::observe) view: View<'s, 'a>,
    pub(in crate::observe) channel: Channel,
    /// Platform of its target; empty where unknown.
    pub(in crate::observe) platform: &'s str,
}

impl Lines {
    pub(super) fn compile(names: &mut FieldNames, specs: Vec<(String, EvidenceSpec)>) -> Result<Self, KnowledgeError> {
        let (mut lines, mut literals, mut by_field) = (Vec::new(), Vec::<Literal>::new(), Vec::new());
        for (platform, spec) in specs {
            let index = lines.len();
            let place = if spec.regex.is_some() { Where::Anywhere } else { Where::Begin };
            for text in &spec.text {
                match literals.iter_mut().find(|l| l.text == *text) {
                    Some(literal) => literal.lines.push((index, place)),
                    None => literals.push(Literal { text: text.clone(), lines: vec![(index, place)] }),
                }
            }
            let line = Line::compile(names, platform, spec);
            if let Some((field, _)) = line.fields.first().filter(|_| !literals.iter().any(|l| l.asks(index))) {
                by_field.push((index, *field));
            }
            lines.push(line);
        }
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::Standard)
            .build(literals.iter().map(|l| &l.text))
            .map_err(|error| KnowledgeError::Texts(error.to_string()))?;
        Ok(Self { rules: lines, literals, automaton, by_field })
    }

    /// The first rule that fits.
    pub(in crate::observe) fn recognise(&self, said: &Said<'_, '_>, hits: &mut Hits) -> Option<&Line> {
        let mut any = false;
        for text in said.texts.into_iter().filter(|t| !t.is_empty()) {
            for found in self.automaton.find_overlapping_iter(text) {
                let Some(literal) = self.literals.get(found.pattern().as_usize()) else { continue };
                for (line, place) in &literal.lines {
                    if *place == Where::Anywhere || begins(text, found.start(), found.end()) {
                        any |= hits.add(*line, self.rules.len(), !any);
                    }
                }
            }
        }
        for (line, field) in &self.by_field {
            if said.view.get(*field).is_some() {
                any |= hits.add(*line, self.rules.len(), !any);
            }
        }
        if !any {
            return None;
        }
        hits.lines().filter_map(|index| self.rules.get(index)).find(|line| line.holds(said))
    }
}

impl Literal {
    fn asks(&self, line: usize) -> bool {
        self.lines.iter().any(|(index, _)| *index == line)
    }
}

impl Hits {
    /// Notes a rule; the first one of a record wipes what the record before left.
    fn add(&mut self, line: usize, lines: usize, first: bool) -> bool {
        if first {
            self.0.clear();
            self.0.resize(lines.div_ceil(64), 0);
        }
        if let Some(word) = self.0.get_mut(line / 64) {
            *word |= 1 << (line % 64);
        }
        true
    }

    /// The noted rules, in the order of the books.
    fn lines(&self) -> impl Iterator<Item = usize> {
        (0..self.0.len() * 64).filter(|line| self.0.get(line / 64).is_some_and(|word| word & (1 << (line % 64)) != 0))
    }
}

impl Line {
    fn compile(names: &mut FieldNames, platform: String, spec: EvidenceSpec) -> Self {
        let groups = spec.regex.iter().flat_map(Expression::names);
        let groups = groups.map(|name| (name.to_owned(), names.add(name))).collect();
        Self {
            id: spec.id.into(),
            kind: spec.kind,
            finishes: spec.finishes,
            from: spec.from,
            time: spec.time.map(|name| names.add(&name)),
            groups,
            regex: spec.regex,
            platform,
            channels: spec.channels,
            without: spec.without,
            fields: spec.fields.into_iter().map(|(name, words)| (names.add(&name), words)).collect(),
        }
    }

    fn holds(&self, said: &Said<'_, '_>) -> bool {
        let word = |(index, words): &(usize, Vec<String>)| {
            said.view.get(*index).is_some_and(|value| words.is_empty() || words.iter().any(|word| value.is(word)))
        };
        (self.platform == ANY_PLATFORM || said.platform.is_empty() || self.platform == said.platform)
            && (self.channels.is_empty() || self.channels.contains(&said.channel))
            && self.fields.iter().all(word)
            && self.regex.as_ref().is_none_or(|regex| said.texts.iter().any(|text| regex.is_match(text)))
            && !self.without.iter().any(|literal| said.texts.iter().any(|text| text.contains(literal.as_str())))
    }
}

/// Bare words in front of a colon that announce somebody's own text, not an error's name.
const OTHERS_WORDS: [&str; 10] =
    ["prompt", "input", "inputs", "content", "text", "query", "question", "user", "body", "output"];

/// What loggers write between a stamp and the message.
const LEVELS: [&str; 14] = [
    "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL", "SEVERE", "error", "warn",
    "info", "fatal",
];

/// How the words end that announce an error's text in the middle of a sentence: `prediction failed: ...`.
const ANNOUNCERS: [&str; 4] = ["error", "exception", "failed", "failure"];

/// Whether a message begins at `start`: at the start of a line, behind a logger's prefix (`ERROR:`, `[ERROR]`, `-`, a level) or
/// behind an error's name and a colon. Lines may carry the caller's own words, and those prove nothing.
fn begins(text: &str, start: usize, end: usize) -> bool {
    let (Some(before), Some(after)) = (text.get(..start), text.get(end..)) else { return false };
    let literal = text.get(start..end).unwrap_or_default();
    let word_goes_on = literal.ends_with(|c: char| c.is_ascii_alphanumeric())
        && after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    !word_goes_on && follows_a_prefix(before.rsplit('\n').next().unwrap_or_default())
}

/// Whether nothing but prefixes stands in front of a message.
fn follows_a_prefix(line: &str) -> bool {
    let head = line.trim_end_matches([' ', '\t']);
    let spaced = head.len() < line.len();
    match head.chars().next_back() {
        None => true,
        Some(':') => announces(head.trim_end_matches(':')),
        Some(']' | '-' | '|' | '>' | ')') => spaced,
        Some('(' | '\'' | '"') => head
            .trim_end_matches(['\'', '"'])
            .strip_suffix('(')
            .is_some_and(|name| name.ends_with(|c: char| c.is_ascii_alphanumeric())),
        Some(_) => spaced && head.rsplit([' ', '\t', '[']).next().is_some_and(|word| LEVELS.contains(&word)),
    }
}

/// Whether the word in front of a colon announces an error's text: it speaks of an error, or itself begins the message.
fn announces(head: &str) -> bool {
    let front = head.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.'));
    let Some(name) = head.strip_prefix(front).filter(|name| !name.is_empty()) else { return false };
    let lower = name.to_ascii_lowercase();
    !OTHERS_WORDS.contains(&lower.as_str())
        && (ANNOUNCERS.iter().any(|word| lower.ends_with(word)) || follows_a_prefix(front))
}

#[cfg(test)]
mod tests;
