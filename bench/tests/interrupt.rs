//! Promise: a measurement that is ended in the middle leaves no process and no file behind, and says by its exit code what ended it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use flightline_fixtures::process::{Process, Signal};
use flightline_fixtures::{script, wait};
use tempfile::TempDir;

const BENCH: &str = env!("CARGO_BIN_EXE_flightline-bench");
const STANDIN: &str = include_str!("compare/standin.sh");
const PATIENCE: Duration = Duration::from_secs(60);

/// A run of the bench, with a folder for everything it writes.
struct Run {
    process: Process,
    folder: TempDir,
    _log: TempDir,
}

fn run(arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let log = tempfile::tempdir().unwrap();
    let mut command = Command::new(BENCH);
    command
        .args(arguments)
        .arg("--out")
        .arg(log.path().join("runs.jsonl"))
        .env("TMPDIR", folder.path());
    Run {
        process: Process::spawn(command, &log.path().join("log")).unwrap(),
        folder,
        _log: log,
    }
}

impl Run {
    /// Waits until a trial has written the file `name` into its folder.
    fn wait_for(&mut self, name: &str) {
        let folder = self.folder.path();
        let written = || {
            let entries = fs::read_dir(folder).unwrap().flatten();
            let mut trials = entries.map(|trial| trial.path().join(name));
            trials.any(|file| file.exists())
        };
        let seen = wait::until_some(PATIENCE, || match self.process.exited().unwrap() {
            None => written().then_some(true),
            Some(_) => Some(false),
        });
        assert_eq!(seen, Ok(true), "{name}: {}", self.process.tail());
    }

    fn end_by(mut self, signal: Signal, code: i32) {
        self.process.signal(signal).unwrap();
        let status = self.process.wait(PATIENCE).unwrap();
        assert_eq!(status.code(), Some(code), "{}", self.process.tail());
        let left: Vec<_> = fs::read_dir(self.folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let gone = wait::until(PATIENCE, || processes(self.folder.path()).is_empty());
        assert!(gone.is_ok(), "{:?}", processes(self.folder.path()));
    }
}

/// Processes that run in `folder`, or were told to write there.
fn processes(folder: &Path) -> Vec<PathBuf> {
    let folder = folder.as_os_str().as_bytes();
    let is_here = |process: &PathBuf| {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        let told = environment.windows(folder.len()).any(|part| part == folder);
        let at = fs::read_link(process.join("cwd")).unwrap_or_default();
        told || at.as_os_str().as_bytes().starts_with(folder)
    };
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.map(|entry| entry.path()).filter(is_here).collect()
}

#[test]
fn a_trial_that_is_ended_while_messages_come_leaves_nothing() {
    for (signal, code) in [(Signal::Term, 143), (Signal::Int, 130)] {
        let mut run = run(&["floor", "--rate", "1000", "--messages", "120000"]);
        run.wait_for("publisher.log");
        assert!(
            processes(run.folder.path()).len() >= 4,
            "bench, server, store, floor"
        );
        run.end_by(signal, code);
    }
}

#[test]
fn a_trial_that_is_ended_while_its_stream_is_filled_leaves_nothing() {
    let mut run = run(&["floor", "--source", "explicit", "--messages", "20000000"]);
    run.wait_for("publisher.log");
    run.end_by(Signal::Term, 143);
}

#[test]
fn a_peer_that_has_started_others_leaves_none_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let telegraf = folder.path().join("telegraf");
    script::write(&telegraf, STANDIN);
    symlink(BENCH, folder.path().join("flightline-bench")).unwrap();
    // The product fails at once, and it is the peer's turn.
    let mut run = run(&[
        "compare",
        "--scenario",
        "core/line",
        "--messages",
        "100000",
        "--flightline",
        "/bin/false",
        "--telegraf",
        telegraf.to_str().unwrap(),
    ]);
    run.wait_for("worker-0/lost/log");
    run.end_by(Signal::Term, 143);
}
