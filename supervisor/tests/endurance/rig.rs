//! How long the tests are, how they take turns, how they print figures, and what keeps a machine busy.

use std::io::Write as _;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flightline_fixtures::process::Process;
use flightline_fixtures::supervisor::{Setup, Supervisor};
use flightline_fixtures::usage::Usage;
use flightline_supervisor::control::command::{JobView, Jobs};
use tempfile::TempDir;

/// Asks for the long form.
const LONG: &str = "FLIGHTLINE_LONG";

/// A value for `make test`, and one for the long form.
pub(crate) fn length<T>(short: T, long: T) -> T {
    match std::env::var(LONG) {
        Ok(text) if text == "1" => long,
        _ => short,
    }
}

/// Each of these tests has the machine to itself, as far as it is ours to give: figures are then of one thing.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One line of figures, past the test harness, which keeps the output of tests that pass.
pub(crate) fn figure(text: std::fmt::Arguments<'_>) {
    writeln!(std::io::stderr(), "figure: {text}").expect("standard error is open");
}

/// A supervisor with this configuration.
pub(crate) fn setup(config: &str) -> Setup {
    Setup::new(env!("CARGO_BIN_EXE_flightline-supervisor")).config(config)
}

/// What the worker takes.
pub(crate) fn worker(supervisor: &Supervisor) -> Usage {
    Usage::of(supervisor.worker()).expect("the worker runs")
}

/// Its jobs.
pub(crate) fn jobs(supervisor: &Supervisor) -> Vec<JobView> {
    let output = supervisor.cli(&["list", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let jobs: Jobs = serde_json::from_slice(&output.stdout).expect("a list of jobs");
    jobs.jobs
}

/// As a person reads it.
pub(crate) fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// As a person reads it.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Loops that keep every core busy, at normal priority, until dropped.
#[derive(Debug)]
pub(crate) struct Busy {
    _loops: Vec<Process>,
    _folder: TempDir,
}

impl Busy {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let start = |_| {
            let mut command = Command::new("sh");
            command.args(["-c", "while :; do :; done"]);
            Process::spawn(command, &folder.path().join("log")).expect("a shell runs")
        };
        Self {
            _loops: (0..cores).map(start).collect(),
            _folder: folder,
        }
    }
}
