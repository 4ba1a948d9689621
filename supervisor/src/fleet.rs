//! All jobs together, pure: every input is turned into events, every event is delivered to every job in the order of the file, and what
//! the jobs want comes out as actions. Events that an event causes wait behind those that wait already, so all jobs see one order.
//!
//! Nothing here blocks and no queue can be full: the events of a turn are delivered within it, and an exit, a check or a signal that
//! would cause more of them is a turn of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flightline_contract::lifecycle::State;

use crate::action::{Action, Cause, Change, End, ShutdownCause};
use crate::config::{Config, ExitWhen, Role, Service};
use crate::control::command::{self, JobView, Maintenance, Refusal};
use crate::event::{
    Checked, Code, Event, ExitStatus, JobId, RunId, SignalEvent, Source, WithdrawalId,
};
use crate::job::{Duty, Ending, Job, Turn};

/// Who waits for whom at the end.
pub(crate) mod order;
/// From the first SIGTERM to the last SIGKILL.
mod shutdown;
/// One configuration after another.
mod reload;

use reload::Change as Replacement;
use shutdown::Shutdown;

/// After the last SIGKILL: the kernel needs a moment to make the exits known, and a process in the middle of a disk access needs longer.
const REAPING: Duration = Duration::from_secs(2);

/// How far the supervisor has come.
#[derive(Debug)]
enum Phase {
    /// Nothing was started yet.
    Starting,
    /// All is as configured.
    Running,
    /// Jobs that a new configuration does not have are ending.
    Reloading(Replacement),
    /// All jobs are ending.
    Stopping(Shutdown),
    /// All jobs have ended.
    Over,
}

/// All jobs.
#[derive(Debug)]
pub struct Fleet {
    jobs: Vec<Job>,
    phase: Phase,
    duty: Duty,
    /// Instances that pass, of each watched service that was ever seen.
    watched: BTreeMap<Arc<str>, usize>,
    /// The supervisor's own service, withdrawn before the Consul agent is stopped.
    own: Own,
    grace: Duration,
    exit_when: ExitWhen,
    events: VecDeque<Event>,
    actions: Vec<Action>,
    numbers: u64,
    next_job: u32,
    shown: State,
}

/// The supervisor's own service in Consul.
#[derive(Debug)]
enum Own {
    /// It has none, or Consul has forgotten it.
    None,
    /// It is, or may be, registered.
    Registered(Arc<Service>),
    /// Consul was asked to forget it.
    Withdrawing {
        own: Arc<Service>,
        asked: WithdrawalId,
    },
}

impl Own {
    fn of(service: Option<Arc<Service>>) -> Self {
        service.map_or(Self::None, Self::Registered)
    }
}

impl Fleet {
    /// The jobs of `config`, which wait; `own` is the supervisor's own service.
    pub fn new(config: &Config, own: Option<Arc<Service>>, now: Instant) -> Self {
        let mut fleet = Self {
            jobs: Vec::with_capacity(config.jobs.len()),
            phase: Phase::Starting,
            duty: Duty::Serving,
            watched: BTreeMap::new(),
            own: Own::of(own),
            grace: config.stop_timeout,
            exit_when: config.exit_when,
            events: VecDeque::new(),
            actions: Vec::new(),
            numbers: 0,
            next_job: 0,
            shown: State::Pending,
        };
        for plan in &config.jobs {
            let id = fleet.id();
            fleet
                .jobs
                .push(Job::new(id, Arc::clone(plan), Duty::Serving, now));
        }
        fleet
    }

    /// Everything listens: starts what starts by itself.
    pub fn start(&mut self, now: Instant) -> Vec<Action> {
        self.show(State::Starting, Cause::Start);
        for job in &self.jobs {
            announce(job, &mut self.actions);
        }
        self.phase = Phase::Running;
        self.publish(Code::Startup, Source::global());
        self.deliver(now);
        self.show(State::Running, Cause::Start);
        self.settle(now)
    }

