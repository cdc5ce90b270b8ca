//! Text that may become a label value.
//!
//! In: text that came from outside. Out: text that is safe on every page: no control characters, bounded length.

use std::borrow::Cow;

/// Longest label value, in bytes. Model ids, environments and service names are far below it.
const MAX_BYTES: usize = 128;

/// The value under which everything past a limit is counted.
pub(super) const OTHER: &str = "_other";
/// The model id of targets that only ever answered 401, 403 or 404, past their limit.
pub(super) const UNVERIFIED: &str = "_unverified";
/// The caller of a request that does not say who called.
pub(super) const UNKNOWN: &str = "_unknown";

/// `text` without control characters and cut to the longest value.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_BYTES && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(MAX_BYTES);
    for c in text.chars().filter(|c| !c.is_control()) {
        if kept.len() + c.len_utf8() > MAX_BYTES {
            break;
        }
        kept.push(c);
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_go_and_length_is_bounded() {
        assert_eq!(clean("qvv0xeq"), "qvv0xeq");
        assert_eq!(clean("a\n\u{1b}[31mb\u{7f}\u{85}"), "a[31mb");
        let long = clean(&"\u{e9}".repeat(100)).into_owned();
        assert_eq!(long, "\u{e9}".repeat(64), "cut between characters");
        assert_eq!(clean(&"x".repeat(4096)).len(), MAX_BYTES);
    }
}
