//! What the checks of a job find, and what that means: thresholds, the start period, readiness, restarts.
//!
//! Checks are not run before the first start, nor in maintenance, nor while the process has not said that it is ready.

use std::sync::Arc;
use std::time::Instant;

use crate::action::{Action, Cause, Remark, Reported};
use crate::config::{self, OnFailure, Readiness};
use crate::event::{Checked, Code, RunId, Source};

use super::start::following;
use super::{Duty, Health, Job, Process, ProcessStop, Then, Turn};

/// Where the checks of a job stand.
#[derive(Debug)]
pub(super) struct State {
    /// The next one.
    pub(super) due: Option<Instant>,
    /// The one that runs.
    pub(super) flight: Option<RunId>,
    /// Whether one became due while another ran.
    missed: Missed,
    pub(super) health: Health,
    /// In a row.
    failures: u32,
    /// In a row.
    passes: u32,
    ready: Ready,
    /// The latest start: its start period counts from there.
    pub(super) started: Option<Instant>,
    pub(super) output: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missed {
    None,
    One,
}

/// Whether the process said that it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ready {
    Awaited,
    Said,
}

impl State {
    pub(super) fn new(health: Option<&config::Health>, now: Instant) -> Self {
        Self {
            due: health.map(|health| now + health.interval),
            flight: None,
            missed: Missed::None,
            health: Health::Unknown,
            failures: 0,
            passes: 0,
            ready: Ready::Awaited,
            started: None,
            output: None,
        }
    }
}

impl Job {
    /// A start makes what was known worthless.
    pub(super) fn check_started(&mut self, turn: &mut Turn<'_>) {
        self.check_reset(turn);
        self.check.ready = Ready::Awaited;
        self.check.started = Some(turn.now);
    }

    /// Nothing is known any more, and what is asked does not count.
    pub(super) fn check_reset(&mut self, turn: &mut Turn<'_>) {
        if let Some(run) = self.check.flight.take() {
            turn.actions.push(Action::Forget { run });
        }
        self.check.missed = Missed::None;
        self.check.health = Health::Unknown;
        self.check.failures = 0;
        self.check.passes = 0;
    }

    /// The next check is due.
    pub(super) fn check_due(&mut self, turn: &mut Turn<'_>) {
        let plan = Arc::clone(&self.plan);
        let (Some(health), Some(due)) = (&plan.health, self.check.due) else {
            return;
        };
        self.check.due = Some(following(due, health.interval, turn.now));
        if self.attempt == 0 || self.duty == Duty::Maintenance || self.awaits_ready() {
            return;
        }
        if health.check.is_none() {
            self.heartbeat(health, turn);
        } else if self.check.flight.is_some() {
            self.check.missed = Missed::One;
        } else {
            self.check_now(turn);
        }
    }

    fn awaits_ready(&self) -> bool {
        let notify = |health: &config::Health| health.readiness == Readiness::Notify;
        self.check.ready == Ready::Awaited && self.plan.health.as_ref().is_some_and(notify)
    }

    fn check_now(&mut self, turn: &mut Turn<'_>) {
        let run = turn.run();
        self.check.flight = Some(run);
        let plan = Arc::clone(&self.plan);
        turn.actions.push(Action::Check { run, plan });
    }

    /// Without a check a service is well as long as the supervisor lives.
    fn heartbeat(&mut self, health: &config::Health, turn: &mut Turn<'_>) {
        if self.paused.is_some() {
            return;
        }
        if health.readiness == Readiness::Notify {
            self.publish_healthy(turn);
            self.show(Cause::Check, turn);
        }
        self.report(Reported::Passing, "ok", turn);
    }

    /// The process says that it is ready.
    pub fn ready(&mut self, turn: &mut Turn<'_>) {
        if !self.is_open() || !self.awaits_ready() {
            return;
        }
        self.check.ready = Ready::Said;
        let plan = Arc::clone(&self.plan);
        let Some(health) = &plan.health else { return };
        if health.check.is_some() {
            if self.duty == Duty::Serving {
                self.check_now(turn);
            }
            return;
        }
        self.check.due = Some(turn.now + health.interval);
        if self.duty == Duty::Serving {
            self.publish_healthy(turn);
            self.show(Cause::Ready, turn);
            self.report(Reported::Passing, "ready", turn);
        }
    }

    /// A check came to its end.
    pub fn checked(&mut self, result: Checked, turn: &mut Turn<'_>) {
        self.check.flight = None;
        let plan = Arc::clone(&self.plan);
        let Some(health) = &plan.health else { return };
        let source = Source::check(&plan.name);
        match result {
            Checked::Passed { output } => {
                turn.publish(Code::ExitSuccess, source);
                self.passed(health, output, turn);
            }
            Checked::Failed { output } => {
                turn.publish(Code::ExitFailed, source.clone());
                turn.publish(Code::Error, source);
                self.failed(health, output, turn);
            }
        }
        if self.check.missed == Missed::One && self.is_open() {
            self.check.missed = Missed::None;
            self.check_now(turn);
        }
    }

