//! The command line: words come in, one invocation goes out. Under the name `containerpilot` it is ContainerPilot's, to the letter; under
//! its own name it has verbs besides.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::control::command::{Action, Maintenance, Reload};

/// ContainerPilot's flags, in Go's syntax.
mod flags;
/// The verbs of our own name.
mod verbs;
/// One request to the control socket.
pub mod client;
/// Jobs for people.
mod table;
/// What needs no supervising.
pub mod answer;
/// The one door to stdout and stderr.
pub mod out;

pub use verbs::completions;

/// The name under which the program was called, which decides about its command line and exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// `containerpilot`: a drop-in.
    ContainerPilot,
    /// Any other.
    Flightline,
}

impl Name {
    /// By the first word of a command line.
    pub fn of(word: &OsStr) -> Self {
        match Path::new(word).file_name() {
            Some(name) if name == "containerpilot" => Self::ContainerPilot,
            _ => Self::Flightline,
        }
    }
}

/// What was typed.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandLine {
    /// Under which name.
    pub name: Name,
    /// The configuration's file as typed; without it the environment names it.
    pub config: Option<PathBuf>,
    /// What is to be done.
    pub invocation: Invocation,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Invocation {
    /// Supervise.
    Run,
    /// Say who we are.
    Version,
    /// Show the configuration as the template makes it.
    Render {
        /// Where to; stdout if absent.
        out: Option<PathBuf>,
    },
    /// Validate the configuration and explain it.
    Check {
        /// What findings are.
        strictness: Strictness,
        /// How it is shown.
        form: Form,
    },
    /// Print the schema of the configuration.
    Schema,
    /// Print completions.
    Completions(clap_complete::Shell),
    /// Ask a running supervisor.
    Client(Request),
}

/// What findings of a check are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// They are shown.
    Lenient,
    /// They fail it.
    Strict,
}

/// How something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What a running supervisor is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Are you there?
    Ping,
    /// Take the configuration again.
    Reload(Reload),
    /// Begin or end maintenance.
    Maintenance(Maintenance),
    /// Set variables.
    PutVariables(BTreeMap<String, String>),
    /// Take values of metrics.
    PutMetrics(BTreeMap<String, String>),
    /// Is every job as it should be?
    Healthy,
    /// Jobs, a line each.
    List(Form),
    /// All that is known of jobs.
    Status {
        /// The jobs of this name; every job if absent.
        job: Option<String>,
        /// How it is shown.
        form: Form,
    },
    /// Do something to the jobs of one name.
    Act {
        /// The name.
        job: String,
        /// What.
        action: Action,
    },
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok,
    /// The supervisor heard it and said no, or not all of its jobs are well.
    Refused,
    /// The command line is wrong.
    Usage,
    /// No supervisor, or no output, could be reached.
    Unavailable,
    /// The configuration is wrong.
    Config,
}

impl CommandLine {
    /// The exit code: sysexits under our own name; under `containerpilot` what its callers know, but for a supervisor that cannot start,
    /// which must not look like one that has ended well.
    pub fn code(&self, exit: Exit) -> ExitCode {
        ExitCode::from(match (self.name, exit) {
            (Name::ContainerPilot, Exit::Config) if self.invocation != Invocation::Run => 1,
            (name, exit) => name.code(exit),
        })
    }
}

impl Name {
    const fn code(self, exit: Exit) -> u8 {
        match (self, exit) {
            (_, Exit::Ok) => 0,
            (_, Exit::Refused) | (Self::ContainerPilot, Exit::Unavailable) => 1,
            (Self::ContainerPilot, Exit::Usage) => 2,
            (Self::Flightline, Exit::Usage) => 64,
            (Self::Flightline, Exit::Unavailable) => 69,
            (_, Exit::Config) => 78,
        }
    }
}

/// Something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Unavailable, error.to_string())
    }
}

/// There is nothing to be done: help was asked for, or is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Under which name.
    pub name: Name,
    /// Which of the two.
    pub kind: UsageKind,
    /// What to tell the person who typed the command.
    pub text: String,
}

/// Why the usage is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageKind {
    /// It was asked for.
    Help,
    /// What was typed is wrong.
    Wrong,
}

impl Usage {
    /// Prints it. Returns the exit code: help that was asked for is no failure, but Go's flags say 2.
    pub fn show(&self) -> ExitCode {
        let (shown, exit) = match (self.name, self.kind) {
            (Name::Flightline, UsageKind::Help) => (out::say(&self.text), Exit::Ok),
            (Name::ContainerPilot, UsageKind::Help) | (_, UsageKind::Wrong) => {
                (out::complain(&self.text), Exit::Usage)
            }
        };
        ExitCode::from(self.name.code(shown.map_or(Exit::Unavailable, |()| exit)))
    }
}

/// Reads the command line.
///
/// # Errors
/// When it asks for help or cannot be read.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<CommandLine, Usage> {
    let mut words = words.into_iter();
    let name = Name::of(&words.next().unwrap_or_default());
    let flags = flags::read(name, words)?;
    match name {
        Name::Flightline if !flags.rest.is_empty() => verbs::read(flags),
        Name::ContainerPilot | Name::Flightline => Ok(flags.into_command_line(name)),
    }
}

/// Who we are, in two lines, as ContainerPilot says it.
pub fn version() -> String {
    let hash = option_env!("FLIGHTLINE_GIT_HASH").unwrap_or("unknown");
    format!("Version: {}\nGitHash: {hash}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests;
