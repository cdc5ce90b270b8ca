//! Whose model a URL speaks of.
//!
//! In: host and path of a call. Out: the target, by the first pattern that fits. The patterns are data: books and the
//! user's config carry them as [`TargetSpec`]s. Hosts are compared without regard to case, port or a trailing dot.

use super::pattern::{Captures, HOST, Piece, fill, fits, pieces};
use super::{Api, Target};
use serde::Deserialize;
use std::sync::Arc;
use thiserror::Error;

/// A pattern as a book or the config writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetSpec {
    /// Host with captures, e.g. `model-{model_id}.api.example.com`. A capture takes at least one character, the fewest
    /// that fit, and no dot.
    pub host: String,
    /// Paths that say more: `/environments/{environment}/...`, `/{environment=production|development}/...`. The first
    /// that fits is taken. `...` at the end stands for any rest.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Only calls whose path fits one of `paths` go to a model; for hosts that serve other things too.
    #[serde(default)]
    pub only_paths: bool,
    /// What kind of endpoint it is.
    #[serde(default)]
    pub api: Api,
    /// The model id where no capture names it: a constant, or a text with captures such as `chain-{chain_id}`.
    #[serde(default)]
    pub model_id: Option<String>,
    /// The environment where no capture names it.
    #[serde(default)]
    pub environment: Option<String>,
    /// Paths whose answers are streams, same form as `paths`.
    #[serde(default)]
    pub streams: Vec<String>,
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// The host is empty.
    #[error("target without a host: write `host: 'model-{{model_id}}.example.com'`")]
    NoHost,
    /// A brace without its partner, or an empty name.
    #[error("`{0}`: a capture is written {{name}} or {{name=one|two}}")]
    Brace(String),
    /// Two captures without text between them.
    #[error("`{0}`: two captures need a literal text between them")]
    Adjacent(String),
    /// A capture that nothing reads.
    #[error(
        "`{pattern}`: unknown capture `{name}`; known are model_id, environment, deployment_id and those that `model_id:` uses"
    )]
    UnknownCapture {
        /// The pattern.
        pattern: String,
        /// The capture's name.
        name: String,
    },
    /// A path that does not begin with a slash.
    #[error("path `{0}` must begin with `/`")]
    Path(String),
}

/// One path segment: either pieces, or `...`.
#[derive(Clone, Debug)]
struct PathPattern {
    segments: Vec<Vec<Piece>>,
    any_rest: bool,
}

#[derive(Clone, Debug)]
struct Pattern {
    platform: String,
    spec: TargetSpec,
    host: Vec<Piece>,
    paths: Vec<PathPattern>,
    streams: Vec<PathPattern>,
}

/// What a pattern found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Who is called.
    pub target: Arc<Target>,
    /// What kind of endpoint it is.
    pub api: Api,
    /// The path's answers are streams.
    pub stream: bool,
}

/// All patterns, the user's in front.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<Pattern>);

impl Patterns {
    /// Compiles patterns, each with the platform it belongs to, in the order in which they are tried.
    ///
    /// # Errors
    /// The first pattern that cannot be used, with its platform.
    pub fn compile<'a, I>(specs: I) -> Result<Self, PatternError>
    where
        I: IntoIterator<Item = (&'a str, &'a TargetSpec)>,
    {
        specs.into_iter().map(|(platform, spec)| Pattern::compile(platform, spec)).collect::<Result<_, _>>().map(Self)
    }

    /// The target of a call to `host` (may carry a port) and `path` (without query).
    pub fn find(&self, host: &str, path: &str) -> Option<Found> {
        let host = host_name(host).to_ascii_lowercase();
        self.0.iter().find_map(|p| p.find(&host, path))
    }
}

impl Pattern {
    fn compile(platform: &str, spec: &TargetSpec) -> Result<Self, PatternError> {
        if spec.host.trim().is_empty() {
            return Err(PatternError::NoHost);
        }
        let host = pieces(&spec.host.to_ascii_lowercase())?;
        let paths = spec.paths.iter().map(|p| PathPattern::compile(p)).collect::<Result<Vec<_>, _>>()?;
        let streams = spec.streams.iter().map(|p| PathPattern::compile(p)).collect::<Result<Vec<_>, _>>()?;
        let used = spec.model_id.as_deref().map(pieces).transpose()?.unwrap_or_default();
        let known = |name: &str| {
            matches!(name, "model_id" | "environment" | "deployment_id")
                || used.iter().any(|p| matches!(p, Piece::Capture { name: n, .. } if n == name))
        };
        let captures = host.iter().chain(paths.iter().flat_map(|p| p.segments.iter().flatten()));
        for piece in captures {
            if let Piece::Capture { name, .. } = piece
                && !known(name)
            {
                return Err(PatternError::UnknownCapture { pattern: spec.host.clone(), name: name.clone() });
            }
        }
        Ok(Self { platform: platform.to_owned(), spec: spec.clone(), host, paths, streams })
    }

    fn find(&self, host: &str, path: &str) -> Option<Found> {
        let mut captures = Captures::new();
        if !fits(HOST, &self.host, host, &mut captures) {
            return None;
        }
        let by_path = self.paths.iter().find_map(|p| p.fits(path));
        if by_path.is_none() && self.spec.only_paths {
            return None;
        }
        captures.extend(by_path.unwrap_or_default());
        let get = |name: &str| captures.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let model_id = get("model_id").or_else(|| self.spec.model_id.as_deref().map(|text| fill(text, &captures)));
        let target = Target {
            platform: self.platform.clone(),
            model_id: model_id.unwrap_or_default(),
            environment: get("environment").or_else(|| self.spec.environment.clone()).unwrap_or_default(),
            deployment_id: get("deployment_id").unwrap_or_default(),
        };
        let stream = self.streams.iter().any(|p| p.fits(path).is_some());
        Some(Found { target: Arc::new(target), api: self.spec.api, stream })
    }
}

