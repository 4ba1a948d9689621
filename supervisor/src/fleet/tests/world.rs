//! A world that is played: what a job's process does is written in its command line, `run MILLIS EXIT`, `deaf`, `missing`, `serve`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flightline_contract::token::Token;
use nix::sys::signal::Signal;

use crate::action::{Action, End};
use crate::config::{
    Backoff, Check, Config, Exec, ExitWhen, Health, Identity, Job, LogFormat, LogOutput, Logging,
    OnFailure, Output, Readiness, Restarts, Role, Service, Setting, Stop, Trigger, When,
};
use crate::event::{Checked, Code, ExitStatus, RunId, Source, WithdrawalId};
use crate::fleet::Fleet;

/// A job that runs `command` once at startup.
pub(super) fn job(name: &str, command: &str) -> Job {
    let mut words = command.split(' ').map(str::to_owned);
    let program = words.next().unwrap_or_default();
    Job {
        name: name.into(),
        exec: (!command.is_empty()).then(|| Exec {
            program,
            args: words.collect(),
        }),
        when: When::Startup,
        restarts: Restarts::Times(0),
        backoff: Backoff {
            free: 5,
            initial: Duration::from_millis(100),
            max: Duration::from_secs(10),
            steady: Duration::from_secs(1),
        },
        timeout: None,
        stop: Stop {
            signal: Signal::SIGTERM,
            timeout: None,
        },
        health: None,
        service: None,
        output: Output::Wrapped,
        role: Role::Ordinary,
        setting: Setting::default(),
    }
}

/// Adds a check each second.
pub(super) fn checked(mut job: Job) -> Job {
    job.health = Some(Health {
        check: Some(Check::Tcp {
            address: job.name.to_string(),
        }),
        interval: Duration::from_secs(1),
        ttl: Duration::from_secs(2),
        timeout: None,
        output: Output::Wrapped,
        failures: 1,
        successes: 1,
        start_period: Duration::ZERO,
        restart_after: None,
        readiness: Readiness::Check,
        on_failure: OnFailure::Silence,
    });
    job
}

/// Adds a service in Consul.
pub(super) fn served(job: Job) -> Job {
    let mut job = checked(job);
    job.service = Some(Arc::new(Service {
        id: format!("{}-host", job.name),
        name: job.name.to_string(),
        tags: Vec::new(),
        port: 80,
        address: [127, 0, 0, 1].into(),
        ttl: Duration::from_secs(2),
        initial_status: None,
        enable_tag_override: false,
        deregister_critical_after: None,
    }));
    job
}

pub(super) fn trigger(code: Code, source: &str) -> Trigger {
    Trigger {
        code,
        source: Source::typed(source),
    }
}

pub(super) fn once(mut job: Job, code: Code, source: &str) -> Job {
    job.when = When::Once {
        trigger: trigger(code, source),
        timeout: None,
    };
    job
}

pub(super) fn each(mut job: Job, code: Code, source: &str) -> Job {
    job.when = When::Each {
        trigger: trigger(code, source),
        timeout: None,
    };
    job
}

pub(super) fn config(jobs: Vec<Job>) -> Config {
    Config {
        consul: None,
        jobs: jobs.into_iter().map(Arc::new).collect(),
        addresses: Vec::new(),
        watches: Vec::new(),
        telemetry: None,
        nats: None,
        identity: Identity {
            service: Token::lossy("app"),
            instance: Token::lossy("host"),
        },
        control: "/nowhere".into(),
        logging: Logging {
            level: tracing::Level::INFO,
            format: LogFormat::Default,
            output: LogOutput::Stdout,
        },
        stop_timeout: Duration::from_secs(5),
        exit_when: ExitWhen::Complete,
    }
}

/// A process that is played.
#[derive(Debug)]
struct Process {
    job: String,
    plan: Arc<Job>,
    ends: Option<(Instant, ExitStatus)>,
    deaf: bool,
}

/// A world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) fleet: Fleet,
    pub(super) now: Instant,
    begun: Instant,
    processes: BTreeMap<RunId, Process>,
    pending: Vec<(Instant, Later)>,
    /// What each check finds: `true` passes. Jobs that are absent pass.
    pub(super) failing: Vec<String>,
    /// How long Consul takes to forget a service.
    pub(super) consul: Duration,
    /// Everything that happened, with its time in ms.
    pub(super) log: Vec<(u128, String)>,
    pub(super) ended: Option<End>,
    next_pid: u32,
}

#[derive(Debug)]
enum Later {
    Checked(RunId, Checked),
    Withdrawn(String, WithdrawalId),
}

impl World {
    /// A world in which `jobs` have been started.
    pub(super) fn start(jobs: Vec<Job>) -> Self {
        Self::of(&config(jobs))
    }

    pub(super) fn of(config: &Config) -> Self {
        Self::owning(config, None)
    }

