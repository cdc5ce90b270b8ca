//! What the simulator knows against what the service says. In: the calls that were sent and the `/metrics` page. Out: for each
//! incident how many failures were sent, how many were judged right and how many wrong.

use super::fleet::Call;
use super::incident::{self, Incident};
use super::page::{Page, Sample};
use crate::judge::taxonomy::{Blame, Cause, Class};

/// What was sent so far.
#[derive(Debug)]
pub(super) struct Truth {
    /// Calls to models.
    pub(super) requests: u64,
    struck: Vec<u64>,
}

/// What became of one incident.
#[derive(Debug)]
pub(super) struct Finding {
    /// Which incident.
    pub(super) incident: &'static Incident,
    /// Failures sent.
    pub(super) sent: u64,
    /// Failures whose verdict is right.
    pub(super) right: u64,
    /// Failures of its models that are missing, too many or judged otherwise.
    pub(super) wrong: u64,
}

/// What became of the whole run.
#[derive(Debug)]
pub(super) struct Report {
    /// Incident by incident.
    pub(super) findings: Vec<Finding>,
    /// Requests sent and requests counted.
    pub(super) requests: (u64, u64),
    /// Failures counted that no incident caused.
    pub(super) unexplained: u64,
}

impl Default for Truth {
    fn default() -> Self {
        Self { requests: 0, struck: vec![0; incident::ALL.len()] }
    }
}

impl Truth {
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
    pub(super) fn compare(&self, page: &Page) -> Report {
        let findings =
            incident::ALL.iter().zip(&self.struck).map(|(incident, &sent)| finding(incident, sent, page)).collect();
        let unexplained = page.count("inference_failures_total", |sample| {
            !incident::ALL.iter().any(|incident| incident.models.contains(&sample.label("model_id")))
        });
        let requests = (self.requests, page.count("inference_requests_total", |_| true));
        Report { findings, requests, unexplained }
    }
}

impl Report {
    /// Whether every verdict and every count is right.
    pub(super) fn agrees(&self) -> bool {
        let counted = self.requests.0 == self.requests.1 && self.unexplained == 0;
        counted && self.findings.iter().all(|finding| finding.wrong == 0 && finding.right == finding.sent)
    }
}

fn finding(incident: &'static Incident, sent: u64, page: &Page) -> Finding {
    let here = |sample: &Sample| incident.models.contains(&sample.label("model_id"));
    let all = page.count("inference_failures_total", here);
    let mut right = page.count("inference_failures_total", |sample| here(sample) && is_right(incident, sample));
    if incident.blames == [Blame::Client].as_slice() {
        // A caller's own failure is right only if the right caller is named.
        let named = page.count("inference_client_failures_total", |sample| {
            here(sample) && sample.label("caller") == incident.caller
        });
        right = right.min(named);
    }
    let right = right.min(sent);
    Finding { incident, sent, right, wrong: all.max(sent) - right }
}

fn is_right(incident: &Incident, sample: &Sample) -> bool {
    let cause = Cause::from_word(sample.label("cause"));
    let blame = Blame::from_word(sample.label("blame"));
    Class::from_word(sample.label("class")) == Some(incident.class)
        && cause.is_some_and(|cause| incident.causes.contains(&cause))
        && blame.is_some_and(|blame| incident.blames.contains(&blame))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::fleet::Fleet;
    use std::fmt::Write;

    /// The page that a service without a fault would show after these calls.
    fn perfect(truth: &Truth) -> String {
        let mut page = format!("inference_requests_total{{status_code=\"200\"}} {}\n", truth.requests);
        for (incident, sent) in incident::ALL.iter().zip(&truth.struck) {
            let (model, caller) = (incident.models[0], incident.caller);
            let (class, cause, blame) = (incident.class, incident.causes[0], incident.blames[0]);
            writeln!(page, r#"inference_failures_total{{model_id="{model}",class="{class}",cause="{cause}",blame="{blame}"}} {sent}"#).unwrap();
            if blame == Blame::Client {
                writeln!(page, r#"inference_client_failures_total{{model_id="{model}",caller="{caller}",class="{class}",cause="{cause}"}} {sent}"#).unwrap();
            }
        }
        page
    }

    #[test]
    fn a_perfect_page_agrees_and_any_slip_does_not() {
        let mut fleet = Fleet::new(3, 8.0, 0.25);
        let mut truth = Truth::default();
        for tick in 0..100 {
            truth.note(&fleet.tick(f64::from(tick) / 100.0));
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

    #[test]
    fn no_model_is_struck_by_two_incidents() {
        let mut models: Vec<&str> = incident::ALL.iter().flat_map(|incident| incident.models).copied().collect();
        let many = models.len();
        models.sort_unstable();
        models.dedup();
        assert_eq!(models.len(), many);
    }
}
