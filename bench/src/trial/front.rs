//! The course of a trial of a write front: clients write to the program, or its publisher into the stream, until all is answered.
//! Then the stream is read and held against what was written. Whatever was answered is there, or the trial has failed.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::Rig;
use super::course::{Moved, float};
use super::depot::Depot;
use super::plan::Plan;
use super::watch::Publisher;
use super::workers::Workers;
use crate::body::Bodies;
use crate::discard::account::Account;
use crate::discard::figures::Figures;
use crate::jetstream::kept;
use crate::payload::{Payloads, Traffic};
use crate::program::{Door, Program, STREAM, Setting};
use crate::publish::{Pace, now};
use crate::record::Cpu;
use crate::scenario::Coding;

/// For all to be written.
const WRITE_LIMIT: Duration = Duration::from_secs(600);

impl Rig {
    /// See the module.
    ///
    /// # Errors
    /// When a process ends that should not, a request is not answered 204, or the stream has anything else than what was written.
    pub(super) fn written(
        &mut self,
        program: &dyn Program,
        plan: &Plan,
        clients: (u32, Coding),
        settings: Vec<Setting>,
        depot: &mut Depot,
        folder: &Path,
    ) -> anyhow::Result<Moved> {
        let started = Instant::now();
        let door = program.door(&settings[0])?;
        let mut workers = match door {
            Door::Http(_) => Workers::start(program, settings)?,
            Door::Stream => Workers::start(program, Vec::new())?,
        };
        workers.wait_ready()?;
        let first_line = started.elapsed();
        let traffic = plan.traffic()?;
        let before = self.cpus(Some(&workers), depot)?;
        let mut publisher = match &door {
            Door::Http(address) => {
                Publisher::start_clients(&self.bench, address, &traffic, clients, folder)?
            }
            Door::Stream => {
                let address = self.server.address();
                Publisher::start(&self.bench, address, &traffic, Pace::Pieces, folder)?
            }
        };
        let report = publisher.wait(WRITE_LIMIT);
        let report = report.with_context(|| workers.tails())?;
        let after = self.cpus(Some(&workers), depot)?;
        let resident = workers.peak_memory()?;
        let dropped = workers.stop()?;
        let figures = self.stored(plan, traffic)?;
        Ok(Moved {
            figures: Figures {
                latency: report.latency,
                ..figures
            },
            sent: Payloads::new(traffic).sum(),
            cpu: Cpu {
                publisher: report.cpu,
                ..after.since(&before)
            },
            resident,
            seconds: float(report.ended.saturating_sub(report.began)) / 1e9,
            first_line,
            dropped,
        })
    }

    /// What the stream has of `traffic`, if that is all of it and nothing else.
    fn stored(&self, plan: &Plan, traffic: Traffic) -> anyhow::Result<Figures> {
        let mut account = Account::new(traffic, plan.check, None, 0);
        let each = kept::each(self.server.url(), STREAM, |payload| {
            account.body(&[payload], now());
        });
        let have = self.runtime.block_on(each)?;
        let figures = account.figures();
        let sent = Payloads::new(traffic).sum();
        let count = figures.count(plan.check, plan.messages, &sent, None);
        ensure!(
            count.lost == 0 && count.doubled == 0 && count.altered == 0,
            "every write was answered as stored, and of {} lines the stream lacks {}, has {} twice and {} altered{}",
            count.lines,
            count.lost,
            count.doubled,
            count.altered,
            account
                .first_altered()
                .map_or_else(String::new, |first| format!(": {first:?}"))
        );
        let expected = Bodies::new(traffic).pieces();
        ensure!(
            have == expected,
            "the stream has {have} messages where the floor would have {expected}: both must store the same (body.rs says how)"
        );
        Ok(figures)
    }
}