    /// A world in which the supervisor has a service of its own.
    pub(super) fn owning(config: &Config, own: Option<Arc<Service>>) -> Self {
        let now = Instant::now();
        let mut world = Self {
            fleet: Fleet::new(config, own, now),
            now,
            begun: now,
            processes: BTreeMap::new(),
            pending: Vec::new(),
            failing: Vec::new(),
            consul: Duration::from_millis(1),
            log: Vec::new(),
            ended: None,
            next_pid: 100,
        };
        let actions = world.fleet.start(now);
        world.act(actions);
        world
    }

    /// Does what the fleet wants.
    pub(super) fn act(&mut self, actions: Vec<Action>) {
        let mut actions: std::collections::VecDeque<Action> = actions.into();
        while let Some(action) = actions.pop_front() {
            let more = self.perform(action);
            for action in more {
                actions.push_back(action);
            }
        }
    }

    fn perform(&mut self, action: Action) -> Vec<Action> {
        match action {
            Action::Spawn { run, plan } => return self.spawn(run, &plan),
            Action::Signal { run, signal } => self.signal(run, signal),
            Action::Check { run, plan } => {
                let failing = self.failing.iter().any(|name| *name == *plan.name);
                let output = String::new();
                let result = if failing {
                    Checked::Failed { output }
                } else {
                    Checked::Passed { output }
                };
                let at = self.now + Duration::from_millis(1);
                self.pending.push((at, Later::Checked(run, result)));
            }
            Action::Withdraw {
                service,
                withdrawal,
            } => {
                self.say(format!("withdraw {}", service.name));
                let later = Later::Withdrawn(service.id.clone(), withdrawal);
                self.pending.push((self.now + self.consul, later));
            }
            Action::Report {
                service, health, ..
            } => {
                self.say(format!("report {} {health:?}", service.name));
            }
            Action::Announce(service) => self.say(format!("announce {}", service.name)),
            Action::Change(change) => {
                let name = change.job.as_deref().unwrap_or("supervisor");
                let (from, to) = (change.from.as_str(), change.to.as_str());
                self.say(format!("{name}: {from} -> {to} ({})", change.cause));
            }
            Action::Delivered(event) => {
                self.say(format!("event {} {}", event.code.as_str(), event.source));
            }
            Action::Say(remark) => self.say(format!("{remark:?}")),
            Action::End(end) => {
                assert_eq!(self.ended, None, "it ends once");
                self.ended = Some(end);
            }
            Action::Forget { run } => self
                .pending
                .retain(|(_, later)| !matches!(later, Later::Checked(other, _) if *other == run)),
            Action::Health { name, health, .. } => self.say(format!("health {name} {health:?}")),
            Action::Install(_) => {}
        }
        Vec::new()
    }

    fn spawn(&mut self, run: RunId, plan: &Arc<Job>) -> Vec<Action> {
        let name = plan.name.to_string();
        // Jobs may have a name in common, and each has a plan of its own.
        let running = self
            .processes
            .values()
            .any(|other| Arc::ptr_eq(&other.plan, plan));
        assert!(!running, "two runs of {name} at once");
        let exec = plan.exec.as_ref().expect("only jobs with exec are started");
        let number = |index: usize| exec.args.get(index).and_then(|arg| arg.parse().ok());
        let ends = match exec.program.as_str() {
            "missing" => {
                self.say(format!("missing {name}"));
                return self.fleet.not_started(run, self.now);
            }
            "run" => {
                let at = self.now + Duration::from_millis(number(0).unwrap_or(0));
                let exit = i32::try_from(number(1).unwrap_or(0)).unwrap();
                Some((at, ExitStatus::Code(exit)))
            }
            _ => None,
        };
        self.say(format!("start {name}"));
        let deaf = exec.program == "deaf";
        self.processes.insert(
            run,
            Process {
                job: name,
                plan: Arc::clone(plan),
                ends,
                deaf,
            },
        );
        self.next_pid += 1;
        self.fleet.started(run, self.next_pid, self.now)
    }

    fn signal(&mut self, run: RunId, signal: Signal) {
        let Some(process) = self.processes.get_mut(&run) else {
            return;
        };
        let name = process.job.clone();
        if signal == Signal::SIGKILL || !process.deaf {
            let at = self.now + Duration::from_millis(1);
            let soonest = process.ends.map_or(at, |(end, _)| end.min(at));
            process.ends = Some((soonest, ExitStatus::Signal(signal as i32)));
        }
        self.say(format!("{signal} {name}"));
    }

    pub(super) fn say(&mut self, text: String) {
        let at = self.now.duration_since(self.begun).as_millis();
        self.log.push((at, text));
    }

