//! Whether the service is ready to take telemetry.
//!
//! In: what each stage says of itself, and that the service is being stopped. Out: yes, or the reasons why not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The health of all stages. Clones share it.
#[derive(Clone, Debug)]
pub struct Health(Arc<Mutex<BTreeMap<&'static str, String>>>);

/// The name under which the whole service says that it is being stopped.
const SHUTDOWN: &str = "shutdown";

impl Health {
    /// The health of a service whose `stages` have yet to say that they are ready.
    pub fn new(stages: &[&'static str]) -> Self {
        Self(Arc::new(Mutex::new(stages.iter().map(|stage| (*stage, "starting".to_owned())).collect())))
    }

    /// A stage can do its work.
    pub fn ready(&self, stage: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(stage);
    }

    /// A stage cannot do its work, and why.
    pub fn not_ready(&self, stage: &'static str, why: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(stage, why.into());
    }

    /// The service is being stopped: it is not ready any more, whatever its stages say.
    pub fn drain(&self) {
        self.not_ready(SHUTDOWN, "draining");
    }

    /// Why the service is not ready, a line a reason; empty where it is.
    pub fn reasons(&self) -> String {
        let reasons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.iter().flat_map(|(stage, why)| [stage, ": ", why, "\n"]).collect()
    }
}