    /// A job's process was started.
    pub fn started(&mut self, run: RunId, pid: u32, now: Instant) -> Vec<Action> {
        self.among(now, |job| job.runs(run), |job, turn| job.started(pid, turn));
        self.settle(now)
    }

    /// A job's process could not be started.
    pub fn not_started(&mut self, run: RunId, now: Instant) -> Vec<Action> {
        self.among(now, |job| job.runs(run), Job::not_started);
        self.settle(now)
    }

    /// A job's process has ended.
    pub fn exited(&mut self, run: RunId, status: ExitStatus, now: Instant) -> Vec<Action> {
        self.among(
            now,
            |job| job.runs(run),
            |job, turn| job.exited(status, turn),
        );
        self.settle(now)
    }

    /// A check came to its end.
    pub fn checked(&mut self, run: RunId, result: Checked, now: Instant) -> Vec<Action> {
        let mut result = Some(result);
        self.among(
            now,
            |job| job.checks(run),
            |job, turn| {
                if let Some(result) = result.take() {
                    job.checked(result, turn);
                }
            },
        );
        self.settle(now)
    }

    /// A process said that it is ready.
    pub fn ready(&mut self, run: RunId, now: Instant) -> Vec<Action> {
        self.among(now, |job| job.runs(run), Job::ready);
        self.settle(now)
    }

    /// The instances of a watched service changed, and so many pass now.
    pub fn watched(&mut self, service: &Arc<str>, passing: usize, now: Instant) -> Vec<Action> {
        self.watched.insert(Arc::clone(service), passing);
        let source = Source::watch(service);
        self.publish(Code::StatusChanged, source.clone());
        let code = match passing {
            0 => Code::StatusUnhealthy,
            _ => Code::StatusHealthy,
        };
        self.publish(code, source);
        self.settle(now)
    }

    /// Consul has forgotten a service, or cannot be told: the answer to this withdrawal and those before it.
    pub fn withdrawn(
        &mut self,
        service: &str,
        withdrawal: WithdrawalId,
        now: Instant,
    ) -> Vec<Action> {
        let is_own = |own: &Own| match own {
            Own::Withdrawing { own, asked } => own.id == service && *asked <= withdrawal,
            Own::None | Own::Registered(_) => false,
        };
        if is_own(&self.own) {
            self.own = Own::None;
        }
        let has = |job: &Job| {
            job.plan()
                .service
                .as_ref()
                .is_some_and(|own| own.id == service)
        };
        self.among(now, has, |job, turn| job.withdrawn(withdrawal, turn));
        self.settle(now)
    }

    /// SIGHUP or SIGUSR2 arrived.
    pub fn signal(&mut self, signal: SignalEvent, now: Instant) -> Vec<Action> {
        self.publish(Code::Signal, Source::typed(signal.as_str()));
        self.settle(now)
    }

    /// SIGTERM or SIGINT arrived; a repetition changes nothing.
    pub fn terminate(&mut self, now: Instant) -> Vec<Action> {
        self.shut_down(ShutdownCause::Signal, now);
        self.settle(now)
    }

    /// Maintenance is switched.
    pub fn maintain(&mut self, maintenance: Maintenance, now: Instant) -> Vec<Action> {
        let (duty, code, state) = match maintenance {
            Maintenance::Enter => (
                Duty::Maintenance,
                Code::EnterMaintenance,
                State::Maintenance,
            ),
            Maintenance::Exit => (Duty::Serving, Code::ExitMaintenance, State::Running),
        };
        if !matches!(self.phase, Phase::Running | Phase::Reloading(_)) {
            return self.settle(now);
        }
        self.duty = duty;
        if duty == Duty::Maintenance
            && let Own::Registered(service) = &self.own
        {
            let service = Arc::clone(service);
            self.withdraw(service);
        }
        self.each(now, |job, turn| job.assign(duty, turn));
        self.show(state, Cause::Maintenance);
        self.publish(code, Source::global());
        self.settle(now)
    }

