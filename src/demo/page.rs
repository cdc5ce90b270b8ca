//! The `/metrics` page, read as any scraper reads it. In: the page's text. Out: sums over its series.

/// One sample.
#[derive(Debug)]
pub(super) struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Sample {
    /// A label's value; empty where it has none.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The value of a counter of whole things.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count: whole, positive, far below 2^53"
    )]
    pub(super) const fn count(&self) -> u64 {
        self.value.round() as u64
    }
}

/// The whole page.
#[derive(Debug, Default)]
pub(super) struct Page(Vec<Sample>);

impl Page {
    /// Reads the Prometheus text format; lines that are no samples are passed over.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect())
    }

    /// Every sample of this name.
    pub(super) fn samples<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| sample.name == name)
    }

    /// The sum of a metric over the samples that are wanted.
    pub(super) fn count(&self, name: &str, wanted: impl Fn(&Sample) -> bool) -> u64 {
        self.samples(name).filter(|sample| wanted(sample)).map(Sample::count).sum()
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (name, rest) = line.split_at_checked(line.find(['{', ' '])?)?;
    let mut labels = Vec::new();
    let value = if let Some(mut rest) = rest.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches([',', ' ']);
            if let Some(value) = rest.strip_prefix('}') {
                break value;
            }
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.push((key.to_owned(), value));
            rest = after;
        }
    } else {
        rest
    };
    let value = value.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// A label value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            '"' => return Some((value, rest.as_str())),
            '\\' => match rest.next()? {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}

#[test]
fn samples_are_read_and_the_rest_is_passed_over() {
    let page = Page::parse(concat!(
        "# TYPE inference_failures_total counter\n",
        "inference_failures_total{model_id=\"a\",cause=\"gpu_oom\",environment=\"\"} 3\n",
        "inference_failures_total{model_id=\"a\",cause=\"say \\\"}, =\\\\ no\"} 4.0 1700000000000\n",
        "inference_failures_total_created{model_id=\"a\"} 17\n",
        "coroner_inflight_bytes 12\n\nbroken{\n"
    ));
    assert_eq!(page.count("inference_failures_total", |_| true), 7);
    assert_eq!(page.count("inference_failures_total", |s| s.label("cause") == "gpu_oom"), 3);
    assert_eq!(page.count("inference_failures_total", |s| s.label("cause") == "say \"}, =\\ no"), 4);
    assert_eq!(page.count("coroner_inflight_bytes", |_| true), 12);
    assert_eq!(page.count("broken", |_| true), 0);
}
