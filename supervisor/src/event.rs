//! What may happen: the wakes of the loop, which come from outside, and the events that jobs react to, which the loop makes of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::control::command::{Answer, Command, Reload};
use crate::run::parts::opened::Opened;

/// Something that happened, with whom. Every job hears of every event, in one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub code: Code,
    /// To whom.
    pub source: Source,
}

/// What happened. Names are those of ContainerPilot's `when`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Everything listens; once per generation, from `global`.
    Startup,
    /// The supervisor is going to end, from `global`.
    Shutdown,
    /// A process ended with 0.
    ExitSuccess,
    /// A process ended otherwise, or could not be started.
    ExitFailed,
    /// Follows each `ExitFailed`.
    Error,
    /// A check passed.
    StatusHealthy,
    /// A check failed.
    StatusUnhealthy,
    /// A check passed for a job that was not healthy.
    BecameHealthy,
    /// A check failed for a job that was not unhealthy.
    BecameUnhealthy,
    /// The instances of a watched service changed.
    StatusChanged,
    /// A job is about to end.
    Stopping,
    /// A job has ended, and so has its process.
    Stopped,
    /// Maintenance begins, from `global`.
    EnterMaintenance,
    /// Maintenance ends, from `global`.
    ExitMaintenance,
    /// SIGHUP or SIGUSR2 arrived.
    Signal,
    /// A job gave up waiting for its first start.
    TimerExpired,
    /// Can be typed, as in ContainerPilot, and never happens to anybody.
    Quit,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 17] = [
        Self::Startup,
        Self::Shutdown,
        Self::ExitSuccess,
        Self::ExitFailed,
        Self::Error,
        Self::StatusHealthy,
        Self::StatusUnhealthy,
        Self::BecameHealthy,
        Self::BecameUnhealthy,
        Self::StatusChanged,
        Self::Stopping,
        Self::Stopped,
        Self::EnterMaintenance,
        Self::ExitMaintenance,
        Self::Signal,
        Self::TimerExpired,
        Self::Quit,
    ];

    /// As it is typed in `when`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Shutdown => "shutdown",
            Self::ExitSuccess => "exitSuccess",
            Self::ExitFailed => "exitFailed",
            Self::Error => "error",
            Self::StatusHealthy => "healthy",
            Self::StatusUnhealthy => "unhealthy",
            Self::BecameHealthy => "becameHealthy",
            Self::BecameUnhealthy => "becameUnhealthy",
            Self::StatusChanged => "changed",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::EnterMaintenance => "enterMaintenance",
            Self::ExitMaintenance => "exitMaintenance",
            Self::Signal => "signal",
            Self::TimerExpired => "timerExpired",
            Self::Quit => "quit",
        }
    }

    /// The value of the label `code` in `containerpilot_events`, as dashboards for ContainerPilot have it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Shutdown => "Shutdown",
            Self::ExitSuccess => "ExitSuccess",
            Self::ExitFailed => "ExitFailed",
            Self::Error => "Error",
            Self::StatusHealthy => "StatusHealthy",
            Self::StatusUnhealthy => "StatusUnhealthy",
            Self::BecameHealthy => "BecameHealthy",
            Self::BecameUnhealthy => "BecameUnhealthy",
            Self::StatusChanged => "StatusChanged",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::EnterMaintenance => "EnterMaintenance",
            Self::ExitMaintenance => "ExitMaintenance",
            Self::Signal => "Signal",
            Self::TimerExpired => "TimerExpired",
            Self::Quit => "Quit",
        }
    }
}

/// To whom something happened, as it is typed in `when.source`: `global`, a job's name, `check.<job>`, `watch.<service>`, a signal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(Arc<str>);

impl Source {
    /// As typed in a configuration.
    pub fn typed(text: &str) -> Self {
        Self(text.into())
    }

    /// The supervisor itself.
    pub fn global() -> Self {
        Self("global".into())
    }

    /// A job, by its name.
    pub fn job(name: &Arc<str>) -> Self {
        Self(Arc::clone(name))
    }

    /// The check of a job.
    pub fn check(job: &str) -> Self {
        Self(format!("check.{job}").into())
    }

    /// A watch of a service.
    pub fn watch(service: &str) -> Self {
        Self(format!("watch.{service}").into())
    }

    /// As typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The signals that are events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalEvent {
    /// SIGHUP.
    Hangup,
    /// SIGUSR2.
    User2,
}

impl SignalEvent {
    /// As it is typed in `when.source`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::User2 => "SIGUSR2",
        }
    }
}

/// A job of this generation, by its place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u32);

/// One run of a process of a job or of its check, counted over the life of the supervisor: what is late names a run that is gone, and
/// is told apart by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// One time that Consul is told to forget a service, counted over the life of the supervisor: an answer holds for this withdrawal and
/// those before it, and one that is late is not taken for the answer to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WithdrawalId(pub u64);

impl WithdrawalId {
    /// Of which nobody awaits the answer.
    pub const UNAWAITED: Self = Self(0);
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl ExitStatus {
    /// As a shell has it: 128 + the signal.
    pub const fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }

    /// Whether it is 0.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(signal) => match nix::sys::signal::Signal::try_from(*signal) {
                Ok(signal) => write!(f, "signal {signal}"),
                Err(_) => write!(f, "signal {signal}"),
            },
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It is well.
    Passed {
        /// What it printed last, or a short reason.
        output: String,
    },
    /// It is not, or did not answer in time.
    Failed {
        /// What it printed last, or a short reason.
        output: String,
    },
}

/// Everything that can wake the loop, beside its own deadlines.
#[derive(Debug)]
pub enum Wake {
    /// A job's process ended.
    Exited {
        /// Which run.
        run: RunId,
        /// How.
        status: ExitStatus,
    },
    /// A check came to its end.
    Checked {
        /// Which run of it.
        run: RunId,
        /// What it found.
        result: Checked,
    },
    /// The process said `READY=1`.
    Ready {
        /// Which run.
        run: RunId,
    },
    /// The instances of a watched service are others than before: their count, an address or a port; or a file that follows it is.
    Watch {
        /// The service's name.
        service: Arc<str>,
        /// How many of them pass.
        passing: usize,
        /// How many of those its files do not name.
        left_out: usize,
    },
    /// Consul was told to forget a service, and answered, or could not be reached in time.
    Withdrawn {
        /// The service's id.
        service: Arc<str>,
        /// The newest time it was told so.
        withdrawal: WithdrawalId,
    },
    /// A signal arrived.
    Signal(Received),
    /// A configuration was read again, and what it needs is open.
    Prepared {
        /// What can be taken, or the report of what is wrong.
        result: Result<Box<Opened>, String>,
        /// How much it touches.
        how: Reload,
        /// Who waits for the answer.
        reply: oneshot::Sender<Answer>,
    },
    /// Somebody wants to know whether the loop turns.
    Turn {
        /// Who waits to be told.
        reply: oneshot::Sender<()>,
    },
    /// The control socket was asked for something.
    Control {
        /// What.
        command: Command,
        /// Who waits for the answer.
        reply: oneshot::Sender<Answer>,
    },
}

/// Signals that the supervisor takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// SIGTERM, SIGINT or SIGQUIT: end.
    Terminate,
    /// SIGUSR1: open the log file again.
    Reopen,
    /// SIGHUP or SIGUSR2: an event.
    Event(SignalEvent),
}

/// Metric values as they came: name to text.
pub type Values = BTreeMap<String, String>;
