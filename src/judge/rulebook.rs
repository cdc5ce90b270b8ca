//! Rulebooks: which observation means what, as data.
//!
//! In: the texts of the user's books; the built-in ones stand behind them. Out: [`Rulebooks`], which judges. The first
//! rule that holds decides: first among the books of the target's platform, then in the generic book, whose last rule
//! always holds. A book with a mistake is refused with every mistake it has, by file, line and column.

mod condition;
mod example;
mod knowledge;
mod phrases;
mod read;
mod rule;
mod when;

#[cfg(test)]
mod tests;

pub use crate::yaml::Position;
pub use knowledge::{EvidenceRule, Line};

use super::taxonomy::{Blame, Cause, Class, EvidenceKind};
use super::verdict::Verdict;
use crate::observe::Observation;
use crate::observe::knowledge::{ANY_PLATFORM, Knowledge, KnowledgeSpec};
use crate::observe::target::{Patterns, TargetSpec};
use crate::yaml::{Node, Value};
use condition::{Facts, When};
use knowledge::Sections;
use phrases::Phrases;
use read::Reader;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A book's text and the name that errors show, usually its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Name in messages.
    pub name: String,
    /// The YAML.
    pub text: String,
}

/// What is wrong in a book, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct BookError {
    /// The book's name.
    pub book: String,
    /// Where it stands.
    pub at: Position,
    /// Id of the rule, where it has one.
    pub rule: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for BookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.book, self.at.line, self.at.column)?;
        if let Some(rule) = &self.rule {
            write!(f, "rule `{rule}`: ")?;
        }
        f.write_str(&self.message)
    }
}

/// What a piece of evidence makes of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The evidence.
    pub evidence: EvidenceKind,
    /// The cause it proves.
    pub cause: Cause,
    /// Who then has to act.
    pub blame: Blame,
    /// The class, where it changes too.
    pub class: Option<Class>,
}

/// An observation that a rule promises to decide.
#[derive(Clone, Debug)]
pub struct Example {
    /// The observation.
    pub observation: Observation,
    /// As the book writes it.
    pub shown: String,
    at: Position,
}

/// One compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The verdict from the record alone; carries the rule's id, retry advice and next step.
    pub verdict: Verdict,
    /// What evidence may make of it, strongest first; empty where nothing is ambiguous.
    pub decide: Vec<Decision>,
    /// Where this is written down.
    pub source: String,
    /// Its `when`, as the book writes it.
    pub shown: String,
    /// Name of its book.
    pub book: Arc<str>,
    /// Observations that it decides.
    pub examples: Vec<Example>,
    at: Position,
    always: bool,
    when: When,
}

/// The keys of a book.
const SECTIONS: &[&str] = &["platform", "targets", "rules", "evidence", "resources", "metrics", "request_id"];

/// A book that was read.
struct Book {
    platform: String,
    targets: Vec<TargetSpec>,
    rules: Vec<Rule>,
    sections: Sections,
}

/// All books, compiled.
#[derive(Debug)]
pub struct Rulebooks {
    rules: Vec<Arc<Rule>>,
    /// Per platform that has a book: indices into `rules` in the order of trial.
    plans: HashMap<String, Vec<usize>>,
    /// The same for every other platform.
    generic: Vec<usize>,
    targets: Vec<(String, TargetSpec)>,
    phrases: Phrases,
    knowledge: KnowledgeSpec,
    evidence: Vec<EvidenceRule>,
}

impl Rulebooks {
    /// The built-in books alone.
    ///
    /// # Panics
    /// Never: a test compiles them.
    pub fn builtin() -> Self {
        Self::compile(Vec::new()).expect("the built-in books are compiled by a test")
    }

