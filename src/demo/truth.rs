//! What the simulator knows against what the service says. In: the calls that were sent and the `/metrics` page. Out: for each
//! incident how many failures were sent, how many were judged right and how many wrong.

use super::fleet::Call;
use super::page::{Page, Sample};
use super::scene::{Incident, Scene};
use crate::judge::taxonomy::Blame;
use std::collections::BTreeMap;

/// What was sent so far.
#[derive(Debug)]
pub(super) struct Truth<'s> {
    scene: &'s Scene,
    /// Calls to models.
    pub(super) requests: u64,
    struck: Vec<u64>,
}

/// What became of one incident.
#[derive(Debug)]
pub(super) struct Finding<'s> {
    /// Which incident.
    pub(super) incident: &'s Incident,
    /// Failures sent.
    pub(super) sent: u64,
    /// Failures whose verdict is right.
    pub(super) right: u64,
    /// Failures that are missing, judged otherwise, or too many.
    pub(super) wrong: u64,
}

/// What became of the whole run.
#[derive(Debug)]
pub(super) struct Report<'s> {
    /// Incident by incident.
    pub(super) findings: Vec<Finding<'s>>,
    /// Requests sent and requests counted.
    pub(super) requests: (u64, u64),
    /// Failures counted that no incident explains: `model: class, cause, blame`, and how many.
    pub(super) unexplained: BTreeMap<String, u64>,
}

impl<'s> Truth<'s> {
    /// Nothing was sent yet.
    pub(super) fn new(scene: &'s Scene) -> Self {
        Self { scene, requests: 0, struck: vec![0; scene.incidents.len()] }
    }

    /// Notes what is about to be sent.
    pub(super) fn note(&mut self, calls: &[Call]) {
        self.requests += calls.len() as u64;
        for at in calls.iter().filter_map(|call| call.incident) {
            if let Some(struck) = self.struck.get_mut(at) {
                *struck += 1;
            }
        }
    }

    /// How many failures were sent.
    pub(super) fn failures(&self) -> u64 {
        self.struck.iter().sum()
    }

    /// Holds the page against the truth.
    pub(super) fn compare(&self, page: &Page) -> Report<'s> {
        let incidents = &self.scene.incidents;
        let findings =
            incidents.iter().zip(&self.struck).map(|(incident, &sent)| finding(incident, sent, page)).collect();
        let mut unexplained = BTreeMap::new();
        let failed = page.samples("inference_failures_total").filter(|sample| sample.count() > 0);
        for sample in failed.filter(|sample| !incidents.iter().any(|incident| explains(incident, sample))) {
            let [model, class, cause, blame] = ["model_id", "class", "cause", "blame"].map(|name| sample.label(name));
            *unexplained.entry(format!("{model}: {class}, {cause}, {blame}")).or_default() += sample.count();
        }
        let requests = (self.requests, page.count("inference_requests_total", |_| true));
        Report { findings, requests, unexplained }
    }
}

impl Report<'_> {
    /// Whether every verdict and every count is right.
    pub(super) fn agrees(&self) -> bool {
        let counted = self.requests.0 == self.requests.1 && self.unexplained.is_empty();
        counted && self.findings.iter().all(|finding| finding.wrong == 0 && finding.right == finding.sent)
    }
}

fn finding<'s>(incident: &'s Incident, sent: u64, page: &Page) -> Finding<'s> {
    let mut judged = page.count("inference_failures_total", |sample| explains(incident, sample));
    if incident.verdict.blame == Blame::Client {
        // A caller's own failure is right only if the right caller is named.
        let named = page.count("inference_client_failures_total", |sample| {
            ours(incident, sample) && incident.callers.iter().any(|caller| caller == sample.label("caller"))
        });
        judged = judged.min(named);
    }
    Finding { incident, sent, right: judged.min(sent), wrong: judged.abs_diff(sent) }
}

/// Whether a series counts failures of this incident: no two share a model and a verdict.
fn explains(incident: &Incident, sample: &Sample) -> bool {
    ours(incident, sample) && sample.label("blame") == incident.verdict.blame.as_str()
}

fn ours(incident: &Incident, sample: &Sample) -> bool {
    incident.models.iter().any(|model| model == sample.label("model_id"))
        && sample.label("class") == incident.verdict.class.as_str()
        && sample.label("cause") == incident.verdict.cause.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::fleet::Fleet;
    use std::fmt::Write;

    /// The page that a service without a fault would show after these calls.
    fn perfect(truth: &Truth<'_>) -> String {
        let mut page = format!("inference_requests_total{{status_code=\"200\"}} {}\n", truth.requests);
        for (incident, sent) in truth.scene.incidents.iter().zip(&truth.struck) {
            let (model, caller) = (&incident.models[0], &incident.callers[0]);
            let right = incident.verdict;
            let (class, cause, blame) = (right.class, right.cause, right.blame);
            writeln!(page, r#"inference_failures_total{{model_id="{model}",class="{class}",cause="{cause}",blame="{blame}"}} {sent}"#).unwrap();
            if blame == Blame::Client {
                writeln!(page, r#"inference_client_failures_total{{model_id="{model}",caller="{caller}",class="{class}",cause="{cause}"}} {sent}"#).unwrap();
            }
        }
        page
    }

    #[test]
    fn a_perfect_page_agrees_and_any_slip_does_not() {
        let scene = Scene::builtin();
        let mut fleet = Fleet::new(&scene, 3, 8.0, 0.25);
        let mut truth = Truth::new(&scene);
        for tick in 0..100 {
            truth.note(&fleet.tick(tick, 100).calls);
        }
        let page = perfect(&truth);
        assert!(truth.compare(&Page::parse(&page)).agrees());
        let slips = [
            page.replace("cause=\"slow_model\"", "cause=\"unknown\""),
            page.replace("blame=\"model\"", "blame=\"platform\""),
            page.replace("caller=\"nightly-batch\"", "caller=\"_unknown\""),
            page.replace("class=\"bad_gateway\"", "class=\"other\""),
            format!("{page}inference_failures_total{{model_id=\"olmo2ins\",class=\"other\"}} 1\n"),
            format!("{page}inference_failures_total{{model_id=\"whisper3\",class=\"other\"}} 1\n"),
            format!("{page}inference_requests_total{{status_code=\"502\"}} 1\n"),
            String::new(),
        ];
        for slip in slips {
            assert!(!truth.compare(&Page::parse(&slip)).agrees(), "{slip}");
        }
    }
}
