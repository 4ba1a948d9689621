//! The floor as a program: a setting comes in, `flightline-bench floor-worker` goes out, with the very configuration that the
//! product would get.

use std::path::PathBuf;

use anyhow::Context;
use flightline_fixtures::process::Process;

use super::product::{FILE, config};
use super::{Door, Program, Setting, command, log, terminate};
use crate::floor::Said;
use crate::scenario::{Scenario, Source};

/// `flightline-bench floor-worker`.
#[derive(Debug, Clone)]
pub struct Floor {
    bench: PathBuf,
}

impl Floor {
    /// The floor of the measuring program at `bench`.
    pub fn new(bench: PathBuf) -> Self {
        Self { bench }
    }
}

impl Program for Floor {
    fn name(&self) -> &str {
        "floor"
    }

    fn version(&self) -> anyhow::Result<String> {
        Ok(env!("CARGO_PKG_VERSION").to_owned())
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        match scenario.source {
            Source::Core | Source::Explicit | Source::Partitions(1) | Source::Front { .. } => None,
            Source::Partitions(_) => Some("it reads one consumer with one owner".to_owned()),
        }
    }

    fn start(&self, setting: &Setting) -> anyhow::Result<Process> {
        let acks = match setting.scenario.source {
            Source::Core | Source::Explicit | Source::Front { .. } => "each",
            Source::Partitions(_) => "last",
        };
        // One consumer: the ack policy is all that the partitions' one differs in.
        let mut single = setting.clone();
        if let Source::Partitions(_) = single.scenario.source {
            single.scenario.source = Source::Explicit;
        }
        std::fs::write(setting.folder.join(FILE), config(&single))
            .context("write the configuration")?;
        let mut command = command(&self.bench);
        command
            .args(["floor-worker", "--config", FILE, "--acks", acks])
            .current_dir(&setting.folder);
        Process::spawn(command, &log(setting))
            .with_context(|| format!("start {}", self.bench.display()))
    }

    fn ready(&self, setting: &Setting) -> bool {
        Said::read(&log(setting)).any(|said| said == Said::Ready)
    }

    fn door(&self, _: &Setting) -> anyhow::Result<Door> {
        Ok(Door::Stream)
    }

    fn stop(&self, worker: &mut Process, setting: &Setting) -> anyhow::Result<Option<u64>> {
        terminate(worker, setting)?;
        let dropped = Said::read(&log(setting)).find_map(|said| match said {
            Said::Ended { dropped } => Some(dropped),
            Said::Ready => None,
        });
        let dropped = dropped
            .with_context(|| format!("the floor does not say how it ended:\n{}", worker.tail()))?;
        Ok(Some(dropped))
    }
}
