//! Which process groups live: children come in when they start, their ends and signals to those that still are what they were go out.
//!
//! A number is ours as long as the leader is not reaped. Then the kernel keeps it as long as its group has members, and gives it to
//! no other process. Once the group is empty the number is free: a run is forgotten when that is seen, some ms later. To be mistaken
//! for it in between, a stranger would have to get the number, lead a group by it, and be reaped before its group is empty: a
//! process of the number itself is looked for before each signal.

use std::collections::BTreeMap;
use std::io;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::census::{Census, Members};
use crate::event::RunId;
use crate::log::Origin;

/// How soon a group is looked at again; then twice as long each time. Most children end at once when they are told to.
const FIRST_LOOK: Duration = Duration::from_millis(5);
/// The longest pause between two looks: what a restart may lose by it.
const LAST_LOOK: Duration = Duration::from_millis(50);

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
}

/// How a leader ended, or why that is not known.
pub(super) type Ended = io::Result<ExitStatus>;

/// Every group that may live.
#[derive(Debug, Default)]
pub(super) struct Groups {
    known: Mutex<Known>,
    census: Census,
    watcher: Mutex<Option<AbortOnDropHandle<()>>>,
}

#[derive(Debug, Default)]
struct Known {
    runs: BTreeMap<RunId, Group>,
    /// Those that are not reaped, by their numbers.
    leaders: BTreeMap<i32, RunId>,
}

#[derive(Debug)]
struct Group {
    origin: Arc<Origin>,
    leader: Option<Leader>,
}

/// A leader that is not reaped.
#[derive(Debug)]
struct Leader {
    child: Child,
    told: oneshot::Sender<Ended>,
}

impl Group {
    fn pid(&self) -> Pid {
        Pid::from_raw(self.origin.pid.cast_signed())
    }

    /// Whether the number still means this group.
    fn lives(&self) -> bool {
        // Without its leader, a process of that number can only be another one.
        self.leader.is_some()
            || (kill(self.pid(), None) == Err(Errno::ESRCH)
                && killpg(self.pid(), None) != Err(Errno::ESRCH))
    }
}

impl Known {
    /// Which leader a status is about.
    fn leader(&self, status: WaitStatus) -> Option<i32> {
        let pid = status.pid()?.as_raw();
        self.leaders.contains_key(&pid).then_some(pid)
    }

    /// Tells the rest of a dead leader's group to end while the number is its own for sure, then reaps it.
    fn reap(&mut self, pid: i32) {
        let Some(run) = self.leaders.remove(&pid) else {
            return;
        };
        let Some(group) = self.runs.get_mut(&run) else {
            return;
        };
        killpg(group.pid(), Signal::SIGTERM).ok();
        if let Some(Leader { mut child, told }) = group.leader.take() {
            let status = child
                .try_wait()
                .and_then(|status| status.ok_or_else(|| io::Error::other("it was not dead")));
            // Who follows it may be gone with the runtime.
            told.send(status).ok();
        }
        self.forget_empty(run);
    }

    fn forget_empty(&mut self, run: RunId) {
        if self.runs.get(&run).is_some_and(|group| !group.lives()) {
            self.runs.remove(&run);
        }
    }
}