    /// The given books in front of the built-in ones.
    ///
    /// ```
    /// use coroner::judge::{rulebook::Source, Rulebooks};
    ///
    /// let text = "\
    /// platform: baseten
    /// rules:
    ///   - id: mine/trial-over
    ///     when: { status: 402, text: [trial has ended] }
    ///     class: billing
    ///     cause: unpaid_account
    ///     confidence: observed
    ///     retry: never
    ///     next_step: Ask finance to move the workspace off the trial.
    ///     source: our wiki
    ///     examples: [{ status: 402, text: trial has ended }]
    /// ";
    /// let book = |text: &str| vec![Source { name: "mine.yaml".to_owned(), text: text.to_owned() }];
    ///
    /// let books = Rulebooks::compile(book(text)).expect("no mistakes");
    /// let rule = books.rule("mine/trial-over").expect("it stands in front");
    /// assert_eq!(rule.verdict.blame.as_str(), "client"); // where the rule names none: who its cause belongs to
    ///
    /// let mistakes = Rulebooks::compile(book(&text.replace("billing", "biling"))).expect_err("no such class");
    /// assert!(mistakes[0].to_string().starts_with("mine.yaml:5:12: rule `mine/trial-over`: "));
    /// ```
    ///
    /// # Errors
    /// Every mistake of every book, in the order of the books and their lines.
    pub fn compile(sources: Vec<Source>) -> Result<Self, Vec<BookError>> {
        let users: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
        let builtin = [
            ("baseten.yaml", include_str!("rulebook/baseten.yaml")),
            ("containers.yaml", include_str!("rulebook/containers.yaml")),
            ("http.yaml", include_str!("rulebook/http.yaml")),
        ];
        let builtin = builtin.map(|(name, text)| Source { name: name.to_owned(), text: text.to_owned() });
        let (mut phrases, mut errors, mut books) = (Phrases::default(), Vec::new(), Vec::new());
        for source in sources.into_iter().chain(builtin) {
            books.extend(read_book(&source, &mut phrases, &mut errors));
        }
        check_ids(&books, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        phrases.build().map_err(|error| vec![BookError::whole(&error.to_string())])?;
        let compiled = Self::assemble(books, phrases);
        let broken: Vec<BookError> =
            compiled.check_examples().into_iter().filter(|e| users.contains(&e.book)).collect();
        if broken.is_empty() { Ok(compiled) } else { Err(broken) }
    }

    fn assemble(books: Vec<Book>, phrases: Phrases) -> Self {
        let (rules, plans, generic, targets) = (Vec::new(), HashMap::new(), Vec::new(), Vec::new());
        let (knowledge, evidence) = (KnowledgeSpec::default(), Vec::new());
        let mut all = Self { rules, plans, generic, targets, phrases, knowledge, evidence };
        for book in &books {
            all.plans.entry(book.platform.clone()).or_default();
        }
        all.plans.remove(ANY_PLATFORM);
        for book in books {
            let indices = all.rules.len()..all.rules.len() + book.rules.len();
            for (platform, plan) in &mut all.plans {
                if *platform == book.platform || book.platform == ANY_PLATFORM {
                    plan.extend(indices.clone());
                }
            }
            if book.platform == ANY_PLATFORM {
                all.generic.extend(indices);
            }
            all.rules.extend(book.rules.into_iter().map(Arc::new));
            all.targets.extend(book.targets.into_iter().map(|t| (book.platform.clone(), t)));
            all.evidence.extend(book.sections.rules);
            all.knowledge.append(book.sections.spec);
        }
        all
    }

    /// The verdict on one failure, from its record alone.
    pub fn judge(&self, observation: &Observation) -> Verdict {
        self.decide(observation).verdict.clone()
    }

    /// The rule that decides; its `decide` says what evidence may still change.
    ///
    /// # Panics
    /// Never: the last rule of the built-in generic book holds for everything, which a test checks.
    pub fn decide(&self, observation: &Observation) -> &Arc<Rule> {
        let plan = self.plans.get(&observation.target.platform).unwrap_or(&self.generic);
        let facts = Facts::new(observation, &self.phrases);
        plan.iter()
            .filter_map(|index| self.rules.get(*index))
            .find(|rule| rule.always || rule.when.holds(&facts))
            .or_else(|| self.rules.last())
            .expect("the built-in generic book has rules")
    }

    /// The rule with this id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| &*rule.verdict.rule == id).map(Arc::as_ref)
    }

    /// All rules, in the order of the books.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// Platform and pattern of every target that the books know, the user's in front.
    pub fn targets(&self) -> impl Iterator<Item = (&str, &TargetSpec)> {
        self.targets.iter().map(|(platform, spec)| (platform.as_str(), spec))
    }

    /// What the books say about containers, for the observer; the user's books in front.
    pub fn knowledge(&self) -> KnowledgeSpec {
        self.knowledge.clone()
    }

    /// All evidence rules, in the order of the books.
    pub fn evidence(&self) -> &[EvidenceRule] {
        &self.evidence
    }

    /// Examples that are decided by another rule than the one they stand under.
    pub fn check_examples(&self) -> Vec<BookError> {
        let examples = self.rules.iter().flat_map(|rule| rule.examples.iter().map(move |example| (rule, example)));
        let wrong = |(rule, example): (&Arc<Rule>, &Example)| {
            let decided = self.decide(&example.observation);
            (decided.verdict.rule != rule.verdict.rule).then(|| BookError {
                book: rule.book.to_string(),
                at: example.at,
                rule: Some(rule.verdict.rule.to_string()),
                message: format!(
                    "this example is decided by `{}` ({}:{}), which stands in front or fits where this rule does not",
                    decided.verdict.rule, decided.book, decided.at.line
                ),
            })
        };
        examples.filter_map(wrong).chain(self.check_lines()).collect()
    }

