//! What follows an exit: events, then a restart, the next start, or the end.

use std::sync::Arc;
use std::time::Duration;

use crate::action::{Action, Cause, Remark};
use crate::config::When;
use crate::event::{Code, ExitStatus, Source};

use super::{Job, Last, Life, Paused, Pending, ProcessStop, Then, Turn};

/// What a shell says of a program that it does not find; life-cycle messages say it of a process that could not be started.
const NOT_STARTED: i32 = 127;

/// Between two tries to start what cannot be started, at least.
const RETRY: Duration = Duration::from_millis(10);

impl Job {
    /// Its process could not be started.
    pub fn not_started(&mut self, turn: &mut Turn<'_>) {
        self.last = Last::Failed;
        self.over(ExitStatus::Code(NOT_STARTED), Cause::SpawnFailed, turn);
    }

    /// Its process has ended and is reaped.
    pub fn exited(&mut self, status: ExitStatus, turn: &mut Turn<'_>) {
        self.last = Last::Started;
        self.over(status, Cause::Exit, turn);
    }

    fn over(&mut self, status: ExitStatus, cause: Cause, turn: &mut Turn<'_>) {
        let Some(process) = self.process.take() else {
            return;
        };
        self.exit = Some(status.code());
        self.idle_since = Some(turn.now);
        self.check_reset(turn);
        let name = Arc::clone(&self.plan.name);
        let source = Source::job(&name);
        if status.is_success() {
            turn.publish(Code::ExitSuccess, source);
        } else {
            turn.publish(Code::ExitFailed, source.clone());
            turn.publish(Code::Error, source);
            // What was stopped on purpose did not fail.
            if process.stop == ProcessStop::None && cause == Cause::Exit {
                let exit = status.code();
                turn.actions
                    .push(Action::Say(Remark::Failed { name, exit }));
            }
        }
        if turn.now.saturating_duration_since(process.since) >= self.plan.backoff.steady {
            self.quick = 0;
        } else {
            self.quick = self.quick.saturating_add(1);
        }
        match self.life {
            Life::Open => match process.stop.then() {
                Some(Then::Start) => {
                    self.show_anew(cause, turn);
                    self.launch(Cause::Operator, turn);
                }
                Some(Then::RulesForFailures) => self.go_on(Cause::TooManyFailures, turn),
                Some(Then::Rules) | None => self.go_on(cause, turn),
            },
            Life::Stopping => self.finish(turn),
            Life::PreStop { .. } | Life::Withdrawing { .. } | Life::Ended(_) => {}
        }
    }

    /// The rules for an exit of a job that lives on.
    fn go_on(&mut self, cause: Cause, turn: &mut Turn<'_>) {
        let pending = std::mem::replace(&mut self.pending, Pending::Nothing);
        if let When::Interval(_) = self.plan.when {
            match pending {
                Pending::Start(tick) => {
                    self.show_anew(cause, turn);
                    self.launch(tick, turn);
                }
                Pending::End => self.end(Cause::Complete, turn),
                // A tick of the future starts it, or ends it.
                Pending::Nothing => self.show_anew(cause, turn),
            }
            return;
        }
        if self.restarts.take().is_some() {
            self.pending = pending;
            self.restart_by_rule(cause, turn);
            return;
        }
        if self.starts.is_spent() {
            self.end(cause, turn);
            return;
        }
        self.show_anew(cause, turn);
        if let Pending::Start(cause) = pending {
            self.take_start();
            self.start_paced(cause, turn);
        }
    }

    /// A restart, now or after a pause.
    fn restart_by_rule(&mut self, cause: Cause, turn: &mut Turn<'_>) {
        let pause = self.pause();
        // Every restart passes through this state, so that who follows the life-cycle sees the exit.
        self.paused = Some(Paused {
            until: turn.now + pause,
            cause: Cause::Restart,
        });
        self.show_anew(cause, turn);
        if pause.is_zero() {
            self.paused = None;
            self.launch(Cause::Restart, turn);
        } else {
            let name = Arc::clone(&self.plan.name);
            turn.actions
                .push(Action::Say(Remark::BackingOff { name, pause }));
        }
    }

    /// The pause before the next start: none for the first quick runs, then doubled. A job that ends well is not held up longer than
    /// a steady run would last: some are used as loops.
    pub(super) fn pause(&self) -> Duration {
        let backoff = &self.plan.backoff;
        // A start that failed is tried again in a turn of its own, however many tries are free.
        let least = match self.last {
            Last::Started => Duration::ZERO,
            Last::Failed => RETRY,
        };
        let Some(beyond) = self.quick.checked_sub(backoff.free.saturating_add(1)) else {
            return least;
        };
        let longest = match self.exit {
            Some(0) => backoff.max.min(backoff.steady),
            _ => backoff.max,
        };
        let factor = 2_u32.saturating_pow(beyond.min(31));
        backoff
            .initial
            .saturating_mul(factor)
            .min(longest)
            .max(least)
    }
}
