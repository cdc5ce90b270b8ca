//! What the messages look like as JSON, where it is not what serde would write. In: fields. Out: text, or null.

use super::v1::CaseKind;
use prost_types::Timestamp;
use serde::{Serialize, Serializer};

/// A time as RFC 3339 in UTC; null where it is not known.
#[expect(clippy::ref_option, reason = "serde hands over the field")]
pub(super) fn time<S: Serializer>(time: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    time.as_ref().map(ToString::to_string).serialize(to)
}

/// The kind as a word; a kind that is newer than this program as its number.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over the field")]
pub(super) fn kind<S: Serializer>(kind: &i32, to: S) -> Result<S::Ok, S::Error> {
    match CaseKind::try_from(*kind) {
        Ok(CaseKind::Settled) => "settled".serialize(to),
        Ok(CaseKind::Corrected) => "corrected".serialize(to),
        Ok(CaseKind::Unspecified) | Err(_) => kind.serialize(to),
    }
}
