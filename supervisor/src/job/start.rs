//! What starts a job: events, intervals, a person, and the end of a pause.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::action::{Action, Cause, Remark};
use crate::config::{Trigger, When};
use crate::event::{Code, Event, Source};

use super::ending::Ending;
use super::{Budget, Job, Last, Life, Paused, Pending, Process, ProcessStop, Then, Turn};

/// An event that comes so long after an exit is not its consequence, or not in a circle.
const REST: Duration = Duration::from_millis(100);

/// Why a job was not started, stopped or signalled by a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has a process.
    #[error("it runs already")]
    Running,
    /// It has no process.
    #[error("it has no process")]
    NotRunning,
    /// It is on its way out.
    #[error("it is being stopped")]
    Stopping,
    /// It has ended.
    #[error("it has ended")]
    Ended,
    /// There is nothing to run, and nothing that was stopped.
    #[error("it has no exec")]
    NoExec,
}

impl Job {
    /// An event was delivered.
    pub fn hear(&mut self, event: &Event, turn: &mut Turn<'_>) {
        if !self.is_open() {
            return;
        }
        if event.code == Code::Startup && event.source == Source::global() {
            // A reload says it again; what runs on has heard it.
            if self.is_busy() {
                return;
            }
            self.startup(turn);
        }
        let plan = Arc::clone(&self.plan);
        match &plan.when {
            When::Startup | When::Interval(_) => {}
            When::Once { trigger, .. } | When::Each { trigger, .. } => {
                if self.is_met(trigger, event) {
                    self.request(Cause::Event(event.clone()), turn);
                }
            }
            When::Signal { signal, .. } => {
                if event.code == Code::Signal && event.source.as_str() == signal.as_str() {
                    self.request(Cause::Event(event.clone()), turn);
                }
            }
            When::All { triggers, .. } => self.count(triggers, event, turn),
        }
    }

    fn startup(&mut self, turn: &mut Turn<'_>) {
        match self.plan.when {
            When::Startup => self.request(
                Cause::Event(Event {
                    code: Code::Startup,
                    source: Source::global(),
                }),
                turn,
            ),
            When::Interval(interval) if !self.starts.is_spent() => {
                self.next_tick = Some(turn.now + interval);
                self.request(Cause::Interval, turn);
            }
            When::Interval(_)
            | When::Once { .. }
            | When::Each { .. }
            | When::Signal { .. }
            | When::All { .. } => {}
        }
    }

    /// Own exits are the restart rules' matter.
    fn is_met(&self, trigger: &Trigger, event: &Event) -> bool {
        let own_exit = matches!(event.code, Code::ExitSuccess | Code::ExitFailed)
            && event.source.as_str() == &*self.plan.name;
        !own_exit && trigger.code == event.code && trigger.source == event.source
    }

    fn count(&mut self, triggers: &[Trigger], event: &Event, turn: &mut Turn<'_>) {
        self.happened.resize(triggers.len(), false);
        for (trigger, index) in triggers.iter().zip(0..) {
            if self.is_met(trigger, event)
                && let Some(happened) = self.happened.get_mut(index)
            {
                *happened = true;
            }
        }
        if self.happened.iter().all(|happened| *happened) {
            self.request(Cause::AllEvents, turn);
        }
    }

    /// What the job waits for held already when the job came: a new configuration brought it.
    pub fn catch_up(&mut self, holds: impl Fn(&Trigger) -> bool, turn: &mut Turn<'_>) {
        let plan = Arc::clone(&self.plan);
        match &plan.when {
            When::Once { trigger, .. } | When::Each { trigger, .. } => {
                if holds(trigger) {
                    self.request(
                        Cause::Event(Event {
                            code: trigger.code,
                            source: trigger.source.clone(),
                        }),
                        turn,
                    );
                }
            }
            When::All { triggers, .. } => {
                self.happened = triggers.iter().map(&holds).collect();
                if self.happened.iter().all(|happened| *happened) {
                    self.request(Cause::AllEvents, turn);
                }
            }
            When::Startup | When::Interval(_) | When::Signal { .. } => {}
        }
    }

    /// Starts it if it has starts left: now, or once more after the present run.
    fn request(&mut self, cause: Cause, turn: &mut Turn<'_>) {
        if self.starts.is_spent() {
            return;
        }
        if self.process.is_some() || self.paused.is_some() {
            self.pending = Pending::Start(cause);
            return;
        }
        self.take_start();
        self.start_paced(cause, turn);
    }

    pub(super) fn take_start(&mut self) {
        // `is_spent` was asked before; a start that somebody asks for is free where there is none left.
        self.starts.take();
        self.give_up_at = None;
    }

    /// Starts it, after a pause where events follow its exits at once: jobs that start each other would spin. Events that come at their own
    /// pace are never held up.
    pub(super) fn start_paced(&mut self, cause: Cause, turn: &mut Turn<'_>) {
        let rested = self
            .idle_since
            .is_none_or(|since| turn.now.saturating_duration_since(since) >= REST);
        if rested {
            self.quick = 0;
            self.last = Last::Started;
        }
        let pause = self.pause().min(REST);
        if pause.is_zero() {
            self.launch(cause, turn);
        } else {
            let until = turn.now + pause;
            self.paused = Some(Paused {
                until,
                cause: cause.clone(),
            });
            self.show(cause, turn);
        }
    }

