//! How the service is installed for good: `deploy/coroner.service` and `deploy/kubernetes.yaml`. In: the files, the program. Out: the command
//! lines and the config are accepted, what listens is what is asked, and it gets the time that it needs to stop.

use super::{read, texts};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// `shutdown.linger` and what docs/operations.md asks for besides, seconds.
const TO_STOP: u64 = 15 + 40;

fn documents() -> Vec<Value> {
    let text = read("deploy/kubernetes.yaml");
    text.split("\n---\n").map(|one| serde_saphyr::from_str(one).unwrap()).collect()
}

fn of_kind(kind: &str) -> Value {
    documents().into_iter().find(|one| one["kind"] == kind).unwrap()
}

fn accepts(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_coroner")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_config_and_the_command_lines_are_accepted() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("install");
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("coroner.yaml");
    std::fs::write(&config, of_kind("ConfigMap")["data"]["coroner.yaml"].as_str().unwrap()).unwrap();
    accepts(&["check", "--config", config.to_str().unwrap()]);
    let unit = read("deploy/coroner.service");
    let container = &of_kind("Deployment")["spec"]["template"]["spec"]["containers"][0];
    let kubernetes = texts(&container["args"]).join(" ");
    let lines =
        unit.lines().filter(|line| line.starts_with("Exec")).map(|line| line.split_once("/bin/coroner ").unwrap().1);
    for line in lines.chain([kubernetes.as_str()]) {
        // `--help` starts nothing; what stands before it is still checked.
        let words: Vec<&str> = line.split(' ').chain(["--help"]).collect();
        accepts(&words);
        assert!(line.contains("--config /etc/coroner"), "{line}");
    }
}

#[test]
fn senders_and_probes_reach_what_listens() {
    let spec = &of_kind("Deployment")["spec"];
    assert_eq!((&spec["replicas"], &spec["strategy"]["type"]), (&Value::from(1), &Value::from("Recreate")));
    let pod = &spec["template"]["spec"];
    let container = &pod["containers"][0];
    let reference = coroner::config::reference();
    let listens: BTreeSet<String> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            assert!(reference.contains(&format!("`{}`", one["name"].as_str().unwrap())), "{one}");
            one["value"].as_str().unwrap().strip_prefix("0.0.0.0:").unwrap().to_owned()
        })
        .collect();
    let ports = container["ports"].as_array().unwrap();
    let open: BTreeSet<String> = ports.iter().map(|port| port["containerPort"].to_string()).collect();
    assert_eq!(listens, open);
    let named = |name: &Value| ports.iter().find(|port| port["name"] == *name).map(|port| &port["containerPort"]);
    for port in of_kind("Service")["spec"]["ports"].as_array().unwrap() {
        assert_eq!(named(&port["targetPort"]), Some(&port["port"]));
    }
    let operations = read("docs/operations.md");
    for probe in ["livenessProbe", "readinessProbe"] {
        let asked = &container[probe]["httpGet"];
        assert_eq!(named(&asked["port"]), Some(&Value::from(9464)));
        assert!(operations.contains(&format!("| `{}` |", asked["path"].as_str().unwrap())), "{asked}");
    }
}

#[test]
fn it_gets_the_time_that_it_needs_to_stop() {
    let reference = coroner::config::reference();
    assert!(reference.contains("| `shutdown.linger` | `15s` |"));
    let pod = &of_kind("Deployment")["spec"]["template"]["spec"];
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() >= TO_STOP);
    let unit = read("deploy/coroner.service");
    let stop = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    assert!(stop.parse::<u64>().unwrap() >= TO_STOP);
}
