//! One job, pure: events, exits, results and the passing of time come in; actions and further events go out. No clock, no process, no
//! socket is touched here.
//!
//! A job is *open* until it is to end; then its pre-stop jobs have their time, its service is withdrawn, its process stopped, and only
//! when the process is reaped it has *ended*. What runs and how long the job lives are kept apart: an open job may be without a process (it
//! waits, or pauses before a restart), and a process may outlive its job's wish to run.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flightline_contract::lifecycle::State;

use crate::action::{Action, Cause, Change};
use crate::config::{self, Readiness, Restarts, When};
use crate::control::command::JobView;
use crate::event::{Code, Event, JobId, RunId, Source, WithdrawalId};

/// What starts it.
mod start;
/// What follows an exit.
mod exit;
/// What its checks find.
mod check;
/// Whether it is as it should be.
mod trouble;
/// How it ends.
mod ending;

pub use ending::Ending;
pub use start::Refused;

/// One turn of the loop: when it is, and what comes of it.
#[derive(Debug)]
pub struct Turn<'t> {
    /// The time of this turn.
    pub now: Instant,
    /// From a stop signal to SIGKILL where a job does not say.
    pub grace: Duration,
    /// Events that are delivered after this one.
    pub events: &'t mut VecDeque<Event>,
    /// What is to be done.
    pub actions: &'t mut Vec<Action>,
    /// The last number that a run or a withdrawal got.
    pub numbers: &'t mut u64,
}

impl Turn<'_> {
    fn run(&mut self) -> RunId {
        *self.numbers += 1;
        RunId(*self.numbers)
    }

    fn withdraw(&mut self, service: &Arc<config::Service>) -> WithdrawalId {
        *self.numbers += 1;
        let withdrawal = WithdrawalId(*self.numbers);
        self.actions.push(Action::Withdraw {
            service: Arc::clone(service),
            withdrawal,
        });
        withdrawal
    }

    fn publish(&mut self, code: Code, source: Source) {
        self.events.push_back(Event { code, source });
    }
}

/// How often something may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Budget {
    Unlimited,
    Left(u32),
}

impl Budget {
    fn is_spent(self) -> bool {
        self == Self::Left(0)
    }

    /// Takes one, if there is one.
    fn take(&mut self) -> Option<()> {
        match self {
            Self::Unlimited => Some(()),
            Self::Left(left) => {
                *left = left.checked_sub(1)?;
                Some(())
            }
        }
    }
}

impl From<Restarts> for Budget {
    fn from(restarts: Restarts) -> Self {
        match restarts {
            Restarts::Unlimited => Self::Unlimited,
            Restarts::Times(times) => Self::Left(times),
        }
    }
}

/// What a job's checks say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Unknown,
    Healthy,
    Unhealthy,
}

/// A process of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    run: RunId,
    /// `None` until it was started.
    pid: Option<u32>,
    since: Instant,
    stop: ProcessStop,
}

/// How far the stopping of a process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProcessStop {
    /// Nobody wants it to stop.
    None,
    /// It has got its stop signal; SIGKILL follows.
    Asked { kill_at: Instant, then: Then },
    /// It has got SIGKILL.
    Killed { then: Then },
}

impl ProcessStop {
    /// What follows, where somebody wants it to stop.
    fn then(self) -> Option<Then> {
        match self {
            Self::None => None,
            Self::Asked { then, .. } | Self::Killed { then } => Some(then),
        }
    }
}

/// What follows once a process that was stopped is gone. Of several wishes the last of these holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Then {
    /// The rules for an exit.
    Rules,
    /// The same, because of what its checks found.
    RulesForFailures,
    /// A start that costs nothing.
    Start,
}

/// What waits for the end of the present run.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pending {
    Nothing,
    Start(Cause),
    End,
}

/// A start that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Paused {
    until: Instant,
    cause: Cause,
}

/// What became of the last start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Started,
    Failed,
}

/// Whether a job wants to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// It does.
    Open,
    /// `stopping` was published; its pre-stop jobs have until then.
    PreStop { until: Instant },
    /// Its service is being withdrawn; its process gets the stop signal when that is answered, or then.
    Withdrawing { until: Instant },
    /// Its process is being stopped.
    Stopping,
    /// All is over.
    Ended(Ending),
}

/// Whether a job is in maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// It is not.
    Serving,
    /// It is.
    Maintenance,
}

