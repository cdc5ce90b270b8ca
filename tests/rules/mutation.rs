//! Do the tests see mistakes in the rules? In: the rules and their tests. Out: each rule with one small mistake (a threshold, a
//! window, a `for`, a matcher, an operator, an arm, a label) makes one of its tests fail; the share is printed per rule.
//!
//! `CORONER_TEST_ALL_MUTANTS=1` tries every mutant, `CORONER_TEST_MUTANTS_OF=NAME` every mutant of one rule; otherwise those of as many
//! rules as a budget allows, other ones whenever the pack changes. Mutants that no input can tell from their rule stand in
//! `alerts/tests/equivalent-mutants.yaml`.

#[path = "mutation/batch.rs"]
mod batch;
#[path = "mutation/expression.rs"]
mod expression;
#[path = "mutation/mutant.rs"]
mod mutant;
#[path = "mutation/run.rs"]
mod run;
#[path = "mutation/suite.rs"]
mod suite;

use crate::pack::{root, yaml};
use mutant::Mutant;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use suite::Suite;

/// The share of mutants that must be found, in percent.
const WANTED: usize = 95;

/// What a sample may cost, in evaluations of a rule: two minutes on two cores.
const BUDGET: usize = 1_500_000;

/// A mutant that no input can tell from the rule.
#[derive(Deserialize)]
struct Equivalent {
    rule: String,
    mutant: String,
    reason: String,
}

/// Which mutants are tried.
fn chosen(suite: &Suite, all: &[Mutant]) -> Vec<Mutant> {
    if let Ok(name) = std::env::var("CORONER_TEST_MUTANTS_OF") {
        return all.iter().filter(|mutant| mutant.rule == name).cloned().collect();
    }
    if std::env::var_os("CORONER_TEST_ALL_MUTANTS").is_some() {
        return all.to_vec();
    }
    let mut of_rules: Vec<&[Mutant]> = all.chunk_by(|one, next| one.place == next.place).collect();
    of_rules.sort_by_key(|mutants| suite.draw(mutants[0].place));
    let mut left = BUDGET;
    let mut taken: Vec<Mutant> = Vec::new();
    for mutants in of_rules {
        // A rule that needs days of history is skipped, not cut short; the next one may fit.
        if let Some(rest) = left.checked_sub(suite.cost(mutants[0].place, mutants.len())) {
            left = rest;
            taken.extend_from_slice(mutants);
        }
    }
    taken
}

fn equivalents(mutants: &[Mutant]) -> BTreeSet<(String, String)> {
    let list: Vec<Equivalent> = yaml(&root("alerts/tests/equivalent-mutants.yaml"));
    let known: BTreeSet<(&str, &str)> = mutants.iter().map(|m| (m.rule.as_str(), m.what.as_str())).collect();
    let mut found = BTreeSet::new();
    for one in list {
        assert!(one.reason.len() > 10, "{}: {}: a reason", one.rule, one.mutant);
        assert!(known.contains(&(&one.rule, &one.mutant)), "stale: no mutant {}: {}", one.rule, one.mutant);
        assert!(found.insert((one.rule.clone(), one.mutant.clone())), "{}: {} stands twice", one.rule, one.mutant);
    }
    found
}

#[test]
fn mistakes_in_rules_make_a_test_fail() {
    let suite = Suite::read();
    let all = mutant::all(&suite.rules);
    let equivalents = equivalents(&all);
    let tried = chosen(&suite, &all);
    let survivors = run::survivors(&suite, &tried);
    let is_equivalent = |mutant: &Mutant| equivalents.contains(&(mutant.rule.clone(), mutant.what.clone()));
    let found = tried.iter().filter(|mutant| is_equivalent(mutant) && !survivors.contains(mutant));
    let found: Vec<String> = found.map(|mutant| format!("{}: {}", mutant.rule, mutant.what)).collect();
    let (survived, tested): (Vec<&Mutant>, Vec<&Mutant>) = (
        survivors.iter().filter(|mutant| !is_equivalent(mutant)).collect(),
        tried.iter().filter(|mutant| !is_equivalent(mutant)).collect(),
    );
    report(&tested, &survived, all.len());
    assert!(found.is_empty(), "listed as equivalent, but a test tells them apart:\n{}", found.join("\n"));
    assert!(!tested.is_empty(), "no mutant was tried");
    let killed = tested.len() - survived.len();
    assert!(killed * 100 >= tested.len() * WANTED, "only {killed} of {} mistakes make a test fail", tested.len());
}

/// Prints the share of each rule and of all, past the capture of tests, and keeps a list of the mutants that no test saw.
fn report(tested: &[&Mutant], survived: &[&Mutant], all: usize) {
    let mut shares: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for mutant in tested {
        shares.entry(&mutant.rule).or_default().1 += 1;
    }
    for mutant in survived {
        shares.entry(&mutant.rule).or_default().0 += 1;
    }
    let mut text = String::from("\nmistakes in rules that make a test fail:\n");
    for (rule, (lived, of)) in &shares {
        writeln!(text, "{:5.1} %  {:4} of {of:4}  {rule}", share(of - lived, *of), of - lived).unwrap();
    }
    let killed = tested.len() - survived.len();
    let whole = share(killed, tested.len());
    writeln!(text, "{whole:5.1} %  {killed:4} of {:4}  in all; there are {all}", tested.len()).unwrap();
    let lines: Vec<String> = survived.iter().map(|mutant| format!("{}: {}\n", mutant.rule, mutant.what)).collect();
    if !lines.is_empty() {
        writeln!(text, "not seen by any test:\n{}", lines.concat()).unwrap();
    }
    std::io::stdout().write_all(text.as_bytes()).unwrap();
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("survivors.txt"), lines.concat()).unwrap();
}

fn share(part: usize, of: usize) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}
