//! Buckets against the definition of both bucket forms.

use super::*;
use proptest::prelude::*;

fn holds(histogram: &Histogram) {
    let classic: u64 = histogram.classic().map(|(_, count, _)| count).sum();
    let native: u64 = histogram.native().map(|(_, count)| count).sum();
    assert_eq!(classic, histogram.count());
    assert_eq!(native + histogram.zero_count(), histogram.count());
    let indexes: Vec<i32> = histogram.native().map(|(index, _)| index).collect();
    assert!(indexes.is_sorted());
    if let (Some(first), Some(last)) = (indexes.first(), indexes.last()) {
        assert!(histogram.schema() == 0 || last.abs_diff(*first) < 160, "{first}..{last} at {}", histogram.schema());
    }
}

#[test]
fn bounds_are_inclusive() {
    let mut histogram = Histogram::default();
    for seconds in [0.05, 0.1, 3600.0, 3600.1] {
        histogram.observe(seconds, 1.0);
    }
    let counts: Vec<u64> = histogram.classic().map(|(_, count, _)| count).collect();
    assert_eq!(counts, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
}

#[test]
fn native_buckets_end_at_powers() {
    for (seconds, index) in [(1.0, 0), (2.0, 8), (1.000_001, 1), (0.5, -8), (1.09, 1), (1.1, 2), (3600.0, 95)] {
        let mut histogram = Histogram::default();
        histogram.observe(seconds, 1.0);
        assert_eq!(histogram.native().collect::<Vec<_>>(), [(index, 1)], "{seconds}");
    }
}

#[test]
fn fractions_are_carried_until_they_are_whole() {
    let mut histogram = Histogram::default();
    for _ in 0..10 {
        histogram.observe(1.0, 2.5);
    }
    assert_eq!(histogram.count(), 25);
    assert!((histogram.sum() - 25.0).abs() < 1e-9);
    holds(&histogram);
}

#[test]
fn a_wide_spread_halves_the_resolution_and_loses_nothing() {
    let mut histogram = Histogram::default();
    let mut seconds = 0.001;
    while seconds < 1e7 {
        histogram.observe(seconds, 1.0);
        seconds *= 1.05;
    }
    assert_eq!(histogram.schema(), 2);
    holds(&histogram);
    // The same observations at schema 2 from the start land in the same buckets.
    let mut seconds = 0.001;
    let mut expected = std::collections::BTreeMap::new();
    while seconds < 1e7 {
        *expected.entry(native_bucket(seconds, 2)).or_insert(0u64) += 1;
        seconds *= 1.05;
    }
    assert_eq!(histogram.native().collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
}

#[test]
fn the_latest_exemplar_of_a_bucket_stays() {
    let mut histogram = Histogram::default();
    let mark = |value, time_ns| Mark { trace_id: [1; 16], span_id: [2; 8], value, time_ns };
    histogram.mark(mark(0.3, 5));
    histogram.mark(mark(0.4, 4));
    histogram.mark(mark(9.0, 1));
    let marks: Vec<(f64, f64)> = histogram.classic().filter_map(|(le, _, m)| m.map(|m| (le, m.value))).collect();
    assert_eq!(marks, [(0.5, 0.3), (15.0, 9.0)]);
    histogram.mark(mark(0.45, 6));
    assert!(histogram.classic().any(|(_, _, m)| m.is_some_and(|m| m.time_ns == 6)));
}

proptest! {
    #[test]
    fn a_bucket_holds_its_seconds(seconds in prop_oneof![ZERO_THRESHOLD..10.0, 1.0..LONGEST], schema in 0u8..=3) {
        let per_doubling = f64::from(1u32 << schema);
        let index = f64::from(native_bucket(seconds, schema));
        prop_assert!(((index - 1.0) / per_doubling).exp2() <= seconds * (1.0 + 1e-12));
        prop_assert!(seconds <= (index / per_doubling).exp2() * (1.0 + 1e-12));
    }

    #[test]
    fn both_bucket_forms_always_add_up(
        seen in prop::collection::vec((prop_oneof![0.0..10.0, 0.0..1e9, Just(f64::NAN), Just(-1.0), Just(f64::INFINITY)], 0.0..50.0), 0..200)
    ) {
        let mut histogram = Histogram::default();
        let mut weights = 0.0;
        for (seconds, weight) in seen {
            histogram.observe(seconds, weight);
            weights += weight;
            holds(&histogram);
        }
        prop_assert!((histogram.count() as f64 - weights).abs() < 1.0 + 1e-6);
        prop_assert!(histogram.sum().is_finite());
    }
}
