//! The simulated fleet: forty models, seven callers and what goes wrong between them. In: a seed and the progress of the run.
//! Out: the calls of each tick, with the incident that struck them. Pure: no I/O, no clock.

use super::incident::{self, Symptom};
use super::random::Random;

/// How a caller's instrumentation writes its spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Library {
    /// Python requests, semantic conventions as they are without any setting.
    RequestsOld,
    /// Python requests, stable semantic conventions.
    RequestsNew,
    /// Python httpx, stable semantic conventions.
    Httpx,
    /// Go otelhttp: the span ends with the body.
    GoOtelhttp,
    /// `OpenLLMetry` on the `OpenAI` SDK: `GenAI` spans of streams.
    OpenLlmetry,
}

/// Who calls.
#[derive(Debug)]
pub(super) struct Caller {
    /// Its `service.name`.
    pub(super) service: &'static str,
    /// What instruments it.
    pub(super) library: Library,
    /// Exports by gRPC, else by HTTP.
    pub(super) grpc: bool,
    /// The end of the path that it calls.
    pub(super) endpoint: &'static str,
    /// Typical duration of a good answer, seconds.
    pub(super) seconds: f64,
    /// The models it calls.
    pub(super) models: &'static [&'static str],
}

/// Everybody who calls, and whom.
pub(super) const CALLERS: &[Caller] = &[
    Caller {
        service: "chat-api",
        library: Library::RequestsOld,
        grpc: true,
        endpoint: "predict",
        seconds: 0.9,
        models: &["mixtral8", "gemma27b", "phi4mini", "llama08b", "commandr", "granite8", "yi34chat", "olmo2ins"],
    },
    Caller {
        service: "search-api",
        library: Library::Httpx,
        grpc: false,
        endpoint: "predict",
        seconds: 0.15,
        models: &[
            "whisper3", "bgelarge", "e5mistrl", "nomicemb", "rerank3m", "colbert2", "gteqwen2", "jinaemb3", "splade3x",
        ],
    },
    Caller {
        service: "media-gateway",
        library: Library::GoOtelhttp,
        grpc: true,
        endpoint: "predict",
        seconds: 4.0,
        models: &["wanvideo", "kokoro82", "sdxltrbo", "flux1dev", "musicgen", "parakeet", "orpheus3", "upscale4"],
    },
    Caller {
        service: "assistant",
        library: Library::OpenLlmetry,
        grpc: false,
        endpoint: "sync/v1/",
        seconds: 2.5,
        models: &["llama70b", "deepseek", "qwen32b0", "kimik2in", "gptoss20", "glm45air", "mistralm"],
    },
    Caller {
        service: "nightly-batch",
        library: Library::RequestsNew,
        grpc: true,
        endpoint: "predict",
        seconds: 0.4,
        models: &["bgelarge", "e5mistrl", "nomicemb", "layoutlm", "trocrlrg"],
    },
    Caller {
        service: "mobile-bff",
        library: Library::Httpx,
        grpc: false,
        endpoint: "predict",
        seconds: 1.1,
        models: &["qwen72b0", "nsfwfilt", "langdet3"],
    },
    Caller {
        service: "doc-pipeline",
        library: Library::RequestsNew,
        grpc: false,
        endpoint: "async_predict",
        seconds: 0.05,
        models: &["donutocr", "tableext", "summary7"],
    },
];

/// One call as its caller saw it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Index into [`CALLERS`].
    pub(super) caller: usize,
    /// Which model.
    pub(super) model: &'static str,
    /// What went wrong; `None` where nothing did.
    pub(super) symptom: Option<Symptom>,
    /// Index into [`incident::ALL`].
    pub(super) incident: Option<usize>,
    /// How long it took, seconds.
    pub(super) seconds: f64,
    /// How long before the end of the tick it ended, seconds.
    pub(super) before: f64,
    /// Trace id.
    pub(super) trace_id: [u8; 16],
    /// Span id.
    pub(super) span_id: [u8; 8],
}

