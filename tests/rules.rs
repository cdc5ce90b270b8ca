//! The alert pack holds what it promises. In: `alerts/`, `docs/runbooks/`, the service's catalogue. Out: promtool of both versions
//! accepts rules and tests, pint has nothing to say, every name in rules and runbooks exists, every alert is complete and tested in
//! every kind, and a changed threshold, window or matcher makes a test fail.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "rules/contracts.rs"]
mod contracts;
#[path = "rules/kinds.rs"]
mod kinds;
#[path = "rules/mutation.rs"]
mod mutation;
#[path = "rules/pack.rs"]
mod pack;
#[path = "rules/pint.rs"]
mod pint;
#[path = "assets/promql.rs"]
mod promql;
#[path = "rules/promtool.rs"]
mod promtool;
#[path = "rules/runbooks.rs"]
mod runbooks;
#[path = "rules/table.rs"]
mod table;
