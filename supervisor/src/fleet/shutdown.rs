//! From the first SIGTERM to the last SIGKILL, under one deadline.
//!
//! Jobs end when nobody depends on them any more, pre-stop and post-stop jobs after what they follow, the Consul agent last. A hook whose
//! source is gone or never was has nothing to wait for and ends; where jobs wait for each other in a circle, all of them end.

use std::time::{Duration, Instant};

use crate::action::{Action, Cause, Remark, ShutdownCause};
use crate::config;
use crate::event::{Code, JobId, Source};
use crate::job::Job;

use super::order::{self, Place};
use super::{Fleet, Own, Phase};

/// The share of the time that later steps keep for themselves, in tenths: an agent needs little, an application may need much.
const KEPT: u32 = 2;
/// After the last SIGKILL: the kernel needs a moment to make the exits known, and a process in the middle of a disk access needs longer.
const REAPING: Duration = Duration::from_secs(2);

/// A shutdown under way.
#[derive(Debug)]
pub(super) struct Shutdown {
    cause: ShutdownCause,
    begun: Instant,
    /// When what is still there is left behind.
    pub(super) give_up: Instant,
}

impl Fleet {
    /// Begins the end. Nothing happens if it has begun.
    pub(super) fn shut_down(&mut self, cause: ShutdownCause, now: Instant) {
        if matches!(self.phase, Phase::Stopping(_) | Phase::Over) {
            return;
        }
        self.show(
            flightline_contract::lifecycle::State::Stopping,
            Cause::Shutdown(cause),
        );
        self.phase = Phase::Stopping(Shutdown {
            cause,
            begun: now,
            give_up: now + self.grace + REAPING,
        });
        if let Own::Registered(service) = &self.own {
            let service = std::sync::Arc::clone(service);
            self.actions
                .push(Action::Withdraw(std::sync::Arc::clone(&service)));
            self.own = Own::Withdrawing(service);
        }
        self.publish(Code::Shutdown, Source::global());
        self.of_run(
            now,
            |job| order::place(job.plan()) == Place::Hook,
            |job, _| job.last_chance(),
        );
        let (begun, grace) = (now, self.grace);
        let ends = self.ends(begun, grace);
        self.each(now, |job, _| {
            if let Some((_, at)) = ends.iter().find(|(id, _)| *id == job.id()) {
                job.hurry(*at, &Cause::Shutdown(cause));
            }
        });
    }

    /// When each job must have ended: later steps keep a share of the time.
    fn ends(&self, begun: Instant, grace: Duration) -> Vec<(JobId, Instant)> {
        let live: Vec<&Job> = self
            .jobs
            .iter()
            .filter(|job| job.ended().is_none())
            .collect();
        let plans: Vec<&config::Job> = live.iter().map(|job| &**job.plan()).collect();
        let ranks: Vec<u32> = plans.iter().map(|plan| order::rank(&plans, plan)).collect();
        let last = ranks.iter().copied().max().unwrap_or(0);
        let step = grace * KEPT / 10 / last.max(1);
        let ends = live.iter().zip(ranks);
        ends.map(|(job, rank)| (job.id(), begun + grace - step * (last - rank)))
            .collect()
    }

    /// Ends those whose turn it is; all is over when nothing is left.
    pub(super) fn go_on_stopping(&mut self, now: Instant) {
        let Phase::Stopping(shutdown) = &self.phase else {
            return;
        };
        let (cause, give_up) = (shutdown.cause, shutdown.give_up);
        let ends = self.ends(shutdown.begun, self.grace);
        let next = self.next_to_end();
        self.of_run(
            now,
            |job| next.contains(&job.id()),
            |job, turn| {
                let end = ends.iter().find(|(id, _)| *id == job.id());
                let at = end.map_or(turn.now, |(_, at)| *at);
                job.end_by(at, Cause::Shutdown(cause), turn);
            },
        );
        if !next.is_empty() {
            return;
        }
        let left = self.jobs.iter().filter(|job| job.ended().is_none());
        let left: Vec<_> = left
            .map(|job| std::sync::Arc::clone(&job.plan().name))
            .collect();
        if left.is_empty() && !matches!(self.own, Own::Withdrawing(_)) {
            self.over(cause);
        } else if give_up <= now {
            if !left.is_empty() {
                let remark = Remark::Abandoned { names: left };
                self.actions.push(Action::Say(remark));
            }
            self.over(cause);
        }
    }

    /// Open jobs that nobody needs any more. Empty while those that end are still at it and others wait for them.
    fn next_to_end(&self) -> Vec<JobId> {
        let open = || self.jobs.iter().filter(|job| job.is_open());
        let ids = |jobs: Vec<&Job>| jobs.into_iter().map(Job::id).collect::<Vec<_>>();
        let live = |job: &&Job| job.ended().is_none();
        let free = open().filter(|job| match order::place(job.plan()) {
            Place::Ordinary => {
                let needs = |other: &Job| order::depends_on(other.plan(), &job.plan().name);
                !self.jobs.iter().filter(live).any(needs)
            }
            Place::Hook => {
                let fires = |trigger| order::can_fire(&self.jobs, trigger);
                !job.is_busy() && !order::hook(job.plan()).is_some_and(fires)
            }
            Place::Agent => {
                let other = |other: &&Job| order::place(other.plan()) != Place::Agent;
                let waits = self.jobs.iter().filter(live).any(|job| other(&job));
                !waits && !matches!(self.own, Own::Withdrawing(_))
            }
        });
        let free: Vec<&Job> = free.collect();
        if !free.is_empty() {
            return ids(free);
        }
        let moving = |job: &Job| {
            let ending = !job.is_open() && job.ended().is_none();
            ending || (order::place(job.plan()) == Place::Hook && job.is_busy())
        };
        if self.jobs.iter().any(moving) || matches!(self.own, Own::Withdrawing(_)) {
            return Vec::new();
        }
        ids(open().collect())
    }
}
