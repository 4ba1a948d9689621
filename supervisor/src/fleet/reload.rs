//! One configuration after another: what is the same runs on, what is gone or different ends first, and only then what is new starts, so
//! that an old process and its successor never meet.

use std::sync::Arc;
use std::time::Instant;

use crate::action::{Action, Cause};
use crate::config::{self, Config, Service, Trigger};
use crate::control::command::Reload;
use crate::event::{Code, JobId, Source};
use crate::job::{Duty, Job};

use super::order::Place;
use super::{Fleet, Own, Phase, REAPING, announce, order};

/// A new configuration that waits for old jobs to end.
#[derive(Debug)]
pub(super) struct Change {
    config: Arc<Config>,
    own: Option<Arc<Service>>,
    slots: Vec<Slot>,
    pub(super) retiring: Vec<JobId>,
    /// When jobs that have still not ended are left behind.
    pub(super) give_up: Instant,
}

/// One job of the new configuration.
#[derive(Debug)]
enum Slot {
    /// It runs already.
    Kept(JobId),
    /// It is new, or different.
    New(Arc<config::Job>),
}

impl Fleet {
    /// Takes a new configuration. Nothing happens once the supervisor is ending.
    pub fn reload(
        &mut self,
        config: &Arc<Config>,
        own: Option<Arc<Service>>,
        reload: Reload,
        now: Instant,
    ) -> Vec<Action> {
        let before: &[JobId] = match &self.phase {
            Phase::Running => &[],
            Phase::Reloading(change) => &change.retiring,
            Phase::Starting | Phase::Stopping(_) | Phase::Over => return self.settle(now),
        };
        let mut stay: Vec<&Job> = match reload {
            Reload::Everything => Vec::new(),
            Reload::Changed => {
                let jobs = self.jobs.iter();
                jobs.filter(|job| !before.contains(&job.id())).collect()
            }
        };
        // A hook that has fired for a job that goes is needed again by the one that comes.
        stay.retain(|job| {
            let goes = |trigger: &Trigger| {
                let source = trigger.source.as_str();
                let olds = self.jobs.iter().filter(|old| &*old.plan().name == source);
                olds.into_iter()
                    .any(|old| !config.jobs.iter().any(|new| same(new, old)))
            };
            !order::hook(job.plan()).unwrap_or_default().iter().any(goes)
        });
        let slots: Vec<Slot> = config
            .jobs
            .iter()
            .map(|plan| match stay.iter().position(|job| same(plan, job)) {
                Some(index) => Slot::Kept(stay.swap_remove(index).id()),
                None => Slot::New(Arc::clone(plan)),
            })
            .collect();
        let kept = |id: JobId| {
            slots
                .iter()
                .any(|slot| matches!(slot, Slot::Kept(k) if *k == id))
        };
        let retiring: Vec<JobId> = self
            .jobs
            .iter()
            .map(Job::id)
            .filter(|id| !kept(*id))
            .collect();
        let deadline = now + self.grace;
        self.among(
            now,
            |job| retiring.contains(&job.id()),
            |job, turn| {
                job.hurry(deadline, &Cause::Reload);
                match order::place(job.plan()) {
                    Place::Ordinary => job.end(Cause::Reload, turn),
                    Place::Hook => job.last_chance(Cause::Reload, turn),
                    // The others are still to be taken out of Consul.
                    Place::Agent => {}
                }
            },
        );
        self.phase = Phase::Reloading(Change {
            config: Arc::clone(config),
            own,
            slots,
            retiring,
            give_up: deadline + REAPING,
        });
        self.settle(now)
    }

    /// Ends hooks that have nothing to wait for, and brings the new jobs once the old ones have ended.
    pub(super) fn go_on_reloading(&mut self, now: Instant) {
        let Phase::Reloading(change) = &self.phase else {
            return;
        };
        let retiring = |job: &&Job| change.retiring.contains(&job.id());
        let agents = order::agents(&self.jobs);
        let others = self.jobs.iter().filter(retiring);
        let others = others.filter(|job| job.ended().is_none() && !agents.contains(&job.id()));
        let others = others.count();
        let idle = self.jobs.iter().filter(retiring).filter(|job| {
            job.is_open()
                && match order::place(job.plan()) {
                    Place::Ordinary => false,
                    Place::Hook => !job.is_busy() && !order::waits(&self.jobs, job),
                    Place::Agent => others == 0,
                }
        });
        let idle: Vec<JobId> = idle.map(Job::id).collect();
        let still = self
            .jobs
            .iter()
            .filter(retiring)
            .any(|job| job.ended().is_none());
        let late = change.give_up <= now;
        if !idle.is_empty() {
            self.among(
                now,
                |job| idle.contains(&job.id()),
                |job, turn| job.end(Cause::Reload, turn),
            );
        } else if !still || late {
            self.install(now);
        }
    }

