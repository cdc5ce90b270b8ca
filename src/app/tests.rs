//! The service in one process: life cycle and what it refuses.

use super::*;
use crate::config::{self, Surroundings};
use std::net::TcpListener;
use tokio::runtime::Handle;

fn config(text: &str) -> Config {
    let outside = Surroundings { env: &|_| None, ..Surroundings::of_process() };
    config::parse("test.yaml", text, &outside).unwrap()
}

/// Ports that the system chooses.
fn any_ports(more: &str) -> Config {
    let listen = "{ listen: 127.0.0.1:0 }";
    config(&format!("receive: {{ grpc: {listen}, http: {listen} }}\nadmin: {listen}\n{more}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_stops_and_leaves_no_task() {
    let before = Handle::current().metrics().num_alive_tasks();
    for _ in 0..3 {
        let mut service = Service::start(&any_ports("")).unwrap();
        let addresses = service.addresses();
        assert!([addresses.grpc, addresses.http, addresses.admin].iter().all(|a| a.port() != 0));
        assert_eq!(service.drain().await, 0);
        service.close().await;
        // A task is taken off the count a moment after it is joined.
        let gone = async {
            while Handle::current().metrics().num_alive_tasks() > before {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(5), gone).await.expect("no task is left");
        for address in [addresses.grpc, addresses.http, addresses.admin] {
            std::net::TcpStream::connect(address).expect_err("nobody listens any more");
        }
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_and_nothing_runs() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!(
        "receive: {{ grpc: {{ listen: '{free}' }}, http: {{ listen: '{address}' }} }}\nadmin: {{ listen: 127.0.0.1:0 }}"
    );
    let error = Service::start(&config(&text)).unwrap_err().to_string();
    assert!(error.starts_with(&format!("receive.http.listen: cannot listen on {address}: ")), "{error}");
    assert!(error.contains("in use") && error.contains("port 0"), "{error}");
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    TcpListener::bind(free).expect("no half service holds it");
}

#[tokio::test]
async fn a_bad_rulebook_opens_no_port() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!("receive: {{ grpc: {{ listen: '{address}' }} }}\nrulebooks: [/nowhere/own.yaml]");
    let error = Service::start(&config(&text)).unwrap_err();
    assert!(matches!(error, StartError::Books(_)));
    assert!(error.to_string().starts_with("/nowhere/own.yaml: cannot read it"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_ends_by_itself_is_noticed() {
    let mut service = Service::start(&any_ports("")).unwrap();
    service.stop.cancel();
    let named = timeout(Duration::from_secs(5), service.failed()).await.unwrap();
    assert!(["otlp/grpc", "otlp/http", "fold", "gatherer"].contains(&named.as_str()), "{named}");
    service.drain().await;
    service.close().await;
}
