//! What the jobs want done. The loop does it in this order; nothing here knows how.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flightline_contract::lifecycle::State;
use nix::sys::signal::Signal;

use crate::config;
use crate::event::{Event, RunId, WithdrawalId};

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Start a job's process, and tell the fleet whether it worked.
    Spawn {
        /// Which run it is.
        run: RunId,
        /// What the job runs, and how.
        plan: Arc<config::Job>,
    },
    /// Send a job's process group a signal.
    Signal {
        /// The run whose group it is.
        run: RunId,
        /// The signal.
        signal: Signal,
    },
    /// Run a job's check.
    Check {
        /// Which run of it.
        run: RunId,
        /// Whose check it is.
        plan: Arc<config::Job>,
    },
    /// Nobody waits for this check any more.
    Forget {
        /// Which run of it.
        run: RunId,
    },
    /// Register a service before its first check.
    Announce(Arc<config::Service>),
    /// Tell Consul how a service is.
    Report {
        /// The service.
        service: Arc<config::Service>,
        /// How it is.
        health: Reported,
        /// The words beside it.
        output: String,
    },
    /// Take a service out of Consul.
    Withdraw {
        /// The service.
        service: Arc<config::Service>,
        /// Which time it is.
        withdrawal: WithdrawalId,
    },
    /// A check said something, for those who follow health.
    Health {
        /// The job.
        name: Arc<str>,
        /// What it is now.
        health: Reported,
        /// What the check said.
        output: String,
    },
    /// A job, or the supervisor, went from one state to another.
    Change(Change),
    /// An event was delivered to every job.
    Delivered(Event),
    /// The jobs are those of this configuration now, and everything else has to follow before they start.
    Install(Arc<config::Config>),
    /// Say something in the log.
    Say(Remark),
    /// All is over.
    End(End),
}

/// How a service or job is, to those who watch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// Its check passes.
    Passing,
    /// Its check fails, and that does not count yet.
    Warning,
    /// Its check fails.
    Critical,
    /// It was taken out on purpose.
    Maintenance,
}

/// One transition, before it has its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The job's name; the supervisor itself if absent.
    pub job: Option<Arc<str>>,
    /// The state it left.
    pub from: State,
    /// The state it came to.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// The process, while there is one.
    pub pid: Option<u32>,
    /// How the process ended, once it has: 128 + the signal's number for a signal.
    pub exit: Option<i32>,
    /// Which start it is, from 1.
    pub attempt: u32,
}

/// Why a state changed; its text goes into life-cycle messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// An event that the job waited for.
    Event(Event),
    /// All events that the job waited for.
    AllEvents,
    /// The job's interval came round.
    Interval,
    /// The process ended.
    Exit,
    /// The process could not be started.
    SpawnFailed,
    /// The pause before a restart is over, or there was none.
    Restart,
    /// What a check found.
    Check,
    /// The process said that it is ready.
    Ready,
    /// Checks failed too often in a row.
    TooManyFailures,
    /// Nothing started the job in time.
    StartTimeout,
    /// The job has no starts and restarts left.
    Complete,
    /// Somebody asked for it.
    Operator,
    /// Maintenance began or ended.
    Maintenance,
    /// A new configuration does not have the job, or has it otherwise.
    Reload,
    /// The supervisor ends.
    Shutdown(ShutdownCause),
    /// The supervisor started.
    Start,
}

/// Why the supervisor ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownCause {
    /// SIGTERM or SIGINT.
    Signal,
    /// The main job has ended.
    Main,
    /// Every job has ended.
    Complete,
    /// What is left only waits for events, and `exitWhen` is `idle`.
    Idle,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Event(event) => {
                return write!(f, "{} of {}", event.code.as_str(), event.source);
            }
            Self::AllEvents => "all events",
            Self::Interval => "interval",
            Self::Exit => "exit",
            Self::SpawnFailed => "cannot be started",
            Self::Restart => "restart",
            Self::Check => "check",
            Self::Ready => "ready",
            Self::TooManyFailures => "too many failed checks",
            Self::StartTimeout => "start timeout",
            Self::Complete => "complete",
            Self::Operator => "operator",
            Self::Maintenance => "maintenance",
            Self::Reload => "reload",
            Self::Shutdown(ShutdownCause::Signal) => "shutdown by signal",
            Self::Shutdown(ShutdownCause::Main) => "shutdown with the main job",
            Self::Shutdown(ShutdownCause::Complete) => "shutdown after all jobs",
            Self::Shutdown(ShutdownCause::Idle) => "shutdown when idle",
            Self::Start => "start",
        };
        f.write_str(word)
    }
}

/// Things that an operator should read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// A process ended otherwise than with 0.
    Failed {
        /// The job.
        name: Arc<str>,
        /// How it ended, 128 + the signal's number for a signal.
        exit: i32,
    },
    /// A restart waits.
    BackingOff {
        /// The job.
        name: Arc<str>,
        /// For so long.
        pause: Duration,
    },
    /// Checks failed too often in a row, and the process is stopped for it.
    RestartUnhealthy {
        /// The job.
        name: Arc<str>,
    },
    /// A process did not end in time.
    Killing {
        /// The job.
        name: Arc<str>,
    },
    /// Pre-stop jobs did not end in time.
    HooksLate {
        /// The job that waited for them.
        name: Arc<str>,
    },
    /// Nothing started a job in time.
    StartTimeout {
        /// The job.
        name: Arc<str>,
    },
    /// The deadline passed, and these had still not ended.
    Abandoned {
        /// The jobs.
        names: Vec<Arc<str>>,
    },
}

/// How long the last messages to NATS and Consul may take once the jobs have ended: what takes longer is not there.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What they have at least, and all by which the end may last longer than `stopTimeout`.
pub const LAST_WORDS_LEAST: Duration = Duration::from_millis(500);

/// How the supervisor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Why.
    pub cause: ShutdownCause,
    /// How the main job's last process ended, where there is a main job that ran.
    pub main: Option<i32>,
    /// When the time for the end is over, `stopTimeout` after it began. What jobs have left behind in their groups has so long.
    pub deadline: Instant,
}

impl End {
    /// It was told to end before anything was started.
    pub const fn before_the_start(now: Instant) -> Self {
        Self {
            cause: ShutdownCause::Signal,
            main: None,
            deadline: now,
        }
    }

    /// When the last messages must have gone, if they begin to go at `now`: they have what the jobs have left of the time for the end.
    pub fn last_words(&self, now: Instant) -> Instant {
        let usual = self.deadline.min(now + LAST_WORDS);
        usual.max(now + LAST_WORDS_LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_have_what_is_left_of_the_end_but_a_moment_at_least() {
        let now = Instant::now();
        let millis = Duration::from_millis;
        for (left, given) in [(0, 500), (300, 500), (800, 800), (60_000, 2000)] {
            let end = End::before_the_start(now + millis(left));
            assert_eq!(end.last_words(now) - now, millis(given), "{left}");
        }
    }
}
