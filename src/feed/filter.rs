//! Which cases one watcher wants. In: its request. Out: yes or no for each case, before anything is built for it.

use super::v1::WatchRequest;
use crate::correlate::Failure;
use crate::glob;
use crate::judge::Verdict;
use crate::judge::taxonomy::{Blame, Cause, Class};
use thiserror::Error;

/// A word that is in no list of the taxonomy.
#[derive(Debug, Error)]
#[error("`{word}` is no {set}; write one of: {}", .known.join(", "))]
pub(super) struct UnknownWord {
    set: &'static str,
    word: String,
    known: Vec<&'static str>,
}

/// What one watcher wants; what is empty lets everything pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    model: String,
    caller: String,
    blames: Vec<Blame>,
    causes: Vec<Cause>,
    classes: Vec<Class>,
}

impl Filter {
    /// Reads a request.
    pub(super) fn new(request: WatchRequest) -> Result<Self, UnknownWord> {
        Ok(Self {
            blames: words("blame", request.blames, Blame::from_word, Blame::ALL.iter().map(|b| b.as_str()))?,
            causes: words("cause", request.causes, Cause::from_word, Cause::ALL.iter().map(|c| c.as_str()))?,
            classes: words("class", request.classes, Class::from_word, Class::ALL.iter().map(|c| c.as_str()))?,
            model: request.model,
            caller: request.caller,
        })
    }

    /// Whether a case passes under any of these verdicts.
    pub(super) fn wants(&self, failure: &Failure, verdicts: [Option<&Verdict>; 2]) -> bool {
        fits(&self.model, &failure.target.model_id)
            && fits(&self.caller, &failure.caller)
            && verdicts.into_iter().flatten().any(|verdict| self.passes(verdict))
    }

    fn passes(&self, verdict: &Verdict) -> bool {
        listed(&self.blames, &verdict.blame)
            && listed(&self.causes, &verdict.cause)
            && listed(&self.classes, &verdict.class)
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    pattern.is_empty() || glob::matches(pattern, text)
}

fn listed<T: PartialEq>(wanted: &[T], word: &T) -> bool {
    wanted.is_empty() || wanted.contains(word)
}

/// Members of a closed set by their words.
fn words<T>(
    set: &'static str,
    words: Vec<String>,
    from_word: impl Fn(&str) -> Option<T>,
    known: impl Iterator<Item = &'static str>,
) -> Result<Vec<T>, UnknownWord> {
    let read = words.into_iter().map(|word| from_word(&word).ok_or(word)).collect::<Result<_, _>>();
    read.map_err(|word| UnknownWord { set, word, known: known.collect() })
}