    /// Lines that another evidence rule recognises than the one they stand under, or that one recognises which must not.
    fn check_lines(&self) -> Vec<BookError> {
        let observer = match Knowledge::compile(self.knowledge()) {
            Ok(knowledge) => knowledge,
            Err(error) => return vec![BookError::whole(&error.to_string())],
        };
        let mut errors = Vec::new();
        for rule in &self.evidence {
            let mut wrong = |line: &Line, message: String| {
                let (book, id) = (rule.book.to_string(), Some(rule.id.clone()));
                errors.push(BookError { book, at: line.at, rule: id, message });
            };
            for line in &rule.examples {
                let found = observer.recognise(&line.example(&rule.platform));
                if found != Some(&rule.id) {
                    wrong(line, format!("this example is recognised by {}", found.unwrap_or("no rule")));
                }
            }
            for line in &rule.others {
                if observer.recognise(&line.example(&rule.platform)) == Some(&rule.id) {
                    wrong(line, "this line is recognised, and must not be".to_owned());
                }
            }
        }
        errors
    }
}

impl BookError {
    fn whole(message: &str) -> Self {
        Self { book: "all books".to_owned(), at: Position::default(), rule: None, message: message.to_owned() }
    }
}

fn read_book(source: &Source, phrases: &mut Phrases, errors: &mut Vec<BookError>) -> Option<Book> {
    let mut reader = Reader { book: &source.name, rule: None, phrases, errors };
    let root = match Node::parse(&source.text) {
        Ok(root) => root,
        Err((at, message)) => {
            reader.wrong(at, message);
            return None;
        }
    };
    let fields = reader.fields(&root, "book", SECTIONS)?;
    let platform = reader.required(fields, "platform", "mine").and_then(|n| reader.text(n, "platform"));
    let targets = fields.get("targets").map_or_else(Vec::new, |n| read_targets(&mut reader, n, platform.as_deref()));
    let mut rules = Vec::new();
    let other =
        SECTIONS.iter().any(|key| !matches!(*key, "platform" | "targets" | "rules") && fields.get(key).is_some());
    let node = if other { fields.get("rules") } else { reader.required(fields, "rules", "[]") };
    if let Some(node) = node {
        if !matches!(node.value, Value::List(_)) {
            reader.wrong(node.at, format!("`rules` must be a list, not {}", node.kind()));
        }
        let platform = platform.as_deref().unwrap_or(ANY_PLATFORM);
        for item in node.items() {
            rules.extend(rule::read(&mut reader, item, platform));
            reader.rule = None;
        }
    }
    let platform = platform?;
    check_always(&mut reader, &rules, &platform);
    let sections = knowledge::read(&mut reader, fields, &platform);
    Some(Book { platform, targets, rules, sections })
}

fn read_targets(reader: &mut Reader<'_>, node: &Node, platform: Option<&str>) -> Vec<TargetSpec> {
    let mut targets = Vec::new();
    for item in node.items() {
        let Some(spec) = reader.value::<TargetSpec>(item, "target") else { continue };
        if let Err(error) = Patterns::compile([(platform.unwrap_or_default(), &spec)]) {
            reader.wrong(item.at, error.to_string());
        }
        targets.push(spec);
    }
    targets
}

/// `always` hides everything behind it, so only the end of a generic book may have it.
fn check_always(reader: &mut Reader<'_>, rules: &[Rule], platform: &str) {
    for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.always) {
        if platform != ANY_PLATFORM || index + 1 != rules.len() {
            reader.rule = Some(rule.verdict.rule.to_string());
            reader.wrong(
                rule.at,
                "`always` hides every rule behind it: only the last rule of a book with `platform: '*'` may have it",
            );
        }
    }
}

fn check_ids(books: &[Book], errors: &mut Vec<BookError>) {
    let mut seen = HashMap::new();
    let rules = books.iter().flat_map(|book| &book.rules).map(|rule| (&*rule.verdict.rule, &rule.book, rule.at));
    let lines = books.iter().flat_map(|book| &book.sections.rules).map(|line| (line.id.as_str(), &line.book, line.at));
    for (id, book, at) in rules.chain(lines) {
        if let Some((first, line)) = seen.insert(id, (book, at)) {
            errors.push(BookError {
                book: book.to_string(),
                at,
                rule: Some(id.to_owned()),
                message: format!("this id is taken by {first}:{}; ids are unique over all books", line.line),
            });
        }
    }
}
