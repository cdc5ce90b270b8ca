//! Whatever an observation holds, there is one verdict, and its words belong to the closed sets.

use super::*;
use crate::judge::taxonomy::{Confidence, Match};
use proptest::prelude::*;

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(Status::None),
        (0_u16..1000).prop_map(Status::Http),
        (0_u16..20).prop_map(Status::Grpc),
        (990_u16..5000).prop_map(Status::WebSocket),
    ]
}

fn transport() -> impl Strategy<Value = Option<Transport>> {
    proptest::option::of(prop_oneof![
        Just(Transport::Timeout),
        Just(Transport::Cancelled),
        Just(Transport::Refused),
        Just(Transport::ConnectTimeout),
        Just(Transport::Dns),
        Just(Transport::Tls),
        Just(Transport::PoolExhausted),
        Just(Transport::Disconnected),
        Just(Transport::Truncated),
        Just(Transport::Unknown),
    ])
}

fn ending() -> impl Strategy<Value = Option<Ending>> {
    let endings = vec![Ending::Complete, Ending::Truncated, Ending::Cancelled, Ending::Unknown];
    proptest::option::of(proptest::sample::select(endings))
}

/// Text of fragments that rules know, of syntax, and of anything.
fn text() -> impl Strategy<Value = String> {
    let known = vec![
        "CUDA out of memory",
        "client closed connection",
        "\"error\": \"",
        "error_code",
        "'",
        "\"",
        "\\",
        ": ",
        "\n",
        "{",
        "CAPACITY_EXCEEDED",
        "timeout",
        "This model's maximum context length is 12",
        "Model with name \u{e9} is not ready",
        "\u{1F600}",
    ];
    proptest::collection::vec(prop_oneof![proptest::sample::select(known).prop_map(str::to_owned), ".{0,12}"], 0..12)
        .prop_map(|parts| parts.concat())
}

fn observation() -> impl Strategy<Value = Observation> {
    let apis = proptest::sample::select(vec![Api::Dedicated, Api::ModelApi, Api::Chain]);
    let platform = proptest::sample::select(vec!["baseten", "other", "", "*"]);
    let headers = proptest::collection::vec(("x-baseten-error-(source|code)", "0?[0-9]{1,3}"), 0..3);
    (status(), transport(), ending(), text(), apis, platform, headers, 0_u64..4000, "(/[a-z_\u{e9}]{0,8}){0,4}")
        .prop_map(|(status, transport, ending, text, api, platform, headers, seconds, path)| {
            let bare = seen(platform, status);
            took(seconds, Observation { api, transport, ending, path, text, headers, ..bare })
        })
}

proptest! {
    #[test]
    fn every_observation_gets_one_verdict(observation in observation()) {
        let books = books();
        let verdict = books.judge(&observation);
        let rule = books.rule(&verdict.rule).expect("the rule that decided is known");
        prop_assert_eq!(&rule.verdict, &verdict);
        prop_assert_eq!(verdict.matched, Match::None);
        prop_assert!(matches!(verdict.confidence, Confidence::Observed | Confidence::Assumed));
        prop_assert!(!matches!(verdict.cause, Cause::OomKilled | Cause::ContainerCrash), "only evidence shows these");
        prop_assert_eq!(&books.judge(&observation), &verdict, "the same record, the same verdict");
        let platform = &observation.target.platform;
        let own = if platform == "baseten" { "baseten.yaml" } else { "http.yaml" };
        prop_assert!(&*rule.book == own || &*rule.book == "http.yaml");
    }

    #[test]
    fn the_default_decides_only_where_no_other_rule_holds(observation in observation()) {
        let books = books();
        if &*books.judge(&observation).rule == "http/other" {
            let facts = Facts::new(&observation, &books.phrases);
            let own = |rule: &&Arc<Rule>| observation.target.platform == "baseten" || &*rule.book == "http.yaml";
            for rule in books.rules.iter().filter(own).filter(|rule| !rule.always) {
                prop_assert!(!rule.when.holds(&facts), "{} holds too", rule.verdict.rule);
            }
        }
    }
}

proptest! {
    // Each case compiles the built-in books too.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_book_of_anything_is_an_error_and_no_panic(text in "[ -~\n]{0,200}") {
        prop_assert!(Rulebooks::compile(vec![source("any.yaml", &text)]).is_err());
    }
}
