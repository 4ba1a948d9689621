//! One run: its leader's end comes in, one wake goes out, when nobody of its group is left and its last lines were told.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::group::{Ended, Groups};
use super::output::{Capture, Late};
use super::{DRAIN, DRAIN_ROUNDS};
use crate::event::{Checked, ExitStatus, RunId, Wake};
use crate::log::{Kind, Origin};

/// Told when the system does not say how a process ended, which it always does unless somebody else waits for our children.
const UNKNOWN: ExitStatus = ExitStatus::Code(255);
/// How long who was killed may take: who is stuck in the kernel, or is another user's, must not hold up what comes next.
const KILL_PATIENCE: Duration = Duration::from_secs(1);

/// A process that runs.
pub(super) struct Run {
    pub(super) run: RunId,
    pub(super) origin: Arc<Origin>,
    /// For the log.
    pub(super) command: String,
    pub(super) timeout: Option<Duration>,
    pub(super) patience: Duration,
    /// How its leader ended.
    pub(super) ended: oneshot::Receiver<Ended>,
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
        self.groups.collect_early(self.origin.pid);
        let (cause, status) = self.ended().await;
        drop(self.notify.take());
        // Their number is kept for them while they are waited for: the leader's death told them to end.
        self.see_off().await;
        let output = self.drain().await;
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
    }

    /// Waits for the leader's end, and brings it about when its time is up.
    async fn ended(&mut self) -> (Cause, ExitStatus) {
        let Some(limit) = self.timeout else {
            return (Cause::Itself, self.status().await);
        };
        if let Ok(status) = timeout(limit, self.status()).await {
            return (Cause::Itself, status);
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
        (Cause::Timeout(limit), self.status().await)
    }

    /// Waits until nobody is left of its group, and brings it about when their time is up.
    async fn see_off(&self) {
        let Self {
            run,
            origin,
            groups,
            patience,
            ..
        } = self;
        if timeout(*patience, groups.emptied(*run)).await.is_ok() {
            return;
        }
        let Origin { name, pid, .. } = &**origin;
        tracing::warn!(
            pid,
            "killing what {name} has left behind: it did not end in {patience:?}"
        );
        groups.signal(*run, Signal::SIGKILL);
        if timeout(KILL_PATIENCE, groups.emptied(*run)).await.is_err() {
            tracing::error!(pid, "what {name} has left behind cannot be killed");
            groups.forget(*run);
        }
    }

    /// Reads what is left of its output, but not for long. Returns the end of it.
    async fn drain(&mut self) -> String {
        let Some(mut capture) = self.capture.take() else {
            return String::new();
        };
        let mut seen = capture.progress();
        for _ in 0..DRAIN_ROUNDS {
            if timeout(DRAIN, capture.end()).await.is_ok() {
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

    async fn status(&mut self) -> ExitStatus {
        let status = match (&mut self.ended).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return self.unknown(&error),
            Err(error) => return self.unknown(&error),
        };
        match (status.code(), status.signal()) {
            (Some(code), _) => ExitStatus::Code(code),
            (None, Some(signal)) => ExitStatus::Signal(signal),
            (None, None) => UNKNOWN,
        }
    }

    fn unknown(&self, error: &dyn std::error::Error) -> ExitStatus {
        let Origin { name, pid, .. } = &*self.origin;
        tracing::error!(pid, "how {name} ended is not known: {error}");
        UNKNOWN
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
