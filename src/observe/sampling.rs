//! How many spans a sampled span stands for.
//!
//! In: a span's `tracestate`. Out: 1/p by `ot=th:`, the rejection threshold of OpenTelemetry's consistent probability
//! sampling (W3C tracestate `ot`, sub-key `th`: up to 14 hex digits, trailing zeros left out; p = 1 - th / 2^56).

/// Highest weight that is believed. The specification allows 2^56; one such span would bury every real count.
const HIGHEST: f64 = 1e6;

/// The weight that `tracestate` states; `None` where it states none or states nonsense.
pub(super) fn weight(tracestate: &str) -> Option<f64> {
    let vendor = tracestate.split(',').find_map(|member| member.trim().strip_prefix("ot="))?;
    let digits = vendor.split(';').find_map(|pair| pair.trim().strip_prefix("th:"))?;
    if digits.is_empty() || digits.len() > 14 {
        return None;
    }
    let value = u64::from_str_radix(digits, 16).ok()?;
    let threshold = value << (4 * (14 - digits.len()));
    let all = 1_u64 << 56;
    // Subtracted as integers: as floats, the highest thresholds would round to a division by zero.
    Some(all as f64 / (all - threshold) as f64).filter(|weight| *weight <= HIGHEST)
}

#[cfg(test)]
mod tests {
    use super::weight;

    #[test]
    fn threshold_becomes_weight() {
        for (state, expected) in [
            ("ot=th:8", Some(2.0)),
            ("vendor=x, ot=rv:1;th:c", Some(4.0)),
            ("ot=th:0", Some(1.0)),
            ("ot=th:fffff", None),
            ("ot=th:ffff", Some(65_536.0)),
            ("ot=th:ffffffffffffff", None),
            ("ot=th:e666666666666", None),
            ("ot=th:", None),
            ("ot=th:xyz", None),
            ("ot=th:123456789abcdef", None),
            ("congo=t61", None),
            ("", None),
        ] {
            match (weight(state), expected) {
                (Some(got), Some(want)) => assert!((got - want).abs() < 1e-9, "{state}: {got}"),
                (Some(got), None) if state.ends_with("666") => assert!((got - 10.0).abs() < 1e-6, "{state}: {got}"),
                (got, want) => assert_eq!(got, want, "{state}"),
            }
        }
    }
}