/// One job.
#[derive(Debug)]
pub struct Job {
    id: JobId,
    plan: Arc<config::Job>,
    life: Life,
    duty: Duty,
    process: Option<Process>,
    pending: Pending,
    starts: Budget,
    restarts: Budget,
    /// Of `when.all`: which have happened.
    happened: Vec<bool>,
    /// The start after a pause.
    paused: Option<Paused>,
    /// Whether the last start failed.
    last: Last,
    /// Quick runs in a row.
    quick: u32,
    /// When the last process ended.
    idle_since: Option<Instant>,
    next_tick: Option<Instant>,
    give_up_at: Option<Instant>,
    check: check::State,
    attempt: u32,
    /// Of the present start.
    cause: Cause,
    exit: Option<i32>,
    /// The deadline that a shutdown gives it, and why it ends.
    ending: ending::Plan,
    shown: State,
    shown_since: Instant,
    /// The latest transition in words, for Consul's output.
    told: String,
}

impl Job {
    /// A job that waits for what starts it. Its clocks start to run at `now`.
    pub fn new(id: JobId, plan: Arc<config::Job>, duty: Duty, now: Instant) -> Self {
        let starts = match &plan.when {
            When::Each { .. } | When::Signal { .. } => Budget::Unlimited,
            When::Startup | When::Interval(_) | When::Once { .. } | When::All { .. } => {
                Budget::Left(1)
            }
        };
        let timeout = match &plan.when {
            When::Once { timeout, .. }
            | When::Each { timeout, .. }
            | When::Signal { timeout, .. }
            | When::All { timeout, .. } => *timeout,
            When::Startup | When::Interval(_) => None,
        };
        Self {
            id,
            life: Life::Open,
            duty,
            process: None,
            pending: Pending::Nothing,
            starts,
            restarts: plan.restarts.into(),
            happened: Vec::new(),
            paused: None,
            last: Last::Started,
            quick: 0,
            idle_since: None,
            next_tick: None,
            give_up_at: timeout.map(|timeout| now + timeout),
            check: check::State::new(plan.health.as_ref(), now),
            attempt: 0,
            cause: Cause::Start,
            exit: None,
            ending: ending::Plan::default(),
            shown: State::Pending,
            shown_since: now,
            told: String::new(),
            plan,
        }
    }

    /// Which it is.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// What it runs, and how.
    pub fn plan(&self) -> &Arc<config::Job> {
        &self.plan
    }

    /// Whether it has ended for good, or until somebody starts it again.
    pub fn ended(&self) -> Option<Ending> {
        match self.life {
            Life::Ended(ending) => Some(ending),
            Life::Open | Life::PreStop { .. } | Life::Withdrawing { .. } | Life::Stopping => None,
        }
    }

    /// Whether it still takes starts.
    pub fn is_open(&self) -> bool {
        self.life == Life::Open
    }

    /// Whether something of it runs, or is about to.
    pub fn is_busy(&self) -> bool {
        self.process.is_some() || self.paused.is_some() || self.pending != Pending::Nothing
    }

    /// Whether its process is just being started.
    pub fn is_starting(&self) -> bool {
        self.process.is_some_and(|process| process.pid.is_none())
    }

    /// Whether that one of several events has happened for which it waits.
    pub fn has_happened(&self, index: usize) -> bool {
        self.happened.get(index).is_some_and(|happened| *happened)
    }

    /// Whether it only waits for an event.
    pub fn is_idle(&self) -> bool {
        self.is_open() && !self.is_busy() && self.next_tick.is_none() && self.plan.exec.is_some()
    }

    /// Whether this run is its process.
    pub fn runs(&self, run: RunId) -> bool {
        self.process.is_some_and(|process| process.run == run)
    }

    /// Whether this run is its check.
    pub fn checks(&self, run: RunId) -> bool {
        self.check.flight == Some(run)
    }

    /// Its process, once it was started.
    pub fn pid(&self) -> Option<u32> {
        self.process.and_then(|process| process.pid)
    }

    /// How its last process ended, 128 + the signal's number for a signal.
    pub fn exit(&self) -> Option<i32> {
        self.exit
    }

    /// How often it was started.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether its last check passed, and it is in service.
    pub fn is_healthy(&self) -> bool {
        self.check.health == Health::Healthy
    }

    /// Whether its last check failed.
    pub fn is_unhealthy(&self) -> bool {
        self.check.health == Health::Unhealthy
    }

