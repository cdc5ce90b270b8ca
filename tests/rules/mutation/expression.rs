//! Small mistakes in a query. In: a parsed query. Out: copies of it, each with one number, window, matcher, operator, arm or
//! grouping label changed, beside a line that says what was changed.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::token::{self, TokenId, TokenType};
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, MatrixSelector, NumberLiteral, Offset, SubqueryExpr,
    VectorMatchCardinality, VectorSelector,
};
use promql_parser::util::display_duration;
use std::time::Duration;

/// What was changed, and the query with the change.
pub(super) type Changed = (String, Expr);

/// The evaluation interval of the pack: no window changes by less.
const STEP: u64 = 30;

/// Every query that is one small mistake away.
pub(super) fn mutants(expr: &Expr) -> Vec<Changed> {
    match expr {
        Expr::NumberLiteral(number) => numbers(number.val),
        Expr::VectorSelector(selector) => wrap(selected(selector), Expr::VectorSelector),
        Expr::MatrixSelector(matrix) => ranged(matrix),
        Expr::Subquery(subquery) => subqueried(subquery),
        Expr::Aggregate(aggregate) => aggregated(aggregate),
        Expr::Binary(binary) => combined(binary),
        Expr::Call(call) => called(call),
        Expr::Paren(paren) => inside(&paren.expr, |inner| {
            let mut changed = paren.clone();
            changed.expr = inner;
            Expr::Paren(changed)
        }),
        Expr::Unary(unary) => inside(&unary.expr, |inner| {
            let mut changed = unary.clone();
            changed.expr = inner;
            Expr::Unary(changed)
        }),
        Expr::StringLiteral(_) | Expr::Extension(_) => Vec::new(),
    }
}

fn wrap<T>(all: Vec<(String, T)>, into: impl Fn(T) -> Expr) -> Vec<Changed> {
    all.into_iter().map(|(what, one)| (what, into(one))).collect()
}

/// The mutants of a part, each put back into the whole.
fn inside(part: &Expr, into: impl Fn(Box<Expr>) -> Expr) -> Vec<Changed> {
    wrap(mutants(part), |inner| into(Box::new(inner)))
}

/// Just under and just over: one for small whole numbers, a tenth for fractions, a twentieth for large ones.
fn numbers(value: f64) -> Vec<Changed> {
    let whole = value.fract() == 0.0;
    let step = match value.abs() {
        size if !whole => size / 10.0,
        size if size <= 20.0 => 1.0,
        size => (size / 20.0).round(),
    };
    // Nothing here counts below zero, and `> -1` is what `>= 0` is.
    let changed = if value == 0.0 { vec![step] } else { vec![value - step, value + step] };
    // Sums of binary fractions show digits that nobody wrote.
    let tidy = |number: f64| (number * 1e9).round() / 1e9;
    let one = |number| (format!("{value} -> {number}"), Expr::NumberLiteral(NumberLiteral::new(number)));
    changed.into_iter().map(tidy).map(one).collect()
}

/// A window shorter and longer by a fifth, in whole evaluation steps.
pub(super) fn windows(window: Duration) -> Vec<Duration> {
    let seconds = window.as_secs();
    let step = (seconds / 5 / STEP * STEP).max(STEP);
    let shorter = if seconds > step { seconds - step } else { seconds / 2 };
    vec![Duration::from_secs(shorter), Duration::from_secs(seconds + step)]
}

fn durations(what: &str, window: Duration) -> Vec<(String, Duration)> {
    let text = display_duration(&window);
    let all = windows(window).into_iter();
    all.map(|other| (format!("{what}{text} -> {what}{}", display_duration(&other)), other)).collect()
}

fn offsets(offset: Option<&Offset>) -> Vec<(String, Offset)> {
    match offset {
        None => Vec::new(),
        Some(Offset::Pos(by)) => {
            durations("offset ", *by).into_iter().map(|(what, by)| (what, Offset::Pos(by))).collect()
        }
        Some(Offset::Neg(by)) => {
            durations("offset -", *by).into_iter().map(|(what, by)| (what, Offset::Neg(by))).collect()
        }
    }
}

