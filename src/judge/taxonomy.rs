//! The taxonomy: the closed sets of words that a verdict is made of. Knows nobody.
//!
//! Dashboards, rules and users depend on these words; `docs/taxonomy.md` and the rulebooks are held in step by tests.

use std::fmt;

/// Declares a closed set: one variant a word, each with one line of meaning.
macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal : $meaning:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize)]
        pub enum $name { $(#[doc = $meaning] #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every member, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used as label and attribute value.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),+ } }

            /// One line of meaning, as the documentation shows it.
            pub const fn meaning(self) -> &'static str { match self { $(Self::$variant => $meaning),+ } }

            /// The member with this word.
            pub fn from_word(word: &str) -> Option<Self> { match word { $($word => Some(Self::$variant),)+ _ => None } }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }
    };
}

closed_set! {
    /// What happened.
    Class {
        Authentication = "authentication": "The credentials were missing or wrong.",
        Permission = "permission": "The credentials are valid but may not do this.",
        Billing = "billing": "The account may not spend.",
        NotFound = "not_found": "No such model, deployment or path.",
        InvalidRequest = "invalid_request": "The request itself was refused as malformed.",
        PayloadTooLarge = "payload_too_large": "The request body is over a size limit.",
        RateLimited = "rate_limited": "The caller is over its quota.",
        Capacity = "capacity": "The platform had no room for the request.",
        ModelError = "model_error": "The model answered with an error.",
        BadGateway = "bad_gateway": "No real answer came from the model.",
        Unavailable = "unavailable": "The model could not take the request.",
        Timeout = "timeout": "The server's time limit ran out.",
        ClientTimeout = "client_timeout": "The caller's own time limit ran out.",
        ClientClosed = "client_closed": "The caller hung up.",
        Connection = "connection": "No connection, or it died before any answer.",
        StreamTruncated = "stream_truncated": "A good answer began and its body ended early.",
        AsyncFailed = "async_failed": "An accepted asynchronous request failed later.",
        Other = "other": "None of the above.",
    }
}

closed_set! {
    /// Who has to act.
    Blame {
        Client = "client": "The caller: its request, key, account, time-out or network.",
        Model = "model": "Model code, container or resources.",
        Platform = "platform": "Gateway, router or capacity of the host.",
        Undetermined = "undetermined": "Nothing that was seen can decide.",
    }
}

closed_set! {
    /// Why it happened.
    Cause {
        OomKilled = "oom_killed": "The container was killed for using more memory than its limit.",
        GpuOom = "gpu_oom": "The GPU ran out of memory.",
        ContainerCrash = "container_crash": "The container ended by itself or its process died.",
        LoadFailed = "load_failed": "The model failed to load.",
        UserException = "user_exception": "Model code raised an error.",
        InvalidInput = "invalid_input": "The input does not fit what the model takes.",
        ContextLength = "context_length": "The prompt is longer than the model's context.",
        InvalidApiKey = "invalid_api_key": "The key is missing, wrong or may not do this.",
        WrongModelId = "wrong_model_id": "The model or deployment does not exist or is not active.",
        UnpaidAccount = "unpaid_account": "The account's payment or budget does not allow it.",
        EdgeSizeLimit = "edge_size_limit": "The body is over the gateway's limit.",
        AsyncSizeLimit = "async_size_limit": "The body is over the limit of asynchronous requests.",
        ClientQuota = "client_quota": "The caller's rate or token quota is used up.",
        BudgetExhausted = "budget_exhausted": "An enforced budget is used up.",
        NoCapacity = "no_capacity": "No replica could take the request in time.",
        ColdStart = "cold_start": "The model was still starting.",
        Draining = "draining": "The replica or gateway was being taken out of service.",
        Routing = "routing": "The router found no endpoint for the model.",
        CircuitOpen = "circuit_open": "A circuit breaker refused the request.",
        AsyncNotSetUp = "async_not_set_up": "Asynchronous requests are not set up here.",
        SlowModel = "slow_model": "The model took longer than the limit.",
        HungRequest = "hung_request": "The model never came back.",
        StreamStalled = "stream_stalled": "The stream began and then fell silent.",
        ShortClientTimeout = "short_client_timeout": "The caller's limit is shorter than the model needs.",
        ClientDisconnect = "client_disconnect": "The caller closed the connection or cancelled.",
        PoolExhausted = "pool_exhausted": "The caller's connection pool or ports were used up.",
        Dns = "dns": "The host name did not resolve.",
        Tls = "tls": "The TLS hand-shake or certificate check failed.",
        ConnectRefused = "connect_refused": "The connection was refused or unreachable.",
        PlatformFault = "platform_fault": "The platform failed while the model was well.",
        Unknown = "unknown": "Nothing that was seen says why.",
    }
}

