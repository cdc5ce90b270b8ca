//! The labels of a query's answer. In: a parsed query and the labels of each metric. Out: the labels that every part of it
//! yields, as Prometheus' vector matching defines them; labels that a part asks for and does not get are problems.

use super::{Labels, Names, set};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::token::{T_BOTTOMK, T_COUNT_VALUES, T_LAND, T_LOR, T_LUNLESS, T_TOPK};
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector,
};

/// Visits every part of a query, the whole first.
pub(crate) fn walk<'e>(expr: &'e Expr, visit: &mut impl FnMut(&'e Expr)) {
    visit(expr);
    match expr {
        Expr::Aggregate(aggregate) => {
            if let Some(param) = &aggregate.param {
                walk(param, visit);
            }
            walk(&aggregate.expr, visit);
        }
        Expr::Unary(unary) => walk(&unary.expr, visit),
        Expr::Binary(binary) => {
            walk(&binary.lhs, visit);
            walk(&binary.rhs, visit);
        }
        Expr::Paren(paren) => walk(&paren.expr, visit),
        Expr::Subquery(subquery) => walk(&subquery.expr, visit),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| walk(argument, visit)),
        _ => {}
    }
}

impl Names {
    /// The labels of the answer; none where it is a number or a text.
    pub(crate) fn labels(&self, expr: &Expr, problems: &mut Vec<String>) -> Option<Labels> {
        match expr {
            Expr::Aggregate(aggregate) => Some(self.aggregated(aggregate, problems)),
            Expr::Unary(unary) => self.labels(&unary.expr, problems),
            Expr::Binary(binary) => self.joined(binary, problems),
            Expr::Paren(paren) => self.labels(&paren.expr, problems),
            Expr::Subquery(subquery) => self.labels(&subquery.expr, problems),
            Expr::VectorSelector(selector) => Some(self.selected(selector, problems)),
            Expr::MatrixSelector(matrix) => Some(self.selected(&matrix.vs, problems)),
            Expr::Call(call) => self.called(call, problems),
            _ => None,
        }
    }

    fn selected(&self, selector: &VectorSelector, problems: &mut Vec<String>) -> Labels {
        let Some(name) = &selector.name else {
            problems.push(format!("names no metric: {selector}"));
            return Labels::new();
        };
        let Some(labels) = self.metrics.get(name) else {
            problems.push(format!("no metric is called {name}"));
            return Labels::new();
        };
        for matcher in &selector.matchers.matchers {
            if labels.contains(&matcher.name) {
                self.check_value(name, matcher, problems);
            } else {
                problems.push(format!("{name} has no label {}", matcher.name));
            }
        }
        labels.clone()
    }

    /// Every alternative of a matcher must be able to match one of the words that the label can hold.
    fn check_value(&self, metric: &str, matcher: &Matcher, problems: &mut Vec<String>) {
        let Some(words) = self.closed_set(metric, &matcher.name) else { return };
        let regex = matches!(matcher.op, MatchOp::Re(_) | MatchOp::NotRe(_));
        let plain = !matcher.value.contains(['(', '[']);
        let alternatives: Vec<&str> =
            if regex && plain { matcher.value.split('|').collect() } else { vec![matcher.value.as_str()] };
        for one in alternatives {
            let pattern = if regex { format!("^(?:{one})$") } else { format!("^{}$", regex::escape(one)) };
            let known = regex::Regex::new(&pattern).is_ok_and(|re| words.iter().any(|word| re.is_match(word)));
            if !one.is_empty() && !known {
                problems.push(format!("{metric}: {} is never {one}", matcher.name));
            }
        }
    }

