//! The only place that starts, signals and waits for processes: an order comes in, a pid and later one wake go out.
//!
//! A process leads a group of its own. When it ends, its group gets SIGTERM and after `Order::patience` SIGKILL; once nobody of it
//! is left, its output is read to the end or for about `DRAIN`, and only then its end is told: so a run is over before the next
//! begins, its last lines come first, and who has left the group and keeps the pipe open delays nothing. Numbers are never reused
//! under a signal of ours: until the leader is reaped the kernel keeps its number for it, after that for its group, and a run whose
//! group is gone is forgotten (`group`). Nothing else in this process may wait for children.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use nix::sys::signal::Signal;
use tokio::sync::mpsc;

use crate::config::{Exec, Output, Readiness, Setting};
use crate::event::{RunId, Wake};
use crate::log::{Kind, Log, Origin};

/// What is run, with which variables, by which way.
mod command;
/// `NAME=value` lines.
pub mod env_file;
/// Between our fork and the program: limits, groups, user.
pub mod launch;
/// `READY=1` from the process.
mod notify;
/// Its output: a pipe in, lines out.
mod output;
/// One run, from its start to its end.
mod follow;
/// Which groups live, and signals to them.
mod group;
/// Which groups hold only zombies.
mod census;

pub use group::{Left, Sent};

/// How long those who are left of a check's group may take to end when its leader has: it is run again soon.
pub const CHECK_GROUP_PATIENCE: Duration = Duration::from_secs(1);

/// How long output is waited for after a group has ended, before its end is told: enough for what is in the pipe, short for who
/// waits for a restart.
pub const DRAIN: Duration = Duration::from_millis(200);
/// How often it is waited for again, when some came: who is left behind and prints without end is not waited for.
pub const DRAIN_ROUNDS: u32 = 5;
/// How much of a check's output is told with its result: the end of it.
pub const TAIL_LIMIT: usize = 4 * 1024;
/// Processes that outlived their run and still hold its pipe, of which the output is read; for each job and each check. The oldest
/// is closed.
pub const LATE_READERS: usize = 4;

/// Takes lines of output.
pub trait Lines: fmt::Debug + Send + Sync {
    /// Takes one line, without its end. While it waits, the process waits.
    fn line<'a>(&'a self, origin: &'a Origin, text: &'a [u8]) -> BoxFuture<'a, ()>;
}

impl Lines for Log {
    fn line<'a>(&'a self, origin: &'a Origin, text: &'a [u8]) -> BoxFuture<'a, ()> {
        Box::pin(Self::line(self, origin, text))
    }
}

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The job's name.
    pub job: &'a str,
    /// A job, whose end is told as [`Wake::Exited`], or its check: [`Wake::Checked`].
    pub kind: Kind,
    /// The program.
    pub exec: &'a Exec,
    /// As whom, where and with what.
    pub setting: &'a Setting,
    /// Variables on top of our own environment, below those of the setting.
    pub variables: &'a BTreeMap<String, String>,
    /// What becomes of its output.
    pub output: Output,
    /// How long those who are left of its group may take to end when its leader has; then they are killed.
    pub patience: Duration,
    /// When it is killed.
    pub timeout: Option<Duration>,
    /// Whether it gets a `NOTIFY_SOCKET`.
    pub readiness: Readiness,
}

/// A process that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// Its number, and its group's.
    pub pid: u32,
}

