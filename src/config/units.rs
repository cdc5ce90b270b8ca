//! Values with units, and the other scalars of the config.
//!
//! In: the text of one scalar. Out: the typed value, or nothing; each [`Kind`] says in words what would be right, so
//! that an error can say it too.

use std::net::SocketAddr;
use std::time::Duration;

/// A kind of scalar: how to read it and how to tell a person what is wanted.
pub(super) struct Kind<T> {
    /// What it is, after "is not".
    pub(super) noun: &'static str,
    /// What to write instead, after "write".
    pub(super) right: &'static str,
    /// Reads it.
    pub(super) parse: fn(&str) -> Option<T>,
}

pub(super) const DURATION: Kind<Duration> =
    Kind { noun: "a duration", right: "a whole number with a unit, such as 500ms, 30s, 5m, 1h or 7d", parse: duration };
pub(super) const BYTES: Kind<usize> = Kind {
    noun: "a size above zero",
    right: "a whole number with a unit, such as 512KiB, 64MiB or 1GiB",
    parse: bytes,
};
pub(super) const ADDRESS: Kind<SocketAddr> = Kind {
    noun: "an address to listen on",
    right: "an IP address and a port, such as 127.0.0.1:4317 or [::]:4317 (port 0 takes a free one)",
    parse: |text| text.parse().ok(),
};
pub(super) const COUNT: Kind<usize> = Kind {
    noun: "a count above zero",
    right: "a whole number such as 10000",
    parse: |text| whole(text).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0),
};
pub(super) const COUNT_OR_ZERO: Kind<usize> = Kind {
    noun: "a count",
    right: "a whole number such as 1000000, or 0",
    parse: |text| whole(text).and_then(|n| usize::try_from(n).ok()),
};
pub(super) const SHARE: Kind<f64> = Kind {
    noun: "a share",
    right: "a number above 0 and at most 1, such as 0.1",
    parse: |text| number(text).filter(|n| *n > 0.0 && *n <= 1.0),
};
pub(super) const NUMBER: Kind<f64> = Kind { noun: "a number", right: "a number such as 0.05", parse: number };
pub(super) const TEXT: Kind<String> = Kind {
    noun: "a text",
    right: "at least one character",
    parse: |text| Some(text.to_owned()).filter(|t| !t.is_empty()),
};
pub(super) const FLAG: Kind<bool> =
    Kind { noun: "a yes or no", right: "true or false", parse: |text| text.parse().ok() };

/// A whole number; `_` may stand between digits.
fn whole(text: &str) -> Option<u64> {
    if text.starts_with('+') { None } else { text.replace('_', "").parse().ok() }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|n: &f64| n.is_finite())
}

/// Cuts `64MiB` into its number and its unit.
fn split(text: &str) -> Option<(u64, &str)> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (digits, unit) = text.split_at(at);
    Some((whole(digits)?, unit.trim_start()))
}

fn duration(text: &str) -> Option<Duration> {
    let (n, unit) = split(text)?;
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(n)),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return (n == 0 && unit.is_empty()).then_some(Duration::ZERO),
    };
    n.checked_mul(seconds).map(Duration::from_secs)
}

fn bytes(text: &str) -> Option<usize> {
    let (n, unit) = split(text)?;
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    let size = n.checked_mul(1 << shift)?;
    usize::try_from(size).ok().filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let table = [
            ("5m", Some(300)),
            ("7d", Some(604_800)),
            ("15 s", Some(15)),
            ("0", Some(0)),
            ("5", None),
            ("-5s", None),
            ("5 parsecs", None),
            ("", None),
            ("99999999999999999999s", None),
            ("9999999999999999999d", None),
        ];
        for (text, seconds) in table {
            assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
    }

    #[test]
    fn sizes_have_binary_units() {
        let table = [
            ("64MiB", Some(64 << 20)),
            ("1 GiB", Some(1 << 30)),
            ("512B", Some(512)),
            ("64MB", None),
            ("64", None),
            ("0MiB", None),
            ("MiB", None),
        ];
        for (text, size) in table {
            assert_eq!(bytes(text), size, "{text}");
        }
    }

    #[test]
    fn numbers_stay_in_their_range() {
        assert_eq!((COUNT.parse)("10_000"), Some(10_000));
        assert_eq!((COUNT.parse)("0"), None);
        assert_eq!((COUNT_OR_ZERO.parse)("0"), Some(0));
        assert_eq!((SHARE.parse)("1.5"), None);
        assert_eq!((NUMBER.parse)("NaN"), None);
    }
}
