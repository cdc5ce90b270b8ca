//! A healthy fleet, minute by minute. In: a seed. Out: the series that coroner would have shown over a day, with what goes wrong in every
//! healthy fleet: a few 500s and 502s, callers that mistype, rollouts, one container that dies of its memory, hardly any traffic at night,
//! a job that only runs at night, and one restart of coroner.

use std::collections::BTreeMap;

/// Seconds between two samples, and from midnight to midnight.
pub(crate) const STEP: u32 = 30;
pub(crate) const DAY: u32 = 86_400;
/// coroner is restarted: from then on it is away for two scrapes, and every counter begins anew.
const RESTART: u32 = 13 * 3600;
const AWAY: u32 = 2 * STEP;
/// A rollout: for a minute some requests meet a replica that drains, and the containers end as they should.
const ROLLOUTS: [u32; 2] = [10 * 3600, 16 * 3600 + 1200];

/// One model and what is usual for it.
struct Model {
    id: &'static str,
    environment: &'static str,
    team: &'static str,
    caller: &'static str,
    /// Requests a second at noon, and in the night.
    rate: (f64, f64),
    streams: bool,
    /// What it answers to a good request.
    status: &'static str,
}

const MODELS: &[Model] = &[
    Model {
        id: "chat",
        environment: "production",
        team: "chat",
        caller: "assistant",
        rate: (8.0, 0.4),
        streams: true,
        status: "200",
    },
    Model {
        id: "embed",
        environment: "production",
        team: "search",
        caller: "search-api",
        rate: (20.0, 2.0),
        streams: false,
        status: "200",
    },
    Model {
        id: "vision",
        environment: "production",
        team: "vision",
        caller: "media",
        rate: (1.5, 0.05),
        streams: false,
        status: "200",
    },
    Model {
        id: "vision",
        environment: "staging",
        team: "vision",
        caller: "media",
        rate: (0.05, 0.0),
        streams: false,
        status: "200",
    },
    Model {
        id: "ocr",
        environment: "production",
        team: "vision",
        caller: "media",
        rate: (0.2, 0.002),
        streams: false,
        status: "200",
    },
    Model {
        id: "rare",
        environment: "production",
        team: "platform",
        caller: "tools",
        rate: (0.008, 0.0),
        streams: false,
        status: "200",
    },
    Model {
        id: "nightly",
        environment: "production",
        team: "search",
        caller: "batch",
        rate: (0.0, 10.0),
        streams: false,
        status: "200",
    },
    Model {
        id: "render",
        environment: "production",
        team: "vision",
        caller: "media",
        rate: (0.5, 0.1),
        streams: false,
        status: "201",
    },
];

/// What goes wrong with single requests: status, class, cause, blame, and in how many of a million.
type Noise = (&'static str, &'static str, &'static str, &'static str, f64);
const NOISE: &[Noise] = &[
    ("500", "model_error", "user_exception", "model", 600.0),
    ("502", "bad_gateway", "unknown", "undetermined", 150.0),
    ("504", "timeout", "slow_model", "model", 100.0),
    ("429", "capacity", "no_capacity", "platform", 100.0),
    ("none", "connection", "unknown", "undetermined", 100.0),
    ("400", "invalid_request", "invalid_input", "client", 3000.0),
    ("499", "client_closed", "client_disconnect", "client", 2000.0),
    ("none", "client_timeout", "short_client_timeout", "client", 15.0),
    ("413", "payload_too_large", "edge_size_limit", "client", 5.0),
    ("429", "rate_limited", "client_quota", "client", 20.0),
];

