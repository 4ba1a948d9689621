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
use super::{Fleet, Own, Phase};

/// The share of the time that later steps keep for themselves, in tenths: an agent needs little, an application may need much.
const KEPT: u32 = 2;
/// After the last SIGKILL: the kernel needs a moment to make the exits known, and a process in the middle of a disk access needs longer.
const REAPING: Duration = Duration::from_secs(2);

/// A shutdown under way.
#[derive(Debug)]
pub(super) struct Shutdown {
    cause: ShutdownCause,
    /// Who must have ended before each job is stopped; jobs that nobody depends on are absent.
    dependants: BTreeMap<JobId, Vec<JobId>>,
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
        self.of_run(
            now,
            |job| order::place(job.plan()) == Place::Hook,
            |job, _| job.last_chance(),
        );
        self.each(now, |job, _| {
            if let Some(at) = ends.get(&job.id()) {
                job.hurry(*at, &Cause::Shutdown(cause));
            }
        });
        self.phase = Phase::Stopping(Shutdown {
            cause,
            dependants,
            deadline: now + self.grace,
            give_up: now + self.grace + REAPING,
        });
        if let Own::Registered(service) = &self.own {
            let service = Arc::clone(service);
            self.actions.push(Action::Withdraw(Arc::clone(&service)));
            self.own = Own::Withdrawing(service);
        }
        self.publish(Code::Shutdown, Source::global());
    }

    /// When each job must have ended: later steps keep a share of the time.
    fn ends(&self, now: Instant) -> BTreeMap<JobId, Instant> {
        let live: Vec<&Job> = self.live().collect();
        let plans: Vec<&config::Job> = live.iter().map(|job| &**job.plan()).collect();
        let ranks = order::ranks(&plans);
        let last = ranks.iter().copied().max().unwrap_or(0);
        let step = self.grace * KEPT / 10 / last.max(1);
        let ends = live.iter().zip(ranks);
        ends.map(|(job, rank)| (job.id(), now + self.grace - step * (last - rank)))
            .collect()
    }

    fn live(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| job.ended().is_none())
    }

    fn dependants(&self) -> BTreeMap<JobId, Vec<JobId>> {
        let mut dependants: BTreeMap<JobId, Vec<JobId>> = BTreeMap::new();
        for job in self.live() {
            for needed in order::needs(job.plan()) {
                let named = self.live().filter(|other| {
                    *other.plan().name == *needed && other.plan().name != job.plan().name
                });
                for other in named {
                    dependants.entry(other.id()).or_default().push(job.id());
                }
            }
        }
        dependants
    }

    /// Ends those whose turn it is; all is over when nothing is left.
    pub(super) fn go_on_stopping(&mut self, now: Instant) {
        let Phase::Stopping(shutdown) = &self.phase else {
            return;
        };
        let (cause, deadline, give_up) = (shutdown.cause, shutdown.deadline, shutdown.give_up);
        let next = self.next_to_end(&shutdown.dependants);
        self.of_run(
            now,
            |job| next.contains(&job.id()),
            |job, turn| job.end(Cause::Shutdown(cause), turn),
        );
        if !next.is_empty() {
            return;
        }
        let left = self.jobs.iter().filter(|job| job.ended().is_none());
        let left: Vec<_> = left.map(|job| Arc::clone(&job.plan().name)).collect();
        if left.is_empty() && !matches!(self.own, Own::Withdrawing(_)) {
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
    fn next_to_end(&self, dependants: &BTreeMap<JobId, Vec<JobId>>) -> BTreeSet<JobId> {
        let own = matches!(self.own, Own::Withdrawing(_));
        let live: BTreeSet<JobId> = self.live().map(Job::id).collect();
        let others = self
            .live()
            .any(|job| order::place(job.plan()) != Place::Agent);
        let open = || self.jobs.iter().filter(|job| job.is_open());
        let free = open().filter(|job| match order::place(job.plan()) {
            Place::Ordinary => {
                let dependants = dependants.get(&job.id()).into_iter().flatten();
                !dependants
                    .into_iter()
                    .any(|dependant| live.contains(dependant))
            }
            Place::Hook => {
                let fires = |trigger| order::can_fire(&self.jobs, trigger);
                !job.is_busy() && !order::hook(job.plan()).is_some_and(fires)
            }
            Place::Agent => !others && !own,
        });
        let free: BTreeSet<JobId> = free.map(Job::id).collect();
        if !free.is_empty() {
            return free;
        }
        let moving = |job: &Job| {
            let ending = !job.is_open() && job.ended().is_none();
            ending || (order::place(job.plan()) == Place::Hook && job.is_busy())
        };
        if own || self.jobs.iter().any(moving) {
            return BTreeSet::new();
        }
        open().map(Job::id).collect()
    }
}
