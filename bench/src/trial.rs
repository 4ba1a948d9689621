//! A plan and a program come in, a record comes out: server, store and workers are started, the messages are moved once, and what
//! each process took and what became of each line is read off. What goes wrong is an error with the end of the log that tells why.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use flightline_fixtures::server::free_port;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::discard::figures::Alteration;
use crate::payload::Traffic;
use crate::program::{CONSUMER, Program, STREAM, Setting};
use crate::publish::now;
use crate::record::{Machine, Record, Turn};
use crate::scenario::Source;
use crate::{interrupt, jetstream, machine, record};
use depot::Depot;
use guest::Guest;
use plan::Plan;
use server::{Choice, Server};

/// What is to be done.
pub mod plan;
/// The store.
pub mod depot;
/// The nats-server.
pub mod server;
/// The program's processes.
pub mod workers;
/// From the first message to the last line.
pub mod watch;
/// The stream before the first worker.
mod ground;
/// From the start of the workers to their end.
mod course;
/// The same of a write front.
mod front;
/// On a server that somebody else runs.
mod guest;
/// The consumers behind the last worker.
mod settled;

/// A batch is cut at so many lines: the product's own default, for every program.
pub const BATCH_LINES: usize = 5_000;

/// For the server to take the acks of workers that have ended.
const LAST_ACKS: Duration = Duration::from_secs(5);

/// What came of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What is kept.
    pub record: Record,
    /// From the start of the workers' processes to the first line in the store; where they start before the first message, until
    /// they were ready.
    pub first_line: Duration,
    /// The first line that came in other bytes than it was published in, where each is known.
    pub first_altered: Option<Alteration>,
}

/// A server, and a stream that is filled once for all trials that read the same.
#[derive(Debug)]
pub struct Rig {
    bench: PathBuf,
    server: Server,
    runtime: tokio::runtime::Runtime,
    guest: Option<Guest>,
    filled: Option<Traffic>,
    trials: u32,
    machine: Machine,
    commit: String,
    run: String,
    turns: u32,
}

impl Rig {
    /// Starts the server. `bench` is this program's own file, of which the store and the publisher are made.
    ///
    /// # Errors
    /// When there is no server, or somebody else on it has what the trials would need for themselves.
    pub fn start(bench: &Path, choice: &Choice) -> anyhow::Result<Self> {
        let server = Server::start(choice)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let guest = match choice {
            Choice::Running { .. } => Some(runtime.block_on(Guest::enter(&server))?),
            Choice::Newest | Choice::Suite(_) => None,
        };
        Ok(Self {
            bench: bench.to_owned(),
            machine: machine::here(server.version().to_owned()),
            commit: machine::commit().to_owned(),
            server,
            runtime,
            guest,
            filled: None,
            trials: 0,
            run: format!("{}-{}", now(), std::process::id()),
            turns: 0,
        })
    }

    /// Records say that they are of `commit`: that of the product, where it was not built together with this program.
    #[must_use]
    pub fn measuring(mut self, commit: String) -> Self {
        self.commit = commit;
        self
    }

    /// A new turn, of what is measured as `row`.
    pub fn turn(&mut self, row: &str) -> Turn {
        self.turns += 1;
        Turn {
            run: self.run.clone(),
            row: row.to_owned(),
            number: self.turns,
        }
    }

    /// Moves `plan` through `program`, in a turn of its own.
    ///
    /// # Errors
    /// As [`Self::run_in`].
    pub fn run(&mut self, program: &dyn Program, plan: &Plan) -> anyhow::Result<Outcome> {
        let turn = self.turn(&plan.scenario.to_string());
        self.run_in(&turn, program, plan)
    }

    /// Moves `plan` through `program`, in `turn` with others.
    ///
    /// # Errors
    /// When anything does not do what it should; that lines are lost is no error but a figure.
    pub fn run_in(
        &mut self,
        turn: &Turn,
        program: &dyn Program,
        plan: &Plan,
    ) -> anyhow::Result<Outcome> {
        interrupt::check()?;
        plan.validate()?;
        if let Some(reason) = program.refuses(&plan.scenario) {
            bail!("{} cannot do {}: {reason}", program.name(), plan.scenario);
        }
        self.trials += 1;
        let folder = TempDir::with_prefix("flightline-bench-")?;
        let outcome = self.move_once(turn, program, plan, folder.path());
        outcome.with_context(|| format!("{}, {}", program.name(), plan.scenario))
    }

    fn move_once(
        &mut self,
        turn: &Turn,
        program: &dyn Program,
        plan: &Plan,
        folder: &Path,
    ) -> anyhow::Result<Outcome> {
        let at = OffsetDateTime::now_utc().format(&Rfc3339)?;
        let scenario = plan.scenario;
        let mut depot = Depot::start(scenario.store, scenario.shape, &self.bench, folder)?;
        let settings = self.settings(plan, &depot, folder)?;
        self.prepare(program, plan, &settings[0], folder)?;
        let moved = match scenario.source {
            Source::Front { clients, coding } => {
                let clients = (clients, coding);
                self.written(program, plan, clients, settings, &mut depot, folder)?
            }
            _ if plan.is_filled_before() => self.drain(program, plan, settings, &mut depot)?,
            _ => self.stream(program, plan, settings, &mut depot, folder)?,
        };
        if scenario.source != Source::Core {
            let settled = self.wait_settled(LAST_ACKS, || Ok(()));
            let gone = jetstream::no_consumers(self.server.url(), STREAM, CONSUMER);
            self.runtime.block_on(gone)?;
            settled?;
        }
        let count = moved
            .figures
            .count(plan.check, plan.messages, &moved.sent, moved.dropped);
        let program = record::Program {
            name: program.name().to_owned(),
            version: program.version()?,
            workers: plan.workers,
        };
        Ok(Outcome {
            record: Record {
                at,
                commit: self.commit.clone(),
                machine: self.machine.clone(),
                program,
                turn: turn.clone(),
                scenario,
                incident: plan.incident,
                check: plan.check,
                count,
                seconds: moved.seconds,
                cpu: moved.cpu,
                resident: moved.resident,
                latency: moved.figures.latency,
            },
            first_line: moved.first_line,
            first_altered: depot.first_altered()?,
        })
    }

    /// The name of this trial's consumer, and the beginning of those that a program makes instead.
    fn consumer(&self) -> String {
        format!("{CONSUMER}{}", self.trials)
    }

    fn settings(&self, plan: &Plan, depot: &Depot, folder: &Path) -> anyhow::Result<Vec<Setting>> {
        let setting = |worker| {
            let folder = folder.join(format!("worker-{worker}"));
            std::fs::create_dir(&folder)?;
            Ok(Setting {
                scenario: plan.scenario,
                nats: self.server.url().to_owned(),
                subjects: Traffic::patterns(plan.scenario.shape),
                stream: STREAM.to_owned(),
                consumer: self.consumer(),
                group: "bench".to_owned(),
                store: depot.target(),
                batch_lines: BATCH_LINES,
                batch_age: Duration::from_millis(u64::from(plan.scenario.age_ms)),
                folder,
                port: free_port(),
                front: free_port(),
                worker,
            })
        };
        (0..plan.workers).map(setting).collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(guest) = &self.guest
            && let Err(error) = self.runtime.block_on(guest.leave())
        {
            tracing::warn!(%error, "something of a trial is left on the server");
        }
    }
}
