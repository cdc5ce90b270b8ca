//! Which format the scraper gets.
//!
//! In: the `Accept` and `Accept-Encoding` header values. Out: the [`Format`] that it likes best, as Prometheus 2 and 3 ask for it.

/// A format of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Length-delimited `io.prometheus.client.MetricFamily` messages.
    Protobuf,
    /// OpenMetrics text, version 1.0.0.
    OpenMetrics1,
    /// OpenMetrics text, version 0.0.1.
    OpenMetrics0,
    /// Prometheus text, version 0.0.4.
    Text,
}

impl Format {
    /// The `Content-Type` of an answer in this format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
            Self::OpenMetrics1 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::OpenMetrics0 => "application/openmetrics-text; version=0.0.1; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The format that the scraper likes best; the plain text where it says nothing that we have.
pub fn negotiate(accept: &str) -> Format {
    let mut best = (0.0, Format::Text);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let Some(media) = parts.next() else { continue };
        let parameters: Vec<(&str, &str)> = parts.filter_map(|p| p.split_once('=')).collect();
        let offered = format_of(media, |name| value_of(&parameters, name));
        let quality = quality(value_of(&parameters, "q"));
        if let Some(format) = offered.filter(|_| quality > best.0) {
            best = (quality, format);
        }
    }
    best.1
}

/// Whether the answer may be sent with gzip.
pub fn accepts_gzip(accept_encoding: &str) -> bool {
    let mut any = false;
    for coding in accept_encoding.split(',') {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let wanted = quality(parameters.trim().strip_prefix("q=")) > 0.0;
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") => return wanted,
            "*" => any = wanted,
            _ => {}
        }
    }
    any
}

fn value_of<'a>(parameters: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().trim_matches('"'))
}

fn quality(text: Option<&str>) -> f64 {
    text.map_or(1.0, |q| q.parse().unwrap_or(0.0))
}

/// The format that a media range of the header means, where there is one.
fn format_of<'a>(media: &str, parameter: impl Fn(&str) -> Option<&'a str>) -> Option<Format> {
    let is = |name: &str, value: &str| parameter(name).is_none_or(|v| v.eq_ignore_ascii_case(value));
    match media.to_ascii_lowercase().as_str() {
        "application/vnd.google.protobuf" => {
            let ours = parameter("proto") == Some("io.prometheus.client.MetricFamily") && is("encoding", "delimited");
            ours.then_some(Format::Protobuf)
        }
        "application/openmetrics-text" => match parameter("version") {
            None | Some("1.0.0") => Some(Format::OpenMetrics1),
            Some("0.0.1") => Some(Format::OpenMetrics0),
            Some(_) => None,
        },
        // 1.0.0 differs from 0.0.4 only in names that we do not use, but it must be asked for by its own name.
        "text/plain" => is("version", "0.0.4").then_some(Format::Text),
        "text/*" | "*/*" => Some(Format::Text),
        "application/*" => Some(Format::OpenMetrics1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Debian's Prometheus 2.42 and Prometheus 3 send, with and without native histograms, and what people send by hand.
    const ASKED: &[(&str, Format)] = &[
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format::OpenMetrics1,
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format::Protobuf,
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            Format::OpenMetrics1,
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.1",
            Format::Protobuf,
        ),
        ("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.2", Format::Text),
        ("application/openmetrics-text; version=0.0.1", Format::OpenMetrics0),
        ("application/openmetrics-text; version=2.0.0, text/plain;q=0.1", Format::Text),
        ("Application/OpenMetrics-Text; VERSION=\"1.0.0\"; q=1.0, text/plain", Format::OpenMetrics1),
        ("application/openmetrics-text;q=0, text/plain;q=0.1", Format::Text),
        ("application/vnd.google.protobuf", Format::Text),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", Format::Text),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Text),
        ("*/*", Format::Text),
        ("", Format::Text),
        (";;,,q=,=;q=abc", Format::Text),
    ];

    #[test]
    fn every_scraper_gets_what_it_likes_best() {
        for (accept, expected) in ASKED {
            assert_eq!(negotiate(accept), *expected, "{accept}");
        }
    }

    #[test]
    fn gzip_only_where_it_is_wanted() {
        for (header, expected) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("*", true),
            ("*, gzip;q=0", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(header), expected, "{header}");
        }
    }
}
