//! How a job ends: `stopping`, its pre-stop jobs, its service out of Consul, its process stopped and reaped, `stopped`.
//!
//! Every step has a limit, and under a shutdown all of them together have one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::action::{Action, Cause, Remark};
use crate::event::{Code, Source, WithdrawalId};

use super::start::Refused;
use super::{Job, Life, Pending, ProcessStop, Then, Turn};

/// The stop signal waits so long for Consul's answer: traffic should be sent elsewhere before the process stops taking it.
const WITHDRAWAL: Duration = Duration::from_secs(1);

/// How a job has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Complete,
    /// With a process that failed, or without ever having been started in time.
    Failed,
    /// Somebody stopped it, and may start it again.
    Held,
}

/// How a job is to end.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// What a shutdown or reload gives it.
    deadline: Option<Instant>,
    force: Force,
    /// `None` until it is to end.
    cause: Option<Cause>,
    withdrawal: Withdrawal,
}

/// Whether the deadline has passed: whatever the job was at then, it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Force {
    #[default]
    Ahead,
    Done,
}

/// Whether Consul has forgotten the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Withdrawal {
    /// It has, or never knew it.
    #[default]
    Done,
    /// It was asked to.
    Asked(WithdrawalId),
}

impl Job {
    /// Ends it because of `cause`. Nothing happens if it is ending already.
    pub fn end(&mut self, cause: Cause, turn: &mut Turn<'_>) {
        if !self.is_open() {
            return;
        }
        self.pending = Pending::Nothing;
        self.paused = None;
        self.check_reset(turn);
        let limit = self.plan.stop.timeout.unwrap_or(turn.grace);
        let until = match self.ending.deadline {
            None => turn.now + limit,
            // Half of what is left is for the process itself.
            Some(deadline) => {
                let left = deadline.saturating_duration_since(turn.now);
                turn.now + limit.min(left / 2)
            }
        };
        self.life = Life::PreStop { until };
        self.ending.cause = Some(cause.clone());
        self.show_anew(cause, turn);
        turn.publish(Code::Stopping, Source::job(&self.plan.name));
    }

    /// Ends it by `deadline`, whatever it takes; also if it is ending already.
    pub fn end_by(&mut self, deadline: Instant, cause: Cause, turn: &mut Turn<'_>) {
        self.hurry(deadline, &cause);
        self.end(cause, turn);
    }

    /// Gives it a deadline, or an earlier one, because of `cause`; until then it may go on.
    pub fn hurry(&mut self, deadline: Instant, cause: &Cause) {
        let earlier = self
            .ending
            .deadline
            .map_or(deadline, |old| old.min(deadline));
        self.ending.deadline = Some(earlier);
        self.ending.cause.get_or_insert_with(|| cause.clone());
        match &mut self.life {
            Life::PreStop { until } | Life::Withdrawing { until } => *until = (*until).min(earlier),
            Life::Open | Life::Stopping | Life::Ended(_) => {}
        }
        if let Some(process) = &mut self.process
            && let ProcessStop::Asked { kill_at, .. } = &mut process.stop
        {
            *kill_at = (*kill_at).min(earlier);
        }
    }

    /// Whether it waits for its pre-stop jobs.
    pub fn awaits_hooks(&self) -> bool {
        matches!(self.life, Life::PreStop { .. })
    }

    /// Its pre-stop jobs are through.
    pub fn hooks_done(&mut self, turn: &mut Turn<'_>) {
        if !self.awaits_hooks() {
            return;
        }
        match &self.plan.service {
            None => self.stop_for_good(turn),
            Some(service) => {
                self.ending.withdrawal = Withdrawal::Asked(turn.withdraw(service));
                let until = turn.now + WITHDRAWAL;
                let deadline = self.ending.deadline;
                let until = deadline.map_or(until, |deadline| until.min(deadline));
                self.life = Life::Withdrawing { until };
            }
        }
    }

    /// Consul has forgotten its service, or cannot be told: the answer to this withdrawal and those before it.
    pub fn withdrawn(&mut self, withdrawal: WithdrawalId, turn: &mut Turn<'_>) {
        match self.ending.withdrawal {
            Withdrawal::Asked(asked) if asked <= withdrawal => {}
            Withdrawal::Asked(_) | Withdrawal::Done => return,
        }
        self.ending.withdrawal = Withdrawal::Done;
        match self.life {
            Life::Withdrawing { .. } => self.stop_for_good(turn),
            Life::Stopping => self.finish(turn),
            Life::Open | Life::PreStop { .. } | Life::Ended(_) => {}
        }
    }

    /// When no step is waited for any more.
    pub(super) fn forced_at(&self) -> Option<Instant> {
        let ahead = self.ending.force == Force::Ahead && self.ended().is_none();
        self.ending.deadline.filter(|_| ahead)
    }

