//! `docs/taxonomy.md` and `docs/rulebook.md` are written from the code; `CORONER_BLESS=1 cargo test` writes them anew.

use super::*;
use crate::judge::rulebook::{knowledge, rule, when};
use crate::judge::taxonomy::{Confidence, Match, Retry};
use std::collections::BTreeSet;
use std::path::Path;

const TAXONOMY: &str = "\
# The taxonomy

Written from `src/judge/taxonomy.rs` by a test; `CORONER_BLESS=1 cargo test` writes it anew.
Every set is closed: rules, dashboards and alerts may rely on it.
";

const RULEBOOK: &str = "\
# Rulebooks

The knowledge of what a failure means is data: YAML books, of which the first rule that holds decides. Your own books
(`rulebooks:` in the config) stand in front, then the built-in book of the target's platform, then `http.yaml`, whose
last rule always holds. A book with a mistake is refused with every mistake it has, each with file, line and column.

```yaml
platform: baseten            # the platform whose targets this book speaks of; '*' = every platform
rules:
  - id: mine/402-trial
    when: { status: 402, text: [trial has ended] }
    class: billing
    cause: unpaid_account
    confidence: observed
    retry: never
    next_step: Ask finance to move the workspace off the trial.
    source: our wiki
    examples:
      - { status: 402, text: '{\"error\": \"trial has ended\"}' }
```

Texts that name the reason come before headers, headers before the bare status. A text is believed only where a message
begins, because error texts may carry the caller's own words. `oom_killed` and `container_crash` are never the default
of a rule: only evidence shows them, so they stand under `decide`.
";

const CONTAINERS: &str = "
# What records say about containers

Besides rules a book may say what logs, Kubernetes objects, kernel lines and metrics mean (`evidence`, `metrics`), whose
container they speak of (`resources`), and where a request's id stands (`request_id`). The first evidence rule that fits a
record decides, in the order of the books, yours in front. A book for one platform is asked only about that platform's
containers, and about records that no entry of `resources` places.

```yaml
platform: mine
resources:
  - match: { k8s.namespace.name: models, k8s.deployment.name: '{model_id}' }
    replica: k8s.pod.name
  - match: { k8s.namespace.name: models, k8s.pod.name: '{model_id}-*-*' }     # events name only the pod
    replica: k8s.pod.name
  - match: { host.name: gpu-1, cgroup: '/kubepods/*/{model_id}' }            # a kernel's line names the control group
evidence:
  - id: mine/disk-full
    text: [No space left on device]
    kind: container_exit
    source: our wiki
    examples: ['OSError: [Errno 28] No space left on device', 'ERROR: No space left on device']
    others: ['prompt: No space left on device']
request_id: { headers: [x-request-id], fields: [request_id] }
```

Records are read in the shapes that shippers give them: a plain line, a JSON line, a CRI or docker line, a map with `message`,
`msg` or `log`. Pods and events come from the Collector's `k8sobjects` receiver. Of a pod a rule may ask `k8s.container.state`
(`terminated`, `last_terminated`, `waiting`, `running`), `k8s.container.reason`, `k8s.container.exit_code`,
`k8s.pod.status.reason`, `k8s.pod.ready` and `k8s.pod.deleted`; of an event `k8s.event.reason`. A resource may ask
`k8s.namespace.name`, `k8s.pod.name`, `k8s.pod.uid`, `k8s.node.name`, `k8s.pod.labels.<name>`, the names of the pod's owners such
as `k8s.deployment.name` or `k8s.statefulset.name`, and every attribute of the record and its resource. Pod status, kernel lines
and the platform's own export of logs report a container's death; lines of a container and metrics do not, unless
`correlate.death_reports` in the config says so.
";

/// Adds formatted text.
macro_rules! push {
    ($out:expr, $($text:tt)*) => {
        $out.push_str(&format!($($text)*))
    };
}

/// A cell of a table: no line breaks, no bars.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn set(out: &mut String, name: &str, about: &str, members: &[(String, String)]) {
    push!(out, "\n## {name}\n\n{about}\n\n| word | meaning |\n|---|---|\n");
    for (word, meaning) in members {
        push!(out, "| `{word}` | {} |\n", cell(meaning));
    }
}

macro_rules! members {
    ($set:ty) => {
        <$set>::ALL.iter().map(|m| (m.to_string(), m.meaning().to_owned())).collect::<Vec<_>>()
    };
}

/// Where a verdict can get this cause from.
fn origin(books: &Rulebooks, cause: Cause) -> &'static str {
    let record = books.rules().iter().any(|r| r.verdict.cause == cause);
    let evidence = books.rules().iter().flat_map(|r| &r.decide).any(|d| d.cause == cause);
    match (record, evidence) {
        (true, true) => "record, evidence",
        (true, false) => "record",
        (false, true) => "evidence alone",
        (false, false) => "nowhere",
    }
}

fn taxonomy() -> String {
    let books = Rulebooks::builtin();
    let mut out = TAXONOMY.to_owned();
    set(&mut out, "class", "What happened.", &members!(Class));
    push!(
        out,
        "\n## cause\n\nWhy. The last column: what shows it, the failed request's own record or evidence about the container.\n\n| word | meaning | default blame | shown by |\n|---|---|---|---|\n"
    );
    for cause in Cause::ALL {
        push!(
            out,
            "| `{cause}` | {} | `{}` | {} |\n",
            cell(cause.meaning()),
            cause.default_blame(),
            origin(&books, *cause)
        );
    }
    set(&mut out, "blame", "Who has to act.", &members!(Blame));
    set(&mut out, "confidence", "How sure cause and blame are.", &members!(Confidence));
    set(&mut out, "match", "How evidence was matched to the request.", &members!(Match));
    set(&mut out, "retry", "Whether and how to try again.", &members!(Retry));
    set(&mut out, "evidence", "Facts that no answer shows; what a rule's `decide` may name.", &members!(EvidenceKind));
    out
}

