//! A bad book is refused with every mistake it has, each with its place and what would be right.

use super::*;

fn errors(text: &str) -> String {
    told(&Rulebooks::compile(vec![source("mine.yaml", text)]).expect_err("a bad book"))
}

/// A book of one rule that is right but for what the test changes.
fn rule(change: impl Fn(&str) -> String) -> String {
    let good = "platform: baseten\nrules:\n  - id: mine/a\n    when: { status: 418 }\n    class: other\n    cause: unknown\n    confidence: assumed\n    retry: never\n    next_step: Look.\n    source: us\n    examples: [{ status: 418 }]\n";
    assert!(Rulebooks::compile(vec![source("mine.yaml", good)]).is_ok());
    change(good)
}

#[test]
fn all_mistakes_are_told_at_once() {
    let book = "\
platform: baseten
colour: red
rules:
  - id: mine/one
    when: { status: 999, transprt: dns }
    class: bad_gatway
    cause: oom
    confidence: likely
    retry: later
    next_step: ''
    source: us
  - id: two
    when: {}
    class: other
    otherwise: { cause: oom_killed }
    decide: [{ evidence: oom_kill, cause: oom_killed }]
    retry: never
    next_step: Look.
    source: us
    examples: []
";
    let wanted = "\
mine.yaml:2:1: book: unknown key `colour`; one of: platform, targets, rules
mine.yaml:5:26: rule `mine/one`: when: unknown key `transprt`; did you mean `transport`?
mine.yaml:5:21: rule `mine/one`: `999` is no status; write 100 to 599, `5xx`, `none`, `grpc:14`, `grpc`, `ws:1011` or `ws`
mine.yaml:6:12: rule `mine/one`: `bad_gatway` is no class; did you mean `bad_gateway`?
mine.yaml:9:12: rule `mine/one`: `later` is no retry; did you mean `after`?
mine.yaml:10:16: rule `mine/one`: `next_step` is empty
mine.yaml:4:5: rule `mine/one`: `examples` is missing; write for example `examples: [{ status: 502 }]`
mine.yaml:12:9: rule `two`: `two` is no rule id; write `<book>/<name>` with letters, digits, `-`, `_` and `.`
mine.yaml:13:11: rule `two`: `when` is empty: the rule would hold for everything; name what it needs
mine.yaml:12:5: rule `two`: no record shows `oom_killed`: only evidence does; put it under `decide`
mine.yaml:16:26: rule `two`: `oom_kill` is no evidence; did you mean `oom_killed`?
mine.yaml:20:15: rule `two`: `examples` is empty: every rule shows at least one observation that it decides";
    let got = errors(book);
    for line in wanted.lines() {
        assert!(got.contains(line), "missing: {line}\n--- got ---\n{got}");
    }
    assert!(got.contains("mine.yaml:7:12: rule `mine/one`: `oom` is no cause; one of: oom_killed, gpu_oom,"), "{got}");
}

#[test]
fn broken_yaml_is_told_with_its_place() {
    let got = errors("platform: baseten\nrules:\n  - id: [\n");
    assert!(got.starts_with("mine.yaml:") && !got.starts_with("mine.yaml:0:"), "{got}");
}

#[test]
fn wrong_kinds_of_values() {
    assert!(errors("[]").contains("mine.yaml:1:1: book must be a map, not a list"));
    assert!(errors("platform: baseten\n").contains("mine.yaml:1:1: `rules` is missing"));
    assert!(errors("platform: 7\nrules: []\n").contains("mine.yaml:1:11: `platform` must be a text; put it in quotes"));
    assert!(errors("platform: x\nrules: { a: 1 }\n").contains("`rules` must be a list, not a map"));
    assert!(
        errors(&rule(|r| r.replace("when: { status: 418 }", "when: 418")))
            .contains("mine.yaml:4:11: rule `mine/a`: when must be a map, not a number")
    );
    let header = rule(|r| r.replace("{ status: 418 }\n    class", "{ header: { x-code: 04 } }\n    class"));
    assert!(errors(&header).contains("mine.yaml:4:31: rule `mine/a`: `x-code` must be a text; put it in quotes"));
}

