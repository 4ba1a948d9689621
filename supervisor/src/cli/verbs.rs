//! The words behind the flags come in, the verb with its options goes out: only under our own name.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use nix::sys::signal::Signal;

use super::flags::{Flags, wrong};
use super::{CommandLine, Form, Invocation, Name, Request, Strictness, Usage, UsageKind};
use crate::control::command::{Action, Maintenance, Reload, signal};

const NAME: &str = "flightline-supervisor";

/// Runs services the autopilot way and publishes every life-cycle change to NATS and Consul.
#[derive(Debug, Parser)]
#[command(name = NAME, version, max_term_width = 100)]
#[command(
    after_help = "The flags of ContainerPilot 3 work, too: -config, -template, -out, -reload, -maintenance, -putenv, -putmetric, -ping, -version.\n\
                  Exit codes: 0 done, 1 the supervisor refused or a job is not well, 64 wrong usage, 69 no supervisor could be reached, 78 wrong configuration."
)]
struct Words {
    /// The configuration; without it the environment variable CONTAINERPILOT names it
    #[arg(short, long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Supervise; what is done without a verb
    Run,
    /// Validate the configuration without running anything, and explain it
    Check {
        /// Fail on findings, too
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        shown: Shown,
    },
    /// Show the configuration as its template makes it
    Render {
        /// Where to; stdout if absent
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print the JSON schema of the configuration
    Schema,
    /// Ask a running supervisor whether its jobs are well: exit code 0, or 1 and a line for each that is not
    Healthy,
    /// Show the jobs of a running supervisor, a line each
    List {
        #[command(flatten)]
        shown: Shown,
    },
    /// Show all that a running supervisor knows of its jobs
    Status {
        /// Only the jobs of this name
        job: Option<String>,
        #[command(flatten)]
        shown: Shown,
    },
    /// Start a job now, whatever it waits for
    Start {
        /// Its name
        job: String,
    },
    /// Stop a job and leave it stopped
    Stop {
        /// Its name
        job: String,
    },
    /// Stop a job's process and start it again, at no cost to its restarts
    Restart {
        /// Its name
        job: String,
    },
    /// Send a job's process group a signal
    Signal {
        /// The job's name
        job: String,
        /// A name such as SIGUSR1, or a number
        #[arg(value_parser = signal)]
        signal: Signal,
    },
    /// Let a running supervisor take its configuration again: jobs that changed are restarted
    Reload {
        /// Restart every job
        #[arg(long)]
        hard: bool,
    },
    /// Begin or end maintenance
    Maintenance {
        /// Which of the two
        #[arg(value_enum)]
        way: Way,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, clap::Args)]
struct Shown {
    /// For programs
    #[arg(long)]
    json: bool,
}

impl Shown {
    const fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Text }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Way {
    /// Begin
    #[value(alias = "enable")]
    Enter,
    /// End
    #[value(alias = "disable")]
    Exit,
}

/// Reads the verb behind `flags`.
pub(super) fn read(flags: Flags) -> Result<CommandLine, Usage> {
    if flags.action().is_some() || flags.out.is_some() {
        return Err(wrong(
            Name::Flightline,
            "a flag that does something and a verb cannot be given at once",
        ));
    }
    let words = [OsString::from(NAME)]
        .into_iter()
        .chain(flags.rest.into_iter().map(two_dashes));
    let words = Words::try_parse_from(words).map_err(|error| Usage {
        name: Name::Flightline,
        kind: if error.use_stderr() {
            UsageKind::Wrong
        } else {
            UsageKind::Help
        },
        text: error.render().to_string(),
    })?;
    Ok(CommandLine {
        name: Name::Flightline,
        config: words.config.or(flags.config),
        invocation: words.verb.map_or(Invocation::Run, Invocation::from),
    })
}

/// `-config` behind a verb would be `-c` with the value `onfig`.
fn two_dashes(word: OsString) -> OsString {
    match word.to_str() {
        Some(text) if text == "-config" || text.starts_with("-config=") => {
            format!("-{text}").into()
        }
        _ => word,
    }
}

impl From<Verb> for Invocation {
    fn from(verb: Verb) -> Self {
        let act = |job, action| Self::Client(Request::Act { job, action });
        match verb {
            Verb::Run => Self::Run,
            Verb::Check { strict, shown } => Self::Check {
                strictness: if strict {
                    Strictness::Strict
                } else {
                    Strictness::Lenient
                },
                form: shown.form(),
            },
            Verb::Render { out } => Self::Render {
                out: out.filter(|path| path.as_os_str() != "-"),
            },
            Verb::Schema => Self::Schema,
            Verb::Healthy => Self::Client(Request::Healthy),
            Verb::List { shown } => Self::Client(Request::List(shown.form())),
            Verb::Status { job, shown } => Self::Client(Request::Status {
                job,
                form: shown.form(),
            }),
            Verb::Start { job } => act(job, Action::Start),
            Verb::Stop { job } => act(job, Action::Stop),
            Verb::Restart { job } => act(job, Action::Restart),
            Verb::Signal { job, signal } => act(job, Action::Signal(signal)),
            Verb::Reload { hard } => Self::Client(Request::Reload(if hard {
                Reload::Everything
            } else {
                Reload::Changed
            })),
            Verb::Maintenance { way } => Self::Client(Request::Maintenance(match way {
                Way::Enter => Maintenance::Enter,
                Way::Exit => Maintenance::Exit,
            })),
            Verb::Completions { shell } => Self::Completions(shell),
        }
    }
}

/// The help of our own name.
pub(super) fn help() -> String {
    Words::command().render_long_help().to_string()
}

/// Completions for `shell`.
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Words::command(), NAME, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verbs_are_well_formed() {
        Words::command().debug_assert();
    }

    #[test]
    fn completions_know_the_verbs() {
        for shell in clap_complete::Shell::value_variants() {
            assert!(completions(*shell).contains("maintenance"), "{shell}");
        }
    }
}
