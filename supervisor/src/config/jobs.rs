//! Jobs as trusted: what is run, when, how often, how it is checked, and what of it is registered.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::resource::Resource;
use nix::sys::signal::Signal;

use crate::event::{Code, SignalEvent, Source};

/// One job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its name, not necessarily unique: jobs of one name share their events.
    pub name: Arc<str>,
    /// What is run; a job without it can still be registered, and never completes.
    pub exec: Option<Exec>,
    /// What starts it.
    pub when: When,
    /// How often it is started again after an exit.
    pub restarts: Restarts,
    /// The pause before a restart.
    pub backoff: Backoff,
    /// How long one run may take before it is killed.
    pub timeout: Option<Duration>,
    /// How it is stopped.
    pub stop: Stop,
    /// How it is checked.
    pub health: Option<Health>,
    /// What is registered in Consul: every job with a port, where there is a Consul.
    pub service: Option<Arc<Service>>,
    /// What becomes of its output.
    pub output: Output,
    /// Whether its end is the supervisor's.
    pub role: Role,
    /// As whom, where and with what it runs.
    pub setting: Setting,
}

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// Looked for in `PATH` unless it holds a `/`.
    pub program: String,
    /// Its arguments, without its own name.
    pub args: Vec<String>,
}

/// What starts a job.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// The supervisor's own start.
    Startup,
    /// The supervisor's own start, and then each time so much has passed.
    Interval(Duration),
    /// The first such event.
    Once {
        /// The event.
        trigger: Trigger,
        /// Gives up when it has not come by then.
        timeout: Option<Duration>,
    },
    /// Every such event.
    Each {
        /// The event.
        trigger: Trigger,
        /// Gives up when the first has not come by then.
        timeout: Option<Duration>,
    },
    /// Every such signal.
    Signal {
        /// The signal.
        signal: SignalEvent,
        /// Gives up when the first has not come by then.
        timeout: Option<Duration>,
    },
    /// Once, when each of these has happened at least once, in any order.
    All {
        /// The events, at least one.
        triggers: Vec<Trigger>,
        /// Gives up when they have not all come by then.
        timeout: Option<Duration>,
    },
}

/// An event that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// What happens.
    pub code: Code,
    /// To whom.
    pub source: Source,
}

/// How often a job is started again after an exit, over its whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restarts {
    /// As often as it exits.
    Unlimited,
    /// So often; zero is never.
    Times(u32),
}

/// The pause before a restart; a start by an event is held up only where it follows an exit at once. A run is quick that ends before `steady`; the first `free` quick runs in a row cost nothing, each further one
/// doubles the pause from `initial` to `max`. A run that is not quick starts the count again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    /// Quick runs in a row without a pause.
    pub free: u32,
    /// The first pause.
    pub initial: Duration,
    /// The longest pause.
    pub max: Duration,
    /// How long a run must last to reset the count.
    pub steady: Duration,
}

/// How a job is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What its process group gets first.
    pub signal: Signal,
    /// Until SIGKILL, and the longest wait for its pre-stop jobs; the supervisor's own deadline if absent or later.
    pub timeout: Option<Duration>,
}

/// How a job is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What is asked; without it a service is a heartbeat each interval.
    pub check: Option<Check>,
    /// Between two checks, at least a second.
    pub interval: Duration,
    /// How long Consul believes the last result.
    pub ttl: Duration,
    /// How long one check may take; `None` is for ever.
    pub timeout: Option<Duration>,
    /// What becomes of the output of a command.
    pub output: Output,
    /// Failures in a row before the job is unhealthy, at least 1.
    pub failures: u32,
    /// Passes in a row before it is healthy again, at least 1.
    pub successes: u32,
    /// Since a start, failures count for nothing so long.
    pub start_period: Duration,
    /// After so many failures in a row the process is stopped and its restart rules apply.
    pub restart_after: Option<u32>,
    /// Who says that the job is ready.
    pub readiness: Readiness,
    /// What Consul hears of a failure.
    pub on_failure: OnFailure,
}

/// What a check asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// A command, healthy when it exits with 0.
    Exec(Exec),
    /// A GET, healthy on 2xx.
    Http {
        /// `http://host:port/path`.
        url: url::Url,
        /// The status that is wanted instead of any 2xx.
        status: Option<u16>,
    },
    /// A connection, healthy once it stands.
    Tcp {
        /// `host:port`.
        address: String,
    },
}

/// Who says that a job is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Readiness {
    /// The first check that passes.
    #[default]
    Check,
    /// The process, with `READY=1` to `NOTIFY_SOCKET`; until then it is not checked.
    Notify,
}

/// What Consul hears of a failed check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Nothing: the TTL runs out.
    #[default]
    Silence,
    /// Critical, at once.
    Critical,
}

/// What is registered in Consul.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `<name>-<host name>`.
    pub id: String,
    /// The service's name.
    pub name: String,
    /// Its tags, as typed.
    pub tags: Vec<String>,
    /// Its port.
    pub port: u16,
    /// Its address, chosen by `interfaces`.
    pub address: IpAddr,
    /// How long Consul believes the last result.
    pub ttl: Duration,
    /// Registered with this as soon as the supervisor starts; otherwise with the first pass.
    pub initial_status: Option<InitialStatus>,
    /// Lets others change the tags in the catalog.
    pub enable_tag_override: bool,
    /// Consul forgets the service when it was critical for so long; as typed, a Go duration.
    pub deregister_critical_after: Option<String>,
}

/// What a service is registered with before its first check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialStatus {
    /// Passing.
    Passing,
    /// Warning.
    Warning,
    /// Critical.
    Critical,
}

/// What becomes of a command's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Output {
    /// Each line is a log record.
    #[default]
    Wrapped,
    /// It goes where the supervisor's own output goes, as it is.
    Raw,
}

/// Whether a job's end is the supervisor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// It is not.
    #[default]
    Ordinary,
    /// When it has ended, the supervisor stops the rest and exits with its status.
    Main,
}

/// As whom, where and with what a job runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Setting {
    /// User name or number, resolved when the job is started.
    pub user: Option<String>,
    /// Group name or number; the user's own if absent.
    pub group: Option<String>,
    /// The folder it starts in.
    pub cwd: Option<PathBuf>,
    /// Variables on top of the supervisor's and of the file's.
    pub env: BTreeMap<String, String>,
    /// A file of `NAME=value` lines, read at each start.
    pub env_file: Option<PathBuf>,
    /// Limits, soft and hard.
    pub rlimits: Vec<Limit>,
}

/// One resource limit; `None` is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is limited.
    pub resource: Resource,
    /// The soft limit.
    pub soft: Option<u64>,
    /// The hard limit.
    pub hard: Option<u64>,
}
