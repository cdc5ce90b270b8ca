//! Every key of the config, once: its default, what it is, what it does.
//!
//! The reader takes the defaults from here, unknown keys are told by it, and `docs/configuration.md` is written from it
//! (a test compares).

/// One key.
pub(super) struct Key {
    /// Where it stands, groups joined by dots.
    pub(super) path: &'static str,
    /// What stands there when nothing is written.
    pub(super) default: &'static str,
    /// Environment variable that overrides it; empty where none does.
    pub(super) env: &'static str,
    /// What it does, one or two sentences.
    pub(super) meaning: &'static str,
}

const fn key(path: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key { path, default, env: "", meaning }
}

const fn port(path: &'static str, default: &'static str, env: &'static str, meaning: &'static str) -> Key {
    Key { path, default, env, meaning }
}

/// All keys, in the order in which a file would have them.
pub(super) const KEYS: &[Key] = &[
    port(
        "receive.grpc.listen",
        "127.0.0.1:4317",
        "CORONER_GRPC_LISTEN",
        "Where OTLP/gRPC is taken. Port 0 takes a free one; the address in use is printed.",
    ),
    port(
        "receive.http.listen",
        "127.0.0.1:4318",
        "CORONER_HTTP_LISTEN",
        "Where OTLP/HTTP (protobuf and JSON) is taken.",
    ),
    key(
        "receive.max_request",
        "64MiB",
        "The largest request, on the wire and again after decompression. A larger one is refused for good.",
    ),
    key(
        "receive.in_flight",
        "256MiB",
        "Bytes of requests held at one time, over all connections, and again of what was found in them and waits to be counted. Past it senders are told to come back later.",
    ),
    key(
        "receive.dedupe",
        "5m",
        "How long a body is remembered, so that one that is sent again after a lost answer is not counted twice. 0 turns it off.",
    ),
    port(
        "admin.listen",
        "127.0.0.1:9464",
        "CORONER_ADMIN_LISTEN",
        "Where `/metrics`, `/livez` and `/readyz` are served, by a thread of their own, and the case feed of `coroner watch`.",
    ),
    key(
        "rulebooks",
        "[]",
        "Rulebook files of your own, tried before the built-in books. Paths are relative to the config file.",
    ),
    key("correlate.settle", "120s", "The longest that a failure waits for evidence that decides its cause."),
    key(
        "correlate.evidence_before",
        "120s",
        "How long a container's death explains failures when nothing shows its recovery.",
    ),
    key(
        "correlate.evidence_after",
        "30s",
        "How much later than a request's end a death that explains it may be stamped.",
    ),
    key("correlate.keep_evidence", "75m", "How long evidence is kept; a call may last an hour."),
    key(
        "correlate.clean_margin",
        "10s",
        "How far past a failure a source must have spoken before its silence about it counts.",
    ),
    key(
        "correlate.death_reports",
        "[]",
        "Sources that can report a container's death, besides the known ones. Each as in `resources`.",
    ),
    key("correlate.join_for", "10m", "How long a second view of a settled failure is still joined to it."),
    key(
        "correlate.remember_successes",
        "1000000",
        "How many successful requests are remembered, a few bytes each, so that a later log can prove one broken.",
    ),
    key(
        "observe.vantages",
        "[client, sdk, gateway, model]",
        "Which vantages may count requests, strongest first. The first that is present for a target counts it.",
    ),
    key(
        "observe.sampled",
        "{}",
        "The share of requests that a vantage reports, where `tracestate` does not say, e.g. `{client: 0.1}`.",
    ),
    key(
        "observe.targets",
        "[]",
        "URL patterns of your own models. Each: `platform`, `host`, and optionally `paths`, `only_paths`, `api`, `model_id`, `environment`, `streams`.",
    ),
    key("owners.default", "platform", "The team of every model and caller that no pattern below names."),
    key(
        "owners.models",
        "[]",
        "Who owns which models. Each: `{match: 'abc*', team: vision}`; the first that fits is taken.",
    ),
    key("owners.callers", "[]", "Who owns which callers (`service.name`). Each: `{match: 'checkout*', team: shop}`."),
    key("measure.expire", "7d", "A target that was silent for so long loses its series."),
    key("measure.models", "10000", "How many targets have series of their own; the rest share `model_id=\"_other\"`."),
    key(
        "measure.unverified",
        "200",
        "The same for targets that only ever answered 401, 403 or 404, so that typing errors push no real model out.",
    ),
    key("measure.callers", "500", "How many callers have series of their own; the rest share `caller=\"_other\"`."),
    key(
        "resources",
        "[]",
        "Whose container a log, metric or Kubernetes record speaks of, tried before the books' entries. Each: `{match: {k8s.deployment.name: '{model_id}'}, replica: k8s.pod.name}`, and optionally `optional`, `channel`, `platform`, `model_id`, `environment`, `deployment_id`; see [rulebook.md](rulebook.md).",
    ),
    key(
        "alerts.thresholds",
        "[]",
        "Thresholds of alerts, where the default is not right; [alerts.md](alerts.md) lists names, units and defaults. Each: `{alert: Name, match: 'abc*', value: 0.05}`; `match` chooses models in alerts about models, `caller` callers in alerts about callers, and without either all are meant; an entry with `match` sets nothing about whole platforms or the service. `value: off` switches the alert off. The first entry that fits is taken; `*` in `alert` stands for any text.",
    ),
    key(
        "shutdown.linger",
        "15s",
        "How long `/metrics` stays after the last failure is settled, so that it is still scraped.",
    ),
    key("journal.mode", "memory", "Where acknowledged data is kept until it is counted. Only `memory` is available."),
    key("forward", "[]", "Where telemetry is passed on to. Not available yet: must be empty."),
    key("log.level", "info", "`error`, `warn`, `info`, `debug` or `trace`."),
    key(
        "log.format",
        "auto",
        "`json`, `text`, or `auto`: text on a terminal, JSON otherwise. Logs go to standard error.",
    ),
];