    /// Its state in the words of the contract.
    pub fn state(&self) -> State {
        match self.life {
            Life::Ended(Ending::Failed) => State::Failed,
            Life::Ended(Ending::Complete | Ending::Held) => State::Complete,
            Life::PreStop { .. } | Life::Withdrawing { .. } | Life::Stopping => State::Stopping,
            Life::Open if self.duty == Duty::Maintenance => State::Maintenance,
            Life::Open if self.paused.is_some() => State::Backoff,
            Life::Open if !self.is_started() => State::Pending,
            Life::Open => match (self.check.health, self.awaits_health()) {
                (Health::Healthy, _) => State::Healthy,
                (Health::Unhealthy, _) => State::Unhealthy,
                (Health::Unknown, true) => State::Starting,
                (Health::Unknown, false) => State::Running,
            },
        }
    }

    /// As people are shown it.
    pub fn view(&self, now: Instant) -> JobView {
        JobView {
            name: self.plan.name.to_string(),
            state: self.state().as_str().to_owned(),
            pid: self.pid(),
            exit: self.exit,
            attempt: self.attempt,
            restarts_left: match self.restarts {
                Budget::Unlimited => None,
                Budget::Left(left) => Some(left),
            },
            seconds: now.saturating_duration_since(self.shown_since).as_secs(),
            output: self.check.output.clone(),
            trouble: self.trouble(now),
        }
    }

    /// When it wants to be looked at next, whatever happens.
    pub fn deadline(&self) -> Option<Instant> {
        let life = match self.life {
            Life::PreStop { until } | Life::Withdrawing { until } => Some(until),
            Life::Open | Life::Stopping | Life::Ended(_) => None,
        };
        let kill = self.process.and_then(|process| match process.stop {
            ProcessStop::Asked { kill_at, .. } => Some(kill_at),
            ProcessStop::None | ProcessStop::Killed { .. } => None,
        });
        let open = [
            self.next_tick,
            self.paused.as_ref().map(|paused| paused.until),
            self.give_up_at,
            self.check.due,
        ];
        let open = open.into_iter().filter(|_| self.is_open()).flatten();
        open.chain(life).chain(kill).chain(self.forced_at()).min()
    }

    /// Does what is due.
    pub fn elapse(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if self.is_open() && due(self.give_up_at) {
            self.give_up(turn);
        }
        if self.is_open()
            && let Some(paused) = self.paused.take_if(|paused| paused.until <= now)
        {
            self.launch(paused.cause, turn);
        }
        if self.is_open() && due(self.next_tick) {
            self.tick(turn);
        }
        if self.is_open() && due(self.check.due) {
            self.check_due(turn);
        }
        self.elapse_ending(turn);
    }

    /// Maintenance begins or ends.
    pub fn assign(&mut self, duty: Duty, turn: &mut Turn<'_>) {
        if self.duty == duty {
            return;
        }
        self.duty = duty;
        if self.ended().is_some() {
            return;
        }
        self.check_reset(turn);
        if duty == Duty::Maintenance && self.is_open() {
            if let Some(service) = &self.plan.service {
                turn.withdraw(service);
            }
            self.say_maintenance(turn);
        }
        self.show(Cause::Maintenance, turn);
    }

    /// Whether it counts as running: a job without a command does so from its start on.
    fn is_started(&self) -> bool {
        match &self.plan.exec {
            Some(_) => self.pid().is_some(),
            None => self.attempt > 0,
        }
    }

    /// Whether something will say that it is healthy.
    fn awaits_health(&self) -> bool {
        self.plan
            .health
            .as_ref()
            .is_some_and(|health| health.check.is_some() || health.readiness == Readiness::Notify)
    }

    /// Tells of the present state, if it is another one than was told last.
    fn show(&mut self, cause: Cause, turn: &mut Turn<'_>) {
        let state = self.state();
        if state != self.shown {
            self.show_anew(cause, turn);
        }
    }

    /// Tells of the present state, whatever was told last.
    fn show_anew(&mut self, cause: Cause, turn: &mut Turn<'_>) {
        let to = self.state();
        let from = std::mem::replace(&mut self.shown, to);
        self.shown_since = turn.now;
        self.told = format!("{} -> {} ({cause})", from.as_str(), to.as_str());
        turn.actions.push(Action::Change(Change {
            job: Some(Arc::clone(&self.plan.name)),
            from,
            to,
            cause,
            pid: self.pid(),
            exit: self.exit.filter(|_| self.pid().is_none()),
            attempt: self.attempt,
        }));
    }
}
