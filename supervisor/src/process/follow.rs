//! One run: a child comes in, one wake goes out, when it has ended, its last lines were told and it was reaped.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::group::Groups;
use super::output::{Capture, Late};
use super::{DRAIN, DRAIN_ROUNDS};
use crate::event::{Checked, ExitStatus, RunId, Wake};
use crate::log::{Kind, Origin};

/// Told when the system does not say how a process ended, which it always does unless somebody else waits for our children.
const UNKNOWN: ExitStatus = ExitStatus::Code(255);

/// A process that runs.
pub(super) struct Run {
    pub(super) run: RunId,
    pub(super) origin: Arc<Origin>,
    /// For the log.
    pub(super) command: String,
    pub(super) timeout: Option<Duration>,
    pub(super) child: Child,
    /// Subscribed before the child was started.
    pub(super) children: tokio::signal::unix::Signal,
    pub(super) capture: Option<Capture>,
    pub(super) notify: Option<AbortOnDropHandle<()>>,
    pub(super) groups: Arc<Groups>,
    pub(super) late: Arc<Late>,
    pub(super) wakes: mpsc::Sender<Wake>,
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Itself,
    Timeout(Duration),
}

impl Run {
    pub(super) async fn follow(mut self) {
        let cause = self.ended().await;
        // The leader is dead and not reaped: its number is still its group's.
        self.groups.signal(self.run, Signal::SIGTERM);
        drop(self.notify.take());
        let output = self.drain().await;
        let status = self.reap();
        self.groups.reaped(self.run);
        let run = self.run;
        let wake = match self.origin.kind {
            Kind::Job => Wake::Exited { run, status },
            Kind::Check => Wake::Checked {
                run,
                result: checked(cause, status, &output),
            },
        };
        // When nobody listens any more, the supervisor has ended.
        drop(self.wakes.send(wake).await);
        self.groups.emptied(run).await;
    }

    /// Waits for the leader's end, and brings it about when its time is up.
    async fn ended(&mut self) -> Cause {
        let pid = Pid::from_raw(self.origin.pid.cast_signed());
        let Some(limit) = self.timeout else {
            dead(&mut self.children, pid).await;
            return Cause::Itself;
        };
        let in_time = tokio::time::timeout(limit, dead(&mut self.children, pid)).await;
        if in_time.is_ok() {
            return Cause::Itself;
        }
        let Origin {
            kind,
            name,
            pid: number,
        } = &*self.origin;
        let command = &self.command;
        match kind {
            Kind::Job => tracing::warn!(
                job = &**name,
                pid = number,
                "{name} timeout after {limit:?}: '{command}'"
            ),
            Kind::Check => tracing::warn!(
                check = &*format!("check.{name}"),
                pid = number,
                "check.{name} timeout after {limit:?}: '{command}'"
            ),
        }
        self.groups.signal(self.run, Signal::SIGKILL);
        dead(&mut self.children, pid).await;
        Cause::Timeout(limit)
    }

    /// Reads what is left of its output, but not for long. Returns the end of it.
    async fn drain(&mut self) -> String {
        let Some(mut capture) = self.capture.take() else {
            return String::new();
        };
        let mut seen = capture.progress();
        for _ in 0..DRAIN_ROUNDS {
            if tokio::time::timeout(DRAIN, capture.end()).await.is_ok() {
                return capture.tail();
            }
            // On a machine that stood still, the time is up before the reader had its turn.
            tokio::task::yield_now().await;
            let before = std::mem::replace(&mut seen, capture.progress());
            if before == seen {
                break;
            }
        }
        let tail = capture.tail();
        self.late.keep(&self.origin, capture);
        tail
    }

    fn reap(&mut self) -> ExitStatus {
        match self.child.try_wait() {
            Ok(Some(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => ExitStatus::Code(code),
                (None, Some(signal)) => ExitStatus::Signal(signal),
                (None, None) => UNKNOWN,
            },
            Ok(None) => self.unknown(&io::Error::other("it was not dead")),
            Err(error) => self.unknown(&error),
        }
    }

    fn unknown(&self, error: &io::Error) -> ExitStatus {
        let Origin { name, pid, .. } = &*self.origin;
        tracing::error!(pid, "how {name} ended is not known: {error}");
        UNKNOWN
    }
}

/// Waits until a child is dead, without reaping it. How it died is asked later, of the standard library: `nix` has no word for
/// real-time signals.
async fn dead(children: &mut tokio::signal::unix::Signal, pid: Pid) {
    let how = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    loop {
        match waitid(Id::Pid(pid), how) {
            Ok(WaitStatus::StillAlive) => {}
            Err(Errno::EINTR) => continue,
            Ok(_) | Err(_) => return,
        }
        if children.recv().await.is_none() {
            // The runtime ends, and this task with it.
            std::future::pending::<()>().await;
        }
    }
}

fn checked(cause: Cause, status: ExitStatus, printed: &str) -> Checked {
    let printed = Some(printed.to_owned()).filter(|text| !text.is_empty());
    match cause {
        Cause::Timeout(limit) => {
            let printed = printed.map(|text| format!(": {text}")).unwrap_or_default();
            let output = format!("timeout after {limit:?}{printed}");
            Checked::Failed { output }
        }
        Cause::Itself if status.is_success() => Checked::Passed {
            output: printed.unwrap_or_else(|| "ok".to_owned()),
        },
        Cause::Itself => Checked::Failed {
            output: printed.unwrap_or_else(|| status.to_string()),
        },
    }
}