    fn aggregated(&self, aggregate: &AggregateExpr, problems: &mut Vec<String>) -> Labels {
        let inner = self.labels(&aggregate.expr, problems).unwrap_or_default();
        if let Some(modifier) = &aggregate.modifier {
            missing(&inner, &modifier.labels().labels, "grouping", problems);
        }
        let op = aggregate.op.id();
        if op == T_TOPK || op == T_BOTTOMK {
            return inner;
        }
        let mut labels = match &aggregate.modifier {
            Some(LabelModifier::Include(by)) => by.labels.iter().cloned().collect(),
            Some(LabelModifier::Exclude(without)) => {
                inner.into_iter().filter(|label| !without.labels.contains(label)).collect()
            }
            None => Labels::new(),
        };
        if op == T_COUNT_VALUES
            && let Some(Expr::StringLiteral(label)) = aggregate.param.as_deref()
        {
            labels.insert(label.val.clone());
        }
        labels
    }

    fn joined(&self, binary: &BinaryExpr, problems: &mut Vec<String>) -> Option<Labels> {
        let (left, right) = (self.labels(&binary.lhs, problems), self.labels(&binary.rhs, problems));
        let (left, right) = match (left, right) {
            (Some(left), Some(right)) => (left, right),
            (one, None) | (None, one) => return one,
        };
        let modifier = binary.modifier.as_ref();
        let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
        let op = binary.op.id();
        match matching {
            Some(LabelModifier::Include(on)) => {
                missing(&left, &on.labels, "left side of on", problems);
                missing(&right, &on.labels, "right side of on", problems);
            }
            None if left != right && op != T_LOR => {
                problems.push(format!("the sides carry different labels, {left:?} and {right:?}: {binary}"));
            }
            _ => {}
        }
        if op == T_LOR {
            return Some(left.union(&right).cloned().collect());
        }
        if op == T_LAND || op == T_LUNLESS {
            return Some(left);
        }
        Some(match modifier.map(|modifier| &modifier.card) {
            Some(VectorMatchCardinality::ManyToOne(more)) => {
                missing(&right, &more.labels, "group_left", problems);
                left.into_iter().chain(more.labels.iter().cloned()).collect()
            }
            Some(VectorMatchCardinality::OneToMany(more)) => {
                missing(&left, &more.labels, "group_right", problems);
                right.into_iter().chain(more.labels.iter().cloned()).collect()
            }
            _ => match matching {
                Some(LabelModifier::Include(on)) => on.labels.iter().cloned().collect(),
                Some(LabelModifier::Exclude(ignoring)) => {
                    left.into_iter().filter(|label| !ignoring.labels.contains(label)).collect()
                }
                None => left,
            },
        })
    }

    fn called(&self, call: &Call, problems: &mut Vec<String>) -> Option<Labels> {
        let arguments = &call.args.args;
        let mut inner = None;
        for argument in arguments {
            let labels = self.labels(argument, problems);
            inner = inner.or(labels);
        }
        let text = |n: usize| match arguments.get(n).map(|argument| &**argument) {
            Some(Expr::StringLiteral(text)) => text.val.clone(),
            _ => String::new(),
        };
        match call.func.name {
            "vector" => Some(Labels::new()),
            "scalar" => None,
            "absent" | "absent_over_time" => Some(equalities(arguments)),
            "histogram_quantile" => inner.map(|labels| labels.into_iter().filter(|label| label != "le").collect()),
            "label_replace" => {
                missing(inner.as_ref()?, &[text(3)], "label_replace", problems);
                inner.map(|labels| labels.into_iter().chain([text(1)]).collect())
            }
            "label_join" => inner.map(|labels| labels.into_iter().chain([text(1)]).collect()),
            _ => inner,
        }
    }
}

/// The labels that `absent` can give: those that its selector fixes.
fn equalities(arguments: &[Box<Expr>]) -> Labels {
    let selector = match arguments.first().map(|argument| &**argument) {
        Some(Expr::VectorSelector(selector)) => selector,
        Some(Expr::MatrixSelector(matrix)) => &matrix.vs,
        _ => return set(&[]),
    };
    let fixed = selector.matchers.matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal);
    fixed.map(|matcher| matcher.name.clone()).collect()
}

fn missing(labels: &Labels, wanted: &[String], place: &str, problems: &mut Vec<String>) {
    let absent = wanted.iter().filter(|label| !label.is_empty() && !labels.contains(*label));
    problems.extend(absent.map(|label| format!("{place}: no label {label} here")));
}
