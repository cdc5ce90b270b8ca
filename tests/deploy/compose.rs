//! `deploy/compose.yaml` and what it mounts. In: the YAML. Out: every image is pinned, every path exists, every port is on loopback, and the
//! services, targets and data sources name each other rightly.

use super::{read, root, texts, yaml};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::process::Command;

fn services() -> Map<String, Value> {
    yaml("deploy/compose.yaml")["services"].as_object().unwrap().clone()
}

#[test]
fn images_are_pinned_and_containers_restricted() {
    for (name, service) in services() {
        let image = service["image"].as_str().unwrap();
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
        let numbers = tag.trim_start_matches('v').split('.').flat_map(str::parse::<u32>);
        assert_eq!(numbers.count(), 3, "{name}: {image} is not pinned");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(service["read_only"], true, "{name}");
    }
    for line in read("deploy/Dockerfile").lines().filter(|line| line.starts_with("FROM ")) {
        let tag = line.split([':', ' ']).nth(2).unwrap();
        assert!(tag.chars().any(|c| c.is_ascii_digit()) && tag.contains('.'), "{line}");
    }
}

#[test]
fn ports_are_open_on_this_machine_only() {
    let mut published = 0;
    for (name, service) in services() {
        assert!(service.get("network_mode").is_none(), "{name}");
        for port in texts(&service["ports"]) {
            let [host, outside, inside] = port.split(':').collect::<Vec<_>>().try_into().unwrap();
            assert_eq!((host, outside), ("127.0.0.1", inside), "{name}");
            published += 1;
        }
    }
    assert!(published > 5, "{published}");
}

#[test]
fn every_mounted_path_exists_and_every_named_volume_is_declared() {
    let compose = yaml("deploy/compose.yaml");
    let declared = compose["volumes"].as_object().unwrap();
    for (name, service) in services() {
        for volume in texts(&service["volumes"]) {
            let from = volume.split(':').next().unwrap();
            if from.starts_with('.') {
                assert!(root().join("deploy").join(from).exists(), "{name}: {volume}");
                assert!(volume.ends_with(":ro"), "{name}: {volume}");
            } else {
                assert!(declared.contains_key(from), "{name}: {volume}");
            }
        }
        if let Some(build) = service.get("build") {
            let context = root().join("deploy").join(build["context"].as_str().unwrap());
            assert!(context.join(build["dockerfile"].as_str().unwrap()).is_file(), "{name}");
        }
    }
}

#[test]
fn the_demo_takes_its_arguments_and_listens_where_it_is_asked() {
    let services = services();
    let coroner = &services["coroner"];
    // `--list` starts nothing, and all other arguments are still checked.
    let output =
        Command::new(env!("CARGO_BIN_EXE_coroner")).args(texts(&coroner["command"])).arg("--list").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let inside: BTreeSet<&str> = texts(&coroner["ports"]).iter().filter_map(|port| port.rsplit(':').next()).collect();
    let listen = coroner["environment"].as_object().unwrap().values().filter_map(Value::as_str);
    let mut open: BTreeSet<&str> = listen.filter_map(|address| address.strip_prefix("0.0.0.0:")).collect();
    open.extend(texts(&coroner["command"]).iter().filter_map(|word| word.strip_prefix("0.0.0.0:")));
    assert_eq!(inside, open);
}

/// `HOST:PORT` of every address that a file names, if the host is no number.
fn hosts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.values().for_each(|value| hosts(value, found)),
        Value::Array(list) => list.iter().for_each(|value| hosts(value, found)),
        Value::String(text) => {
            let address = text.strip_prefix("http://").unwrap_or(text);
            let is_address = address.rsplit_once(':').is_some_and(|(host, port)| {
                port.parse::<u16>().is_ok() && !host.contains(['/', ' ']) && !host.starts_with(char::is_numeric)
            });
            found.extend(is_address.then(|| address.to_owned()));
        }
        _ => {}
    }
}

#[test]
fn targets_and_data_sources_are_services() {
    let services = services();
    let mut found = Vec::new();
    hosts(&yaml("deploy/prometheus.yaml"), &mut found);
    hosts(&yaml("deploy/grafana/provisioning/datasources/coroner.yaml"), &mut found);
    found.extend(
        texts(&services["coroner"]["command"]).iter().filter(|word| word.starts_with("traces:")).map(|w| (*w).into()),
    );
    assert!(found.len() >= 8, "{found:?}");
    for address in found {
        let (host, port) = address.rsplit_once(':').unwrap();
        let service = services.get(host).unwrap_or_else(|| panic!("{address} is no service"));
        // Jaeger takes OTLP inside only.
        let open = texts(&service["ports"]).iter().any(|published| published.ends_with(&format!(":{port}")));
        assert!(open || address == "traces:4318", "{address}");
    }
}

#[test]
fn grafana_finds_boards_and_traces() {
    let sources = yaml("deploy/grafana/provisioning/datasources/coroner.yaml");
    let all = sources["datasources"].as_array().unwrap();
    let uids: BTreeSet<&str> = all.iter().filter_map(|source| source["uid"].as_str()).collect();
    assert_eq!(uids.len(), all.len());
    let prometheus = all.iter().find(|source| source["type"] == "prometheus").unwrap();
    let exemplars = &prometheus["jsonData"]["exemplarTraceIdDestinations"][0];
    assert_eq!(exemplars["name"], "trace_id");
    assert!(uids.contains(exemplars["datasourceUid"].as_str().unwrap()));
    assert_eq!(prometheus["jsonData"]["timeInterval"], yaml("deploy/prometheus.yaml")["global"]["scrape_interval"]);

    let boards = yaml("deploy/grafana/provisioning/dashboards/coroner.yaml");
    let path = boards["providers"][0]["options"]["path"].as_str().unwrap();
    let grafana = &services()["grafana"];
    assert!(texts(&grafana["volumes"]).contains(&format!("../dashboards:{path}:ro").as_str()));
    let home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].as_str().unwrap();
    let file = home.strip_prefix(path).unwrap();
    assert!(root().join(format!("dashboards{file}")).is_file(), "{home}");
}

#[test]
fn what_the_program_is_built_from_is_in_the_image() {
    let ignore = read("deploy/Dockerfile.dockerignore");
    let sent: BTreeSet<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignore.lines().any(|line| line == "*"));
    assert!(sent.iter().all(|path| root().join(path).exists()), "{sent:?}");
    assert!(["Cargo.toml", "Cargo.lock", "src", "proto", "benches"].iter().all(|path| sent.contains(path)));
    // Files of other folders that the sources take in.
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for named in text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let Ok(taken) = path.parent().unwrap().join(named).canonicalize() else { continue };
                let inside = taken.strip_prefix(root()).unwrap();
                let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
                assert!(sent.contains(first.as_str()), "{}: {named}", path.display());
            }
        }
    }
}