/// The key with this path. Asked only for paths that stand in this file's table.
pub(super) fn get(path: &str) -> &'static Key {
    KEYS.iter().find(|k| k.path == path).expect("every key that is read is in the table; a test reads them all")
}

/// Whether a path names a group of keys.
pub(super) fn is_group(path: &str) -> bool {
    KEYS.iter().any(|k| k.path.strip_prefix(path).is_some_and(|rest| path.is_empty() || rest.starts_with('.')))
}

/// The names that may stand in a group, in order.
pub(super) fn members(group: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for key in KEYS {
        let inside = if group.is_empty() {
            Some(key.path)
        } else {
            key.path.strip_prefix(group).and_then(|r| r.strip_prefix('.'))
        };
        if let Some(name) = inside.and_then(|rest| rest.split('.').next())
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// `docs/configuration.md`.
pub fn reference() -> String {
    let mut page = vec![HEAD.to_owned()];
    let mut group = "";
    for key in KEYS {
        let this = key.path.split('.').next().unwrap_or_default();
        if this != group {
            group = this;
            page.push(format!("\n## {group}\n\n| key | default | what it does |\n|---|---|---|\n"));
        }
        let env = if key.env.is_empty() { String::new() } else { format!(" `{}` overrides it.", key.env) };
        page.push(format!("| `{}` | `{}` | {}{env} |\n", key.path, key.default, key.meaning));
    }
    page.concat()
}

const HEAD: &str = "# Configuration

One YAML file, given with `--config FILE`. Every key is optional. Unknown keys are refused, and all errors are shown
at once, each with file, line, key and what would be right; `coroner check --config FILE` shows them without
starting anything. [examples/minimal.yaml](../examples/minimal.yaml) and
[examples/full.yaml](../examples/full.yaml) are complete files.

- Durations: `500ms`, `30s`, `5m`, `1h`, `7d`. Sizes: `512KiB`, `64MiB`, `1GiB`.
- `${env:NAME}` and `${file:PATH}` stand for secrets in any value; error messages never show what they hold.
- Addresses are loopback unless you say otherwise: nothing here asks who is calling.

This page is written from the table in `src/config/keys.rs`; `CORONER_BLESS=1 cargo test --lib config` writes it anew.
";
