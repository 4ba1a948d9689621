//! The course of a trial, from the start of its workers to their end: on a stream that is full, or with the publisher beside it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::Rig;
use super::depot::Depot;
use super::plan::{Incident, Plan};
use super::watch::{Goal, Publisher, watch};
use super::workers::Workers;
use crate::discard::figures::Figures;
use crate::payload::{Payloads, Sum, Traffic};
use crate::proc;
use crate::program::{Program, Setting};
use crate::publish::{Pace, Report, now};
use crate::record::Cpu;
use crate::scenario::{Rate, Source};

/// Nothing has come for so long: what core NATS has not delivered by then is lost,
const QUIET_CORE: Duration = Duration::from_secs(3);
/// and of a stream, what was not delivered again: more than the ack wait.
const QUIET_STREAM: Duration = Duration::from_secs(60);

/// What is read off when all has arrived.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) figures: Figures,
    pub(super) sent: Sum,
    pub(super) cpu: Cpu,
    pub(super) resident: u64,
    pub(super) seconds: f64,
    pub(super) first_line: Duration,
    pub(super) dropped: Option<u64>,
}

impl Rig {
    /// Workers start on a stream that is full.
    ///
    /// # Errors
    /// When a process ends that should not, or nothing arrives.
    pub(super) fn drain(
        &mut self,
        program: &dyn Program,
        plan: &Plan,
        settings: Vec<Setting>,
        depot: &mut Depot,
    ) -> anyhow::Result<Moved> {
        let traffic = plan.traffic()?;
        let sent = Payloads::new(traffic).sum();
        depot.begin(&plan.expectation(traffic))?;
        let before = self.cpus(None, depot)?;
        let started = now();
        let mut workers = Workers::start(program, settings)?;
        let goal = self.goal(plan, &sent);
        watch(goal, depot, &mut workers, None)?;
        self.wait_for_doubles(plan, &mut workers)?;
        let moved = self.moved(&before, depot, &workers, sent)?;
        let figures = moved.figures;
        Ok(Moved {
            seconds: drained_in(&figures, started),
            first_line: Duration::from_nanos(figures.first.saturating_sub(started)),
            dropped: workers.stop()?,
            ..moved
        })
    }

    /// Workers are there before the first message.
    ///
    /// # Errors
    /// When a process ends that should not, or nothing arrives.
    pub(super) fn stream(
        &mut self,
        program: &dyn Program,
        plan: &Plan,
        settings: Vec<Setting>,
        depot: &mut Depot,
        folder: &Path,
    ) -> anyhow::Result<Moved> {
        let started = Instant::now();
        let mut workers = Workers::start(program, settings)?;
        workers.wait_ready()?;
        if plan.scenario.source == Source::Core {
            self.wait_subscribed(plan)?;
        }
        let first_line = started.elapsed();
        let traffic = plan.traffic()?;
        let sent = Payloads::new(traffic).sum();
        // The sum takes a while, and the clock must not have begun meanwhile.
        let traffic = Traffic {
            clock: plan.traffic()?.clock,
            ..traffic
        };
        depot.begin(&plan.expectation(traffic))?;
        let before = self.cpus(Some(&workers), depot)?;
        let pace = match plan.scenario.rate {
            Rate::Full => Pace::Full,
            Rate::PerSecond(_) => Pace::Clock,
        };
        let address = self.server.address();
        let publisher = Publisher::start(&self.bench, address, &traffic, pace, folder)?;
        let goal = self.goal(plan, &sent);
        let report = watch(goal, depot, &mut workers, Some(publisher))?;
        let report = report.context("the publisher has ended")?;
        self.wait_for_doubles(plan, &mut workers)?;
        let moved = self.moved(&before, depot, &workers, sent)?;
        Ok(Moved {
            seconds: streamed_in(&moved.figures, &report),
            cpu: Cpu {
                publisher: report.cpu,
                ..moved.cpu
            },
            first_line,
            dropped: workers.stop()?,
            ..moved
        })
    }

    fn wait_subscribed(&self, plan: &Plan) -> anyhow::Result<()> {
        let payloads = Payloads::new(plan.traffic()?);
        let mut subject = Vec::new();
        payloads.subject(0, &mut subject);
        let subject = String::from_utf8(subject)?;
        self.server
            .wait_subscribed(&subject, usize::try_from(plan.workers)?)
    }

    /// What a killed worker had in hand comes again when its acks are overdue, and is a double only then.
    fn wait_for_doubles(&self, plan: &Plan, workers: &mut Workers<'_>) -> anyhow::Result<()> {
        match (plan.scenario.source, plan.incident) {
            (Source::Explicit | Source::Partitions(_), Incident::KillOne { .. }) => {
                self.wait_settled(QUIET_STREAM, || workers.check())
            }
            (Source::Core | Source::Front { .. }, _) | (_, Incident::None | Incident::Stall(_)) => {
                Ok(())
            }
        }
    }

