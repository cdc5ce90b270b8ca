//! The command line.
//!
//! In: the arguments. Out: one command run to its end, and the exit code: 0 fine, 1 failed, 2 wrong arguments or config.

mod check;
mod demo;
mod serve;
mod watch;

use crate::judge::taxonomy::{Blame, Cause, Class};
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// States what killed a failed inference request, why, and who has to act: OTLP in, Prometheus metrics out.
#[derive(Debug, Parser)]
#[command(name = "coroner", version, args_conflicts_with_subcommands = true, after_help = AFTER)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

const AFTER: &str = "\
Without a command, `serve` is run. Ports (loopback): 4317 OTLP/gRPC, 4318 OTLP/HTTP, 9464 /metrics /livez /readyz and the
case feed.
Exit codes: 0 fine, 1 failed, 2 wrong arguments or config.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Take telemetry, judge every failed request, serve the metrics (the default)
    Serve(ServeArgs),
    /// Serve, and let a simulated fleet of some 40 models send to it: a live table, then the verdicts against the truth
    #[command(after_help = AFTER_DEMO)]
    Demo(DemoArgs),
    /// Print cases as they settle: a live table, or JSON
    #[command(after_help = AFTER_WATCH)]
    Watch(WatchArgs),
    /// Check a config and rulebooks, print `ok` or every error, start nothing
    Check(CheckArgs),
}

/// Arguments of `serve`.
#[derive(Args, Debug)]
struct ServeArgs {
    /// Config file (YAML); without one all defaults hold
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
struct DemoArgs {
    /// How long the fleet runs, in seconds
    #[arg(long, value_name = "N", default_value_t = 45, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Which day is simulated: the same number gives the same calls
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Only these incidents, by the names of --list
    #[arg(long, value_name = "INCIDENT", value_delimiter = ',', conflicts_with = "healthy")]
    only: Option<Vec<String>>,
    /// No incident at all
    #[arg(long)]
    healthy: bool,
    /// How often each caller calls each of its models, per second
    #[arg(long, value_name = "N", default_value_t = 8.0, value_parser = rate)]
    rate: f64,
    /// Where the simulated platform's own metrics are served; another port where that one is in use
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9465")]
    provider: SocketAddr,
    /// Send the calls' spans to this OTLP/HTTP port too: a trace backend, so that exemplars open there
    #[arg(long, value_name = "HOST:PORT")]
    traces: Option<String>,
    /// Begin again after the report, until Ctrl-C
    #[arg(long, conflicts_with = "keep")]
    repeat: bool,
    /// Keep serving after the report, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Name the incidents of such a run, with their times and right verdicts, and start nothing
    #[arg(long)]
    list: bool,
    /// With --list: one JSON object a line
    #[arg(long, requires = "list")]
    json: bool,
}

const AFTER_DEMO: &str = "\
Incidents lie at shares of the run: the fleet is healthy for the first and the last tenth. The
ports are those of `serve`, and free ones where these are in use; the addresses are printed.

  coroner demo                                      # 45 s, everything at once
  coroner demo --list --seconds 600                 # what happens when
  coroner demo --only oom-storm,billing --seconds 600
  coroner demo --seconds 1200 --repeat              # for dashboards: day after day";

/// Calls a second: enough that something happens, few enough that one machine can make them.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().map_err(|_| "write a number".to_owned())?;
    if (0.1..=1000.0).contains(&rate) { Ok(rate) } else { Err("write a number from 0.1 to 1000".to_owned()) }
}