    /// A tick of its interval. The run at startup is not a restart, each further one is; the tick after the last ends the job.
    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) {
        let When::Interval(interval) = self.plan.when else {
            return;
        };
        self.next_tick = self
            .next_tick
            .map(|tick| following(tick, interval, turn.now));
        // It is one with the tick that waits already, and costs nothing.
        if self.process.is_some() && matches!(self.pending, Pending::Start(_)) {
            return;
        }
        let next = match self.restarts.take() {
            Some(()) => Pending::Start(Cause::Interval),
            None => Pending::End,
        };
        if self.process.is_some() {
            self.pending = next;
            return;
        }
        match next {
            Pending::Start(cause) => self.launch(cause, turn),
            Pending::End | Pending::Nothing => self.end(Cause::Complete, turn),
        }
    }

    /// Nothing started it in time.
    pub(super) fn give_up(&mut self, turn: &mut Turn<'_>) {
        self.give_up_at = None;
        let name = Arc::clone(&self.plan.name);
        turn.publish(Code::TimerExpired, Source::job(&name));
        turn.actions
            .push(Action::Say(Remark::StartTimeout { name }));
        self.end(Cause::StartTimeout, turn);
    }

    /// A process now, whatever the budgets say.
    pub(super) fn launch(&mut self, cause: Cause, turn: &mut Turn<'_>) {
        self.attempt = self.attempt.saturating_add(1);
        self.check_started(turn);
        if self.plan.exec.is_none() {
            self.show(cause, turn);
            return;
        }
        let run = turn.run();
        self.process = Some(Process {
            run,
            pid: None,
            since: turn.now,
            stop: ProcessStop::None,
        });
        self.cause = cause;
        turn.actions.push(Action::Spawn {
            run,
            plan: Arc::clone(&self.plan),
        });
    }

    /// Its process was started.
    pub fn started(&mut self, pid: u32, turn: &mut Turn<'_>) {
        let Some(process) = &mut self.process else {
            return;
        };
        process.pid = Some(pid);
        let cause = self.cause.clone();
        if self.is_open() {
            self.show_anew(cause, turn);
        } else {
            self.show(cause, turn);
        }
    }

    /// Somebody wants it to run now.
    ///
    /// # Errors
    /// When it runs, is being stopped, or has nothing to run and is in service.
    pub fn start(&mut self, turn: &mut Turn<'_>) -> Result<(), Refused> {
        match self.life {
            Life::Open if self.process.is_some() => Err(Refused::Running),
            // Without a process it only is, or is not, in service.
            Life::Open if self.plan.exec.is_none() && self.is_started() => Err(Refused::NoExec),
            Life::Open => {
                self.paused = None;
                self.take_start();
                self.launch(Cause::Operator, turn);
                Ok(())
            }
            Life::PreStop { .. } | Life::Withdrawing { .. } | Life::Stopping => {
                Err(Refused::Stopping)
            }
            Life::Ended(_) => {
                self.reopen(turn.now);
                self.take_start();
                self.launch(Cause::Operator, turn);
                Ok(())
            }
        }
    }

    /// Somebody wants its process to be another one.
    ///
    /// # Errors
    /// As [`Job::start`], but for a process that runs.
    pub fn restart(&mut self, turn: &mut Turn<'_>) -> Result<(), Refused> {
        match (self.life, self.process) {
            (Life::Open, Some(_)) => {
                self.stop_process(Then::Start, turn);
                Ok(())
            }
            _ => self.start(turn),
        }
    }

    /// Its budgets and clocks as at the beginning; it was ended and lives again.
    fn reopen(&mut self, now: Instant) {
        let duty = self.duty;
        let (attempt, exit, shown) = (self.attempt, self.exit, self.shown);
        *self = Self::new(self.id, Arc::clone(&self.plan), duty, now);
        (self.attempt, self.exit, self.shown) = (attempt, exit, shown);
        self.give_up_at = None;
        if let When::Interval(interval) = self.plan.when {
            self.next_tick = Some(now + interval);
        }
    }

    /// Lets nothing start it again, but for what a pre-stop or post-stop job still has to do.
    pub fn last_chance(&mut self, cause: Cause, turn: &mut Turn<'_>) {
        self.restarts = Budget::Left(0);
        if self.starts == Budget::Unlimited {
            self.starts = Budget::Left(1);
        }
        self.pending = Pending::Nothing;
        if self
            .paused
            .take_if(|paused| paused.cause == Cause::Restart)
            .is_some()
        {
            self.starts = Budget::Left(0);
            self.show(cause, turn);
        }
        self.give_up_at = None;
    }

    /// Whether somebody keeps it ended.
    pub fn is_held(&self) -> bool {
        self.ended() == Some(Ending::Held)
    }
}

/// The first tick after `now`: those that were missed are one.
pub(super) fn following(tick: Instant, interval: Duration, now: Instant) -> Instant {
    let next = tick + interval;
    if next > now { next } else { now + interval }
}