/// A process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("cannot run `{program}`: {}", missing(program))]
    NotFound {
        /// As typed.
        program: String,
    },
    /// The file is there, but not what it needs.
    #[error(
        "cannot run `{program}`: the file is there, but not the interpreter or loader that it names"
    )]
    NoInterpreter {
        /// As typed.
        program: String,
    },
    /// The system refused.
    #[error("cannot run `{program}`: {source}")]
    Refused {
        /// As typed.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The folder cannot be entered.
    #[error("cannot enter the folder {}: {source}", path.display())]
    Cwd {
        /// As typed.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of variables is wrong.
    #[error(transparent)]
    EnvFile(#[from] env_file::EnvFileError),
    /// No pipe, socket or signal handler could be had.
    #[error("cannot prepare a process: {0}")]
    Prepare(#[source] io::Error),
}

fn missing(program: &str) -> &'static str {
    if program.contains('/') {
        "there is no such file"
    } else {
        "it is in no folder of PATH"
    }
}

/// Starts processes and tells how they end. Cheap to clone; all clones know the same runs.
#[derive(Debug, Clone)]
pub struct Spawner {
    lines: Arc<dyn Lines>,
    wakes: mpsc::Sender<Wake>,
    launcher: PathBuf,
    groups: Arc<group::Groups>,
    late: Arc<output::Late>,
}

impl Spawner {
    /// Output goes to `lines`, ends go to `wakes`. Where a job sets user, group or limits, this program itself is run first, so its
    /// `main` begins with [`launch::enter`].
    pub fn new(lines: Arc<dyn Lines>, wakes: mpsc::Sender<Wake>) -> Self {
        Self::with_launcher(lines, wakes, PathBuf::from("/proc/self/exe"))
    }

    /// As [`Spawner::new`], from a program that does not begin so: `launcher` does.
    pub fn with_launcher(
        lines: Arc<dyn Lines>,
        wakes: mpsc::Sender<Wake>,
        launcher: PathBuf,
    ) -> Self {
        Self {
            lines,
            wakes,
            launcher,
            groups: Arc::default(),
            late: Arc::default(),
        }
    }

    /// Starts a process, and a task beside that follows it. Waits for nothing but the kernel and, if there is one, the file of
    /// variables. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`SpawnError`] when nothing was started; then no wake follows. With user, group or limits some of it shows only later: then
    /// the process ends with a status of [`launch`], and says why on its output.
    pub fn spawn(&self, run: RunId, order: &Order<'_>) -> Result<Started, SpawnError> {
        // Before the start: none of its ends can be missed.
        self.groups.watch().map_err(SpawnError::Prepare)?;
        let notify = match order.readiness {
            Readiness::Check => None,
            Readiness::Notify => Some(notify::Socket::bind(run).map_err(SpawnError::Prepare)?),
        };
        let mut command = command::command(order, &self.launcher)?;
        if let Some(socket) = &notify {
            command.env(notify::VARIABLE, socket.name());
        }
        let pipe = match order.output {
            Output::Wrapped => Some(output::attach(&mut command).map_err(SpawnError::Prepare)?),
            Output::Raw => None,
        };
        let spawned = command.spawn();
        // It holds our copies of the pipe's other end.
        drop(command);
        let child = spawned.map_err(|error| command::failure(error, order))?;
        let pid = child.id();
        let origin = Arc::new(Origin {
            kind: order.kind,
            name: order.job.into(),
            pid,
        });
        let ended = self.groups.insert(run, &origin, child);
        let capture =
            pipe.map(|pipe| output::Capture::start(pipe, Arc::clone(&origin), &self.lines));
        let notify = notify.map(|socket| socket.listen(run, &origin, self.wakes.clone()));
        let followed = follow::Run {
            run,
            origin,
            command: shown(order.exec),
            timeout: order.timeout,
            patience: order.patience,
            ended,
            capture,
            notify,
            groups: Arc::clone(&self.groups),
            late: Arc::clone(&self.late),
            wakes: self.wakes.clone(),
        };
        tokio::spawn(followed.follow());
        Ok(Started { pid })
    }

    /// Sends a signal to the group of a run, also when only its leader has ended. A run that is gone is left alone, whoever has its
    /// number now.
    pub fn signal(&self, run: RunId, signal: Signal) -> Sent {
        self.groups.signal(run, signal)
    }

    /// The runs of which anything still lives and whose end is not told, looked at now: at the end, who is left gets SIGKILL.
    pub fn left(&self) -> Vec<Left> {
        self.groups.left()
    }
}

/// As ContainerPilot's log shows a command: its words, with blanks between them.
fn shown(exec: &Exec) -> String {
    let words = std::iter::once(&exec.program).chain(&exec.args);
    words.map(String::as_str).collect::<Vec<_>>().join(" ")
}
