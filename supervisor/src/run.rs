//! The loop: the next wake or deadline, the jobs' answer, the actions. It waits for nothing else; what takes time is a task beside it that
//! answers with a wake.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::Signal;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, sleep_until};
use tracing::{debug, error, info};

use crate::action::{Action, Change, End};
use crate::config::{self, variables::pid_variable};
use crate::control::command::{Answer, Command, Refusal, Reload};
use crate::event::{Code, Received, RunId, Wake};
use crate::fleet::Fleet;
use crate::health::{Asked, Checker};
use crate::lifecycle::Journal;
use crate::log::Kind;
use crate::process::{Order, Spawner};

/// From a configuration to a loop that runs.
mod opening;
/// Signals to wakes.
pub mod signals;
/// What templates and processes see.
pub mod variables;
/// A configuration, and what must be opened for it.
pub mod prepare;
/// Everything that a configuration brings beside its jobs.
pub mod parts;
/// One configuration after another.
mod reload;
/// What `/status` and the metrics show of jobs.
mod report;
/// Remarks to the log.
mod say;
/// Our own service manager.
mod manager;

use flightline_link::notify::Said as Told;
use manager::Voice;
pub use opening::supervise;
use parts::{Parts, Registrations};
use reload::{Reading, ending};
use say::say;
use variables::Given;

/// Wakes that wait for the loop. Senders wait when it is full; the loop never sends to itself.
pub const MAILBOX: usize = 1024;

/// What the process exits with: the main job's status where there is one, else 0.
pub fn status(end: End) -> u8 {
    // As a shell has it, a status is a byte.
    end.main
        .map_or(0, |status| u8::try_from(status & 0xff).unwrap_or(1))
}

/// What the end takes beside the jobs' own: the last words to NATS and Consul, and the log.
const FAREWELL: Duration = Duration::from_secs(10);
/// How often it is looked at who is left at the end.
const LOOK: Duration = Duration::from_millis(5);

/// Everything the loop holds.
#[derive(Debug)]
pub struct Supervisor {
    fleet: Fleet,
    parts: Parts,
    spawner: Spawner,
    checker: Checker,
    journal: Journal,
    given: Given,
    /// The file that a reload reads again.
    file: PathBuf,
    /// Reloads that were asked for while one was being read: each reads the file as it is when its turn comes. At most as many as the
    /// control socket has connections.
    reloads: VecDeque<(Reload, oneshot::Sender<Answer>)>,
    reading: Reading,
    manager: Voice,
    wakes: mpsc::Sender<Wake>,
}

impl Supervisor {
    /// All is open: nothing runs yet.
    pub fn new(parts: Parts, spawner: Spawner, file: PathBuf, wakes: mpsc::Sender<Wake>) -> Self {
        let config = Arc::clone(parts.config());
        let own = parts.own_service(&config);
        let mut given = Given::default();
        given.address(config.variables());
        Self {
            fleet: Fleet::new(&config, own, Instant::now()),
            checker: Checker::new(spawner.clone(), wakes.clone()),
            parts,
            spawner,
            journal: Journal::default(),
            given,
            file,
            reloads: VecDeque::new(),
            reading: Reading::No,
            manager: Voice::start(wakes.clone()),
            wakes,
        }
    }

    /// Runs the jobs to their end, and closes everything. `early` are the wakes that came before.
    pub async fn run(mut self, early: Vec<Wake>, mut mailbox: mpsc::Receiver<Wake>) -> End {
        let actions = self.fleet.start(Instant::now());
        let mut end = self.act(actions);
        for wake in early {
            let actions = self.take(wake);
            end = end.or(self.act(actions));
        }
        self.manager.say(Told::Ready);
        while end.is_none() {
            let deadline = self.fleet.deadline();
            let wake = tokio::select! {
                // A deadline that has passed is looked at after each wake, so mail cannot starve it.
                biased;
                wake = mailbox.recv() => wake,
                () = until(deadline) => None,
            };
            if let Some(wake) = wake {
                self.parts.metrics().wake(&wake);
                let actions = self.take(wake);
                end = self.act(actions);
            }
            let now = Instant::now();
            if end.is_none() && self.fleet.deadline().is_some_and(|at| at <= now) {
                let actions = self.fleet.elapse(now);
                end = self.act(actions);
            }
        }
        let end = end.expect("the loop ends with an end");
        // Nobody reads it any more; who asks is told so at once.
        drop(mailbox);
        self.see_off(end.deadline).await;
        let deadline = end.last_words(Instant::now());
        self.parts.close(deadline.into()).await;
        end
    }

