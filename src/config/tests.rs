//! The config as users meet it: defaults, whole files, and the exact words of every kind of error.

use super::*;
use std::collections::HashMap;

fn load_with(text: &str, env: &[(&str, &str)]) -> Result<Config, Problems> {
    let vars: HashMap<String, String> = env.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let env = move |name: &str| vars.get(name).cloned();
    let read = |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
    parse("etc/c.yaml", text, &Surroundings { env: &env, read: &read })
}

#[track_caller]
fn errors(text: &str, want: &[&str]) {
    let got = load_with(text, &[]).expect_err(text).to_string();
    assert_eq!(got.lines().collect::<Vec<_>>(), want, "{text}");
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let c = load_with("", &[]).unwrap();
    assert_eq!(c.receive.grpc_listen.to_string(), "127.0.0.1:4317");
    assert_eq!(c.receive.http_listen.to_string(), "127.0.0.1:4318");
    assert_eq!(c.admin_listen.to_string(), "127.0.0.1:9464");
    assert_eq!((c.receive.max_request, c.receive.in_flight), (64 << 20, 256 << 20));
    assert_eq!(c.receive.dedupe, Duration::from_mins(5));
    assert_eq!(c.correlate.keep_evidence, Duration::from_mins(75));
    assert_eq!(c.measure.expire, Duration::from_hours(7 * 24));
    assert_eq!(c.observe.vantages, [Vantage::Client, Vantage::Sdk, Vantage::Gateway, Vantage::Model]);
    assert_eq!(c.owners.default, "platform");
    assert_eq!(c.log, Log { level: tracing::Level::INFO, format: LogFormat::Auto });
}

#[test]
fn every_error_is_told_at_once_with_its_place() {
    errors(
        "receive:\n  dedupe: 5 parsecs\n  grpc: { listen: localhost }\n  htpp: {}\nmeasure:\n  models: -3\n",
        &[
            "etc/c.yaml:2: receive.dedupe: `5 parsecs` is not a duration; write a whole number with a unit, such as 500ms, 30s, 5m, 1h or 7d",
            "etc/c.yaml:3: receive.grpc.listen: `localhost` is not an address to listen on; write an IP address and a port, such as 127.0.0.1:4317 or [::]:4317 (port 0 takes a free one)",
            "etc/c.yaml:4: receive.htpp: unknown key; write one of: grpc, http, max_request, in_flight, dedupe",
            "etc/c.yaml:6: measure.models: `-3` is not a count above zero; write a whole number such as 10000",
        ],
    );
}

#[test]
fn wrong_shapes_are_named() {
    errors(
        "receive: 5\nowners:\n  models: {a: b}\n",
        &[
            "etc/c.yaml:1: receive: a single value stands where a group of keys belongs; write `key: value` lines below it",
            "etc/c.yaml:3: owners.models: a group of keys stands where a list belongs; write [one, two] or lines that begin with `- `",
        ],
    );
    errors("- a\n", &["etc/c.yaml:1: a list stands where a group of keys belongs; write `key: value` lines below it"]);
    errors(
        "owners: { models: [vision] }",
        &[
            "etc/c.yaml:1: owners.models[0]: a single value stands where a group of keys belongs; write `key: value` lines below it",
        ],
    );
    errors(
        "shutdown: { linger: [1s] }",
        &[
            "etc/c.yaml:1: shutdown.linger: a list is not a duration; write a whole number with a unit, such as 500ms, 30s, 5m, 1h or 7d",
        ],
    );
}

#[test]
fn items_of_lists_are_checked() {
    errors(
        "owners:\n  callers:\n    - { match: 'a*', tema: x, team: }\nresources:\n  - replica: pod\nalerts:\n  thresholds:\n    - { alert: A, value: high }\n",
        &[
            "etc/c.yaml:3: owners.callers[0].tema: unknown key; write one of: match, team",
            "etc/c.yaml:3: owners.callers[0]: `team` is missing; write `team:` with at least one character",
            "etc/c.yaml:5: resources[0]: `match` is missing; write `match: {k8s.deployment.name: '{model_id}'}`",
            "etc/c.yaml:8: alerts.thresholds[0].value: `high` is not a threshold; write a number such as 0.05, or off",
        ],
    );
    errors(
        "observe:\n  vantages: [client, app]\n  sampled: { client: 3, proxy: 0.1 }\n  targets:\n    - { platform: own, host: 'a-{b' }\n",
        &[
            "etc/c.yaml:2: observe.vantages[1]: `app` is not a vantage that counts requests; write client, sdk, gateway or model",
            "etc/c.yaml:3: observe.sampled.client: `3` is not a share; write a number above 0 and at most 1, such as 0.1",
            "etc/c.yaml:3: observe.sampled.proxy: no vantage that is sampled; write client, sdk or gateway",
            "etc/c.yaml:5: observe.targets[0]: `a-{b`: a capture is written {name} or {name=one|two}; write a pattern such as `model-{model_id}.example.com`",
        ],
    );
}