    /// The deadline has come: no step is waited for any more.
    fn force(&mut self, turn: &mut Turn<'_>) {
        let cause = self.ending.cause.clone().unwrap_or(Cause::Complete);
        self.end(cause, turn);
        self.ending.withdrawal = Withdrawal::Done;
        if matches!(self.life, Life::PreStop { .. } | Life::Withdrawing { .. }) {
            self.life = Life::Stopping;
        }
        self.stop_process(Then::Rules, turn);
        self.finish(turn);
    }

    /// What is due on the way out.
    pub(super) fn elapse_ending(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        if self.forced_at().is_some_and(|at| at <= now) {
            self.ending.force = Force::Done;
            self.force(turn);
        }
        match self.life {
            Life::PreStop { until } if until <= turn.now => {
                let name = Arc::clone(&self.plan.name);
                turn.actions.push(Action::Say(Remark::HooksLate { name }));
                self.hooks_done(turn);
            }
            Life::Withdrawing { until } if until <= turn.now => self.stop_for_good(turn),
            Life::Open
            | Life::PreStop { .. }
            | Life::Withdrawing { .. }
            | Life::Stopping
            | Life::Ended(_) => {}
        }
        let Some(process) = &mut self.process else {
            return;
        };
        if let ProcessStop::Asked { kill_at, then } = process.stop
            && kill_at <= turn.now
        {
            process.stop = ProcessStop::Killed { then };
            let run = process.run;
            let name = Arc::clone(&self.plan.name);
            turn.actions.push(Action::Say(Remark::Killing { name }));
            turn.actions.push(Action::Signal {
                run,
                signal: Signal::SIGKILL,
            });
        }
    }

    fn stop_for_good(&mut self, turn: &mut Turn<'_>) {
        self.life = Life::Stopping;
        if self.process.is_some() {
            self.stop_process(Then::Rules, turn);
        } else {
            self.finish(turn);
        }
    }

    /// Sends its stop signal, and SIGKILL when that has not helped in time.
    pub(super) fn stop_process(&mut self, then: Then, turn: &mut Turn<'_>) {
        let limit = self.plan.stop.timeout.unwrap_or(turn.grace);
        let kill_at = turn.now + limit;
        let kill_at = self.ending.deadline.map_or(kill_at, |end| kill_at.min(end));
        let Some(process) = &mut self.process else {
            return;
        };
        match &mut process.stop {
            ProcessStop::None => {
                process.stop = ProcessStop::Asked { kill_at, then };
                turn.actions.push(Action::Signal {
                    run: process.run,
                    signal: self.plan.stop.signal,
                });
            }
            ProcessStop::Asked {
                kill_at: old,
                then: what,
            } => {
                *old = (*old).min(kill_at);
                *what = then.max(*what);
            }
            ProcessStop::Killed { then: what } => *what = then.max(*what),
        }
        // What is to be killed at once is not left to the next turn.
        if kill_at <= turn.now {
            self.elapse_ending(turn);
        }
    }

    /// Ends it once both its process and its service are gone.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>) {
        if self.process.is_some() || matches!(self.ending.withdrawal, Withdrawal::Asked(_)) {
            return;
        }
        let cause = self.ending.cause.clone().unwrap_or(Cause::Complete);
        self.life = Life::Ended(ending(&cause, self.exit));
        self.show(cause, turn);
        turn.publish(Code::Stopped, Source::job(&self.plan.name));
    }

    /// Somebody wants it to stop and stay so.
    ///
    /// # Errors
    /// When it is ending or has ended.
    pub fn stop(&mut self, turn: &mut Turn<'_>) -> Result<(), Refused> {
        match self.life {
            Life::Open => {
                self.end(Cause::Operator, turn);
                Ok(())
            }
            Life::PreStop { .. } | Life::Withdrawing { .. } | Life::Stopping => {
                Err(Refused::Stopping)
            }
            Life::Ended(_) => Err(Refused::Ended),
        }
    }

    /// Somebody wants its process group to get a signal.
    ///
    /// # Errors
    /// When there is no process.
    pub fn signal(&mut self, signal: Signal, turn: &mut Turn<'_>) -> Result<(), Refused> {
        let Some(process) = self.process.filter(|process| process.pid.is_some()) else {
            return Err(Refused::NotRunning);
        };
        turn.actions.push(Action::Signal {
            run: process.run,
            signal,
        });
        Ok(())
    }
}

/// A process that was told to stop did not fail.
fn ending(cause: &Cause, exit: Option<i32>) -> Ending {
    match cause {
        Cause::Operator => Ending::Held,
        Cause::StartTimeout | Cause::SpawnFailed => Ending::Failed,
        Cause::Shutdown(_) | Cause::Reload => Ending::Complete,
        _ if exit.is_some_and(|exit| exit != 0) => Ending::Failed,
        _ => Ending::Complete,
    }
}
