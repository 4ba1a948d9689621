//! One life-cycle change of a supervised job, or of the supervisor itself: `<prefix>.lifecycle.<service>.<instance>`.

use serde::{Deserialize, Serialize};

use crate::value::{Text, Timestamp};

/// One transition from a state to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleChange<'a> {
    /// The job; absent: the supervisor itself.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Text<'a>>,
    /// The state it left.
    pub from: State,
    /// The state it came to; the same where only the process is another one, as after an exit in maintenance.
    pub to: State,
    /// What caused it: an event, a signal, an exit, a person's command.
    #[serde(borrow)]
    pub cause: Text<'a>,
    /// The process, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How the process ended, once it has; 128 + the signal's number when a signal ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Which start of the job this is, from 1.
    #[serde(default)]
    pub attempt: u32,
    /// Counts the changes of the instance, those of all its jobs in one order, from 1 without gaps.
    pub sequence: u64,
    /// When it happened; the message's own time if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// The states of a supervised job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waits for what it depends on.
    Pending,
    /// The process is being started, or runs and has not passed a check yet.
    Starting,
    /// The process runs; the job has no check.
    Running,
    /// The process runs and its check passes.
    Healthy,
    /// The process runs and its check fails.
    Unhealthy,
    /// Taken out on purpose.
    Maintenance,
    /// Told to stop.
    Stopping,
    /// Waits for its next start after an exit.
    Backoff,
    /// Ended as it should and stays so.
    Complete,
    /// Ended, and will not be started again.
    Failed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Starting,
        Self::Running,
        Self::Healthy,
        Self::Unhealthy,
        Self::Maintenance,
        Self::Stopping,
        Self::Backoff,
        Self::Complete,
        Self::Failed,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Maintenance => "maintenance",
            Self::Stopping => "stopping",
            Self::Backoff => "backoff",
            Self::Complete => "complete",
            Self::Failed => "failed",
        }
    }

    /// Whether the job serves in this state: what the `up` gauge shows.
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Running | Self::Healthy)
    }
}