    /// What a wake means to the jobs.
    fn take(&mut self, wake: Wake) -> Vec<Action> {
        let now = Instant::now();
        match wake {
            Wake::Exited { run, status } => {
                self.given.ended(run);
                self.fleet.exited(run, status, now)
            }
            Wake::Checked { run, result } => self.fleet.checked(run, result, now),
            Wake::Ready { run } => self.fleet.ready(run, now),
            Wake::Watch { service, .. } if !self.parts.watches(&service) => Vec::new(),
            Wake::Watch {
                service,
                passing,
                left_out,
            } => {
                let metrics = self.parts.metrics();
                metrics.watch_instances(&service, passing, left_out);
                self.fleet.watched(&service, passing, now)
            }
            Wake::Withdrawn {
                service,
                withdrawal,
            } => self.fleet.withdrawn(&service, withdrawal, now),
            Wake::Signal(Received::Terminate) => self.fleet.terminate(now),
            Wake::Signal(Received::Event(signal)) => self.fleet.signal(signal, now),
            Wake::Signal(Received::Reopen) => {
                self.parts.log().reopen();
                Vec::new()
            }
            Wake::Prepared { result, how, reply } => {
                self.reading = Reading::No;
                let actions = match self.reload(result, how, now) {
                    Some((answer, actions)) => {
                        // Who asked may have gone.
                        drop(reply.send(answer));
                        actions
                    }
                    None => {
                        self.reloads.push_front((how, reply));
                        Vec::new()
                    }
                };
                self.read_next();
                if self.reading == Reading::No {
                    self.manager.say(Told::Ready);
                }
                actions
            }
            Wake::Turn { reply } => {
                // Who asked may have gone.
                reply.send(()).ok();
                Vec::new()
            }
            Wake::Control { command, reply } => match self.command(command, now) {
                Said::Later(how) => {
                    self.reloads.push_back((how, reply));
                    self.read_next();
                    Vec::new()
                }
                Said::Now(answer, actions) => {
                    drop(reply.send(answer));
                    actions
                }
            },
        }
    }

    fn command(&mut self, command: Command, now: Instant) -> Said {
        match command {
            Command::Reload(_) | Command::Maintenance(_) if self.fleet.is_ending() => {
                Said::Now(Answer::Refused(ending()), Vec::new())
            }
            Command::Reload(how) => Said::Later(how),
            Command::Maintenance(maintenance) => {
                Said::Now(Answer::Done, self.fleet.maintain(maintenance, now))
            }
            Command::List => Said::Now(Answer::Jobs(self.fleet.views(None, now)), Vec::new()),
            Command::Status(name) => {
                let views = self.fleet.views(Some(&name), now);
                let answer = if views.is_empty() {
                    Answer::Refused(Refusal::NoSuchJob(name))
                } else {
                    Answer::Jobs(views)
                };
                Said::Now(answer, Vec::new())
            }
            Command::Job { name, action } => match self.fleet.order(&name, action, now) {
                Ok(actions) => Said::Now(Answer::Done, actions),
                Err(refusal) => Said::Now(Answer::Refused(refusal), Vec::new()),
            },
        }
    }