#[test]
fn patterns_that_cannot_work() {
    let with = |when: &str| errors(&rule(|r| r.replace("when: { status: 418 }", &format!("when: {when}"))));
    assert!(
        with("{ text_regex: '(' }")
            .contains("mine.yaml:4:25: rule `mine/a`: `(` is no regular expression: unclosed group"),
        "{}",
        with("{ text_regex: '(' }")
    );
    assert!(with("{ text_regex: 'a*' }").contains("`a*` matches the empty text"));
    assert!(with("{ status: [] }").contains("mine.yaml:4:21: rule `mine/a`: `status` is an empty list"));
    assert!(with("{ status: 404, answered: true }").contains("never holds: `answered: true` needs a 2xx status"));
    assert!(
        with("{ seconds: { below: 1, at_least: 2 } }").contains("never holds: no time is at least 2 s and below 1 s")
    );
    assert!(with("{ status: none, header: { x: '1' } }").contains("never holds: there are no response headers"));
    assert!(
        with("{ transport: dnz }")
            .contains("mine.yaml:4:24: rule `mine/a`: transport: unknown variant `dnz`, expected one of")
    );
    assert!(with("{ vantage: clint }").contains("`clint` is no vantage; did you mean `client`?"));
    assert!(with("{ always: true }").contains("`always` hides every rule behind it"));
    assert!(with("{ always: true, status: 404 }").contains("`always` stands alone"));
}

#[test]
fn two_defaults_or_none() {
    let two = rule(|r| r.replace("cause: unknown", "cause: unknown\n    otherwise: { cause: unknown }"));
    assert!(errors(&two).contains("`cause` and `otherwise` both give the default; take one away"));
    let no_cause = rule(|r| r.replace("    cause: unknown\n", ""));
    assert!(errors(&no_cause).contains("mine.yaml:3:5: rule `mine/a`: `cause` is missing"));
    let no_confidence = rule(|r| r.replace("    confidence: assumed\n", ""));
    assert!(errors(&no_confidence).contains("`confidence` is missing; write `observed` or `assumed`"));
    let likely = rule(|r| r.replace("assumed", "likely"));
    assert!(errors(&likely).contains("a record alone is `observed` or `assumed`, never `likely`"));
}

#[test]
fn an_example_that_another_rule_decides() {
    let other = rule(|r| r.replace("examples: [{ status: 418 }]", "examples: [{ status: 418 }, { status: 502 }]"));
    let got = errors(&other);
    assert!(
        got.starts_with("mine.yaml:11:33: rule `mine/a`: this example is decided by `baseten/502` (baseten.yaml:"),
        "{got}"
    );
    let class = rule(|r| r.replace("examples: [{ status: 418 }]", "examples: [{ status: 4xx }, {}]"));
    let got = errors(&class);
    assert!(
        got.contains("an example shows one status, not a class of them") && got.contains("the example is empty"),
        "{got}"
    );
}

#[test]
fn ids_are_unique_over_all_books() {
    let taken = rule(|r| r.replace("mine/a", "baseten/502"));
    let got = errors(&taken);
    assert!(got.contains("this id is taken by mine.yaml:3; ids are unique over all books"), "{got}");
}

#[test]
fn targets_are_checked_too() {
    let bad =
        rule(|r| r.replace("rules:", "targets:\n  - { host: 'model-{model_id.example.com' }\n  - { hots: x }\nrules:"));
    let got = errors(&bad);
    assert!(got.contains("mine.yaml:3:5: `model-{model_id.example.com`: a capture is written"), "{got}");
    assert!(got.contains("mine.yaml:4:5: target: unknown field `hots`, expected one of"), "{got}");
}

#[test]
fn mistakes_in_what_a_book_says_of_containers_are_told() {
    let book = "\
platform: mine
evidence:
  - { id: mine/disk, regex: 'x(', kind: oom_kill, source: us, examples: [x] }
  - { id: mine/none, text: [gone], source: us }
  - { id: mine/line, text: [gone], kind: container_exit, source: us, examples: [it is gone], others: [gone] }
resources:
  - { match: { k8s.pod.name: '{model}-*' } }
metrics:
  - { metric: x, reading: last_end, source: us }
";
    let told = errors(book);
    for wanted in [
        "mine.yaml:3:29: rule `mine/disk`: `regex` cannot be read: unclosed group",
        "mine.yaml:3:41: rule `mine/disk`: `oom_kill` is no evidence; did you mean `oom_killed`?",
        "mine.yaml:3:5: rule `mine/disk`: needs `text` or `fields`: else it would be asked of every line",
        "mine.yaml:4:5: rule `mine/none`: `kind` is missing; write for example `kind: container_exit`",
        "mine.yaml:4:5: rule `mine/none`: `examples` is missing",
        "mine.yaml:7:5: `{model}-*`: unknown capture `model`",
        "mine.yaml:9:5: `last_end` is missing",
    ] {
        assert!(told.contains(wanted), "no `{wanted}` in:\n{told}");
    }
    let line =
        book.lines().filter(|l| !["mine/disk", "mine/none", "{model}", "last_end"].iter().any(|w| l.contains(w)));
    let told = errors(&format!(
        "{}\n",
        line.filter(|l| !l.ends_with("resources:") && !l.ends_with("metrics:")).collect::<Vec<_>>().join("\n")
    ));
    assert!(told.contains("this example is recognised by no rule"), "{told}");
    assert!(told.contains("this line is recognised, and must not be"), "{told}");
}