    /// Somebody wants something of the jobs of one name.
    ///
    /// # Errors
    /// When there is no such job, or it is in no state for it.
    pub fn order(
        &mut self,
        name: &str,
        action: command::Action,
        now: Instant,
    ) -> Result<Vec<Action>, Refusal> {
        if self.is_ending() {
            return Err(Refusal::NotNow("the supervisor is ending".to_owned()));
        }
        let retiring = match &self.phase {
            Phase::Reloading(change) => change.retiring.clone(),
            Phase::Starting | Phase::Running | Phase::Stopping(_) | Phase::Over => Vec::new(),
        };
        let named = |job: &Job| &*job.plan().name == name;
        let mut refused = None;
        let mut obeyed = 0_usize;
        self.among(
            now,
            // What a reload takes away is not to come back behind it.
            |job| named(job) && !retiring.contains(&job.id()),
            |job, turn| {
                let result = match action {
                    command::Action::Start => job.start(turn),
                    command::Action::Stop => job.stop(turn),
                    command::Action::Restart => job.restart(turn),
                    command::Action::Signal(signal) => job.signal(signal, turn),
                };
                match result {
                    Ok(()) => obeyed += 1,
                    Err(reason) => refused = Some(reason),
                }
            },
        );
        match (obeyed, refused) {
            (0, None) if self.jobs.iter().any(named) => {
                Err(Refusal::NotNow("a reload replaces it".to_owned()))
            }
            (0, None) => Err(Refusal::NoSuchJob(name.to_owned())),
            (0, Some(reason)) => Err(Refusal::NotNow(reason.to_string())),
            _ => Ok(self.settle(now)),
        }
    }

    /// Does what is due.
    pub fn elapse(&mut self, now: Instant) -> Vec<Action> {
        self.each(now, Job::elapse);
        self.settle(now)
    }

    /// When it wants to be looked at next, whatever happens.
    pub fn deadline(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Reloading(change) => Some(change.give_up),
            Phase::Stopping(shutdown) => Some(match self.own {
                Own::Withdrawing { .. } => shutdown.own_until,
                Own::None | Own::Registered(_) => shutdown.give_up,
            }),
            Phase::Starting | Phase::Running | Phase::Over => None,
        };
        let jobs = self.jobs.iter().filter_map(Job::deadline);
        jobs.chain(phase).min()
    }

    /// The jobs as they stand, in the order of the file; only those of one name if there is one.
    pub fn views(&self, name: Option<&str>, now: Instant) -> Vec<JobView> {
        let wanted = |job: &&Job| name.is_none_or(|name| &*job.plan().name == name);
        self.jobs
            .iter()
            .filter(wanted)
            .map(|job| job.view(now))
            .collect()
    }

    /// The jobs, in the order of the file.
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// The supervisor's own state.
    pub fn state(&self) -> State {
        self.shown
    }

    /// Whether all jobs are ending, or have ended.
    pub fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Stopping(_) | Phase::Over)
    }

    /// Whether services are in maintenance.
    pub fn duty(&self) -> Duty {
        self.duty
    }
}

impl Fleet {
    fn id(&mut self) -> JobId {
        self.next_job = self.next_job.wrapping_add(1);
        JobId(self.next_job)
    }

    fn publish(&mut self, code: Code, source: Source) {
        self.events.push_back(Event { code, source });
    }

    /// Has the supervisor's own service taken out of Consul.
    fn withdraw(&mut self, service: Arc<Service>) -> WithdrawalId {
        self.numbers += 1;
        let withdrawal = WithdrawalId(self.numbers);
        self.actions.push(Action::Withdraw {
            service,
            withdrawal,
        });
        withdrawal
    }

    fn show(&mut self, to: State, cause: Cause) {
        let from = std::mem::replace(&mut self.shown, to);
        if from != to {
            self.actions.push(Action::Change(Change {
                job: None,
                from,
                to,
                cause,
                pid: None,
                exit: None,
                attempt: 1,
            }));
        }
    }

