//! From the first SIGTERM to the last SIGKILL, under one deadline.
//!
//! Jobs end when nobody depends on them any more, pre-stop and post-stop jobs after what they follow, the Consul agent last. A hook whose
//! source is gone or never was has nothing to wait for and ends; where jobs wait for each other in a circle, all of them end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::action::{Action, Cause, Remark, ShutdownCause};
use crate::config;
use crate::event::{Code, JobId, Source};
use crate::job::Job;

use super::order::{self, Place};
use super::{Fleet, Own, Phase, REAPING};

/// The share of the time that later steps keep for themselves, in tenths: an agent needs little, an application may need much.
const KEPT: u32 = 2;

/// A shutdown under way.
#[derive(Debug)]
pub(super) struct Shutdown {
    cause: ShutdownCause,
    /// Who must have ended before each job is stopped.
    dependants: BTreeMap<JobId, Vec<JobId>>,
    /// Jobs that the end of the main job has just started: an alarm, a report. They may finish.
    guests: BTreeSet<JobId>,
    /// The supervisor's own service is not waited for any longer: the Consul agent is to be stopped after it.
    pub(super) own_until: Instant,
    /// When everything has to be gone.
    deadline: Instant,
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
        let ends = self.ends(now);
        let dependants = self.dependants();
        let guests: BTreeSet<JobId> = match cause {
            ShutdownCause::Main => {
                let starting = self.jobs.iter().filter(|job| job.is_starting());
                starting.map(Job::id).collect()
            }
            ShutdownCause::Signal | ShutdownCause::Complete | ShutdownCause::Idle => {
                BTreeSet::new()
            }
        };
        self.among(
            now,
            |job| order::place(job.plan()) == Place::Hook || guests.contains(&job.id()),
            |job, turn| job.last_chance(Cause::Shutdown(cause), turn),
        );
        self.each(now, |job, _| {
            if let Some(at) = ends.get(&job.id()) {
                job.hurry(*at, &Cause::Shutdown(cause));
            }
        });
        self.phase = Phase::Stopping(Shutdown {
            cause,
            dependants,
            guests,
            own_until: now + self.grace - self.kept(),
            deadline: now + self.grace,
            give_up: now + self.grace + REAPING,
        });
        if let Own::Registered(service) = &self.own {
            let own = Arc::clone(service);
            let asked = self.withdraw(Arc::clone(&own));
            self.own = Own::Withdrawing { own, asked };
        }
        self.publish(Code::Shutdown, Source::global());
    }

    /// When each job must have ended: later steps keep a share of the time.
    fn ends(&self, now: Instant) -> BTreeMap<JobId, Instant> {
        let live: Vec<&Job> = self.live().collect();
        let plans: Vec<&config::Job> = live.iter().map(|job| &**job.plan()).collect();
        let ranks = order::ranks(&plans);
        let last = ranks.iter().copied().max().unwrap_or(0);
        let step = self.kept() / last.max(1);
        let ends = live.iter().zip(ranks);
        ends.map(|(job, rank)| (job.id(), now + self.grace - step * (last - rank)))
            .collect()
    }

    /// What later steps have for themselves.
    fn kept(&self) -> Duration {
        self.grace * KEPT / 10
    }

    fn live(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| job.ended().is_none())
    }

    fn dependants(&self) -> BTreeMap<JobId, Vec<JobId>> {
        let live: Vec<&Job> = self.live().collect();
        let plans: Vec<&config::Job> = live.iter().map(|job| &**job.plan()).collect();
        let ids = |indices: Vec<usize>| -> Vec<JobId> {
            let jobs = indices.into_iter().filter_map(|index| live.get(index));
            jobs.map(|job| job.id()).collect()
        };
        let dependants = order::dependants(&plans).into_iter().map(ids);
        live.iter().map(|job| job.id()).zip(dependants).collect()
    }

    /// Ends those whose turn it is; all is over when nothing is left.
    pub(super) fn go_on_stopping(&mut self, now: Instant) {
        let Phase::Stopping(shutdown) = &self.phase else {
            return;
        };
        let (cause, deadline, give_up) = (shutdown.cause, shutdown.deadline, shutdown.give_up);
        if shutdown.own_until <= now && matches!(self.own, Own::Withdrawing { .. }) {
            self.own = Own::None;
        }
        let next = self.next_to_end(&shutdown.dependants, &shutdown.guests);
        self.among(
            now,
            |job| next.contains(&job.id()),
            |job, turn| job.end(Cause::Shutdown(cause), turn),
        );
        if !next.is_empty() {
            return;
        }
        let left = self.jobs.iter().filter(|job| job.ended().is_none());
        let left: Vec<_> = left.map(|job| Arc::clone(&job.plan().name)).collect();
        if left.is_empty() && !matches!(self.own, Own::Withdrawing { .. }) {
            self.over(cause, deadline);
        } else if give_up <= now {
            if !left.is_empty() {
                let remark = Remark::Abandoned { names: left };
                self.actions.push(Action::Say(remark));
            }
            self.over(cause, deadline);
        }
    }

    /// Open jobs that nobody needs any more. Empty while those that end are still at it and others wait for them.
    fn next_to_end(
        &self,
        dependants: &BTreeMap<JobId, Vec<JobId>>,
        guests: &BTreeSet<JobId>,
    ) -> BTreeSet<JobId> {
        let own = matches!(self.own, Own::Withdrawing { .. });
        let live: BTreeSet<JobId> = self.live().map(Job::id).collect();
        // What follows the agent's own end is not waited for by the agent.
        let agents = order::agents(&self.jobs);
        let others = self.live().any(|job| !agents.contains(&job.id()));
        let open = || self.jobs.iter().filter(|job| job.is_open());
        let free = open().filter(|job| match order::place(job.plan()) {
            _ if guests.contains(&job.id()) => !job.is_busy(),
            Place::Ordinary => {
                let dependants = dependants.get(&job.id()).into_iter().flatten();
                !dependants
                    .into_iter()
                    .any(|dependant| live.contains(dependant))
            }
            Place::Hook => !job.is_busy() && !order::waits(&self.jobs, job),
            Place::Agent => !others && !own,
        });
        let free: BTreeSet<JobId> = free.map(Job::id).collect();
        if !free.is_empty() {
            return free;
        }
        let moving = |job: &Job| {
            let ending = !job.is_open() && job.ended().is_none();
            let may_finish = order::place(job.plan()) == Place::Hook || guests.contains(&job.id());
            ending || (may_finish && job.is_busy())
        };
        if own || self.jobs.iter().any(moving) {
            return BTreeSet::new();
        }
        open().map(Job::id).collect()
    }
}