    /// Lets the process of a job end by itself.
    pub(super) fn exit(&mut self, name: &str, code: i32) {
        let run = self
            .processes
            .iter()
            .find(|(_, process)| process.job == name);
        let run = *run.expect("it runs").0;
        self.processes.remove(&run);
        let actions = self.fleet.exited(run, ExitStatus::Code(code), self.now);
        self.act(actions);
    }

    fn next(&self) -> Option<Instant> {
        let exits = self.processes.values().filter_map(|process| process.ends);
        let exits = exits.map(|(at, _)| at);
        let later = self.pending.iter().map(|(at, _)| *at);
        exits.chain(later).chain(self.fleet.deadline()).min()
    }

    /// Lets `time` pass, or less if it all ends.
    pub(super) fn pass(&mut self, time: Duration) -> &mut Self {
        let until = self.now + time;
        let mut turns = 0;
        while self.ended.is_none()
            && let Some(next) = self.next().filter(|next| *next <= until)
        {
            turns += 1;
            assert!(turns < 100_000, "the fleet spins: {:?}", self.log.last());
            self.now = self.now.max(next);
            self.turn();
        }
        if self.ended.is_none() {
            self.now = until;
        }
        self
    }

    fn turn(&mut self) {
        let now = self.now;
        let over = |process: &Process| process.ends.is_some_and(|(at, _)| at <= now);
        let run = self.processes.iter().find(|(_, process)| over(process));
        if let Some((run, status)) = run.and_then(|(run, p)| Some((*run, p.ends?.1))) {
            self.processes.remove(&run);
            let actions = self.fleet.exited(run, status, now);
            return self.act(actions);
        }
        if let Some(index) = self.pending.iter().position(|(at, _)| *at <= now) {
            let actions = match self.pending.remove(index).1 {
                Later::Checked(run, result) => self.fleet.checked(run, result, now),
                Later::Withdrawn(id, withdrawal) => self.fleet.withdrawn(&id, withdrawal, now),
            };
            return self.act(actions);
        }
        let actions = self.fleet.elapse(now);
        self.act(actions);
    }

    /// SIGTERM, and everything that follows. Returns how long that took, and fails if it does not end.
    pub(super) fn terminate(&mut self) -> Duration {
        let begun = self.now;
        let actions = self.fleet.terminate(self.now);
        self.act(actions);
        self.pass(Duration::from_secs(60));
        assert!(self.ended.is_some(), "it hangs: {:#?}", self.fleet);
        assert!(self.processes.is_empty(), "left: {:?}", self.processes);
        self.now - begun
    }

    /// How often something was said.
    pub(super) fn count(&self, text: &str) -> usize {
        self.log.iter().filter(|(_, line)| line == text).count()
    }

    /// What was said, that begins with one of `prefixes`.
    pub(super) fn said(&self, prefixes: &[&str]) -> Vec<&str> {
        let lines = self.log.iter().map(|(_, line)| line.as_str());
        let wanted = |line: &&str| prefixes.iter().any(|prefix| line.starts_with(prefix));
        lines.filter(wanted).collect()
    }

    /// Which of two was said first; both must have been.
    pub(super) fn before(&self, first: &str, second: &str) -> bool {
        let place = |text: &str| self.log.iter().position(|(_, line)| line == text);
        let places = (place(first), place(second));
        match places {
            (Some(first), Some(second)) => first < second,
            _ => panic!("{first:?} at {places:?} {second:?} in {:#?}", self.log),
        }
    }
}

impl World {
    /// SIGHUP arrives.
    pub(super) fn hangup(&mut self) {
        let actions = self
            .fleet
            .signal(crate::event::SignalEvent::Hangup, self.now);
        self.act(actions);
    }

    /// Processes that no job knows.
    pub(super) fn strays(&self) -> Vec<&str> {
        let known = |run: &RunId| self.fleet.jobs().iter().any(|job| job.runs(*run));
        let strays = self.processes.iter().filter(|(run, _)| !known(run));
        strays.map(|(_, process)| process.job.as_str()).collect()
    }

    /// The state that was told last of a job; `pending` before anything was.
    pub(super) fn told(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        let changes = self.log.iter().rev();
        let mut changes =
            changes.filter_map(|(_, line)| line.strip_prefix(&prefix)?.split_once(" -> "));
        let last = changes.next().and_then(|(_, to)| to.split(' ').next());
        last.unwrap_or("pending")
    }

    /// Some process says that it is ready.
    pub(super) fn anybody_ready(&mut self) {
        if let Some(run) = self.processes.keys().next().copied() {
            let actions = self.fleet.ready(run, self.now);
            self.act(actions);
        }
    }

    /// The process of a job says that it is ready.
    pub(super) fn say_ready(&mut self, name: &str) {
        let run = self
            .processes
            .iter()
            .find(|(_, process)| process.job == name);
        let run = *run.expect("it runs").0;
        let actions = self.fleet.ready(run, self.now);
        self.act(actions);
    }
}
