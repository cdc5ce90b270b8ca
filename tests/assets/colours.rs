//! The colour of every word that a board shows. In: the taxonomy. Out: one fixed colour a word, the same on every board.
//!
//! The hues are Okabe's and Ito's, which colour-blind readers can tell apart. Among causes the hue tells the causes of one blame
//! apart and the shade says whose they are: pure is the model's, dark the platform's, light and pale the caller's, grey is not known.
//! No picture says anything by colour alone: the word stands in the legend, beside the value or in the cell.

use coroner::judge::taxonomy::{Blame, Cause, Class, Confidence, EvidenceKind, Match};
use coroner::observe::{Ending, Vantage};

/// A hue of the palette, as red, green and blue.
type Hue = [u8; 3];

const VERMILLION: Hue = [0xD5, 0x5E, 0x00];
const ORANGE: Hue = [0xE6, 0x9F, 0x00];
const YELLOW: Hue = [0xF0, 0xE4, 0x42];
const GREEN: Hue = [0x00, 0x9E, 0x73];
const SKY: Hue = [0x56, 0xB4, 0xE9];
const BLUE: Hue = [0x00, 0x72, 0xB2];
const PURPLE: Hue = [0xCC, 0x79, 0xA7];
const GREY: Hue = [0x99, 0x99, 0x99];

/// How a hue is shaded: towards black or white, and how far in percent.
#[derive(Clone, Copy)]
enum Shade {
    Pure,
    Dark,
    Light,
    Pale,
}
use Shade::{Dark, Light, Pale, Pure};

/// A set of words that are shown side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// Who has to act.
    Blame,
    /// What happened.
    Class,
    /// Why.
    Cause,
    /// What was seen about containers.
    Evidence,
    /// How streams end.
    Ending,
    /// How sure verdicts are.
    Confidence,
    /// How evidence was matched.
    Match,
    /// Where requests were seen from.
    Vantage,
    /// How loud alerts are.
    Severity,
    /// Status codes that are common enough for a colour of their own.
    Status,
    /// Shares of a distribution.
    Quantile,
    /// Good, doubtful, bad; and what stands where nothing was seen.
    State,
}

/// In the shades of their causes, so that no cause of a model looks like a caller or the platform.
const BLAMES: &[(&str, Hue, Shade)] =
    &[("client", ORANGE, Light), ("model", VERMILLION, Pure), ("platform", BLUE, Dark), ("undetermined", GREY, Pure)];

const CLASSES: &[(&str, Hue, Shade)] = &[
    ("bad_gateway", VERMILLION, Pure),
    ("model_error", ORANGE, Pure),
    ("capacity", YELLOW, Pure),
    ("connection", GREEN, Pure),
    ("timeout", SKY, Pure),
    ("unavailable", BLUE, Pure),
    ("stream_truncated", PURPLE, Pure),
    ("async_failed", VERMILLION, Dark),
    ("authentication", ORANGE, Light),
    ("permission", YELLOW, Light),
    ("billing", VERMILLION, Light),
    ("not_found", SKY, Light),
    ("invalid_request", GREEN, Light),
    ("payload_too_large", PURPLE, Light),
    ("rate_limited", BLUE, Light),
    ("client_timeout", SKY, Pale),
    ("client_closed", PURPLE, Pale),
    ("other", GREY, Pure),
];