#[test]
fn what_does_not_exist_yet_is_refused() {
    errors(
        "journal: { mode: durable }\nforward:\n  - { endpoint: 'http://host:4317', protocol: grpc }\n",
        &[
            "etc/c.yaml:1: journal.mode: `durable` is not available yet; write memory: a batch is then kept in memory until it is counted, and a crash loses what was not",
            "etc/c.yaml:3: forward[0]: passing telemetry on is not available yet; write `forward: []`, or leave it out",
        ],
    );
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    errors(
        "receive: { max_request: 64MiB, in_flight: 1MiB }",
        &[
            "etc/c.yaml:1: receive.in_flight: less than receive.max_request: the largest request could never be taken; write a size at least as large",
        ],
    );
    errors(
        "admin: { listen: 127.0.0.1:4318 }",
        &["etc/c.yaml:1: admin.listen: 127.0.0.1:4318 is also receive.http.listen; write an address of its own"],
    );
}

#[test]
fn the_environment_overrides_and_is_named_in_errors() {
    let text = "receive: { grpc: { listen: 127.0.0.1:1 } }";
    let c = load_with(text, &[("CORONER_GRPC_LISTEN", "127.0.0.1:0"), ("CORONER_ADMIN_LISTEN", "")]).unwrap();
    assert_eq!(c.receive.grpc_listen.port(), 0);
    assert_eq!(c.admin_listen.port(), 9464);
    let e = load_with(text, &[("CORONER_HTTP_LISTEN", "here")]).unwrap_err().to_string();
    assert!(e.starts_with("environment variable CORONER_HTTP_LISTEN: receive.http.listen: `here` is not"), "{e}");
}

#[test]
fn secrets_come_from_outside_and_stay_out_of_errors() {
    let c = load_with("owners: { default: '${env:TEAM}' }", &[("TEAM", "red")]).unwrap();
    assert_eq!(c.owners.default, "red");
    let e = load_with("shutdown: { linger: '${env:KEY}' }", &[("KEY", "hunter2")]).unwrap_err().to_string();
    assert!(e.contains("`${env:KEY}` is not a duration") && !e.contains("hunter2"), "{e}");
    errors(
        "log: { level: '${env:LEVEL}' }",
        &["etc/c.yaml:1: log.level: environment variable LEVEL is not set; write the name of one that is"],
    );
}

#[test]
fn rulebooks_are_found_beside_the_config() {
    let c = load_with("rulebooks: [own.yaml, /abs.yaml]", &[]).unwrap();
    assert_eq!(c.rulebooks, [PathBuf::from("etc/own.yaml"), PathBuf::from("/abs.yaml")]);
}

#[test]
fn a_missing_file_is_named() {
    let read = |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
    let outside = Surroundings { env: &|_| None, read: &read };
    let e = load(Some(Path::new("no.yaml")), &outside).unwrap_err().to_string();
    assert_eq!(e, "no.yaml: cannot read it: entity not found; write the path of a config file that this user may read");
}

#[test]
fn the_examples_are_complete_and_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["minimal", "full"] {
        let path = root.join(format!("examples/{name}.yaml"));
        load(Some(&path), &Surroundings { env: &|_| None, ..Surroundings::of_process() }).unwrap();
    }
    let full = std::fs::read_to_string(root.join("examples/full.yaml")).unwrap();
    let tree = yaml::parse("full.yaml", &full).unwrap();
    for key in keys::KEYS {
        let mut node = &tree;
        for name in key.path.split('.') {
            let yaml::Value::Map(entries) = &node.value else { panic!("{} is not in examples/full.yaml", key.path) };
            let entry = entries.iter().find(|e| e.name == name);
            node = &entry.unwrap_or_else(|| panic!("{} is not in examples/full.yaml", key.path)).node;
        }
    }
}

#[test]
fn the_reference_page_is_the_key_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    if std::env::var_os("CORONER_BLESS").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == reference(), "docs/configuration.md is old: CORONER_BLESS=1 cargo test --lib config");
}
