//! What holds whatever is seen. In: rows of many targets and callers. Out: counters that only grow, within the limits.

use super::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn counters_only_grow_limits_hold_and_nothing_is_lost(
        seen in prop::collection::vec((0usize..40, prop_oneof![Just(200u16), Just(404), Just(502)], 1u8..20, 0usize..6), 1..60)
    ) {
        let bench = Bench::new(limits(8, 4, 3));
        let (mut before, mut requests) = (BTreeMap::new(), 0.0);
        for (model, status, weight, caller) in seen {
            let mut row = row(&format!("m{model}"), status, f64::from(weight) / 4.0);
            row.caller = Arc::from(format!("c{caller}"));
            row.ending = (status == 200).then_some(Ending::Complete);
            requests += row.requests;
            bench.count(&row);
            let page = bench.page();
            for (series, value) in &before {
                prop_assert!(page.get(series).is_some_and(|now| now >= value), "{series} fell from {value}");
            }
            before = page;
        }
        prop_assert!((bench.sum("inference_requests_total") - requests).abs() < 1e-6);
        prop_assert!((bench.sum("inference_observations_total") - requests).abs() < 1e-6);
        prop_assert!(bench.models() <= 8 + 4 + 2);
        prop_assert!(bench.page().keys().filter(|name| name.starts_with("inference_caller_info")).count() <= 3 + 2);
    }
}
