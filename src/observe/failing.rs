//! How a request failed, in the three words that rules ask for.
//!
//! In: the answer's status and the transport error, where there were any. Out: what of them counts, and how the body ended.

use super::{Ending, Transport};

/// How a request failed, as far as the records show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failing {
    pub(super) status: Option<u16>,
    pub(super) transport: Option<Transport>,
    pub(super) ending: Option<Ending>,
}

impl Failing {
    /// An answer's status at or above 400 says enough; below it the transport error says how the body ended.
    pub(super) fn of(status: Option<u16>, transport: Option<Transport>) -> Self {
        if status.is_some_and(|code| code >= 400) {
            return Self { status, transport: None, ending: None };
        }
        let begun = status.is_some();
        let ending = match transport {
            Some(Transport::Truncated) => Some(Ending::Truncated),
            Some(Transport::Disconnected) if begun => Some(Ending::Truncated),
            Some(Transport::Timeout | Transport::Cancelled) if begun => Some(Ending::Cancelled),
            _ => None,
        };
        Self { status, transport, ending }
    }

    /// A good answer whose body ended early.
    pub(super) fn truncated(status: Option<u16>) -> Self {
        Self { status, transport: None, ending: Some(Ending::Truncated) }
    }
}
