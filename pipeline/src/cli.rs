//! The command line: words come in, one verb and its options go out; every way a verb can end has an exit code.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

/// The options of the verbs.
pub mod args;
/// Text that no terminal obeys.
pub mod visible;
/// The one door to stdout and stderr.
pub mod out;
/// The log: text or JSON, to stderr, repeated messages limited.
pub mod log;
/// `flightline run`
pub mod run;
/// `flightline check`
pub mod check;
/// `flightline ready`
pub mod ready;
/// `flightline doctor`
pub mod doctor;
/// `flightline observe`
pub mod observe;
/// `flightline completions`
pub mod completions;
/// `flightline setup`
pub mod setup;
/// `flightline replay`
pub mod replay;
/// `flightline publish`
pub mod publish;
/// `flightline record`
pub mod record;
/// `flightline dead`
pub mod dead;
/// `flightline demo`
pub mod demo;
/// Records, each at its time.
mod play;

/// Telemetry from NATS to InfluxDB and Prometheus.
#[derive(Debug, Parser)]
#[command(
    name = "flightline",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 done, 64 wrong usage, 65 some input was refused, 69 a needed service is unavailable, 75 stopped with data un-acked, 78 wrong configuration."
)]
pub struct Cli {
    /// What holds for every verb.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options of every verb.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Configuration file (TOML); may be repeated, later files override earlier ones. Without one, defaults and the environment hold
    #[arg(short, long = "config", value_name = "FILE", global = true)]
    pub config: Vec<PathBuf>,
    /// Log more: once for debug, twice for trace
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Log less: once for warnings, twice for errors
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub quiet: u8,
    /// How log lines are written; overrides log.format
    #[arg(long, value_name = "FORMAT", global = true)]
    pub log_format: Option<LogFormatArg>,
}

/// `--log-format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormatArg {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// The verbs.
#[derive(Debug, Clone, Subcommand)]
pub enum Verb {
    /// Run a worker: NATS to the configured sinks and /metrics, until SIGTERM or Ctrl-C
    Run(args::Run),
    /// Validate the configuration without connecting, and show what would run
    Check(args::Check),
    /// Ask the worker of this configuration, on its own machine, whether it should get work: exit code 0 or 69
    Ready(args::Ready),
    /// Look at this machine and the servers of the configuration, and explain what is wrong, with its cure
    Doctor(args::Doctor),
    /// Tell Prometheus about NATS itself: servers, streams and consumers, asked over NATS, until SIGTERM or Ctrl-C
    Observe,
    /// Create what the configured InfluxDB sinks need: organisations, buckets, databases
    Setup(args::Setup),
    /// Play a recorded stream or line protocol to NATS, or straight through the path into the sinks
    Replay(args::Replay),
    /// Publish each line of standard input as one message, acknowledged by the stream that takes it
    Publish(args::Publish),
    /// Record live subjects into a stream that replay can play
    Record(args::Record),
    /// List and show dead letters, and publish them again after a fix
    Dead(args::dead::Dead),
    /// See it work: a recorded stream through the real path into files, or into the servers of NATS_URL and INFLUX_URL
    Demo(args::Demo),
    /// Print completions for a shell
    Completions(args::Completions),
}

/// How the process ends (sysexits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, nothing left behind.
    Ok,
    /// The command line is wrong.
    Usage,
    /// Some of the input cannot be taken; the rest was.
    Input,
    /// A service that is needed cannot be used.
    Unavailable,
    /// Stopped with data un-acked: it will be delivered again.
    Unacked,
    /// The configuration is wrong.
    Config,
}

impl Exit {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Usage => 64,
            Self::Input => 65,
            Self::Unavailable => 69,
            Self::Unacked => 75,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A verb could not do its work.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What to tell the person who typed the command.
    pub text: String,
}

impl Failure {
    /// A failure with its text.
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            text: text.into(),
        }
    }
}

impl From<crate::config::problem::Report> for Failure {
    fn from(report: crate::config::problem::Report) -> Self {
        Self::new(Exit::Config, report.to_string().trim_end())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Unavailable, error.to_string())
    }
}

/// Reads the command line. Help, version and mistakes are printed here.
///
/// # Errors
/// The exit code, when there is nothing left to do.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, Exit> {
    Cli::try_parse_from(words).map_err(|error| {
        let text = error.render();
        let (exit, said) = if error.use_stderr() {
            (Exit::Usage, out::complain(&text))
        } else {
            (Exit::Ok, out::say(&text))
        };
        said.map_or(Exit::Unavailable, |()| exit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn exit_codes_are_those_of_sysexits() {
        let all = [
            Exit::Ok,
            Exit::Usage,
            Exit::Input,
            Exit::Unavailable,
            Exit::Unacked,
            Exit::Config,
        ];
        assert_eq!(all.map(Exit::code), [0, 64, 65, 69, 75, 78]);
    }

    #[test]
    fn configuration_files_may_be_named_before_and_after_the_verb() {
        let words = ["flightline", "check", "-c", "a.toml", "-c", "b.toml"].map(OsString::from);
        let cli = parse(words).unwrap();
        assert_eq!(
            cli.global.config,
            [PathBuf::from("a.toml"), PathBuf::from("b.toml")]
        );
    }
}
