//! Tests of the engine and of what the built-in books say.

mod bad_books;
mod meaning;
mod pages;
mod properties;

use super::*;
use crate::observe::{Api, Ending, Outcome, Status, Target, Transport, Vantage};

#[test]
fn the_built_in_books_compile_and_keep_their_promises() {
    let books = Rulebooks::compile(Vec::new()).unwrap_or_else(|errors| panic!("{}", told(&errors)));
    assert_eq!(told(&books.check_examples()), "");
    assert!(books.rules().last().is_some_and(|rule| rule.always), "the last generic rule holds for everything");
}

#[test]
fn the_users_books_stand_in_front() {
    let mine = "platform: baseten\nrules:\n  - { id: mine/teapot, when: { status: 418 }, class: invalid_request, cause: invalid_input, confidence: observed, retry: never, next_step: Ask for tea., source: RFC 2324, examples: [{ status: 418 }] }\n";
    let books = Rulebooks::compile(vec![source("mine.yaml", mine)]).unwrap();
    let mut teapot = seen("baseten", Status::Http(418));
    assert_eq!(&*books.judge(&teapot).rule, "mine/teapot");
    teapot.target = Arc::new(Target { platform: "other".to_owned(), ..Target::default() });
    assert_eq!(&*books.judge(&teapot).rule, "http/4xx", "a book speaks for its own platform alone");
    assert_eq!(&*books.judge(&seen("baseten", Status::Http(502))).rule, "baseten/502");
    assert_eq!(books.rule("mine/teapot").map(|rule| rule.source.as_str()), Some("RFC 2324"));
}

#[test]
fn a_users_book_for_all_platforms_comes_first_everywhere() {
    let mine = "platform: '*'\nrules:\n  - { id: mine/502, when: { status: 502 }, class: bad_gateway, cause: unknown, confidence: assumed, retry: backoff, next_step: Ask me., source: us, examples: [{ status: 502 }] }\n";
    let books = Rulebooks::compile(vec![source("mine.yaml", mine)]).unwrap();
    for platform in ["baseten", "other", ""] {
        assert_eq!(&*books.judge(&seen(platform, Status::Http(502))).rule, "mine/502", "{platform}");
    }
}

#[test]
fn targets_are_handed_on_with_their_platform() {
    let books = Rulebooks::builtin();
    let patterns = Patterns::compile(books.targets()).unwrap();
    for (host, path, model, environment, api) in [
        ("model-q4r5s6t7.api.baseten.co", "/environments/production/predict", "q4r5s6t7", "production", Api::Dedicated),
        ("model-q4r5s6t7.api.baseten.co", "/development/predict", "q4r5s6t7", "development", Api::Dedicated),
        ("model-q4r5s6t7-staging.api.baseten.co", "/predict", "q4r5s6t7", "staging", Api::Dedicated),
        ("chain-a1b2c3.api.baseten.co", "/production/run_remote", "chain-a1b2c3", "production", Api::Chain),
        ("model-q4r5s6t7.grpc.api.baseten.co", "/", "q4r5s6t7", "", Api::Dedicated),
        ("inference.baseten.co", "/v1/chat/completions", "", "", Api::ModelApi),
    ] {
        let found = patterns.find(host, path).unwrap_or_else(|| panic!("{host}"));
        let target = (&*found.target.platform, &*found.target.model_id, &*found.target.environment);
        assert_eq!((target, found.api), (("baseten", model, environment), api), "{host}{path}");
    }
    assert!(patterns.find("app.baseten.co", "/metrics").is_none());
}

/// The built-in books, compiled once.
fn books() -> &'static Rulebooks {
    static BOOKS: std::sync::OnceLock<Rulebooks> = std::sync::OnceLock::new();
    BOOKS.get_or_init(Rulebooks::builtin)
}

fn told(errors: &[BookError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

/// A failure that shows nothing but its status.
fn seen(platform: &str, status: Status) -> Observation {
    Observation {
        vantage: Vantage::Client,
        target: Arc::new(Target { platform: platform.to_owned(), ..Target::default() }),
        api: Api::Dedicated,
        caller: Arc::from("app"),
        status,
        transport: None,
        ending: None,
        path: "/environments/production/predict".to_owned(),
        text: String::new(),
        headers: Vec::new(),
        request_id: String::new(),
        start_ns: 1_000_000_000,
        end_ns: 2_500_000_000,
        trace_id: [1; 16],
        span_id: [1; 8],
        parent_span_id: [0; 8],
        weight: 1.0,
        outcome: Outcome::Error,
    }
}

fn none(transport: Transport) -> Observation {
    Observation { transport: Some(transport), ..seen("baseten", Status::None) }
}

fn said(status: u16, text: &str) -> Observation {
    Observation { text: text.to_owned(), ..seen("baseten", Status::Http(status)) }
}

fn headed(status: u16, code: &str) -> Observation {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![header("x-baseten-error-source", "04"), header("x-baseten-error-code", code)];
    Observation { headers, ..seen("baseten", Status::Http(status)) }
}

fn took(seconds: u64, observation: Observation) -> Observation {
    Observation { end_ns: observation.start_ns + seconds * 1_000_000_000, ..observation }
}

fn begun(transport: Option<Transport>, ending: Option<Ending>) -> Observation {
    Observation { transport, ending, ..seen("baseten", Status::Http(200)) }
}