    fn goal(&self, plan: &Plan, sent: &Sum) -> Goal {
        let quiet = match plan.scenario.source {
            Source::Core => QUIET_CORE,
            Source::Explicit | Source::Partitions(_) | Source::Front { .. } => QUIET_STREAM,
        };
        let stalled = match plan.incident {
            Incident::Stall(stall) => Duration::from_secs(stall.seconds),
            Incident::None | Incident::KillOne { .. } => Duration::ZERO,
        };
        Goal {
            lines: sent.lines,
            quiet: quiet + stalled,
            incident: plan.incident,
        }
    }

    pub(super) fn cpus(
        &mut self,
        workers: Option<&Workers<'_>>,
        depot: &mut Depot,
    ) -> anyhow::Result<Cpu> {
        let of = |id: Option<u32>| id.map(proc::cpu).transpose();
        Ok(Cpu {
            program: workers.map_or(Ok(0.0), Workers::cpu)?,
            server: of(self.server.id())?,
            store: of(depot.id())?,
            publisher: 0.0,
        })
    }

    fn moved(
        &mut self,
        before: &Cpu,
        depot: &mut Depot,
        workers: &Workers<'_>,
        sent: Sum,
    ) -> anyhow::Result<Moved> {
        let after = self.cpus(Some(workers), depot)?;
        let figures = depot.last_figures()?;
        ensure!(
            figures.lines > 0,
            "nothing arrived in the store:\n{}",
            workers.tails()
        );
        Ok(Moved {
            figures,
            sent,
            cpu: after.since(before),
            resident: workers.peak_memory()?,
            seconds: 0.0,
            first_line: Duration::ZERO,
            dropped: None,
        })
    }
}

/// From the first line to the last that did not wait for its batch's age, as if all others had come at the same rate. Where all
/// came in one batch, from the start of the workers, at `started`.
fn drained_in(figures: &Figures, started: u64) -> f64 {
    let later = figures.full_lines.saturating_sub(figures.first_lines);
    if later == 0 || figures.full == figures.first {
        return seconds(started, figures.last);
    }
    seconds(figures.first, figures.full) * float(figures.lines) / float(later)
}

/// From the first message published to the last line stored that did not wait for its batch's age, as if all others had come at the
/// same rate.
fn streamed_in(figures: &Figures, report: &Report) -> f64 {
    if figures.full == figures.first {
        return seconds(report.began, figures.last);
    }
    seconds(report.began, figures.full) * float(figures.lines) / float(figures.full_lines)
}

fn seconds(from: u64, to: u64) -> f64 {
    float(to.saturating_sub(from)) / 1e9
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a float tells a time well enough"
)]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// 5,000 lines in the first body, 100,000 a second later, and 10 that waited another second for their age.
    fn figures() -> Figures {
        Figures {
            lines: 100_010,
            stored: 100_010,
            first: 11 * SECOND,
            first_lines: 5_000,
            full: 12 * SECOND,
            full_lines: 100_000,
            last: 13 * SECOND,
            ..Figures::default()
        }
    }

    fn same(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-9, "{one} is not {other}");
    }

    #[test]
    fn a_stream_is_drained_at_the_rate_between_the_first_body_and_the_last_full_one() {
        // 95,000 lines in a second; all of them at that rate.
        same(drained_in(&figures(), 10 * SECOND), 100_010.0 / 95_000.0);
    }

    #[test]
    fn what_came_in_one_body_is_timed_from_the_start_of_the_workers() {
        let one = Figures {
            lines: 300,
            first: 12 * SECOND,
            first_lines: 300,
            full: 12 * SECOND,
            full_lines: 300,
            last: 12 * SECOND,
            ..Figures::default()
        };
        same(drained_in(&one, 10 * SECOND), 2.0);
        let all_tail = Figures {
            lines: 400,
            last: 13 * SECOND,
            ..one
        };
        same(drained_in(&all_tail, 10 * SECOND), 3.0);
    }

    #[test]
    fn what_is_published_meanwhile_is_timed_from_the_first_message() {
        let report = Report {
            began: 10 * SECOND,
            ended: 12 * SECOND,
            cpu: 0.0,
            latency: None,
        };
        same(streamed_in(&figures(), &report), 2.0 * 1.0001);
        let one = Figures {
            full: 11 * SECOND,
            full_lines: 5_000,
            ..figures()
        };
        same(streamed_in(&one, &report), 3.0);
    }
}
