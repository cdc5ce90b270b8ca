//! Structured logs on standard error.
//!
//! In: level and format from the config. Out: one line an event, JSON or text. Bodies, URLs and keys are never logged:
//! events carry counts, addresses of our own ports and error texts of our own.

use crate::config::{Log, LogFormat};
use std::io::{self, IsTerminal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

/// Installs the process's logger.
///
/// # Errors
/// There is one already.
pub fn start(log: Log) -> Result<(), TryInitError> {
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    tracing_subscriber::registry().with(layer(log, json, io::stderr)).try_init()
}

fn layer<W>(log: Log, json: bool, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // The libraries below speak of single connections: their warnings matter, their chatter does not.
    let others = LevelFilter::from_level(log.level.min(tracing::Level::WARN));
    let filter = Targets::new().with_default(others).with_target("coroner", log.level);
    let lines = fmt::layer().with_writer(writer);
    if json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).with_filter(filter).boxed()
    } else {
        lines.with_ansi(io::stderr().is_terminal()).with_filter(filter).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::Level;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn json_lines_are_flat_and_quiet_about_libraries() {
        let page = Page::default();
        let writer = page.clone();
        let log = Log { level: Level::INFO, format: LogFormat::Json };
        let subscriber = tracing_subscriber::registry().with(layer(log, true, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "coroner::app", address = "127.0.0.1:1", "listening");
            tracing::debug!(target: "coroner::app", "not asked for");
            tracing::info!(target: "hyper", "chatter");
            tracing::warn!(target: "hyper", "matters");
        });
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let messages: Vec<_> = lines.iter().map(|l| l["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["listening", "matters"]);
        assert_eq!(lines[0]["address"], "127.0.0.1:1");
        assert_eq!(lines[0]["level"], "INFO");
    }
}