    fn each(&mut self, now: Instant, act: impl FnMut(&mut Job, &mut Turn<'_>)) {
        self.among(now, |_| true, act);
    }

    /// Lets those jobs act of which `which` holds.
    fn among(
        &mut self,
        now: Instant,
        which: impl Fn(&Job) -> bool,
        mut act: impl FnMut(&mut Job, &mut Turn<'_>),
    ) {
        let mut turn = Turn {
            now,
            grace: self.grace,
            events: &mut self.events,
            actions: &mut self.actions,
            numbers: &mut self.numbers,
        };
        for job in self.jobs.iter_mut().filter(|job| which(job)) {
            act(job, &mut turn);
        }
    }

    fn deliver(&mut self, now: Instant) {
        while let Some(event) = self.events.pop_front() {
            self.actions.push(Action::Delivered(event.clone()));
            self.each(now, |job, turn| job.hear(&event, turn));
        }
    }

    /// Delivers every event, and does what only shows when there are none left, until nothing changes.
    fn settle(&mut self, now: Instant) -> Vec<Action> {
        loop {
            self.deliver(now);
            self.release_hooked(now);
            if !self.events.is_empty() {
                continue;
            }
            match &self.phase {
                Phase::Starting | Phase::Over => {}
                Phase::Running => self.perhaps_over(now),
                Phase::Reloading(_) => self.go_on_reloading(now),
                Phase::Stopping(_) => self.go_on_stopping(now),
            }
            if self.events.is_empty() {
                return std::mem::take(&mut self.actions);
            }
        }
    }

    /// Lets jobs go on whose pre-stop jobs are through.
    fn release_hooked(&mut self, now: Instant) {
        let waiting = self.jobs.iter().filter(|job| job.awaits_hooks());
        let free: Vec<JobId> = waiting
            .filter(|job| !order::has_busy_hook(&self.jobs, job))
            .map(Job::id)
            .collect();
        self.among(now, |job| free.contains(&job.id()), Job::hooks_done);
    }

    /// Ends the supervisor where nothing is left to be done.
    fn perhaps_over(&mut self, now: Instant) {
        let main_ended = |job: &Job| {
            job.plan().role == Role::Main
                && matches!(job.ended(), Some(Ending::Complete | Ending::Failed))
        };
        if self.jobs.iter().any(main_ended) {
            self.shut_down(ShutdownCause::Main, now);
        } else if self.jobs.is_empty() || self.jobs.iter().any(Job::is_held) {
            // Without jobs there is nothing whose end could be the supervisor's; a held one may be started again.
        } else if self.jobs.iter().all(|job| job.ended().is_some()) {
            self.shut_down(ShutdownCause::Complete, now);
        } else if self.exit_when == ExitWhen::Idle
            && self
                .jobs
                .iter()
                .all(|job| job.ended().is_some() || job.is_idle())
        {
            self.shut_down(ShutdownCause::Idle, now);
        }
    }

    /// The last word.
    fn over(&mut self, cause: ShutdownCause, deadline: Instant) {
        let main = self.jobs.iter().find(|job| job.plan().role == Role::Main);
        let main = main.and_then(|main| match main.ended() {
            // It never ran, and should have.
            Some(Ending::Failed) => Some(main.exit().unwrap_or(1)),
            _ => main.exit(),
        });
        let failed = cause == ShutdownCause::Main && main.is_some_and(|exit| exit != 0);
        let state = if failed {
            State::Failed
        } else {
            State::Complete
        };
        self.show(state, Cause::Shutdown(cause));
        self.phase = Phase::Over;
        self.actions.push(Action::End(End {
            cause,
            main,
            deadline,
        }));
    }
}

/// Registers a service that has a status before its first check.
fn announce(job: &Job, actions: &mut Vec<Action>) {
    if let Some(service) = &job.plan().service
        && service.initial_status.is_some()
    {
        actions.push(Action::Announce(Arc::clone(service)));
    }
}

#[cfg(test)]
mod tests;