impl Groups {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known
            .lock()
            .expect("nothing that can panic runs under this lock")
    }

    /// Begins to listen for ends, once. To be called before the first child is started.
    pub(super) fn watch(self: &Arc<Self>) -> io::Result<()> {
        let mut watcher = self
            .watcher
            .lock()
            .expect("nothing that can panic runs under this lock");
        if watcher.is_none() {
            let mut children = signal(SignalKind::child())?;
            let groups = Arc::downgrade(self);
            *watcher = Some(AbortOnDropHandle::new(tokio::spawn(async move {
                while children.recv().await.is_some() {
                    let Some(groups) = Weak::upgrade(&groups) else {
                        return;
                    };
                    groups.collect();
                }
            })));
        }
        Ok(())
    }

    /// A run has started. What is returned tells how its leader ended, once it is reaped.
    pub(super) fn insert(
        &self,
        run: RunId,
        origin: &Arc<Origin>,
        child: Child,
    ) -> oneshot::Receiver<Ended> {
        let (told, ended) = oneshot::channel();
        let pid = origin.pid.cast_signed();
        let group = Group {
            origin: Arc::clone(origin),
            leader: Some(Leader { child, told }),
        };
        let mut known = self.lock();
        known.runs.insert(run, group);
        known.leaders.insert(pid, run);
        ended
    }

    /// Reaps a leader if it died before anybody knew of it: its signal may have been taken by then.
    pub(super) fn collect_early(&self, pid: u32) {
        let pid = pid.cast_signed();
        let mut known = self.lock();
        if known.leaders.contains_key(&pid) && is_dead(pid) {
            known.reap(pid);
        }
    }

    /// Reaps every leader that is dead. The system names one dead child after the other, so this costs as much as has died, however
    /// many live.
    fn collect(&self) {
        let mut known = self.lock();
        loop {
            match waitid(Id::All, ONLY_LOOK) {
                Err(Errno::EINTR) => {}
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
                Ok(status) if let Some(pid) = known.leader(status) => known.reap(pid),
                // Killed by a real-time signal, for which `nix` has no word, or nobody's of ours, who hides the others.
                Ok(_) | Err(_) => break,
            }
        }
        let pids: Vec<i32> = known.leaders.keys().copied().collect();
        for pid in pids.into_iter().filter(|pid| is_dead(*pid)) {
            known.reap(pid);
        }
    }

    /// Waits until nothing of a run is left.
    pub(super) async fn emptied(&self, run: RunId) {
        let mut pause = FIRST_LOOK;
        while let Some(group) = self.look(run) {
            // Zombies that nobody reaps are still members to the system. This costs more, so the quick ones are let go first.
            if pause >= LAST_LOOK && self.census.members(group).await == Members::Zombies {
                self.forget(run);
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LAST_LOOK);
        }
    }

    /// The number of a group that lives.
    fn look(&self, run: RunId) -> Option<Pid> {
        let mut known = self.lock();
        known.forget_empty(run);
        known.runs.get(&run).map(Group::pid)
    }

    /// What is left of it is no longer looked at.
    pub(super) fn forget(&self, run: RunId) {
        self.lock().runs.remove(&run);
    }

    pub(super) fn signal(&self, run: RunId, signal: Signal) -> Sent {
        let mut known = self.lock();
        known.forget_empty(run);
        let Some(group) = known.runs.get(&run) else {
            return Sent::Gone;
        };
        match killpg(group.pid(), signal) {
            Ok(()) => Sent::Sent,
            Err(Errno::ESRCH) => Sent::Gone,
            Err(error) => Sent::Refused(error),
        }
    }

    pub(super) fn left(&self) -> Vec<Left> {
        let known = self.lock();
        let living = known.runs.iter().filter(|(_, group)| group.lives());
        let left = living.map(|(run, group)| Left {
            run: *run,
            origin: Arc::clone(&group.origin),
        });
        left.collect()
    }
}

/// Looks for who is dead, and reaps nobody.
const ONLY_LOOK: WaitPidFlag = WaitPidFlag::WEXITED
    .union(WaitPidFlag::WNOHANG)
    .union(WaitPidFlag::WNOWAIT);

/// Whether a child is dead. How it died is asked later, of the standard library, which knows real-time signals.
fn is_dead(pid: i32) -> bool {
    loop {
        match waitid(Id::Pid(Pid::from_raw(pid)), ONLY_LOOK) {
            Ok(WaitStatus::StillAlive) => return false,
            Err(Errno::EINTR) => {}
            Ok(_) | Err(_) => return true,
        }
    }
}
