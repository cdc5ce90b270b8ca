//! The one clock: time enters the service here and is an argument from here on.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, ns since 1970; 0 on a clock that stands before it.
pub(super) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