/// What happens once: when, which model, status, class, cause, blame, how many requests.
type Mishap = (u32, &'static str, &'static str, &'static str, &'static str, &'static str, u32);
const MISHAPS: &[Mishap] = &[
    (14 * 3600 + 1230, "vision", "502", "bad_gateway", "oom_killed", "model", 2),
    (9 * 3600 + 330, "chat", "401", "authentication", "invalid_api_key", "client", 3),
    (11 * 3600 + 990, "ocr", "404", "not_found", "wrong_model_id", "client", 2),
    (3 * 3600 + 60, "rare", "500", "model_error", "user_exception", "model", 1),
    (ROLLOUTS[0] + 30, "chat", "503", "unavailable", "draining", "platform", 3),
    (ROLLOUTS[1] + 30, "vision", "503", "unavailable", "draining", "platform", 2),
];

/// Values by series, one for each step; `None` where nothing was scraped.
pub(crate) type Day = BTreeMap<String, Vec<Option<f64>>>;

/// Numbers that look like chance and are the same in every run (splitmix64).
struct Chance(u64);

impl Chance {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// How many of things that come by chance, `mean` on average (Poisson; past 50 near enough by the normal law).
    fn count(&mut self, mean: f64) -> f64 {
        if mean > 50.0 {
            let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
            return (mean + normal * mean.sqrt()).round().max(0.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0.0);
        while product > limit {
            product *= self.unit();
            count += 1.0;
        }
        count
    }
}

/// Counters as they grow, and the samples of all series.
struct Writer {
    counters: BTreeMap<String, f64>,
    day: Day,
}

impl Writer {
    fn add(&mut self, series: String, by: f64) {
        *self.counters.entry(series).or_default() += by;
    }

    fn set(&mut self, series: &str, value: Option<f64>, at: usize) {
        let values = self.day.entry(series.to_owned()).or_default();
        values.resize(at, None);
        values.push(value);
    }

    /// One request that failed.
    fn fail(&mut self, model: &Model, (status, class, cause, blame): (&str, &str, &str, &str), by: f64) {
        let target = model.target();
        self.add(format!("inference_requests_total{{{target},status_code=\"{status}\"}}"), by);
        self.add(
            format!("inference_failures_total{{{target},class=\"{class}\",cause=\"{cause}\",blame=\"{blame}\"}}"),
            by,
        );
        if blame == "client" {
            let caller = model.caller;
            self.add(format!("inference_client_failures_total{{{target},caller=\"{caller}\",class=\"{class}\",cause=\"{cause}\"}}"), by);
        }
    }

    fn requests(&mut self, model: &Model, time: u32, chance: &mut Chance) {
        let count = chance.count(model.rate_at(time) * f64::from(STEP));
        let mut good = count;
        for (status, class, cause, blame, share) in NOISE {
            let failed = chance.count(count * share / 1e6).min(good);
            good -= failed;
            self.fail(model, (status, class, cause, blame), failed);
        }
        self.add(format!("inference_requests_total{{{},status_code=\"{}\"}}", model.target(), model.status), good);
        if model.streams {
            let (cut, unseen) = (chance.count(good * 0.002).min(good), (good * 0.1).floor());
            for (ending, number) in
                [("truncated", cut), ("unknown", unseen), ("complete", (good - cut - unseen).max(0.0))]
            {
                self.add(format!("inference_streams_total{{{},ending=\"{ending}\"}}", model.target()), number);
            }
        }
    }

    fn mishaps(&mut self, model: &Model, time: u32) {
        for (_, _, status, class, cause, blame, count) in
            MISHAPS.iter().filter(|one| (one.0, one.1) == (time, model.id))
        {
            if model.environment == "production" {
                self.fail(model, (status, class, cause, blame), f64::from(*count));
                if *cause == "oom_killed" {
                    for kind in ["oom_killed", "container_exit"] {
                        self.add(
                            format!(
                                "inference_evidence_total{{{},deployment_id=\"\",kind=\"{kind}\"}}",
                                model.target()
                            ),
                            1.0,
                        );
                    }
                }
            }
        }
    }

    /// What is no counter, and coroner's own.
    fn others(&mut self, time: u32, at: usize, here: bool, chance: &mut Chance) {
        let (now, when) = (Some(f64::from(time)), |value: f64| here.then_some(value));
        for model in MODELS {
            let (target, team) = (model.target(), model.team);
            self.set(&format!("inference_target_info{{{target},vantage=\"client\",team=\"{team}\"}}"), when(1.0), at);
            self.set(&format!("inference_caller_info{{caller=\"{}\",team=\"{team}\"}}", model.caller), when(1.0), at);
            let spoke = now.filter(|_| here && model.rate_at(time) > 0.0);
            self.set(&format!("inference_channel_timestamp_seconds{{{target},channel=\"container_logs\"}}"), spoke, at);
        }
        self.set("coroner_last_record_timestamp_seconds{signal=\"traces\"}", now.filter(|_| here), at);
        self.set("coroner_clock_skew_seconds{channel=\"client\"}", when(4.0 * chance.unit() - 2.0), at);
        self.set("coroner_fold_queue_oldest_seconds", when(0.1 * chance.unit()), at);
        self.set("up", Some(f64::from(u8::from(here))), at);
        self.add("coroner_requests_total{signal=\"traces\",protocol=\"grpc\"}".to_owned(), 30.0 + chance.count(20.0));
        let refused = if time == 12 * 3600 { 1.0 } else { 0.0 };
        self.add("coroner_rejected_requests_total{protocol=\"grpc\",reason=\"busy\"}".to_owned(), refused);
        self.add("coroner_evidence_late_total{kind=\"oom_killed\"}".to_owned(), f64::from(u8::from(time == 15 * 3600)));
        for (name, label) in [
            ("coroner_correlate_dropped_total", "what=\"case\""),
            ("coroner_cardinality_overflow_total", "limit=\"models\""),
        ] {
            self.add(format!("{name}{{{label}}}"), 0.0);
        }
    }
}

impl Model {
    fn target(&self) -> String {
        format!("platform=\"baseten\",model_id=\"{}\",environment=\"{}\"", self.id, self.environment)
    }

    /// People sleep from midnight to six, and are most awake at three in the afternoon.
    fn rate_at(&self, time: u32) -> f64 {
        let hour = f64::from(time % DAY) / 3600.0;
        let awake = ((hour - 6.0) / 18.0 * std::f64::consts::PI).sin().max(0.0);
        let night = if hour < 6.0 { 1.0 } else { 0.0 };
        self.rate.1 * night
            + (self.rate.0 * awake).max(if self.rate.0 > 0.0 { self.rate.1 * (1.0 - night) } else { 0.0 })
    }
}

/// The day of the whole fleet, `seconds` long; from `trouble` on, one in ten requests to the nightly job's model ends in 502.
pub(crate) fn day(seed: u64, seconds: u32, trouble: Option<u32>) -> Day {
    let mut chance = Chance(seed);
    let mut writer = Writer { counters: BTreeMap::new(), day: Day::new() };
    for (at, time) in (0..=seconds).step_by(STEP as usize).enumerate() {
        let here = !(RESTART..RESTART + AWAY).contains(&time);
        if time == RESTART {
            writer.counters.values_mut().for_each(|value| *value = 0.0);
        }
        if here {
            for model in MODELS {
                writer.requests(model, time, &mut chance);
                writer.mishaps(model, time);
                if model.id == "nightly" && trouble.is_some_and(|from| time >= from) {
                    let struck = chance.count(model.rate_at(time) * f64::from(STEP) * 0.1);
                    writer.fail(model, ("502", "bad_gateway", "unknown", "undetermined"), struck);
                }
            }
        }
        writer.others(time, at, here, &mut chance);
        let counters: Vec<_> =
            writer.counters.iter().map(|(series, value)| (series.clone(), here.then_some(*value))).collect();
        for (series, value) in counters {
            writer.set(&series, value, at);
        }
    }
    writer.day
}
