//! Patterns with captures: `model-{model_id}.example.com`, `/{environment=production|development}/...`, `{model_id}-*-*`.
//!
//! In: the text of a pattern, and texts to compare with it. Out: whether they fit, and what the captures took.

use super::target::PatternError;

/// A part of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// This text.
    Literal(String),
    /// Something with a name; one of the words where words are given.
    Capture { name: String, one_of: Vec<String> },
    /// Anything, at least one character.
    Any,
}

/// Names and what they took.
pub(super) type Captures<'a> = Vec<(&'a str, &'a str)>;

/// Longest capture, bytes: a DNS label has 63. What is longer names nothing that exists, and would become a label.
const CAPTURE_LIMIT: usize = 128;

/// What a capture may take.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    forbidden: &'static [char],
    longest: bool,
}

/// Hosts and paths: labels and segments, the fewest characters that fit.
pub(super) const HOST: Rules = Rules { forbidden: &['.', '/'], longest: false };

/// Attributes of containers: the most characters that fit, so that `{model_id}-*-*` cuts what Kubernetes appends.
pub(super) const NAME: Rules = Rules { forbidden: &['/'], longest: true };

/// Cuts `a-{name}-{other=x|y}` into pieces.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, PatternError> {
    let bad = || PatternError::Brace(text.to_owned());
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((front, after)) = rest.split_once('{') {
        if !front.is_empty() {
            out.push(Piece::Literal(front.to_owned()));
        } else if matches!(out.last(), Some(Piece::Capture { .. })) {
            return Err(PatternError::Adjacent(text.to_owned()));
        }
        let (inside, behind) = after.split_once('}').ok_or_else(bad)?;
        let (name, one_of) = match inside.split_once('=') {
            Some((name, words)) => (name, words.split('|').map(str::to_owned).collect()),
            None => (inside, Vec::new()),
        };
        if name.is_empty() || name.contains('{') {
            return Err(bad());
        }
        out.push(Piece::Capture { name: name.to_owned(), one_of });
        rest = behind;
    }
    if rest.contains('}') {
        return Err(bad());
    }
    if !rest.is_empty() {
        out.push(Piece::Literal(rest.to_owned()));
    }
    Ok(out)
}

/// The same, where `*` stands for any text.
pub(super) fn pieces_with_stars(text: &str) -> Result<Vec<Piece>, PatternError> {
    let mut out = Vec::new();
    for piece in pieces(text)? {
        let Piece::Literal(literal) = &piece else {
            out.push(piece);
            continue;
        };
        for (n, part) in literal.split('*').enumerate() {
            if n > 0 {
                out.push(Piece::Any);
            }
            if !part.is_empty() {
                out.push(Piece::Literal(part.to_owned()));
            }
        }
    }
    Ok(out)
}

/// Whether `text` is the pieces one after the other.
pub(super) fn fits<'a>(rules: Rules, pieces: &'a [Piece], text: &'a str, captures: &mut Captures<'a>) -> bool {
    match pieces.split_first() {
        None => text.is_empty(),
        Some((Piece::Literal(literal), rest)) => {
            text.strip_prefix(literal.as_str()).is_some_and(|behind| fits(rules, rest, behind, captures))
        }
        Some((Piece::Any, rest)) => {
            ends(text).any(|end| text.get(end..).is_some_and(|behind| fits(rules, rest, behind, captures)))
        }
        Some((Piece::Capture { name, one_of }, rest)) => {
            let limit = text.find(rules.forbidden).unwrap_or(text.len()).min(CAPTURE_LIMIT);
            let mut takes = |end: usize| {
                let Some((taken, behind)) = text.split_at_checked(end) else { return false };
                if !one_of.is_empty() && !one_of.iter().any(|w| w == taken) {
                    return false;
                }
                let depth = captures.len();
                captures.push((name, taken));
                let fit = fits(rules, rest, behind, captures);
                if !fit {
                    captures.truncate(depth);
                }
                fit
            };
            let mut allowed = ends(text).take_while(|end| *end <= limit);
            if rules.longest {
                let ends: Vec<usize> = allowed.collect();
                ends.into_iter().rev().any(takes)
            } else {
                allowed.any(&mut takes)
            }
        }
    }
}

/// Where a part of `text` of at least one character may end.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(at, _)| at).skip(1).chain((!text.is_empty()).then_some(text.len()))
}

/// Puts the captures into `chain-{chain_id}`; a name without a capture becomes nothing.
pub(super) fn fill(text: &str, captures: &Captures<'_>) -> String {
    let pieces = pieces(text).unwrap_or_default();
    let mut out = String::new();
    for piece in &pieces {
        match piece {
            Piece::Literal(literal) => out.push_str(literal),
            Piece::Capture { name, .. } => {
                out.push_str(captures.iter().find(|(n, _)| n == name).map_or("", |(_, v)| *v));
            }
            Piece::Any => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pattern: &str, text: &str) -> Option<Vec<String>> {
        let pieces = pieces_with_stars(pattern).unwrap();
        let mut captures = Captures::new();
        fits(NAME, &pieces, text, &mut captures).then(|| captures.iter().map(|(_, v)| (*v).to_owned()).collect())
    }

    #[test]
    fn names_are_cut_as_kubernetes_made_them() {
        for (pattern, text, wanted) in [
            ("{model_id}", "resnet.v2", Some(vec!["resnet.v2"])),
            ("{model_id}-*-*", "chat-large-7d9f8-x2k9p", Some(vec!["chat-large"])),
            (
                "/var/log/pods/models_{model_id}-*-*_*/*",
                "/var/log/pods/models_a-b-77-xx_1-2-3/c/0.log",
                Some(vec!["a-b"]),
            ),
            ("/kubepods/*/{model_id}", "/kubepods/burstable/pod1/chat", Some(vec!["chat"])),
            ("{model_id}", "a/b", None),
            ("{model_id}-*", "chat-", None),
            ("{model_id}", "", None),
        ] {
            assert_eq!(
                taken(pattern, text),
                wanted.map(|w| w.into_iter().map(str::to_owned).collect()),
                "{pattern} {text}"
            );
        }
        assert_eq!(taken("{model_id}", &"a".repeat(129)), None, "too long for a label");
    }
}
