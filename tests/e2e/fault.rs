//! The faults that the gateway can play, each with the verdict that a careful person gives from what the caller could record.
//!
//! In: nothing. Out: one table, read by the gateway (what to do), by the plans (what to call) and by the expectations. The bodies
//! and headers are the ones that Baseten documents; the verdicts are the table "what a record alone allows" of the design.

/// Class, cause, blame.
pub(crate) type Verdict = (&'static str, &'static str, &'static str);

/// What the gateway does with a request.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    /// A whole answer: status, extra header lines, body.
    Answer(u16, &'static [&'static str], &'static str),
    /// A whole server-sent event stream.
    Stream,
    /// Reads the request and never answers.
    Silence,
    /// A TCP reset before any answer.
    Reset,
    /// An orderly close before any answer.
    Close,
    /// A chunked stream that ends by a close, without its last chunk.
    StreamThenClose,
    /// A chunked stream that ends by a TCP reset.
    StreamThenReset,
    /// Fewer bytes than `content-length` says.
    ShortBody,
    /// The head and one chunk, then nothing more.
    StreamThenSilence,
    /// Nothing: the caller fails before a request is sent.
    Unreached,
}

/// Where a call goes. Every fleet has a model of its own.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Environment,
    Deployment,
    Chat,
    Async,
    /// A Model API: the URL names no model.
    Api,
    /// A model host where nobody listens.
    Refused,
    /// A model host that no name server knows.
    Nowhere,
}

/// One row of the table.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    /// How the caller behaves: "" waits for its time-out, "cancel" gives up by itself, "distrust" does not know the CA.
    pub(crate) caller: &'static str,
    pub(crate) does: Does,
    /// From the status or the transport error alone; `None` is no failure.
    pub(crate) bare: Option<Verdict>,
    /// Where the answer's headers were recorded too.
    pub(crate) with_headers: Option<Verdict>,
    /// Where the application's own error text was recorded too.
    pub(crate) with_text: Option<Verdict>,
}

impl Fault {
    const fn new(name: &'static str, place: Place, does: Does, bare: Option<Verdict>) -> Self {
        Self { name, place, caller: "", does, bare, with_headers: bare, with_text: bare }
    }

    const fn headers(mut self, verdict: Verdict) -> Self {
        self.with_headers = Some(verdict);
        self
    }

    const fn text(mut self, verdict: Verdict) -> Self {
        self.with_text = Some(verdict);
        self
    }

    const fn caller(mut self, caller: &'static str) -> Self {
        self.caller = caller;
        self
    }
}

const INVALID: Option<Verdict> = Some(("invalid_request", "invalid_input", "client"));
const MODEL_UNKNOWN: Option<Verdict> = Some(("model_error", "unknown", "model"));
const BAD_GATEWAY: Option<Verdict> = Some(("bad_gateway", "unknown", "undetermined"));
const UNAVAILABLE: Option<Verdict> = Some(("unavailable", "unknown", "platform"));
const DIED: Option<Verdict> = Some(("connection", "unknown", "undetermined"));
const TRUNCATED: Option<Verdict> = Some(("stream_truncated", "unknown", "undetermined"));
const HUNG_UP: Verdict = ("client_closed", "client_disconnect", "client");
const COLD_START: Verdict = ("unavailable", "cold_start", "undetermined");

const TRUSS_600: &[&str] = &["x-baseten-error-source: 04", "x-baseten-error-code: 600"];
const TRUSS_500: &[&str] = &["x-baseten-error-source: 04", "x-baseten-error-code: 500"];
const TRUSS_700: &[&str] = &["x-baseten-error-source: 04", "x-baseten-error-code: 700"];

