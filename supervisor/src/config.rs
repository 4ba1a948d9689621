//! The configuration as trusted: every value here was checked. All of it is compared when a new configuration is taken, so that only
//! what changed is restarted.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flightline_contract::token::Token;

/// Jobs as trusted.
pub mod jobs;
/// Consul, NATS, watches and telemetry as trusted.
pub mod servers;

/// Where the file is.
pub mod find;
/// From the file to what is trusted: find, render, parse, check.
pub mod load;
/// JSON5 as a tree in which everything knows where it stands.
pub mod tree;
/// The parser of JSON5.
pub mod json5;
/// Every key, its type, its default and what it is for.
pub mod reference;
/// Numbers for text and text for numbers.
pub mod weak;
/// Durations in Go's words.
pub mod duration;
/// The addresses of this machine, and which is told to others.
pub mod interfaces;
/// From the tree to what is trusted.
pub(crate) mod check;
/// What is wrong, with its place.
pub mod problem;
/// The variables that children get.
pub mod variables;
/// What a configuration means, for a person.
pub mod explain;
/// What a configuration may be, for a machine.
pub mod schema;

#[cfg(test)]
mod testing;

pub use jobs::*;
pub use servers::*;

/// All that one file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The agent; absent, null or `false` means that nothing is registered.
    pub consul: Option<Consul>,
    /// In the order of the file.
    pub jobs: Vec<Arc<Job>>,
    /// Name and address of each job with a port, registered or not, in the order of the file.
    pub addresses: Vec<(Arc<str>, IpAddr)>,
    /// In the order of the file.
    pub watches: Vec<Watch>,
    /// The HTTP server for metrics and status.
    pub telemetry: Option<Telemetry>,
    /// Where life-cycle, health and metrics are published.
    pub nats: Option<Nats>,
    /// As whom life-cycle changes are told of, on NATS and in Consul.
    pub identity: Identity,
    /// The control socket.
    pub control: PathBuf,
    /// What is logged, and how.
    pub logging: Logging,
    /// From the first SIGTERM to the last SIGKILL; zero kills at once.
    pub stop_timeout: Duration,
    /// When the supervisor ends by itself.
    pub exit_when: ExitWhen,
}

/// As whom life-cycle changes are told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// What this container is there for: `nats.service`, else its main job, else its first.
    pub service: Token,
    /// Which of them it is: `nats.instance`, else the host's name.
    pub instance: Token,
}

/// When the supervisor ends by itself, beside the end of a main job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExitWhen {
    /// When every job has ended; a job that still could be started has not.
    #[default]
    Complete,
    /// Also when what is left only waits for events.
    Idle,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// The least important that is written.
    pub level: tracing::Level,
    /// How a record is written.
    pub format: LogFormat,
    /// Where to.
    pub output: LogOutput,
}

/// How a log record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Time, job, pid, message.
    Default,
    /// `key=value` pairs.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where log records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogOutput {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, appended to and opened again on SIGUSR1.
    File(PathBuf),
}
