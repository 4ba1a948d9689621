//! A spawner whose lines and wakes a test can look at.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flightline_fixtures::listing::{self, Life};
use flightline_fixtures::wait;
use flightline_supervisor::config::{Exec, Output, Readiness, Setting};
use flightline_supervisor::event::{ExitStatus, RunId, Wake};
use flightline_supervisor::log::{Kind, Origin};
use flightline_supervisor::process::{Lines, Order, SpawnError, Spawner};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

/// Processes start slowly on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Keeps every line.
#[derive(Debug, Default)]
pub(crate) struct Recorded(Mutex<Vec<(Origin, String)>>);

impl Lines for Recorded {
    fn line<'a>(&'a self, origin: &'a Origin, text: &'a [u8]) -> BoxFuture<'a, ()> {
        let text = String::from_utf8_lossy(text).into_owned();
        self.0
            .lock()
            .expect("no test panics under this lock")
            .push((origin.clone(), text));
        Box::pin(std::future::ready(()))
    }
}

/// An order that owns what it names.
/// What most of these tests leave those of a group.
pub(crate) const GROUP_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) exec: Exec,
    pub(crate) setting: Setting,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) kind: Kind,
    pub(crate) output: Output,
    pub(crate) patience: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) readiness: Readiness,
}

impl Ask {
    pub(crate) fn program(program: &str, args: &[&str]) -> Self {
        Self {
            exec: Exec {
                program: program.to_owned(),
                args: args.iter().map(|&arg| arg.to_owned()).collect(),
            },
            setting: Setting::default(),
            variables: BTreeMap::new(),
            kind: Kind::Job,
            output: Output::Wrapped,
            patience: GROUP_PATIENCE,
            timeout: None,
            readiness: Readiness::Check,
        }
    }

    /// A script for the shell.
    pub(crate) fn script(script: &str) -> Self {
        Self::program("sh", &["-c", script])
    }

    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    pub(crate) fn order(&self) -> Order<'_> {
        Order {
            job: "app",
            kind: self.kind,
            exec: &self.exec,
            setting: &self.setting,
            variables: &self.variables,
            output: self.output,
            patience: self.patience,
            timeout: self.timeout,
            readiness: self.readiness,
        }
    }
}

pub(crate) struct Rig {
    pub(crate) spawner: Spawner,
    pub(crate) wakes: mpsc::Receiver<Wake>,
    recorded: Arc<Recorded>,
    runs: u64,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let recorded = Arc::new(Recorded::default());
        let (wakes, received) = mpsc::channel(8);
        let lines = Arc::clone(&recorded);
        let launcher = PathBuf::from(env!("CARGO_BIN_EXE_flightline-supervisor"));
        Self {
            spawner: Spawner::with_launcher(lines, wakes, launcher),
            wakes: received,
            recorded,
            runs: 0,
        }
    }

    pub(crate) fn try_spawn(&mut self, ask: &Ask) -> Result<(RunId, u32), SpawnError> {
        self.runs += 1;
        let run = RunId(self.runs);
        let started = self.spawner.spawn(run, &ask.order())?;
        Ok((run, started.pid))
    }

    pub(crate) fn spawn(&mut self, ask: &Ask) -> RunId {
        self.try_spawn(ask).expect("it can be started").0
    }

    pub(crate) async fn wake(&mut self) -> Wake {
        tokio::time::timeout(PATIENCE, self.wakes.recv())
            .await
            .expect("a wake comes in time")
            .expect("the spawner lives")
    }

    pub(crate) async fn exit(&mut self) -> (RunId, ExitStatus) {
        match self.wake().await {
            Wake::Exited { run, status } => (run, status),
            other => panic!("not an exit: {other:?}"),
        }
    }

    /// Runs it to its end.
    pub(crate) async fn run(&mut self, ask: &Ask) -> ExitStatus {
        let expected = self.spawn(ask);
        let (run, status) = self.exit().await;
        assert_eq!(run, expected);
        status
    }

    /// Runs it to its end; what it printed.
    pub(crate) async fn print(&mut self, ask: &Ask) -> Vec<String> {
        let before = self.lines().len();
        self.run(ask).await;
        self.lines().split_off(before)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let recorded = self
            .recorded
            .0
            .lock()
            .expect("no test panics under this lock");
        recorded.iter().map(|(_, line)| line.clone()).collect()
    }

    pub(crate) fn origins(&self) -> Vec<Origin> {
        let recorded = self
            .recorded
            .0
            .lock()
            .expect("no test panics under this lock");
        recorded.iter().map(|(origin, _)| origin.clone()).collect()
    }

    pub(crate) async fn wait_line(&self, wanted: &str) {
        let seen = || async { self.lines().iter().any(|line| line == wanted) };
        let held = wait::until_async(PATIENCE, seen).await;
        assert!(held.is_ok(), "no line `{wanted}` in {:?}", self.lines());
    }
}

/// Whether a process is more than a zombie.
pub(crate) fn lives(pid: u32) -> bool {
    let listed = listing::processes("/proc".as_ref());
    listed
        .iter()
        .any(|other| other.pid == pid && other.life == Life::Alive)
}

pub(crate) async fn wait_dead(pid: u32) {
    let dead = wait::until_async(PATIENCE, || async { !lives(pid) }).await;
    assert!(dead.is_ok(), "process {pid} lives on");
}
