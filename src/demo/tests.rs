//! The demo as a whole: real ports, real page, short day.

use super::*;
use crate::config::{self, Surroundings};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_verdicts_agree_with_the_truth() {
    let listen = "receive: {grpc: {listen: 127.0.0.1:0}, http: {listen: 127.0.0.1:0}}\nadmin: {listen: 127.0.0.1:0}\n";
    let config = config::parse("demo.yaml", listen, &Surroundings::of_process()).unwrap();
    // A second service stands in for the trace backend.
    let mut backend = Service::start(&config).unwrap();
    let provider = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let options = Options {
        seconds: 6,
        seed: 1,
        rate: 8.0,
        only: None,
        provider,
        traces: Some(backend.addresses().http.to_string()),
        repeat: false,
        keep: false,
        redraw: false,
    };
    let mut out = Vec::new();
    let agrees = run(&options, &config, &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(agrees, "{text}");
    assert!(text.contains("6/6 s:") && text.contains("http://127.0.0.1:"), "{text}");
    // Every incident struck, or the agreement says little.
    for incident in Scene::builtin().incidents {
        let line = text.lines().find(|line| line.starts_with(&incident.id)).unwrap();
        assert!(!line.contains(" 0      0      0"), "{line}");
    }
    // The backend got each call's span, and nothing else.
    let sent = text.lines().find_map(|line| line.strip_prefix("requests: ")?.split(' ').next()?.parse().ok());
    let page = settled(&Truth::new(&Scene::builtin()), backend.addresses(), SHOWN).await.unwrap();
    assert_eq!(sent, Some(page.count("inference_requests_total", |_| true)));
    backend.drain().await;
    backend.close().await;
}