closed_set! {
    /// How sure cause and blame are.
    Confidence {
        Observed = "observed": "The record itself says so.",
        Correlated = "correlated": "Evidence of the same request or replica.",
        Likely = "likely": "Evidence of the same target at the right time, or logs proved clean.",
        Assumed = "assumed": "The default when nothing could decide.",
    }
}

closed_set! {
    /// How evidence was matched to the request.
    Match {
        Request = "request": "By request id.",
        Replica = "replica": "By replica and time.",
        Target = "target": "By model, environment and time.",
        None = "none": "The verdict comes from the record alone.",
    }
}

closed_set! {
    /// Whether and how to try again.
    Retry {
        Never = "never": "The same request will fail again.",
        Backoff = "backoff": "Retry with exponential backoff and jitter.",
        After = "after": "Retry after the time that the answer names.",
        Once = "once": "Retry once; if it fails again, look for the cause first.",
    }
}

closed_set! {
    /// A fact about a container or a caller that no answer shows; what a rule's `decide` may name.
    EvidenceKind {
        OomKilled = "oom_killed": "The kernel or the orchestrator killed the container for its own memory limit.",
        NodeOom = "node_oom": "The kernel killed it because the whole host ran out of memory.",
        Evicted = "evicted": "The orchestrator took the container away from its host.",
        GpuFault = "gpu_fault": "The GPU's hardware or driver failed.",
        WorkerTimeout = "worker_timeout": "The model's own server killed a worker that took too long.",
        ContainerExit = "container_exit": "The container or its main process ended.",
        EngineDead = "engine_dead": "The serving engine reported its own death.",
        GpuOom = "gpu_oom": "The GPU ran out of memory.",
        LoadFailed = "load_failed": "The model failed to load.",
        Loading = "loading": "A replica was starting or loading the model.",
        Serving = "serving": "A replica serves: a finished load, an answered request, readiness. Ends what a death explains.",
        MemoryPressure = "memory_pressure": "The container was close to its memory limit.",
        Unhealthy = "unhealthy": "A health check of the replica failed.",
        Draining = "draining": "The replica was told to stop.",
        UserException = "user_exception": "Model code raised an error, seen in its log.",
        StreamException = "stream_exception": "Model code raised an error while it streamed, seen in its log.",
        ClientDisconnect = "client_disconnect": "The model or a proxy saw the caller hang up.",
        StillRunning = "still_running": "The model was still at work on the request after its end.",
        FinishedLate = "finished_late": "The model finished the request after its end.",
        NeverReturned = "never_returned": "The model began the request and never finished it.",
        ProvedClean = "proved_clean": "The model's logs are complete around the failure and show nothing.",
    }
}

impl Cause {
    /// Who has to act when nothing else is known about a failure of this cause.
    pub const fn default_blame(self) -> Blame {
        match self {
            Self::OomKilled
            | Self::GpuOom
            | Self::ContainerCrash
            | Self::LoadFailed
            | Self::UserException
            | Self::SlowModel
            | Self::HungRequest => Blame::Model,
            Self::InvalidInput
            | Self::ContextLength
            | Self::InvalidApiKey
            | Self::WrongModelId
            | Self::UnpaidAccount
            | Self::EdgeSizeLimit
            | Self::AsyncSizeLimit
            | Self::ClientQuota
            | Self::BudgetExhausted
            | Self::ShortClientTimeout
            | Self::ClientDisconnect
            | Self::PoolExhausted
            | Self::Dns
            | Self::Tls => Blame::Client,
            Self::NoCapacity
            | Self::Draining
            | Self::Routing
            | Self::CircuitOpen
            | Self::AsyncNotSetUp
            | Self::PlatformFault => Blame::Platform,
            Self::ColdStart | Self::StreamStalled | Self::ConnectRefused | Self::Unknown => Blame::Undetermined,
        }
    }
}

impl Retry {
    /// Whether a client should try again at all (`inference.error.retryable`).
    pub const fn retryable(self) -> bool {
        !matches!(self, Self::Never)
    }
}
