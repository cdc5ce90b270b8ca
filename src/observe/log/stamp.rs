//! When a source says that something happened.
//!
//! In: the text or number of a time field. Out: ns since 1970, or nothing where it is ambiguous: a local time without its zone
//! (Python's default `asctime`), seconds since boot.

use crate::observe::knowledge::Scalar;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The time that a field states.
pub(super) fn read(value: &Scalar<'_>) -> Option<u64> {
    match value {
        Scalar::Text(text) => of_text(text.trim()),
        Scalar::Int(n) => of_number(u64::try_from(*n).ok()?),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
        Scalar::Float(seconds) if (1e9..1e10).contains(seconds) => Some((seconds * 1e6) as u64 * 1000),
        Scalar::Float(_) | Scalar::Bool(_) => None,
    }
}

/// RFC 3339 with its zone, or the digits of a number.
pub(super) fn of_text(text: &str) -> Option<u64> {
    if text.len() >= 10 && text.bytes().all(|b| b.is_ascii_digit()) {
        return of_number(text.parse().ok()?);
    }
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos()).ok()
}

/// Seconds, milli-, micro- or nanoseconds since 1970: between 2001 and 2286 the size tells which.
fn of_number(n: u64) -> Option<u64> {
    let unit = match n {
        1_000_000_000..10_000_000_000 => 1_000_000_000,
        1_000_000_000_000..10_000_000_000_000 => 1_000_000,
        1_000_000_000_000_000..10_000_000_000_000_000 => 1000,
        1_000_000_000_000_000_000..10_000_000_000_000_000_000 => 1,
        _ => return None,
    };
    Some(n * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unambiguous_times_are_read() {
        for (text, wanted) in [
            ("2026-11-22T08:47:44Z", Some(1_795_337_264_000_000_000)),
            ("2026-11-22T09:47:44.5+01:00", Some(1_795_337_264_500_000_000)),
            ("1795337264000000000", Some(1_795_337_264_000_000_000)),
            ("1795337264000", Some(1_795_337_264_000_000_000)),
            ("1795337264", Some(1_795_337_264_000_000_000)),
            ("2026-11-22 08:47:44,123", None),
            ("5772.222618", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(read(&Scalar::Text(text.into())), wanted, "{text}");
        }
        assert_eq!(read(&Scalar::Float(1_795_337_264.25)), Some(1_795_337_264_250_000_000));
        assert_eq!(read(&Scalar::Float(5772.2)), None);
        assert_eq!(read(&Scalar::Int(-1)), None);
    }
}