/// What books say about containers: keys and evidence rules.
fn containers(out: &mut String) {
    let sections = [
        ("Keys of an evidence rule", knowledge::EVIDENCE_KEYS),
        ("Keys of an entry of `resources`", knowledge::RESOURCE_KEYS),
        ("Keys of an entry of `metrics`", knowledge::METRIC_KEYS),
        ("Keys of `request_id`", knowledge::REQUEST_ID_KEYS),
    ];
    out.push_str(CONTAINERS);
    for (title, keys) in sections {
        push!(out, "\n## {title}\n\n| key | meaning |\n|---|---|\n");
        for (key, meaning) in keys {
            push!(out, "| `{key}` | {} |\n", cell(meaning));
        }
    }
    let books = Rulebooks::builtin();
    for book in ["baseten.yaml", "containers.yaml"] {
        push!(
            out,
            "\n## The evidence rules of `{book}`\n\nIn the order of trial.\n\n| rule | needs | evidence | source | example |\n|---|---|---|---|---|\n"
        );
        for rule in books.evidence().iter().filter(|r| &*r.book == book) {
            push!(
                out,
                "| `{}` | `{}` | {} | {} | `{}` |\n",
                rule.id,
                cell(&rule.shown),
                rule.kind.map_or("-", EvidenceKind::as_str),
                cell(&rule.source),
                cell(rule.examples.first().map(|e| e.shown.as_str()).unwrap_or_default())
            );
        }
    }
}

fn rulebook() -> String {
    let mut out = RULEBOOK.to_owned();
    for (title, keys) in [("Keys of a rule", rule::KEYS), ("Keys of `when`", when::KEYS)] {
        push!(out, "\n## {title}\n\n| key | meaning |\n|---|---|\n");
        for (key, meaning) in keys {
            push!(out, "| `{key}` | {} |\n", cell(meaning));
        }
    }
    containers(&mut out);
    let books = Rulebooks::builtin();
    for book in ["baseten.yaml", "http.yaml"] {
        push!(
            out,
            "\n## The rules of `{book}`\n\nIn the order of trial.\n\n| rule | when | verdict | evidence may make it | retry | next step | source | example |\n|---|---|---|---|---|---|---|---|\n"
        );
        for rule in books.rules().iter().filter(|r| &*r.book == book) {
            let v = &rule.verdict;
            let decide: Vec<String> =
                rule.decide.iter().map(|d| format!("`{}` -> {}, {}", d.evidence, d.cause, d.blame)).collect();
            let example = rule.examples.first().map(|e| e.shown.as_str()).unwrap_or_default();
            push!(
                out,
                "| `{}` | `{}` | {}, {}, {} ({}) | {} | {} | {} | {} | `{}` |\n",
                v.rule,
                cell(&rule.shown),
                v.class,
                v.cause,
                v.blame,
                v.confidence,
                decide.join("; "),
                v.retry,
                cell(&v.next_step),
                cell(&rule.source),
                cell(example)
            );
        }
    }
    out
}

fn compare(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("CORONER_BLESS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/{name} is out of date: run `CORONER_BLESS=1 cargo test --lib pages`");
}

#[test]
fn the_taxonomy_page_is_up_to_date() {
    compare("taxonomy.md", &taxonomy());
}

#[test]
fn the_rulebook_page_is_up_to_date() {
    compare("rulebook.md", &rulebook());
}

#[test]
fn every_word_can_come_about() {
    let books = Rulebooks::builtin();
    let nowhere: Vec<&Cause> = Cause::ALL.iter().filter(|cause| origin(&books, **cause) == "nowhere").collect();
    assert!(nowhere.is_empty(), "no rule and no evidence gives {nowhere:?}");
    let alone: BTreeSet<&Cause> =
        Cause::ALL.iter().filter(|cause| origin(&books, **cause) == "evidence alone").collect();
    let wanted = BTreeSet::from([&Cause::OomKilled, &Cause::ContainerCrash, &Cause::LoadFailed, &Cause::HungRequest]);
    assert_eq!(alone, wanted, "what evidence alone shows");
    let classes: BTreeSet<Class> = books.rules().iter().map(|r| r.verdict.class).collect();
    assert_eq!(classes.len(), Class::ALL.len(), "a class that no rule gives");
    let evidence: BTreeSet<EvidenceKind> = books.rules().iter().flat_map(|r| &r.decide).map(|d| d.evidence).collect();
    // One says when a death is over. The other is how things stood, and proves no death: a container may live for days close to
    // its limit.
    let other = [EvidenceKind::Serving, EvidenceKind::MemoryPressure];
    let decides = |kind: &&EvidenceKind| evidence.contains(kind) || other.contains(kind);
    let unused: Vec<_> = EvidenceKind::ALL.iter().filter(|kind| !decides(kind)).collect();
    assert!(unused.is_empty(), "evidence that decides nothing: {unused:?}");
}