fn selected(selector: &VectorSelector) -> Vec<(String, VectorSelector)> {
    let mut found = Vec::new();
    for (what, offset) in offsets(selector.offset.as_ref()) {
        found.push((what, VectorSelector { offset: Some(offset), ..selector.clone() }));
    }
    let name = selector.name.as_deref().unwrap_or_default();
    for (n, matcher) in selector.matchers.matchers.iter().enumerate() {
        let mut without = selector.clone();
        without.matchers.matchers.remove(n);
        found.push((format!("{name}{{{matcher}}} dropped"), without));
        for changed in matched(matcher) {
            let mut other = selector.clone();
            let what = format!("{name}{{{matcher}}} -> {changed}");
            other.matchers.matchers[n] = changed;
            found.push((what, other));
        }
    }
    found
}

/// The matcher negated, with another value, or with one alternative less.
fn matched(matcher: &Matcher) -> Vec<Matcher> {
    let negated = match matcher.op.clone() {
        MatchOp::Equal => MatchOp::NotEqual,
        MatchOp::NotEqual => MatchOp::Equal,
        MatchOp::Re(pattern) => MatchOp::NotRe(pattern),
        MatchOp::NotRe(pattern) => MatchOp::Re(pattern),
    };
    let mut found = vec![Matcher { op: negated, ..matcher.clone() }];
    let alternatives: Vec<&str> = matcher.value.split('|').collect();
    let value = |value: String| Matcher { value, ..matcher.clone() };
    if alternatives.len() > 1 && !matcher.value.contains('(') {
        for n in 0..alternatives.len() {
            let mut fewer = alternatives.clone();
            fewer.remove(n);
            found.push(value(fewer.join("|")));
        }
    } else if !matcher.value.is_empty() {
        found.push(value(format!("{}_", matcher.value)));
    }
    found
}

fn ranged(matrix: &MatrixSelector) -> Vec<Changed> {
    let mut found = wrap(selected(&matrix.vs), |vs| Expr::MatrixSelector(MatrixSelector { vs, range: matrix.range }));
    found.extend(wrap(durations("range ", matrix.range), |range| {
        Expr::MatrixSelector(MatrixSelector { vs: matrix.vs.clone(), range })
    }));
    found
}

fn subqueried(subquery: &SubqueryExpr) -> Vec<Changed> {
    let mut found = inside(&subquery.expr, |expr| Expr::Subquery(SubqueryExpr { expr, ..subquery.clone() }));
    found.extend(wrap(durations("range ", subquery.range), |range| {
        Expr::Subquery(SubqueryExpr { range, ..subquery.clone() })
    }));
    for (what, step) in subquery.step.map(|step| durations("step ", step)).unwrap_or_default() {
        found.push((what, Expr::Subquery(SubqueryExpr { step: Some(step), ..subquery.clone() })));
    }
    found.extend(wrap(offsets(subquery.offset.as_ref()), |offset| {
        Expr::Subquery(SubqueryExpr { offset: Some(offset), ..subquery.clone() })
    }));
    found
}

fn aggregated(aggregate: &AggregateExpr) -> Vec<Changed> {
    let mut found = inside(&aggregate.expr, |expr| Expr::Aggregate(AggregateExpr { expr, ..aggregate.clone() }));
    if let Some(param) = &aggregate.param {
        found.extend(inside(param, |param| Expr::Aggregate(AggregateExpr { param: Some(param), ..aggregate.clone() })));
    }
    let op = aggregate.op.id();
    let other = match op {
        token::T_MAX | token::T_COUNT => Some(token::T_SUM),
        token::T_SUM | token::T_MIN | token::T_AVG => Some(token::T_MAX),
        _ => None,
    };
    if let Some(other) = other {
        found.push((
            operators(op, other),
            Expr::Aggregate(AggregateExpr { op: TokenType::new(other), ..aggregate.clone() }),
        ));
    }
    let Some(modifier) = &aggregate.modifier else { return found };
    for n in 0..modifier.labels().labels.len() {
        let mut labels = modifier.labels().clone();
        let gone = labels.labels.remove(n);
        let (word, modifier) = match modifier {
            LabelModifier::Include(_) => ("by", LabelModifier::Include(labels)),
            LabelModifier::Exclude(_) => ("without", LabelModifier::Exclude(labels)),
        };
        let what = format!(
            "{} {word} ({}): {gone} dropped",
            aggregate.op,
            aggregate.modifier.as_ref().map_or_else(String::new, |m| m.labels().to_string())
        );
        found.push((what, Expr::Aggregate(AggregateExpr { modifier: Some(modifier), ..aggregate.clone() })));
    }
    found
}

