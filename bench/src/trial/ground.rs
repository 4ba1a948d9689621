//! The stream as a trial needs it before its workers start: filled, empty, or not there.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::Rig;
use super::plan::Plan;
use super::watch::Publisher;
use super::workers::Workers;
use crate::interrupt;
use crate::jetstream;
use crate::payload::Traffic;
use crate::program::{Program, STREAM, Setting};
use crate::publish::Pace;
use crate::scenario::{Shape, Source};

/// For a stream to be filled.
const FILL_LIMIT: Duration = Duration::from_secs(600);
/// For a program to make its stream.
const MAKE_LIMIT: Duration = Duration::from_secs(30);

impl Rig {
    /// See the module. `setting` is that of the first worker.
    ///
    /// # Errors
    /// When the server or the program does not make what it should.
    pub(super) fn prepare(
        &mut self,
        program: &dyn Program,
        plan: &Plan,
        setting: &Setting,
        folder: &Path,
    ) -> anyhow::Result<()> {
        let url = self.server.url();
        let traffic = plan.traffic()?;
        match plan.scenario.source {
            Source::Core => {
                self.filled = None;
                self.runtime.block_on(jetstream::no_stream(url, STREAM))?;
                return Ok(());
            }
            // How a stream is partitioned is the program's own, and must be so before the first message: it makes the stream.
            Source::Partitions(2..) => {
                self.filled = None;
                self.runtime.block_on(jetstream::no_stream(url, STREAM))?;
                self.made_by(program, setting)?;
            }
            Source::Front { .. } => {
                self.filled = None;
                let subjects = Traffic::patterns(Shape::Mix);
                let made = jetstream::fresh_stream(url, STREAM, subjects);
                self.runtime.block_on(made)?;
                let made = jetstream::idle(url, STREAM, &setting.consumer);
                self.runtime.block_on(made)?;
            }
            Source::Explicit | Source::Partitions(_) => {
                if !plan.is_filled_before() || self.filled != Some(traffic) {
                    self.filled = None;
                    let subjects = Traffic::patterns(Shape::Mix);
                    let made = jetstream::fresh_stream(url, STREAM, subjects);
                    self.runtime.block_on(made)?;
                }
            }
        }
        if plan.is_filled_before() && self.filled != Some(traffic) {
            self.fill(traffic, folder)?;
            // What a program has made is not for others.
            let plain = !matches!(plan.scenario.source, Source::Partitions(2..));
            self.filled = plain.then_some(traffic);
        }
        if plan.scenario.source == Source::Explicit {
            let made = jetstream::shared(self.server.url(), STREAM, &setting.consumer);
            self.runtime.block_on(made)?;
        }
        Ok(())
    }

    /// Lets one worker run until its stream is there.
    fn made_by(&self, program: &dyn Program, setting: &Setting) -> anyhow::Result<()> {
        let mut workers = Workers::start(program, vec![setting.clone()])?;
        workers.wait_ready()?;
        let is_there = || {
            let messages = jetstream::messages(self.server.url(), STREAM);
            self.runtime.block_on(messages).ok()
        };
        interrupt::until_some(MAKE_LIMIT, is_there)
            .with_context(|| format!("{} makes no stream:\n{}", program.name(), workers.tails()))?;
        workers.stop()?;
        let marked = jetstream::mark(self.server.url(), STREAM);
        self.runtime.block_on(marked)?;
        Ok(())
    }

    fn fill(&self, traffic: Traffic, folder: &Path) -> anyhow::Result<()> {
        let address = self.server.address();
        Publisher::start(&self.bench, address, &traffic, Pace::Fill, folder)?.wait(FILL_LIMIT)?;
        let messages = jetstream::messages(self.server.url(), STREAM);
        let have = self.runtime.block_on(messages)?;
        ensure!(have == traffic.messages, "the stream has {have} messages");
        Ok(())
    }
}