/// The fleet of one run.
#[derive(Debug)]
pub(super) struct Fleet {
    random: Random,
    calls_per_tick: f64,
    tick: f64,
}

impl Fleet {
    /// A fleet in which every caller calls each of its models this often a second.
    pub(super) fn new(seed: u64, rate: f64, tick: f64) -> Self {
        Self { random: Random::new(seed), calls_per_tick: rate * tick, tick }
    }

    /// Every call that ended in the tick that lies at this share of the run.
    pub(super) fn tick(&mut self, progress: f64) -> Vec<Call> {
        let mut calls = Vec::new();
        for (index, caller) in CALLERS.iter().enumerate() {
            for model in caller.models {
                // On average the rate, never a metronome.
                let mut due = self.calls_per_tick * self.random.between(0.5, 1.5) + self.random.unit();
                while due >= 1.0 {
                    calls.push(self.call(index, model, progress));
                    due -= 1.0;
                }
            }
        }
        calls
    }

    fn call(&mut self, caller: usize, model: &'static str, progress: f64) -> Call {
        let who = CALLERS.get(caller);
        let struck = incident::ALL.iter().position(|one| {
            one.is_on(progress) && one.models.contains(&model) && who.is_some_and(|who| who.service == one.caller)
        });
        let incident = struck.filter(|&at| incident::ALL.get(at).is_some_and(|one| self.random.chance(one.share)));
        let symptom = incident.and_then(|at| incident::ALL.get(at)).map(|one| one.symptom);
        Call {
            caller,
            model,
            symptom,
            incident,
            seconds: self.duration(who.map_or(1.0, |who| who.seconds), symptom),
            before: self.random.between(0.0, self.tick),
            trace_id: self.random.id(),
            span_id: self.random.id(),
        }
    }

    fn duration(&mut self, typical: f64, symptom: Option<Symptom>) -> f64 {
        match symptom {
            Some(Symptom::Status(504)) => 1200.0 + self.random.between(0.02, 0.3),
            Some(Symptom::Status(401)) => self.random.between(0.02, 0.06),
            Some(Symptom::GaveUp(ms)) => f64::from(ms) / 1e3 + self.random.between(0.001, 0.02),
            // Most are near the typical time; one in some hundred is ten times slower.
            _ => typical * (0.5 + self.random.unit() + 0.02 / (1.002 - self.random.unit())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_fleet_is_as_large_as_it_says_and_every_incident_can_happen() {
        let models: BTreeSet<&str> = CALLERS.iter().flat_map(|caller| caller.models).copied().collect();
        assert_eq!(models.len(), 40);
        for incident in incident::ALL {
            let caller = CALLERS.iter().find(|caller| caller.service == incident.caller).unwrap();
            assert!(incident.models.iter().all(|model| caller.models.contains(model)), "{}", incident.name);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_day_and_every_incident_strikes() {
        let day = |seed| {
            let mut fleet = Fleet::new(seed, 8.0, 0.25);
            (0..180).flat_map(|tick| fleet.tick(f64::from(tick) / 180.0)).collect::<Vec<_>>()
        };
        let (one, two, other) = (day(1), day(1), day(2));
        let ids = |day: &[Call]| day.iter().map(|call| (call.trace_id, call.incident)).collect::<Vec<_>>();
        assert_eq!(ids(&one), ids(&two));
        assert_ne!(ids(&one), ids(&other));
        for at in 0..incident::ALL.len() {
            let struck = one.iter().filter(|call| call.incident == Some(at)).count();
            assert!(struck > 10, "{}: {struck}", incident::ALL[at].name);
        }
        let failed = one.iter().filter(|call| call.incident.is_some()).count() as f64 / one.len() as f64;
        assert!((0.02..0.25).contains(&failed), "{failed}");
    }
}
