//! From the first message to the last line: looks at the store until all has arrived or nothing more does, and lets happen what is
//! to happen meanwhile.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use flightline_fixtures::process::Process;

use super::depot::Depot;
use super::plan::Incident;
use super::workers::Workers;
use crate::discard::figures::Figures;
use crate::interrupt;
use crate::payload::Traffic;
use crate::publish::{Pace, Report};
use crate::scenario::Coding;

/// Between two looks: a look costs the store far less than a batch.
const INTERVAL: Duration = Duration::from_millis(20);

/// The publisher as a process, or clients that write.
#[derive(Debug)]
pub struct Publisher {
    process: Process,
    log: PathBuf,
}

impl Publisher {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        bench: &Path,
        address: &str,
        traffic: &Traffic,
        pace: Pace,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let pace = match pace {
            Pace::Full => "full",
            Pace::Fill => "fill",
            Pace::Pieces => "pieces",
            Pace::Clock => "clock",
        };
        let traffic = serde_json::to_string(traffic)?;
        let mut command = Command::new(bench);
        command.args(["publisher", "--address", address]);
        command.args(["--traffic", &traffic, "--pace", pace]);
        Self::spawn(command, folder)
    }

    /// Starts so many `clients` that write to the front at `address`.
    ///
    /// # Errors
    /// When they cannot be started.
    pub fn start_clients(
        bench: &Path,
        address: &str,
        traffic: &Traffic,
        (clients, coding): (u32, Coding),
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let coding = match coding {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
        };
        let traffic = serde_json::to_string(traffic)?;
        let mut command = Command::new(bench);
        command.args(["writer", "--address", address, "--traffic", &traffic]);
        command.args(["--clients", &clients.to_string(), "--coding", coding]);
        Self::spawn(command, folder)
    }

    fn spawn(command: Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join("publisher.log");
        let program = command.get_program().to_owned();
        let process = Process::spawn(command, &log)
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Self { process, log })
    }

    /// What it did, when it has ended.
    ///
    /// # Errors
    /// When it did not end well.
    pub fn report(&mut self) -> anyhow::Result<Option<Report>> {
        let Some(status) = self.process.exited()? else {
            return Ok(None);
        };
        ensure!(
            status.success(),
            "the publisher ended with {status}:\n{}",
            self.process.tail()
        );
        let text = std::fs::read_to_string(&self.log)?;
        let report = text.lines().last().unwrap_or_default();
        Ok(Some(serde_json::from_str(report)?))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end within `limit`, or not well.
    pub fn wait(&mut self, limit: Duration) -> anyhow::Result<Report> {
        let ended = interrupt::until_some(limit, || self.report().transpose());
        ended.with_context(|| format!("the publisher:\n{}", self.process.tail()))?
    }
}

/// What is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// So many lines,
    pub lines: u64,
    /// or nothing for so long after the publisher's end.
    pub quiet: Duration,
    /// What is to happen meanwhile.
    pub incident: Incident,
}

/// Waits for `goal`; what the publisher did, if there is one.
///
/// # Errors
/// When a process ends that should not.
pub fn watch(
    goal: Goal,
    depot: &mut Depot,
    workers: &mut Workers<'_>,
    mut publisher: Option<Publisher>,
) -> anyhow::Result<Option<Report>> {
    let mut incident = goal.incident;
    let mut report = None;
    let mut before = Figures::default();
    let mut last_change = Instant::now();
    loop {
        interrupt::check()?;
        workers.check()?;
        if let Some(running) = &mut publisher
            && let Some(ended) = running.report()?
        {
            report = Some(ended);
            publisher = None;
            last_change = Instant::now();
        }
        let figures = depot.figures()?;
        if let Incident::KillOne { after_lines } = incident
            && figures.lines >= after_lines
        {
            workers.kill_one()?;
            let stored = depot.figures()?.stored;
            ensure!(
                stored < goal.lines,
                "all {stored} lines were stored when a worker was killed, so nobody had to take anything over: move more messages"
            );
            incident = Incident::None;
        }
        if figures.stored >= goal.lines && publisher.is_none() {
            break ensure_happened(incident, &figures)?;
        }
        if figures.lines > before.lines || publisher.is_some() {
            last_change = Instant::now();
        } else if last_change.elapsed() > goal.quiet {
            break ensure_happened(incident, &figures)?;
        }
        before = figures;
        thread::park_timeout(INTERVAL);
    }
    Ok(report)
}

/// A trial in which nothing happened says nothing about what it was made for.
fn ensure_happened(incident: Incident, figures: &Figures) -> anyhow::Result<()> {
    match incident {
        Incident::None => Ok(()),
        Incident::KillOne { after_lines } => bail!(
            "the trial was over before {after_lines} lines had arrived and a worker was killed: move more messages"
        ),
        Incident::Stall(_) if figures.hung => Ok(()),
        Incident::Stall(stall) => bail!(
            "the trial was over before {} lines had arrived and the store hung: move more messages",
            stall.after_lines
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discard::figures::Stall;

    #[test]
    fn what_was_to_happen_and_did_not_fails_the_trial() {
        let calm = Figures::default();
        let hung = Figures { hung: true, ..calm };
        let stall = Incident::Stall(Stall {
            after_lines: 10,
            seconds: 1,
        });
        assert!(ensure_happened(Incident::None, &calm).is_ok());
        assert!(ensure_happened(stall, &hung).is_ok());
        for never in [stall, Incident::KillOne { after_lines: 10 }] {
            let said = ensure_happened(never, &calm).unwrap_err().to_string();
            assert!(said.contains("move more messages"), "{said}");
        }
    }
}
