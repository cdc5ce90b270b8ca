//! The success path builds no objects.
//!
//! Scenario: exports of 1000 client spans, mapped and judged one after the other by one thread with the memory it reuses, as the
//! service does it.
//! Guarantee: once that memory has grown, exports of successes allocate nothing, also after failures, which may.

#[path = "../benches/map/load.rs"]
mod load;

use allocation_counter::measure;
use coroner::judge::Rulebooks;
use coroner::observe::target::Patterns;
use coroner::observe::{Mapper, Observer, Tally, Weights};

/// Spans of an export.
const SPANS: usize = 1000;

#[test]
fn successes_allocate_nothing() {
    let books = Rulebooks::builtin();
    let observer = Observer::new(Patterns::compile(books.targets()).expect("built-in patterns"), Weights::default());
    let (mut mapper, mut tally) = (Mapper::default(), Tally::default());
    let mut run = |export: &[u8]| {
        tally.clear();
        mapper.traces(&observer, export, &mut tally).expect("an official message");
        let verdicts: Vec<_> = tally.failures.iter().map(|failure| books.judge(failure)).collect();
        let counted: f64 = tally.rows.iter().map(|row| row.requests).sum();
        (counted, verdicts.len())
    };
    let mut numbers = load::Numbers::new(7);
    let successes: Vec<_> = (0..20).map(|_| load::batch(SPANS, 0, &mut numbers)).collect();
    let mixed = load::batch(SPANS, SPANS / 100, &mut numbers);

    // The memory grows; and the test could fail: failures allocate, and the counter sees it.
    for export in &successes {
        assert_eq!(run(export), (1000.0, 0));
    }
    let failing = measure(|| assert_eq!(run(&mixed), (990.0, 10)));
    assert!(failing.count_total > 0, "ten observations and their verdicts are built");

    let steady = measure(|| successes.iter().for_each(|export| assert_eq!(run(export), (1000.0, 0))));
    assert_eq!(steady.count_total, 0, "allocations for {} successes: {steady:?}", SPANS * successes.len());
}
