//! What the loop can be asked through the control socket, and what it answers.

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

/// What the loop can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Take the configuration again.
    Reload(Reload),
    /// Begin or end maintenance.
    Maintenance(Maintenance),
    /// Every job, as it stands.
    List,
    /// The jobs of one name, as they stand.
    Status(String),
    /// Do something to the jobs of one name.
    Job {
        /// The name.
        name: String,
        /// What.
        action: Action,
    },
}

/// How much a reload touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// Jobs that changed.
    Changed,
    /// Every job, as ContainerPilot does.
    Everything,
}

/// Which way maintenance is switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maintenance {
    /// It begins.
    Enter,
    /// It ends.
    Exit,
}

/// What can be done to one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start it now, whatever it waits for.
    Start,
    /// Stop it and leave it stopped.
    Stop,
    /// Stop its process and start it again, at no cost to its restarts.
    Restart,
    /// Send its process group a signal.
    Signal(Signal),
}

/// What the loop answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is done, or on its way.
    Done,
    /// Jobs as they stand.
    Jobs(Vec<JobView>),
    /// It was not done.
    Refused(Refusal),
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No job has this name.
    NoSuchJob(String),
    /// The job is not in a state for it; why.
    NotNow(String),
    /// The new configuration is wrong; the old one goes on. The report.
    Configuration(String),
}

/// A job as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// Its name.
    pub name: String,
    /// Its state, in the words of the life-cycle contract.
    pub state: String,
    /// Its process, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How its last process ended: 128 + the signal's number for a signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// How often it was started.
    pub attempt: u32,
    /// Restarts it has left; absent if unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts_left: Option<u32>,
    /// Since it is in this state, in seconds.
    pub seconds: u64,
    /// What its last check said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What is wrong with it, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// What is wrong with a job, to who asks whether the whole supervisor is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Its checks fail.
    Unhealthy,
    /// It has had its time, and was never healthy since its start.
    Unready,
    /// Its process has ended, and the pause before its next start lasts.
    Down,
    /// It has failed, and is not started again.
    Failed,
}

impl Trouble {
    /// In words, behind the job's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unhealthy => "unhealthy",
            Self::Unready => "not healthy in time since its start",
            Self::Down => "down, and waits for its next start",
            Self::Failed => "failed",
        }
    }
}

/// Jobs as they stand, as they travel over the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jobs {
    /// In the order of the file.
    pub jobs: Vec<JobView>,
}

/// A signal to send, as it travels over the socket: `{"signal":"SIGUSR1"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalBody {
    /// As [`signal`] reads it.
    pub signal: String,
}

/// A text names no signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no signal: write a name such as SIGUSR1 or a number such as 10")]
pub struct NoSuchSignal(String);

/// The signal that `text` names: with or without `SIG`, in any case, or as a number.
///
/// # Errors
/// When there is none.
pub fn signal(text: &str) -> Result<Signal, NoSuchSignal> {
    let unknown = || NoSuchSignal(text.to_owned());
    if let Ok(number) = text.parse::<i32>() {
        return Signal::try_from(number).map_err(|_| unknown());
    }
    signal_name(text).parse().map_err(|_| unknown())
}

/// The full name that `text` stands for, whether there is such a signal or not.
pub fn signal_name(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    format!("SIG{bare}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_named_as_kill_names_them() {
        for text in ["SIGUSR1", "USR1", "usr1", "sigusr1", "10"] {
            assert_eq!(signal(text), Ok(Signal::SIGUSR1), "{text}");
        }
        for text in ["", "SIG", "SIGNOPE", "0", "-1", "65", "SIGSIGUSR1", "USR1 "] {
            assert!(signal(text).is_err(), "{text}");
        }
    }
}