/// Every fault, in the order in which each fleet calls for it.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("ok", Place::Environment, Does::Answer(200, &[], r#"{"output": "Hello!"}"#), None),
    Fault::new("ok_stream", Place::Chat, Does::Stream, None),
    Fault::new(
        "400",
        Place::Environment,
        Does::Answer(400, TRUSS_700, r#"{"error": "Invalid JSON payload: Expecting value"}"#),
        INVALID,
    ),
    Fault::new(
        "401",
        Place::Environment,
        Does::Answer(401, &[], r#"{"error": "please check the api-key you provided"}"#),
        Some(("authentication", "invalid_api_key", "client")),
    ),
    Fault::new(
        "402",
        Place::Environment,
        Does::Answer(402, &[], r#"{"error": "Payment required"}"#),
        Some(("billing", "unpaid_account", "client")),
    ),
    Fault::new(
        "403",
        Place::Environment,
        Does::Answer(403, &[], r#"{"error": "Forbidden"}"#),
        Some(("permission", "invalid_api_key", "client")),
    ),
    Fault::new(
        "404",
        Place::Deployment,
        Does::Answer(404, &[], r#"{"error": "Model not found"}"#),
        Some(("not_found", "wrong_model_id", "client")),
    ),
    Fault::new(
        "413_edge",
        Place::Environment,
        Does::Answer(413, &[], "413 Request Entity Too Large"),
        Some(("payload_too_large", "edge_size_limit", "client")),
    ),
    Fault::new(
        "413_async",
        Place::Async,
        Does::Answer(413, &[], r#"{"error": "payload size of 300000 bytes exceeds maximum size of 262144 bytes"}"#),
        Some(("payload_too_large", "async_size_limit", "client")),
    ),
    Fault::new("422", Place::Environment, Does::Answer(422, &[], r#"{"detail": "field required"}"#), INVALID),
    Fault::new(
        "429_quota",
        Place::Api,
        Does::Answer(
            429,
            &[],
            r#"{"error": "Rate limit exceeded. Please try again later.", "error_code": "rate_limited"}"#,
        ),
        Some(("rate_limited", "client_quota", "client")),
    ),
    Fault::new(
        "429_capacity",
        Place::Async,
        Does::Answer(
            429,
            &[],
            r#"{"error": "No capacity available for this model.", "error_code": "CAPACITY_EXCEEDED"}"#,
        ),
        Some(("capacity", "no_capacity", "platform")),
    ),
    Fault::new(
        "499",
        Place::Environment,
        Does::Answer(499, &[], "Client disconnected while reading request."),
        Some(HUNG_UP),
    ),
    Fault::new(
        "500_user",
        Place::Environment,
        Does::Answer(500, TRUSS_600, r#"{"error": "Internal Server Error (in model/chainlet)."}"#),
        MODEL_UNKNOWN,
    )
    .headers(("model_error", "user_exception", "model"))
    .text(("model_error", "user_exception", "model")),
    Fault::new(
        "500_framework",
        Place::Deployment,
        Does::Answer(500, TRUSS_500, r#"{"error": "Something went wrong"}"#),
        MODEL_UNKNOWN,
    )
    .headers(("model_error", "unknown", "undetermined")),
    Fault::new(
        "500_gpu_oom",
        Place::Environment,
        Does::Answer(
            500,
            &[],
            r#"{"error": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 448.00 MiB."}"#,
        ),
        MODEL_UNKNOWN,
    )
    .text(("model_error", "gpu_oom", "model")),
    Fault::new(
        "502_unreachable",
        Place::Environment,
        Does::Answer(502, &[], r#"{"error": "Error making prediction"}"#),
        BAD_GATEWAY,
    ),
    Fault::new(
        "502_hung_up",
        Place::Deployment,
        Does::Answer(502, &[], r#"{"error": "Client closed connection"}"#),
        BAD_GATEWAY,
    )
    .text(HUNG_UP),
    Fault::new(
        "503",
        Place::Environment,
        Does::Answer(503, &[], r#"{"error": "Error making prediction"}"#),
        UNAVAILABLE,
    ),
    Fault::new(
        "503_not_ready",
        Place::Environment,
        Does::Answer(503, TRUSS_600, r#"{"error": "Model with name model is not ready."}"#),
        UNAVAILABLE,
    )
    .headers(COLD_START)
    .text(COLD_START),
    Fault::new(
        "504",
        Place::Environment,
        Does::Answer(504, &[], r#"{"error": "Request timed out"}"#),
        Some(("timeout", "slow_model", "model")),
    ),
    Fault::new(
        "silence",
        Place::Environment,
        Does::Silence,
        Some(("client_timeout", "short_client_timeout", "client")),
    ),
    Fault::new("cancelled", Place::Environment, Does::Silence, Some(HUNG_UP)).caller("cancel"),
    Fault::new("reset", Place::Environment, Does::Reset, DIED),
    Fault::new("close", Place::Deployment, Does::Close, DIED),
    Fault::new("stream_closed", Place::Chat, Does::StreamThenClose, TRUNCATED),
    Fault::new("stream_reset", Place::Chat, Does::StreamThenReset, TRUNCATED),
    Fault::new("short_body", Place::Environment, Does::ShortBody, TRUNCATED),
    Fault::new(
        "stalled",
        Place::Chat,
        Does::StreamThenSilence,
        Some(("client_timeout", "stream_stalled", "undetermined")),
    ),
    Fault::new("refused", Place::Refused, Does::Unreached, Some(("connection", "connect_refused", "undetermined"))),
    Fault::new("nowhere", Place::Nowhere, Does::Unreached, Some(("connection", "dns", "client"))),
    Fault::new("distrusted", Place::Environment, Does::Unreached, Some(("connection", "tls", "client")))
        .caller("distrust"),
];

/// The row of that name.
pub(crate) fn find(name: &str) -> Option<&'static Fault> {
    FAULTS.iter().find(|fault| fault.name == name)
}
