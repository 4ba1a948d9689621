//! What the loop can be asked through the control socket, and what it answers.

use std::collections::BTreeMap;

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
}

/// Variables to set; the control socket sets them before anything else happens.
pub type Variables = BTreeMap<String, String>;