/// Arguments of `watch`.
#[derive(Args, Debug)]
struct WatchArgs {
    /// Admin port of the service
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9464", value_parser = plain_http)]
    url: String,
    /// Only models whose id fits; `*` stands for any text
    #[arg(long, value_name = "GLOB")]
    model: Option<String>,
    /// Only callers whose service.name fits; `*` stands for any text
    #[arg(long, value_name = "GLOB")]
    caller: Option<String>,
    /// Only cases that these have to act on
    #[arg(long, value_name = "BLAME", value_delimiter = ',',
          value_parser = PossibleValuesParser::new(Blame::ALL.iter().map(|word| word.as_str())))]
    blame: Vec<String>,
    /// Only cases with these causes
    #[arg(long, value_name = "CAUSE", value_delimiter = ',', hide_possible_values = true,
          value_parser = PossibleValuesParser::new(Cause::ALL.iter().map(|word| word.as_str())))]
    cause: Vec<String>,
    /// Only cases of these classes
    #[arg(long, value_name = "CLASS", value_delimiter = ',', hide_possible_values = true,
          value_parser = PossibleValuesParser::new(Class::ALL.iter().map(|word| word.as_str())))]
    class: Vec<String>,
    /// One JSON object a line instead of the table; fields as in proto/coroner/v1/cases.proto
    #[arg(long)]
    json: bool,
}

const AFTER_WATCH: &str = "\
A case is printed when its verdict is final, and again when what came too late to be counted
would have changed it. --blame, --cause and --class take several words with commas,
those of docs/taxonomy.md; a case must pass every filter. Notes about the connection go to
standard error.

  coroner watch --blame model,platform
  coroner watch --cause oom_killed --json | jq '{model: .target.model_id, pod: .evidence.replica}'";

/// The URL of an admin port, which speaks HTTP without TLS.
fn plain_http(text: &str) -> Result<String, String> {
    match text.parse::<http::Uri>() {
        Ok(uri) if uri.scheme_str() == Some("http") && uri.authority().is_some() => Ok(text.to_owned()),
        _ => Err("write http://HOST:PORT".to_owned()),
    }
}

/// Arguments of `check`.
#[derive(Args, Debug)]
struct CheckArgs {
    /// Config file (YAML); the rulebooks it names are checked too
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Rulebook files to check
    #[arg(value_name = "BOOK")]
    books: Vec<PathBuf>,
}

/// Why a command ended badly; decides the exit code.
#[derive(Debug)]
enum Failure {
    /// It ran and failed: 1.
    Failed(String),
    /// It could not be understood: 2.
    Refused(String),
}

/// Runs the command that the arguments name.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        None => serve::run(&cli.serve),
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Watch(args)) => watch::run(args),
        Some(Command::Check(args)) => check::run(&args, &mut io::stdout()),
    };
    let (text, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(text)) => (text, 1),
        Err(Failure::Refused(text)) => (text, 2),
    };
    // Nobody is left to tell where standard error is closed; the exit code still says it.
    drop(writeln!(io::stderr(), "{text}"));
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound_and_offers_only_what_exists() {
        let mut command = Cli::command();
        command.clone().debug_assert();
        let help = command.render_long_help().to_string();
        for word in ["serve", "demo", "watch", "check", "--config", "Exit codes"] {
            assert!(help.contains(word), "{help}");
        }
        assert!(!help.contains("explain"), "{help}");
    }

    #[test]
    fn serve_is_the_default() {
        let bare = Cli::try_parse_from(["coroner", "--config", "a.yaml"]).unwrap();
        assert!(bare.command.is_none() && bare.serve.config.is_some());
        assert!(Cli::try_parse_from(["coroner", "sevre"]).is_err());
    }

    #[test]
    fn watch_takes_words_of_the_taxonomy_only() {
        let parse = |args: &[&str]| Cli::try_parse_from(["coroner", "watch"].iter().chain(args));
        assert!(parse(&["--blame", "model,platform", "--cause", "oom_killed", "--class=bad_gateway"]).is_ok());
        let wrong = parse(&["--cause", "oom_kiled"]).unwrap_err().to_string();
        assert!(wrong.contains("a similar value exists: 'oom_killed'"), "{wrong}");
        for url in ["127.0.0.1:9464", "https://127.0.0.1:9464", "http://"] {
            let wrong = parse(&["--url", url]).unwrap_err().to_string();
            assert!(wrong.contains("write http://HOST:PORT"), "{wrong}");
        }
    }
}