    fn install(&mut self, now: Instant) {
        let Phase::Reloading(change) = std::mem::replace(&mut self.phase, Phase::Running) else {
            return;
        };
        self.grace = change.config.stop_timeout;
        self.exit_when = change.config.exit_when;
        self.own = Own::of(change.own);
        let mut old: Vec<Job> = std::mem::take(&mut self.jobs);
        let mut fresh = Vec::new();
        for slot in change.slots {
            match slot {
                Slot::Kept(id) => {
                    if let Some(index) = old.iter().position(|job| job.id() == id) {
                        self.jobs.push(old.swap_remove(index));
                    }
                }
                Slot::New(plan) => {
                    let id = self.id();
                    fresh.push(id);
                    self.jobs.push(Job::new(id, plan, self.duty, now));
                }
            }
        }
        let watched = |name: &Arc<str>| change.config.watches.iter().any(|w| w.name == *name);
        self.watched.retain(|name, _| watched(name));
        self.actions.push(Action::Install(change.config));
        for job in self.jobs.iter().filter(|job| fresh.contains(&job.id())) {
            if self.duty == Duty::Serving {
                announce(job, &mut self.actions);
            }
        }
        self.publish(Code::Startup, Source::global());
        self.catch_up(&fresh, now);
    }

    /// What new jobs wait for may have happened long ago, to jobs that stay.
    fn catch_up(&mut self, fresh: &[JobId], now: Instant) {
        let waiting = self.jobs.iter().filter(|job| fresh.contains(&job.id()));
        let triggers = waiting.flat_map(|job| triggers(job.plan()));
        let held: Vec<Trigger> = triggers
            .filter(|trigger| self.holds(trigger, fresh))
            .collect();
        self.among(
            now,
            |job| fresh.contains(&job.id()),
            |job, turn| job.catch_up(|trigger| held.contains(trigger), turn),
        );
    }

    /// Whether an event happened and nothing has undone it.
    fn holds(&self, trigger: &Trigger, fresh: &[JobId]) -> bool {
        let source = trigger.source.as_str();
        let jobs = || {
            let named = self.jobs.iter().filter(|job| &*job.plan().name == source);
            named.filter(|job| !fresh.contains(&job.id()))
        };
        let watched = source
            .strip_prefix("watch.")
            .and_then(|name| self.watched.get(name));
        let exit = |job: &Job| job.exit().filter(|_| job.pid().is_none());
        match trigger.code {
            Code::StatusHealthy | Code::BecameHealthy => {
                watched.is_some_and(|passing| *passing > 0) || jobs().any(Job::is_healthy)
            }
            Code::StatusUnhealthy | Code::BecameUnhealthy => {
                watched == Some(&0) || jobs().any(Job::is_unhealthy)
            }
            Code::StatusChanged => watched.is_some(),
            Code::ExitSuccess => jobs().any(|job| exit(job) == Some(0)),
            Code::ExitFailed => jobs().any(|job| exit(job).is_some_and(|exit| exit != 0)),
            Code::EnterMaintenance => self.duty == Duty::Maintenance && source == "global",
            Code::Startup
            | Code::Shutdown
            | Code::Error
            | Code::Stopping
            | Code::Stopped
            | Code::ExitMaintenance
            | Code::Signal
            | Code::TimerExpired
            | Code::Quit => false,
        }
    }
}

fn same(plan: &Arc<config::Job>, job: &Job) -> bool {
    plan == job.plan()
}

fn triggers(plan: &config::Job) -> Vec<Trigger> {
    match &plan.when {
        config::When::Once { trigger, .. } | config::When::Each { trigger, .. } => {
            vec![trigger.clone()]
        }
        config::When::All { triggers, .. } => triggers.clone(),
        config::When::Startup | config::When::Interval(_) | config::When::Signal { .. } => {
            Vec::new()
        }
    }
}