    /// Does what the jobs want, and what follows from that. Returns how it ended, if it did.
    fn act(&mut self, actions: Vec<Action>) -> Option<End> {
        if actions.is_empty() {
            return None;
        }
        let mut actions = VecDeque::from(actions);
        let mut end = None;
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Spawn { run, plan } => actions.extend(self.spawn(run, &plan)),
                Action::Signal { run, signal } => {
                    self.spawner.signal(run, signal);
                }
                Action::Check { run, plan } => self.check(run, &plan),
                Action::Forget { run } => self.checker.abandon(run),
                Action::Announce(service) => self.parts.registrar().announce(&service),
                Action::Report {
                    service,
                    health,
                    output,
                } => self.parts.report(&service, health, output),
                Action::Withdraw {
                    service,
                    withdrawal,
                } => self.parts.withdraw(&service, withdrawal),
                Action::Health {
                    name,
                    health,
                    output,
                } => self.parts.health(&name, health, output, SystemTime::now()),
                Action::Change(change) => self.publish(&change),
                Action::Delivered(event) => {
                    debug!("event: {} {}", event.code.as_str(), event.source);
                    self.parts.metrics().event(event.code, &event.source);
                    if event.code == Code::Shutdown {
                        let within = self.parts.config().stop_timeout + FAREWELL;
                        self.manager.say(Told::Stopping { within });
                        self.parts.ending();
                    }
                }
                Action::Install(config) => {
                    self.given.address(config.variables());
                    if self.parts.install() == Registrations::Renew {
                        self.register_anew();
                    }
                }
                Action::Say(remark) => say(&remark),
                Action::End(how) => end = Some(how),
            }
        }
        report::show(&self.fleet, &self.parts);
        if self.manager.is_heard() {
            let line = report::in_a_line(&self.fleet, Instant::now());
            self.manager.show(line);
        }
        end
    }

    fn spawn(&mut self, run: RunId, plan: &config::Job) -> Vec<Action> {
        let Some(exec) = &plan.exec else {
            return self.fleet.not_started(run, Instant::now());
        };
        self.given.put(self.parts.variables().now());
        let variables = self.given.all();
        let order = Order {
            job: &plan.name,
            kind: Kind::Job,
            exec,
            setting: &plan.setting,
            variables: &variables,
            output: plan.output,
            patience: plan
                .stop
                .timeout
                .unwrap_or(self.parts.config().stop_timeout),
            timeout: plan.timeout,
            readiness: plan
                .health
                .as_ref()
                .map_or_else(Default::default, |h| h.readiness),
        };
        match self.spawner.spawn(run, &order) {
            Ok(started) => {
                self.given
                    .started(pid_variable(&plan.name), run, started.pid);
                self.fleet.started(run, started.pid, Instant::now())
            }
            Err(problem) => {
                error!(job = %plan.name, "{problem}");
                self.fleet.not_started(run, Instant::now())
            }
        }
    }

    fn check(&mut self, run: RunId, plan: &config::Job) {
        let Some((health, check)) = plan
            .health
            .as_ref()
            .and_then(|health| Some((health, health.check.as_ref()?)))
        else {
            return;
        };
        self.given.put(self.parts.variables().now());
        let variables = self.given.all();
        let asked = Asked {
            job: &plan.name,
            check,
            timeout: health.timeout,
            output: health.output,
            setting: &plan.setting,
            variables: &variables,
        };
        self.checker.begin(run, &asked);
    }

    fn publish(&mut self, change: &Change) {
        let now = SystemTime::now();
        let numbered = self.journal.number(change, now);
        let (from, to) = (change.from.as_str(), change.to.as_str());
        match &change.job {
            Some(job) => debug!(job = %job, "{from} -> {to} ({})", change.cause),
            None => debug!("supervisor: {from} -> {to} ({})", change.cause),
        }
        self.parts.change(change, numbered);
    }

    /// Nothing may outlive a supervisor, PID 1 or not: what is left of the groups has had its stop signal, and has until `deadline`.
    async fn see_off(&self, deadline: Instant) {
        while !self.spawner.left().is_empty() && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        for left in self.spawner.left() {
            info!("killing what {} has left behind", left.origin.name);
            self.spawner.signal(left.run, Signal::SIGKILL);
        }
    }
}

/// When a command is answered.
enum Said {
    Now(Answer, Vec<Action>),
    Later(Reload),
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