fn operators(from: TokenId, to: TokenId) -> String {
    format!("{} -> {}", TokenType::new(from), TokenType::new(to))
}

/// What a comparison, a calculation or a set operator may be mistaken for.
fn mistaken(binary: &BinaryExpr) -> Vec<TokenId> {
    match binary.op.id() {
        token::T_GTR => vec![token::T_GTE, token::T_LSS],
        token::T_GTE => vec![token::T_GTR, token::T_LTE],
        token::T_LSS => vec![token::T_LTE, token::T_GTR],
        token::T_LTE => vec![token::T_LSS, token::T_GTE],
        token::T_EQLC => vec![token::T_NEQ],
        token::T_NEQ => vec![token::T_EQLC],
        token::T_ADD => vec![token::T_SUB],
        token::T_SUB => vec![token::T_ADD],
        token::T_DIV => vec![token::T_MUL],
        token::T_MUL if !is_join(binary) => vec![token::T_DIV],
        token::T_LAND => vec![token::T_LUNLESS],
        token::T_LUNLESS => vec![token::T_LAND],
        _ => Vec::new(),
    }
}

/// A product whose other side is an info series (always 1) or the number 0: a quotient would be the same.
fn is_join(binary: &BinaryExpr) -> bool {
    let joins = binary.modifier.as_ref().is_some_and(|modifier| {
        matches!(modifier.card, VectorMatchCardinality::ManyToOne(_) | VectorMatchCardinality::OneToMany(_))
    });
    joins || matches!(&*binary.lhs, Expr::NumberLiteral(number) if number.val == 0.0)
}

fn combined(binary: &BinaryExpr) -> Vec<Changed> {
    let mut found = inside(&binary.lhs, |lhs| Expr::Binary(BinaryExpr { lhs, ..binary.clone() }));
    found.extend(inside(&binary.rhs, |rhs| Expr::Binary(BinaryExpr { rhs, ..binary.clone() })));
    let op = binary.op.id();
    for other in mistaken(binary) {
        let changed = BinaryExpr { op: TokenType::new(other), ..binary.clone() };
        found.push((format!("{}: {}", operators(op, other), brief(&binary.rhs)), Expr::Binary(changed)));
    }
    if op == token::T_LAND || op == token::T_LUNLESS || op == token::T_LOR {
        found.push((format!("arm dropped: {} {}", binary.op, brief(&binary.rhs)), (*binary.lhs).clone()));
    }
    if op == token::T_LOR || op == token::T_LAND {
        found.push((format!("arm dropped: {} {}", brief(&binary.lhs), binary.op), (*binary.rhs).clone()));
    }
    found
}

/// The beginning of a query, to tell its parts apart.
fn brief(expr: &Expr) -> String {
    let text = expr.to_string();
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}

fn called(call: &Call) -> Vec<Changed> {
    let mut found = Vec::new();
    for (n, argument) in call.args.args.iter().enumerate() {
        found.extend(inside(argument, |changed| {
            let mut other = call.clone();
            other.args.args[n] = changed;
            Expr::Call(other)
        }));
    }
    let other = match call.func.name {
        "sum_over_time" | "min_over_time" | "avg_over_time" => "max_over_time",
        "max_over_time" => "min_over_time",
        "clamp_max" => "clamp_min",
        "clamp_min" => "clamp_max",
        _ => return found,
    };
    let mut changed = call.clone();
    changed.func.name = other;
    found.push((format!("{} -> {other}", call.func.name), Expr::Call(changed)));
    found
}
