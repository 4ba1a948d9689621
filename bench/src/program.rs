//! What moves the data in a trial: the floor, Flightline, a peer. A setting comes in, a running process goes out; the trial does
//! the rest: the server, the store, the publisher, CPU and memory of the process, and its end.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use flightline_fixtures::process::{Process, Signal};

use crate::interrupt;
use crate::scenario::Scenario;

/// The limit rig: no decode.
pub mod floor;
/// The product.
pub mod product;

/// For a worker to end after SIGTERM: more than the product's own drain may take.
const STOP_LIMIT: Duration = Duration::from_secs(40);

/// The stream that JetStream scenarios are filled into: the bench's own, by a name that nobody else's has.
pub const STREAM: &str = "BENCHMARK";

/// What the names of all consumers begin with.
pub const CONSUMER: &str = "bench-";

/// What one worker of a program is told.
#[derive(Debug, Clone)]
pub struct Setting {
    /// What is moved, and how.
    pub scenario: Scenario,
    /// The server: `nats://127.0.0.1:PORT`.
    pub nats: String,
    /// The patterns that match all messages, and nothing twice.
    pub subjects: Vec<String>,
    /// JetStream: the stream, which exists and captures `subjects`.
    pub stream: String,
    /// JetStream: the durable consumer. With [`crate::scenario::Source::Explicit`] it exists, with explicit acks, an ack wait of 30 s and room for
    /// 65,536 un-acked messages; behind a write front it exists, too, and has nothing to deliver; otherwise it is the program's to make,
    /// by this name or others that begin with it.
    pub consumer: String,
    /// Core: the queue group.
    pub group: String,
    /// Where lines go.
    pub store: Target,
    /// A batch is cut at so many lines,
    pub batch_lines: usize,
    /// or when its first message is so old.
    pub batch_age: Duration,
    /// A folder of the worker's own: its configuration, its log.
    pub folder: PathBuf,
    /// A port of the worker's own, for its listener.
    pub port: u16,
    /// Another, for its write front.
    pub front: u16,
    /// Its number among the workers, from 0.
    pub worker: u32,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Which write API it takes.
    pub api: Api,
}

/// The write APIs, each with the one place that a trial has in it. A sink that discards takes both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `/write?db=bench&precision=ns`
    V1,
    /// `/api/v2/write?org=bench&bucket=bench&precision=ns`
    V2,
}

/// The database, organisation and bucket of every trial.
pub const PLACE: &str = "bench";

/// What moves the data.
pub trait Program: fmt::Debug {
    /// `floor`, `flightline`, `telegraf`, ...
    fn name(&self) -> &str;

    /// As it says of itself.
    ///
    /// # Errors
    /// When it does not.
    fn version(&self) -> anyhow::Result<String>;

    /// Why it cannot do `scenario`, if it cannot.
    fn refuses(&self, scenario: &Scenario) -> Option<String>;

    /// Starts one worker, with its output appended to `setting.folder/log`.
    ///
    /// # Errors
    /// When it cannot be started.
    fn start(&self, setting: &Setting) -> anyhow::Result<Process>;

    /// Whether the worker has done all that it does before the first message. On core the trial sees for itself whether it has subscribed.
    fn ready(&self, setting: &Setting) -> bool;

    /// Whether some of the work is this worker's alone, so that nobody else does it unless this one is gone.
    ///
    /// # Errors
    /// When it does not say.
    fn owns(&self, _: &Setting) -> anyhow::Result<Ownership> {
        Ok(Ownership::Shared)
    }

    /// Where what is written to it over HTTP goes in.
    ///
    /// # Errors
    /// When nobody can.
    fn door(&self, _: &Setting) -> anyhow::Result<Door> {
        anyhow::bail!("{} takes no writes over HTTP", self.name())
    }

    /// Ends the worker, when all has arrived; how many messages it says that its client dropped, if it says so at all.
    ///
    /// # Errors
    /// When it does not end, or not well.
    fn stop(&self, worker: &mut Process, setting: &Setting) -> anyhow::Result<Option<u64>> {
        terminate(worker, setting)?;
        Ok(None)
    }
}

/// What of the work is a worker's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// Every worker takes what comes.
    Shared,
    /// A part is its own.
    Owner,
    /// All parts are others'.
    Nothing,
}

/// Where what is written over HTTP goes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// Clients write to the worker, which has an address of its own: `127.0.0.1:8186`.
    Http(String),
    /// There is nobody between: the same is published into the stream.
    Stream,
}

/// What a program may know of who measures it: where programs lie, and where it may write.
const KEPT: [&str; 3] = ["PATH", "HOME", "TMPDIR"];

/// `binary` without the environment of who measures: a variable that sets a part of a program's configuration, its threads or
/// its allocator would be measured in place of what the scenario says.
pub fn command(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    command.env_clear();
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Where a worker's output goes.
pub fn log(setting: &Setting) -> PathBuf {
    setting.folder.join("log")
}

/// SIGTERM, and the end.
///
/// # Errors
/// When it does not end, or with a status that is not 0.
pub fn terminate(worker: &mut Process, setting: &Setting) -> anyhow::Result<()> {
    let number = setting.worker;
    worker
        .signal(Signal::Term)
        .with_context(|| format!("worker {number} has ended by itself:\n{}", worker.tail()))?;
    let ended = interrupt::until_some(STOP_LIMIT, || worker.exited().transpose());
    let status =
        ended.with_context(|| format!("worker {number} does not end:\n{}", worker.tail()))??;
    anyhow::ensure!(
        status.success(),
        "worker {number} ended with {status}:\n{}",
        worker.tail()
    );
    Ok(())
}