impl PathPattern {
    fn compile(text: &str) -> Result<Self, PatternError> {
        let rest = text.strip_prefix('/').ok_or_else(|| PatternError::Path(text.to_owned()))?;
        let (rest, any_rest) = match rest.strip_suffix("...") {
            Some(front) => (front.strip_suffix('/').unwrap_or(front), true),
            None => (rest, false),
        };
        let segments =
            if rest.is_empty() { Vec::new() } else { rest.split('/').map(pieces).collect::<Result<_, _>>()? };
        Ok(Self { segments, any_rest })
    }

    fn fits<'a>(&'a self, path: &'a str) -> Option<Captures<'a>> {
        let mut given = path.trim_start_matches('/').split('/').filter(|s| !s.is_empty());
        let mut captures = Captures::new();
        for pattern in &self.segments {
            if !fits(HOST, pattern, given.next()?, &mut captures) {
                return None;
            }
        }
        (self.any_rest || given.next().is_none()).then_some(captures)
    }
}

/// The bare name: without port and trailing dot.
fn host_name(host: &str) -> &str {
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    name.strip_suffix('.').unwrap_or(name)
}

/// Host (may carry a port) and path of an absolute URL, without user info, query and fragment.
pub fn split_url(url: &str) -> Option<(&str, &str)> {
    let (_, rest) = url.split_once("://")?;
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (rest, _) = rest.split_at(end);
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.is_empty()).then_some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns() -> Patterns {
        let dedicated_paths = vec![
            "/environments/{environment}/...".to_owned(),
            "/deployment/{deployment_id}/...".to_owned(),
            "/{environment=production|development}/...".to_owned(),
        ];
        let spec = |host: &str, paths: &[String]| TargetSpec {
            host: host.into(),
            paths: paths.to_vec(),
            ..TargetSpec::default()
        };
        let chain = TargetSpec {
            model_id: Some("chain-{chain_id}".into()),
            api: Api::Chain,
            ..spec("chain-{chain_id}.api.baseten.co", &dedicated_paths)
        };
        let shared = TargetSpec {
            only_paths: true,
            streams: vec!["/models/{model_id}/stream".into()],
            ..spec("ml.example.com", &["/models/{model_id}/...".into()])
        };
        let specs = [
            ("baseten", spec("model-{model_id}-{environment}.api.baseten.co", &dedicated_paths)),
            ("baseten", spec("model-{model_id}.api.baseten.co", &dedicated_paths)),
            ("baseten", chain),
            ("own", shared),
        ];
        Patterns::compile(specs.iter().map(|(p, s)| (*p, s))).unwrap()
    }

    fn found(url: &str) -> Option<[String; 4]> {
        let (host, path) = split_url(url)?;
        let t = patterns().find(host, path)?.target;
        Some([t.platform.clone(), t.model_id.clone(), t.environment.clone(), t.deployment_id.clone()])
    }

    #[test]
    fn targets_are_read_from_urls() {
        let table = [
            ("https://model-abc.api.baseten.co/environments/staging/predict", Some(["baseten", "abc", "staging", ""])),
            ("https://MODEL-ABC.API.baseten.co:443/production/predict?x=1", Some(["baseten", "abc", "production", ""])),
            (
                "https://user:pw@model-abc.api.baseten.co./deployment/d1/async_predict",
                Some(["baseten", "abc", "", "d1"]),
            ),
            ("https://model-abc-eu-west.api.baseten.co/predict", Some(["baseten", "abc", "eu-west", ""])),
            (
                "https://chain-c9.api.baseten.co/environments/production/run_remote",
                Some(["baseten", "chain-c9", "production", ""]),
            ),
            ("https://model-abc.api.baseten.co", Some(["baseten", "abc", "", ""])),
            ("https://model-abc.api.baseten.co/other/predict", Some(["baseten", "abc", "", ""])),
            ("https://ml.example.com/models/resnet/infer", Some(["own", "resnet", "", ""])),
            ("https://ml.example.com/payments", None),
            (&*format!("https://model-{}.api.baseten.co/predict", "a".repeat(129)), None),
            ("https://model-abc.api.baseten.co.evil.com/predict", None),
            ("https://model-.api.baseten.co/predict", None),
            ("https://model-a.b.api.baseten.co/predict", None),
            ("https://xmodel-abc.api.baseten.co/predict", None),
            ("model-abc.api.baseten.co/predict", None),
        ];
        for (url, expected) in table {
            assert_eq!(found(url), expected.map(|t| t.map(str::to_owned)), "{url}");
        }
    }

    #[test]
    fn bad_patterns_are_refused() {
        for (host, path) in [
            ("", "/"),
            ("a-{x", "/"),
            ("a-{}", "/"),
            ("{model_id}{environment}", "/"),
            ("{nobody}", "/"),
            ("h", "no-slash"),
        ] {
            let spec = TargetSpec { host: host.into(), paths: vec![path.into()], ..TargetSpec::default() };
            assert!(Patterns::compile([("p", &spec)]).is_err(), "{host} {path}");
        }
    }
}