    fn passed(&mut self, health: &config::Health, output: String, turn: &mut Turn<'_>) {
        self.check.failures = 0;
        self.check.passes = self.check.passes.saturating_add(1);
        self.check.output = Some(output);
        if self.check.health == Health::Unhealthy && self.check.passes < health.successes {
            let text = format!(
                "passed {} of {} checks in a row",
                self.check.passes, health.successes
            );
            self.say_health(Reported::Critical, text, turn);
            return;
        }
        self.publish_healthy(turn);
        self.show(Cause::Check, turn);
        self.report_check(Reported::Passing, turn);
    }

    /// Every pass is an event: configurations count on it. The first is another one, too.
    fn publish_healthy(&mut self, turn: &mut Turn<'_>) {
        let source = Source::job(&self.plan.name);
        turn.publish(Code::StatusHealthy, source.clone());
        if self.check.health != Health::Healthy {
            self.check.health = Health::Healthy;
            turn.publish(Code::BecameHealthy, source);
        }
    }

    fn failed(&mut self, health: &config::Health, output: String, turn: &mut Turn<'_>) {
        self.check.passes = 0;
        let starting = self.check.started.is_some_and(|started| {
            turn.now.saturating_duration_since(started) < health.start_period
        });
        self.check.output = Some(output);
        if starting && self.check.health == Health::Unknown {
            self.report_health(Reported::Warning, turn);
            return;
        }
        self.check.failures = self.check.failures.saturating_add(1);
        // What is unhealthy stays so until it has passed often enough, however few failures those passes leave in a row.
        if self.check.health != Health::Unhealthy && self.check.failures < health.failures {
            // It still counts as what it was, and Consul must not let its TTL run out over it.
            if self.check.health == Health::Healthy {
                let output = self.check.output.clone().unwrap_or_default();
                self.tell_consul(Reported::Passing, &output, turn);
            }
            self.report_health(Reported::Warning, turn);
            return;
        }
        let source = Source::job(&self.plan.name);
        turn.publish(Code::StatusUnhealthy, source.clone());
        if self.check.health != Health::Unhealthy {
            self.check.health = Health::Unhealthy;
            turn.publish(Code::BecameUnhealthy, source);
        }
        self.show(Cause::Check, turn);
        if health.on_failure == OnFailure::Critical {
            self.report_check(Reported::Critical, turn);
        } else {
            self.report_health(Reported::Critical, turn);
        }
        let enough = |limit| self.check.failures >= limit;
        // What is being stopped already has its reason.
        let runs = |process: Process| process.stop == ProcessStop::None;
        if health.restart_after.is_some_and(enough) && self.process.is_some_and(runs) {
            let name = Arc::clone(&self.plan.name);
            turn.actions
                .push(Action::Say(Remark::RestartUnhealthy { name }));
            self.stop_process(Then::RulesForFailures, turn);
        }
    }

    fn report_check(&self, reported: Reported, turn: &mut Turn<'_>) {
        let output = self.check.output.clone().unwrap_or_default();
        self.report(reported, &output, turn);
    }

    /// Tells Consul, and those who follow health. Consul's output begins with the latest transition.
    fn report(&self, reported: Reported, output: &str, turn: &mut Turn<'_>) {
        self.tell_consul(reported, output, turn);
        self.say_health(reported, output.to_owned(), turn);
    }

    fn tell_consul(&self, reported: Reported, output: &str, turn: &mut Turn<'_>) {
        if let Some(service) = &self.plan.service {
            turn.actions.push(Action::Report {
                service: Arc::clone(service),
                health: reported,
                output: match output {
                    "" => self.told.clone(),
                    output => format!("{}: {output}", self.told),
                },
            });
        }
    }

    fn report_health(&self, reported: Reported, turn: &mut Turn<'_>) {
        let output = self.check.output.clone().unwrap_or_default();
        self.say_health(reported, output, turn);
    }

    /// Tells those who follow health that the job is out of service.
    pub(super) fn say_maintenance(&self, turn: &mut Turn<'_>) {
        if self.plan.health.is_some() {
            self.say_health(Reported::Maintenance, "maintenance".to_owned(), turn);
        }
    }

    fn say_health(&self, health: Reported, output: String, turn: &mut Turn<'_>) {
        turn.actions.push(Action::Health {
            name: Arc::clone(&self.plan.name),
            health,
            output,
        });
    }
}
