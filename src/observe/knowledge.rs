//! What books and config say about records that are no requests: whose container speaks, what its lines and metrics mean.
//!
//! In: a [`KnowledgeSpec`], as books and config write it. Out: [`Knowledge`], compiled once and shared by all mappers. It comes
//! as data because the books stand behind this stage in the flow.

mod field;
mod lines;
mod metrics;
mod resource;

pub use lines::EvidenceSpec;
pub use metrics::{Ends, MetricSpec};
pub use resource::ResourceSpec;

pub(super) use field::{EXCEPTIONS, FieldNames, MESSAGES, Scalar, Slots, TIMES, View};
pub(super) use lines::{Hits, Line, Lines, Said};
pub(super) use metrics::Metrics;
pub(super) use resource::Resources;

use super::target::PatternError;
use thiserror::Error;

/// `platform:` of knowledge that holds for every platform.
pub const ANY_PLATFORM: &str = "*";

/// Why knowledge cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KnowledgeError {
    /// A pattern of a resource is wrong.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The texts of all books together are too many.
    #[error("the texts of all evidence rules together are too many: {0}")]
    Texts(String),
}

/// Everything that books and config say, in the order in which it is tried.
#[derive(Clone, Debug, Default)]
pub struct KnowledgeSpec {
    /// Platform and resource; the user's in front.
    pub resources: Vec<(String, ResourceSpec)>,
    /// Sources that can report a container's death, besides those that do by nature.
    pub death_reports: Vec<ResourceSpec>,
    /// Platform and evidence rule.
    pub evidence: Vec<(String, EvidenceSpec)>,
    /// What metrics mean.
    pub metrics: Vec<MetricSpec>,
    /// Response headers that carry a request's id: lower case, dashes.
    pub request_id_headers: Vec<String>,
    /// Log fields and attributes that carry a request's id.
    pub request_id_fields: Vec<String>,
}

impl KnowledgeSpec {
    /// Puts more behind what is there.
    pub fn append(&mut self, more: Self) {
        self.resources.extend(more.resources);
        self.death_reports.extend(more.death_reports);
        self.evidence.extend(more.evidence);
        self.metrics.extend(more.metrics);
        self.request_id_headers.extend(more.request_id_headers);
        self.request_id_fields.extend(more.request_id_fields);
    }
}

/// Compiled knowledge.
#[derive(Debug)]
pub struct Knowledge {
    pub(super) names: FieldNames,
    pub(super) resources: Resources,
    pub(super) lines: Lines,
    pub(super) metrics: Metrics,
    /// Places of the request id among the fields, best first.
    pub(super) request_ids: Vec<usize>,
    headers: Vec<String>,
}

impl Default for Knowledge {
    /// Knows nothing: no record is placed, no line means anything.
    fn default() -> Self {
        Self::compile(KnowledgeSpec::default()).expect("nothing has no mistakes")
    }
}

impl Knowledge {
    /// Compiles what books and config say.
    ///
    /// # Errors
    /// The first thing that cannot be used.
    pub fn compile(spec: KnowledgeSpec) -> Result<Self, KnowledgeError> {
        let mut names = FieldNames::new();
        let resources = Resources::compile(&mut names, &spec.resources, &spec.death_reports)?;
        let lines = Lines::compile(&mut names, spec.evidence)?;
        let metrics = Metrics::compile(&mut names, &spec.metrics);
        let request_ids = spec.request_id_fields.iter().map(|name| names.add(name)).collect();
        Ok(Self { names, resources, lines, metrics, request_ids, headers: spec.request_id_headers })
    }

    /// Whether a response header, written in any spelling, carries the request's id.
    pub(super) fn is_request_id(&self, header: &str) -> bool {
        let same = |a: u8, b: u8| a.eq_ignore_ascii_case(&b) || (a == b'-' && b == b'_');
        self.headers
            .iter()
            .any(|name| name.len() == header.len() && name.bytes().zip(header.bytes()).all(|(a, b)| same(a, b)))
    }

    /// The request's id among captured headers (lower case, dashes); empty where there is none.
    pub(super) fn request_id(&self, headers: &[(String, String)]) -> String {
        let found = |name: &String| headers.iter().find(|(n, v)| n == name && !v.is_empty());
        self.headers.iter().find_map(found).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// The rule that recognises an example of a book: a text and fields, read as a record of this channel and platform.
    pub fn recognise(&self, example: &LineExample<'_>) -> Option<&str> {
        let mut slots = Slots::of(&self.names);
        for (name, value) in example.fields {
            if let Some(index) = self.names.find(name) {
                slots.set(index, Scalar::Text(value.into()));
            }
        }
        let nothing = Slots::of(&self.names);
        let view = View { record: &slots, resource: &nothing };
        let said = Said { texts: [example.text, ""], view, channel: example.channel, platform: example.platform };
        self.lines.recognise(&said, &mut Hits::default()).map(|line| &*line.id)
    }
}

/// A record in short form.
#[derive(Clone, Copy, Debug)]
pub struct LineExample<'e> {
    /// Its text.
    pub text: &'e str,
    /// Its fields.
    pub fields: &'e [(String, String)],
    /// Who speaks.
    pub channel: super::Channel,
    /// Platform of its target; empty where unknown.
    pub platform: &'e str,
}
