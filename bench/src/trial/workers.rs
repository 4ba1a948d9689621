//! The workers of a program: started, waited for, looked at, killed if that is the trial, and ended.

use std::time::Duration;

use anyhow::Context;
use flightline_fixtures::process::Process;

use crate::interrupt;
use crate::proc;
use crate::program::{Ownership, Program, Setting};

/// For a worker to get ready on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub struct Workers<'p> {
    program: &'p dyn Program,
    running: Vec<(Process, Setting)>,
    cpu_of_killed: f64,
}

impl<'p> Workers<'p> {
    /// Starts one for each of `settings`.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn start(program: &'p dyn Program, settings: Vec<Setting>) -> anyhow::Result<Self> {
        let mut running = Vec::new();
        for setting in settings {
            running.push((program.start(&setting)?, setting));
        }
        Ok(Self {
            program,
            running,
            cpu_of_killed: 0.0,
        })
    }

    /// Waits until all are ready.
    ///
    /// # Errors
    /// When one does not get ready, or ends.
    pub fn wait_ready(&mut self) -> anyhow::Result<()> {
        let name = self.program.name();
        for (process, setting) in &mut self.running {
            let ready = interrupt::until_some(READY_LIMIT, || match process.exited() {
                Ok(None) => self.program.ready(setting).then_some(true),
                _ => Some(false),
            });
            interrupt::check()?;
            anyhow::ensure!(
                matches!(ready, Ok(true)),
                "{name}, worker {}, does not get ready:\n{}",
                setting.worker,
                process.tail()
            );
        }
        Ok(())
    }

    /// Whether all run.
    ///
    /// # Errors
    /// When one has ended by itself.
    pub fn check(&mut self) -> anyhow::Result<()> {
        let name = self.program.name();
        for (process, setting) in &mut self.running {
            if let Some(status) = process.exited()? {
                anyhow::bail!(
                    "{name}, worker {}, ended with {status}:\n{}",
                    setting.worker,
                    process.tail()
                );
            }
        }
        Ok(())
    }

    /// CPU seconds of all, those that were killed included.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn cpu(&self) -> anyhow::Result<f64> {
        let mut sum = self.cpu_of_killed;
        for (process, _) in &self.running {
            sum += proc::cpu(process.id()).with_context(|| process.tail())?;
        }
        Ok(sum)
    }

    /// The largest resident memory of any that runs.
    ///
    /// # Errors
    /// When one has ended by itself.
    pub fn peak_memory(&self) -> anyhow::Result<u64> {
        let mut most = 0;
        for (process, _) in &self.running {
            let peak = proc::peak_memory(process.id()).with_context(|| process.tail())?;
            most = most.max(peak);
        }
        Ok(most)
    }

    /// SIGKILL to the first that somebody has to take work over from.
    ///
    /// # Errors
    /// When there is none, or the system does not let us.
    pub fn kill_one(&mut self) -> anyhow::Result<()> {
        let mut at = None;
        for (index, (process, setting)) in self.running.iter().enumerate() {
            let owns = self.program.owns(setting);
            match owns.with_context(|| process.tail())? {
                Ownership::Owner | Ownership::Shared => {
                    at = Some(index);
                    break;
                }
                Ownership::Nothing => {}
            }
        }
        let at = at.context("there is no worker to kill that has work of its own")?;
        let (mut process, _) = self.running.remove(at);
        self.cpu_of_killed += proc::cpu(process.id())?;
        process.kill()?;
        Ok(())
    }

    /// Ends all; how many messages they say that their clients dropped, if all say it.
    ///
    /// # Errors
    /// When one does not end well.
    pub fn stop(self) -> anyhow::Result<Option<u64>> {
        let mut dropped = Some(0);
        for (mut process, setting) in self.running {
            let more = self.program.stop(&mut process, &setting)?;
            dropped = dropped.zip(more).map(|(dropped, more)| dropped + more);
        }
        Ok(dropped)
    }

    /// The ends of their logs.
    pub fn tails(&self) -> String {
        let tails = self.running.iter().map(|(process, _)| process.tail());
        tails.collect::<Vec<_>>().join("\n")
    }
}
