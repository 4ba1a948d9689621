//! Which process groups live: runs come in when they start, signals go out to those that still are what they were.
//!
//! A number is ours as long as the leader is not reaped. After that the kernel keeps it as long as its group has members, and no
//! other process gets it. Once the group is empty the number is free: the run is forgotten when that is seen. In the time between,
//! a stranger could have it only if all numbers had been given out once in a [`LOOK`], and it would be a process of that number,
//! which the group of a reaped leader has not: that is asked before each signal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::event::RunId;
use crate::log::Origin;

/// How often a group without its leader is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The group has it.
    Sent,
    /// Nothing of this run lives any more.
    Gone,
    /// The system refused: the group belongs to somebody else.
    Refused(Errno),
}

/// A run of which something lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Which.
    pub run: RunId,
    /// Whose.
    pub origin: Arc<Origin>,
    /// What lives of it.
    pub who: Who,
}

/// What lives of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The process that was started; or it has ended, and its end is not told yet.
    Leader,
    /// Only others of its group.
    Rest,
}

/// Every group that may live.
#[derive(Debug, Default)]
pub(super) struct Groups {
    runs: Mutex<BTreeMap<RunId, Group>>,
}

#[derive(Debug, Clone)]
struct Group {
    origin: Arc<Origin>,
    who: Who,
}

impl Group {
    fn pid(&self) -> Pid {
        Pid::from_raw(self.origin.pid.cast_signed())
    }

    /// Whether the number still means this group.
    fn lives(&self) -> bool {
        match self.who {
            Who::Leader => true,
            // A process of that number can only be another one.
            Who::Rest => kill(self.pid(), None) == Err(Errno::ESRCH) && has_members(self.pid()),
        }
    }
}

fn has_members(group: Pid) -> bool {
    killpg(group, None) != Err(Errno::ESRCH)
}

impl Groups {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunId, Group>> {
        self.runs
            .lock()
            .expect("nothing that can panic runs under this lock")
    }

    /// A run has started.
    pub(super) fn insert(&self, run: RunId, origin: &Arc<Origin>) {
        let group = Group {
            origin: Arc::clone(origin),
            who: Who::Leader,
        };
        self.lock().insert(run, group);
    }

    /// Its leader is reaped.
    pub(super) fn reaped(&self, run: RunId) {
        let mut runs = self.lock();
        if let Some(group) = runs.get_mut(&run) {
            group.who = Who::Rest;
        }
        runs.retain(|other, group| *other != run || group.lives());
    }

    /// Waits until nothing of a run is left.
    pub(super) async fn emptied(&self, run: RunId) {
        let mut looks = tokio::time::interval(LOOK);
        while self.knows(run) {
            looks.tick().await;
        }
    }

    fn knows(&self, run: RunId) -> bool {
        let mut runs = self.lock();
        runs.retain(|other, group| *other != run || group.lives());
        runs.contains_key(&run)
    }

    pub(super) fn signal(&self, run: RunId, signal: Signal) -> Sent {
        let mut runs = self.lock();
        let Some(group) = runs.get(&run) else {
            return Sent::Gone;
        };
        if group.lives() {
            match killpg(group.pid(), signal) {
                Ok(()) => return Sent::Sent,
                Err(Errno::ESRCH) => {}
                Err(error) => return Sent::Refused(error),
            }
        }
        runs.remove(&run);
        Sent::Gone
    }

    pub(super) fn left(&self) -> Vec<Left> {
        let mut runs = self.lock();
        runs.retain(|_, group| group.lives());
        let left = runs.iter().map(|(run, group)| Left {
            run: *run,
            origin: Arc::clone(&group.origin),
            who: group.who,
        });
        left.collect()
    }
}