const CAUSES: &[(&str, Hue, Shade)] = &[
    ("oom_killed", VERMILLION, Pure),
    ("container_crash", ORANGE, Pure),
    ("load_failed", YELLOW, Pure),
    ("user_exception", GREEN, Pure),
    ("slow_model", SKY, Pure),
    ("hung_request", BLUE, Pure),
    ("gpu_oom", PURPLE, Pure),
    ("routing", VERMILLION, Dark),
    ("platform_fault", ORANGE, Dark),
    ("async_not_set_up", YELLOW, Dark),
    ("no_capacity", SKY, Dark),
    ("draining", BLUE, Dark),
    ("circuit_open", PURPLE, Dark),
    ("pool_exhausted", VERMILLION, Light),
    ("invalid_api_key", ORANGE, Light),
    ("client_disconnect", YELLOW, Light),
    ("edge_size_limit", GREEN, Light),
    ("wrong_model_id", SKY, Light),
    ("short_client_timeout", BLUE, Light),
    ("client_quota", PURPLE, Light),
    ("unpaid_account", VERMILLION, Pale),
    ("invalid_input", ORANGE, Pale),
    ("context_length", YELLOW, Pale),
    ("async_size_limit", GREEN, Pale),
    ("dns", SKY, Pale),
    ("tls", BLUE, Pale),
    ("budget_exhausted", PURPLE, Pale),
    ("unknown", GREY, Pure),
    ("cold_start", GREY, Light),
    ("stream_stalled", GREY, Dark),
    ("connect_refused", GREY, Pale),
];

/// A kind that is also a cause has its cause's colour.
const EVIDENCE: &[(&str, Hue, Shade)] = &[
    ("oom_killed", VERMILLION, Pure),
    ("node_oom", VERMILLION, Dark),
    ("memory_pressure", VERMILLION, Light),
    ("container_exit", ORANGE, Pure),
    ("engine_dead", ORANGE, Dark),
    ("unhealthy", ORANGE, Light),
    ("load_failed", YELLOW, Pure),
    ("evicted", YELLOW, Dark),
    ("client_disconnect", YELLOW, Light),
    ("user_exception", GREEN, Pure),
    ("serving", GREEN, Dark),
    ("stream_exception", GREEN, Light),
    ("worker_timeout", SKY, Pure),
    ("finished_late", SKY, Dark),
    ("loading", SKY, Pale),
    ("never_returned", BLUE, Pure),
    ("draining", BLUE, Dark),
    ("still_running", BLUE, Light),
    ("gpu_oom", PURPLE, Pure),
    ("gpu_fault", PURPLE, Dark),
    ("proved_clean", GREY, Pure),
];

const ENDINGS: &[(&str, Hue, Shade)] =
    &[("complete", GREEN, Pure), ("truncated", VERMILLION, Pure), ("cancelled", SKY, Pure), ("unknown", GREY, Pure)];

const CONFIDENCES: &[(&str, Hue, Shade)] =
    &[("observed", GREEN, Pure), ("correlated", SKY, Pure), ("likely", YELLOW, Pure), ("assumed", GREY, Pure)];

const MATCHES: &[(&str, Hue, Shade)] =
    &[("request", GREEN, Pure), ("replica", SKY, Pure), ("target", YELLOW, Pure), ("none", GREY, Pure)];

/// `client` and `model` are blames too.
const VANTAGES: &[(&str, Hue, Shade)] = &[
    ("client", ORANGE, Light),
    ("sdk", SKY, Pure),
    ("app", GREEN, Pure),
    ("gateway", PURPLE, Pure),
    ("model", VERMILLION, Pure),
];

/// None of them is a blame's, which stands beside it in lists of alerts.
const SEVERITIES: &[(&str, Hue, Shade)] =
    &[("critical", VERMILLION, Dark), ("warning", ORANGE, Pure), ("info", SKY, Pure), ("pending", GREY, Light)];

const STATUSES: &[(&str, Hue, Shade)] = &[
    ("200", GREEN, Pure),
    ("202", GREEN, Light),
    ("401", ORANGE, Light),
    ("404", SKY, Light),
    ("429", BLUE, Light),
    ("500", ORANGE, Pure),
    ("502", VERMILLION, Pure),
    ("503", BLUE, Pure),
    ("504", SKY, Pure),
];

const QUANTILES: &[(&str, Hue, Shade)] = &[("p50", SKY, Pure), ("p95", ORANGE, Pure), ("p99", VERMILLION, Pure)];

const STATES: &[(&str, Hue, Shade)] =
    &[("none seen", GREEN, Pure), ("doubtful", ORANGE, Pure), ("bad", VERMILLION, Pure)];

