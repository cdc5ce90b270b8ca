//! What the mapper remembers between exports: the targets behind URLs and the callers' names.
//!
//! In: borrowed text. Out: small indices that stay valid until [`Interner::trim`]. A known URL or name costs one hash and
//! one comparison, and no allocation. Bounded: when the memory is full it starts anew between two exports.

use super::target::{Found, Patterns, split_url};
use super::{Api, Target};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Entries after which the memory starts anew: about 2 MiB of URLs.
const LIMIT: usize = 16_384;

/// Longest URL that is remembered, bytes; a longer one is read anew each time, so that the memory stays bounded.
const URL_LIMIT: usize = 1024;

/// Longest name that may become a label, bytes; DNS names and model names are shorter.
pub(super) const NAME_LIMIT: usize = 256;

/// No target: the URL is no call to a model.
pub(super) const NO_TARGET: u32 = u32::MAX;

/// A target with what its pattern says about the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Known {
    pub(super) target: Arc<Target>,
    pub(super) api: Api,
    pub(super) stream: bool,
}

/// URLs that are found without a hash over all of them.
const RECENT: usize = 256;

/// Bytes of a URL that are kept for that; calls to models have about 70.
const RECENT_LENGTH: usize = 112;

/// A URL seen lately, as its client wrote it.
#[derive(Clone, Copy, Debug)]
struct Recent {
    url: [u8; RECENT_LENGTH],
    length: u8,
    index: u32,
}

#[derive(Debug, Default)]
pub(super) struct Interner {
    /// One for each [`slot`]; allocated by the first URL.
    recent: Vec<Recent>,
    by_url: HashMap<Box<str>, u32, RandomState>,
    known: Vec<Known>,
    by_known: HashMap<Known, u32, RandomState>,
    callers: Vec<Arc<str>>,
    by_caller: HashMap<Arc<str>, u32, RandomState>,
    key: String,
}

impl Interner {
    /// Starts anew if full. Indices handed out before are void after this.
    pub(super) fn trim(&mut self) {
        if self.by_url.len() > LIMIT || self.known.len() > LIMIT || self.callers.len() > LIMIT {
            *self = Self::default();
        }
    }

    pub(super) fn known(&self, index: u32) -> &Known {
        &self.known[index as usize]
    }

    pub(super) fn caller_name(&self, index: u32) -> &Arc<str> {
        &self.callers[index as usize]
    }

    /// The index of a caller's name.
    pub(super) fn caller(&mut self, name: &str) -> u32 {
        let name = front(name, NAME_LIMIT);
        if let Some(index) = self.by_caller.get(name) {
            return *index;
        }
        let name: Arc<str> = name.into();
        let index = index_of(self.callers.len());
        self.callers.push(Arc::clone(&name));
        self.by_caller.insert(name, index);
        index
    }

    /// The target behind a URL, or behind host and path where there is no URL; [`NO_TARGET`] where no pattern fits.
    pub(super) fn target(&mut self, patterns: &Patterns, url: &str, host: &str, path: &str) -> u32 {
        // Some clients write only the path into the URL attribute.
        if url.is_empty() || (url.starts_with('/') && !host.is_empty()) {
            let path = if url.is_empty() { path } else { url };
            let mut key = std::mem::take(&mut self.key);
            key.clear();
            key.push_str("//");
            key.push_str(host);
            key.push_str(without_query(path));
            let index = self.by_key(patterns, &key, |_| (!host.is_empty()).then_some((host, without_query(path))));
            self.key = key;
            return index;
        }
        let bytes = url.as_bytes();
        let slot = slot(bytes);
        let seen = slot.and_then(|slot| self.recent.get(slot));
        if let Some(seen) = seen.filter(|seen| seen.url.get(..usize::from(seen.length)) == Some(bytes)) {
            return seen.index;
        }
        let index = self.by_key(patterns, without_query(url), split_url);
        if let (Some(slot), Ok(length)) = (slot, u8::try_from(bytes.len())) {
            self.recent.resize(RECENT, Recent { url: [0; RECENT_LENGTH], length: 0, index: NO_TARGET });
            let recent = &mut self.recent[slot];
            recent.url[..bytes.len()].copy_from_slice(bytes);
            (recent.length, recent.index) = (length, index);
        }
        index
    }

    fn by_key<'a>(
        &mut self,
        patterns: &Patterns,
        key: &'a str,
        split: impl Fn(&'a str) -> Option<(&'a str, &'a str)>,
    ) -> u32 {
        if let Some(index) = self.by_url.get(key) {
            return *index;
        }
        let found = split(key).and_then(|(host, path)| patterns.find(host, path));
        let index = found.map_or(NO_TARGET, |f| self.known_index(f.into()));
        if key.len() <= URL_LIMIT {
            self.by_url.insert(key.into(), index);
        }
        index
    }

    /// The index of a target that no URL names (`GenAI` spans, lent model names).
    pub(super) fn known_index(&mut self, known: Known) -> u32 {
        if let Some(index) = self.by_known.get(&known) {
            return *index;
        }
        let index = index_of(self.known.len());
        self.known.push(known.clone());
        self.by_known.insert(known, index);
        index
    }
}

/// Where a URL is kept, by its length and the parts that tell URLs to models apart: 16 bytes of the host, and the path's end.
/// `None` where it is too long or too short.
fn slot(url: &[u8]) -> Option<usize> {
    let word = |at: usize| Some(u64::from_le_bytes(*url.get(at..)?.first_chunk()?));
    let end = u64::from_le_bytes(*url.last_chunk()?);
    let folded = word(8)? ^ word(16)?.rotate_left(29) ^ end.rotate_left(47) ^ url.len() as u64;
    let spread = folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
    (url.len() <= RECENT_LENGTH).then_some(spread as usize)
}

impl From<Found> for Known {
    fn from(found: Found) -> Self {
        Self { target: found.target, api: found.api, stream: found.stream }
    }
}

fn index_of(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(NO_TARGET - 1)
}

/// The front of a text, at most `limit` bytes, never half a character.
pub(super) fn front(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

/// A URL or path up to its query or fragment.
pub(super) fn without_query(url: &str) -> &str {
    memchr::memchr2(b'?', b'#', url.as_bytes()).and_then(|at| url.get(..at)).unwrap_or(url)
}
