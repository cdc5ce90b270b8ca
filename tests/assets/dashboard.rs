//! What a board is made of, as data. In: nothing. Out: the types that the files in `boards/` fill and `grafana.rs` writes as JSON.

use super::colours::Words;

/// Which kind of picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers of the present, each with its name.
    Stat,
    /// Lines over time.
    Lines,
    /// Stacked areas over time.
    Stacked,
    /// Stacked bars over time: for events that are rare.
    Bars,
    /// Rows of the present.
    Table,
    /// Coloured stretches of time, one line a series.
    Timeline,
}

/// One question to Prometheus and how its answer is called.
#[derive(Debug)]
pub(crate) struct Query {
    /// `PromQL`, with Grafana's variables.
    pub(crate) expr: String,
    /// Legend with `{{label}}`; in a table the head of the column.
    pub(crate) legend: String,
    /// Grafana's unit id, where it is not the panel's.
    pub(crate) unit: Option<&'static str>,
    /// Its series carry exemplars that lead to traces.
    pub(crate) exemplars: bool,
    /// In a table: only its labels are shown.
    pub(crate) labels_only: bool,
}

/// A link of a cell or a number to another board.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// What it is called.
    pub(crate) title: &'static str,
    /// Where to.
    pub(crate) url: &'static str,
}

/// How a number is judged: from which value on it has which colour and, for whole numbers, what it is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scale {
    /// No judgement.
    None,
    /// Good below the first number, bad from the second on, doubtful between.
    Above(f64, f64),
    /// Good from the first number on, bad below the second, doubtful between.
    Below(f64, f64),
}

/// Where the axis of values begins and how it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    /// From zero up, evenly.
    FromZero,
    /// Below zero too.
    Signed,
    /// Each step is ten times the one before; there is no zero.
    Logarithmic,
}

/// One panel.
#[derive(Debug)]
pub(crate) struct Panel {
    /// Title: what is shown.
    pub(crate) title: &'static str,
    /// Which metric it reads, and what to look for.
    pub(crate) description: &'static str,
    /// Which kind of picture.
    pub(crate) kind: Kind,
    /// Grafana's unit id.
    pub(crate) unit: &'static str,
    /// Width and height on the grid of 24 columns.
    pub(crate) size: (u32, u32),
    /// Its questions.
    pub(crate) queries: Vec<Query>,
    /// The words that its legends end with or its cells hold.
    pub(crate) words: Vec<Words>,
    /// What stands there when nothing comes back.
    pub(crate) no_value: &'static str,
    /// How its numbers are judged.
    pub(crate) scale: Scale,
    /// The labels that a table shows, in this order, before its numbers.
    pub(crate) labels: &'static [&'static str],
    /// Where a click on a label's cell or on a number leads.
    pub(crate) links: Vec<(&'static str, Link)>,
    /// What whole numbers mean, with the word whose colour they have; for timelines and states.
    pub(crate) meanings: &'static [(&'static str, &'static str, Words)],
    /// Names alone, without the number.
    pub(crate) names_only: bool,
    /// Takes the smallest step from the provider's slower scrape.
    pub(crate) slow: bool,
    /// Where its axis begins and how it grows.
    pub(crate) axis: Axis,
}

/// A new panel of this kind, with a unit of Grafana's list.
pub(crate) fn panel(kind: Kind, title: &'static str, unit: &'static str) -> Panel {
    Panel {
        title,
        description: "",
        kind,
        unit,
        size: (12, 8),
        queries: Vec::new(),
        words: Vec::new(),
        no_value: "No traffic",
        scale: Scale::None,
        labels: &[],
        links: Vec::new(),
        meanings: &[],
        names_only: false,
        slow: false,
        axis: Axis::FromZero,
    }
}

impl Panel {
    pub(crate) fn says(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    pub(crate) fn size(mut self, wide: u32, high: u32) -> Self {
        self.size = (wide, high);
        self
    }

    pub(crate) fn ask(mut self, expr: impl Into<String>, legend: &str) -> Self {
        let (expr, legend) = (expr.into(), legend.to_owned());
        self.queries.push(Query { expr, legend, unit: None, exemplars: false, labels_only: false });
        self
    }

    /// A question whose numbers have a unit of their own.
    pub(crate) fn ask_in(self, unit: &'static str, expr: impl Into<String>, legend: &str) -> Self {
        self.ask(expr, legend).last(|query| query.unit = Some(unit))
    }

    /// A question whose series carry exemplars.
    pub(crate) fn ask_traced(self, expr: impl Into<String>, legend: &str) -> Self {
        self.ask(expr, legend).last(|query| query.exemplars = true)
    }

    /// A question of a table that adds labels and no number.
    pub(crate) fn ask_labels(self, expr: impl Into<String>, legend: &str) -> Self {
        self.ask(expr, legend).last(|query| query.labels_only = true)
    }

    fn last(mut self, change: impl FnOnce(&mut Query)) -> Self {
        change(self.queries.last_mut().expect("a question was just added"));
        self
    }

    pub(crate) fn words(mut self, words: Words) -> Self {
        self.words.push(words);
        self
    }

    pub(crate) fn empty(mut self, no_value: &'static str) -> Self {
        self.no_value = no_value;
        self
    }

    pub(crate) fn judged(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    pub(crate) fn labels(mut self, labels: &'static [&'static str]) -> Self {
        self.labels = labels;
        self
    }

    pub(crate) fn link(mut self, field: &'static str, link: Link) -> Self {
        self.links.push((field, link));
        self
    }

    pub(crate) fn meaning(mut self, meanings: &'static [(&'static str, &'static str, Words)]) -> Self {
        self.meanings = meanings;
        self
    }

    pub(crate) fn names_only(mut self) -> Self {
        self.names_only = true;
        self
    }

    pub(crate) fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    pub(crate) fn logarithmic(mut self) -> Self {
        self.axis = Axis::Logarithmic;
        self
    }

    pub(crate) fn signed(mut self) -> Self {
        self.axis = Axis::Signed;
        self
    }
}

/// A mark over the time axis of every panel.
#[derive(Debug)]
pub(crate) struct Annotation {
    /// What it is called in the head of the board.
    pub(crate) name: &'static str,
    /// `PromQL`: each stretch of time in which a series is above zero is marked.
    pub(crate) expr: String,
    /// The mark's first line.
    pub(crate) title: &'static str,
    /// The mark's text.
    pub(crate) text: &'static str,
    /// `#RRGGBB`.
    pub(crate) colour: String,
}

/// A variable that narrows the queries to values of a label of the same name.
#[derive(Debug)]
pub(crate) struct Variable {
    /// The label.
    pub(crate) label: &'static str,
    /// What the reader sees.
    pub(crate) title: &'static str,
    /// The metric whose values are offered.
    pub(crate) metric: &'static str,
}

/// A whole board.
#[derive(Debug)]
pub(crate) struct Board {
    /// Fixed identity; links point to it.
    pub(crate) uid: &'static str,
    /// Title.
    pub(crate) title: &'static str,
    /// The question it answers.
    pub(crate) description: &'static str,
    /// How far back it shows at first, as Grafana writes it.
    pub(crate) from: &'static str,
    /// What narrows it.
    pub(crate) variables: Vec<Variable>,
    /// Marks.
    pub(crate) annotations: Vec<Annotation>,
    /// Panels in reading order.
    pub(crate) panels: Vec<Panel>,
    /// Rows that are closed at first: title and panels.
    pub(crate) closed: Vec<(&'static str, Vec<Panel>)>,
}