impl Words {
    /// Every set.
    pub(crate) const ALL: &[Self] = &[
        Self::Blame,
        Self::Class,
        Self::Cause,
        Self::Evidence,
        Self::Ending,
        Self::Confidence,
        Self::Match,
        Self::Vantage,
        Self::Severity,
        Self::Status,
        Self::Quantile,
        Self::State,
    ];

    fn table(self) -> &'static [(&'static str, Hue, Shade)] {
        match self {
            Self::Blame => BLAMES,
            Self::Class => CLASSES,
            Self::Cause => CAUSES,
            Self::Evidence => EVIDENCE,
            Self::Ending => ENDINGS,
            Self::Confidence => CONFIDENCES,
            Self::Match => MATCHES,
            Self::Vantage => VANTAGES,
            Self::Severity => SEVERITIES,
            Self::Status => STATUSES,
            Self::Quantile => QUANTILES,
            Self::State => STATES,
        }
    }

    /// Each word with its colour, `#RRGGBB`.
    pub(crate) fn colours(self) -> Vec<(&'static str, String)> {
        self.table().iter().map(|(word, hue, shade)| (*word, shade.of(*hue))).collect()
    }

    /// The label whose values the words are, where it is one that queries group by.
    pub(crate) const fn label(self) -> Option<&'static str> {
        match self {
            Self::Blame => Some("blame"),
            Self::Class => Some("class"),
            Self::Cause => Some("cause"),
            Self::Evidence => Some("kind"),
            Self::Ending => Some("ending"),
            Self::Confidence => Some("confidence"),
            Self::Match => Some("match"),
            Self::Vantage => Some("vantage"),
            Self::Severity => Some("severity"),
            Self::Status => Some("status_code"),
            Self::Quantile | Self::State => None,
        }
    }
}

impl Shade {
    fn of(self, hue: Hue) -> String {
        let (end, percent) = match self {
            Pure => (0, 0),
            Dark => (0, 30),
            Light => (255, 45),
            Pale => (255, 72),
        };
        let mixed = hue.map(|part| (u32::from(part) * (100 - percent) + end * percent + 50) / 100);
        format!("#{:02X}{:02X}{:02X}", mixed[0], mixed[1], mixed[2])
    }
}

/// The colour of one word.
pub(crate) fn colour(words: Words, word: &str) -> String {
    let (_, hue, shade) = words.table().iter().find(|(known, _, _)| *known == word).expect("the word is in the set");
    shade.of(*hue)
}

#[test]
fn every_word_has_one_colour_and_no_two_of_a_set_share_it() {
    let words = |all: Vec<&'static str>| all;
    let closed = [
        (Words::Blame, words(Blame::ALL.iter().map(|w| w.as_str()).collect())),
        (Words::Class, words(Class::ALL.iter().map(|w| w.as_str()).collect())),
        (Words::Cause, words(Cause::ALL.iter().map(|w| w.as_str()).collect())),
        (Words::Evidence, words(EvidenceKind::ALL.iter().map(|w| w.as_str()).collect())),
        (Words::Confidence, words(Confidence::ALL.iter().map(|w| w.as_str()).collect())),
        (Words::Match, words(Match::ALL.iter().map(|w| w.as_str()).collect())),
        (
            Words::Ending,
            words([Ending::Complete, Ending::Truncated, Ending::Cancelled, Ending::Unknown].map(Ending::as_str).into()),
        ),
        (
            Words::Vantage,
            words(
                [Vantage::Client, Vantage::Sdk, Vantage::App, Vantage::Gateway, Vantage::Model]
                    .map(Vantage::as_str)
                    .into(),
            ),
        ),
    ];
    for (set, mut expected) in closed {
        let mut found: Vec<&str> = set.table().iter().map(|(word, _, _)| *word).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{set:?}");
    }
    let mut all = std::collections::BTreeMap::new();
    for set in Words::ALL {
        let mut used = std::collections::BTreeSet::new();
        for (word, colour) in set.colours() {
            assert!(used.insert(colour.clone()), "{set:?}: {word} has the colour of another word");
            let first = all.entry(word).or_insert_with(|| colour.clone());
            assert_eq!(*first, colour, "{word} has two colours");
        }
    }
}
