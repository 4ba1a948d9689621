//! One element of `jobs` comes in, a job as trusted goes out, with the places that are needed to hold it against the others.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::config::check::section::Section;
use crate::config::check::{health, machine, service, setting, when};
use crate::config::jobs::{Health, Job, Output, Readiness, Restarts, Role, When};
use crate::config::problem::quoted;
use crate::config::tree::{Span, Value};

/// The name that stands for the supervisor itself in Consul.
pub(crate) const OURSELVES: &str = "containerpilot";

/// The least time of a run, and between two.
const SHORTEST: Duration = Duration::from_millis(1);

/// A job and where it was typed.
#[derive(Debug)]
pub(crate) struct Placed {
    /// The job.
    pub(crate) job: Job,
    /// Its port, whether it is registered or not.
    pub(crate) port: Option<u16>,
    /// Where that is, registered or not.
    pub(crate) address: Option<IpAddr>,
    /// Its name.
    pub(crate) name_at: Span,
    /// What starts it.
    pub(crate) when_at: Span,
    /// What says that it is the main one.
    pub(crate) main_at: Span,
}

/// Checks a job; what has a port is registered with `registry`.
pub(crate) fn check(section: &Section<'_>, registry: Registry) -> Option<Placed> {
    let name = name(section);
    let port: Option<u16> = section.number("port", 0..=65535).filter(|port| *port > 0);
    let when = when::check(section);
    let interval = match &when {
        Some(When::Interval(interval)) => Some(*interval),
        _ => None,
    };
    let health = section
        .section("health")
        .and_then(|found| health::check(&found));
    let health = health.or_else(|| without_health(section, name.as_deref(), port));
    let advertised = service::check(section, name.as_deref(), port, health.as_ref(), registry);
    let exec = section.exec("exec");
    if section.item("exec").is_none()
        && health
            .as_ref()
            .is_some_and(|health| health.readiness == Readiness::Notify)
    {
        let what = "needs `exec` beside it: nothing runs that could say that it is ready";
        section.wrong("health", what, "write `exec`, or `readiness: 'check'`");
    }
    let timeout = timeout(section, interval);
    let restarts = restarts(section, when.as_ref());
    let backoff = setting::backoff(section);
    let stop = setting::stop(section);
    let output = output(section);
    let role = role(section);
    let setting = setting::check(section);
    machine::job(section, exec.as_ref(), &setting);
    if let (Some(name), None) = (&name, port)
        && !is_dns_label(name)
    {
        let what = format!("{} could not be registered under this name", quoted(name));
        let cure = "letters, digits and `-` are safe everywhere";
        section.check.note(section.at("name"), what, cure);
    }
    let job = Job {
        name: Arc::from(name?),
        exec,
        when: when?,
        restarts: restarts?,
        backoff,
        timeout,
        stop,
        health,
        service: advertised.service.map(Arc::new),
        output,
        role,
        setting,
    };
    ends(section, &job);
    Some(Placed {
        job,
        port,
        address: advertised.address,
        name_at: section.at("name"),
        when_at: section.at("when"),
        main_at: section.at("main"),
    })
}

/// Says what would end for ever and is hardly meant to.
fn ends(section: &Section<'_>, job: &Job) {
    let runs_once = matches!(
        job.when,
        When::Startup | When::Once { .. } | When::All { .. }
    );
    let restarted = job.health.as_ref().and_then(|health| health.restart_after);
    if restarted.is_some() && runs_once && job.restarts == Restarts::Times(0) {
        let what = "`health.restartAfter` stops the job, and nothing starts it again";
        let cure = "write `restarts: 'unlimited'` or a number";
        section.check.note(section.at("health"), what, cure);
    }
}

/// Whether there is a Consul to register with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registry {
    /// There is.
    Consul,
    /// There is none: ports are only looked at.
    None,
}

fn name(section: &Section<'_>) -> Option<String> {
    let name = section.needed("name")?.text()?;
    if name.trim().is_empty() {
        section.wrong("name", "must not be blank", "write `name: 'app'`");
        return None;
    }
    Some(name)
}

/// Whether a name may be registered in Consul, and so be a part of DNS names.
pub(crate) fn is_service_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() > 1
        && name.chars().all(is_part)
}

fn is_dns_label(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&name.len())
        && name.chars().all(is_part)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// What is told to Consul for a job with a port that is not checked: only the supervisor itself is believed without a check.
fn without_health(section: &Section<'_>, name: Option<&str>, port: Option<u16>) -> Option<Health> {
    if port.is_none() || section.item("health").is_some() {
        return None;
    }
    if name != Some(OURSELVES) {
        let cure = "write `health: {exec: …, interval: 5, ttl: 10}`, or remove `port`";
        section.wrong("port", "needs `health` beside it", cure);
        return None;
    }
    Some(health::heartbeat())
}

fn timeout(section: &Section<'_>, interval: Option<Duration>) -> Option<Duration> {
    let Some(timeout) = section.duration("timeout") else {
        return interval;
    };
    let timeout = timeout.positive().filter(|timeout| *timeout >= SHORTEST);
    if timeout.is_none() {
        section.wrong(
            "timeout",
            "must be at least 1ms",
            "write '30s', or remove it",
        );
    }
    timeout
}

/// An `interval` of `when`.
pub(super) fn interval(section: &Section<'_>) -> Option<Duration> {
    let interval = section.duration("interval")?.positive();
    let interval = interval.filter(|interval| *interval >= SHORTEST);
    if interval.is_none() {
        section.wrong(
            "interval",
            "must be at least 1ms",
            "write `interval: '10s'`",
        );
    }
    interval
}

fn restarts(section: &Section<'_>, when: Option<&When>) -> Option<Restarts> {
    const CURE: &str = "write 'unlimited', 'never' or a number of 0 or more";
    let Some(item) = section.item("restarts") else {
        return Some(match when {
            Some(When::Interval(_)) => Restarts::Unlimited,
            _ => Restarts::Times(0),
        });
    };
    let times = match &item.node.value {
        Value::Text(text) if text == "unlimited" => {
            if let Some(When::Each { .. }) = when {
                let cure = "write a number, or `once` instead of `each`";
                item.wrong(
                    "cannot be unlimited where every event is a start, too",
                    cure,
                );
            }
            return Some(Restarts::Unlimited);
        }
        Value::Text(text) if text == "never" => return Some(Restarts::Times(0)),
        Value::Text(text) => text.parse().ok(),
        Value::Number(_) => return item.number(0..=i64::from(u32::MAX)).map(Restarts::Times),
        _ => None,
    };
    if times.is_none() {
        item.wrong("is no number of restarts", CURE);
    }
    times.map(Restarts::Times)
}

/// `logging.raw` of a job or a check.
pub(super) fn output(section: &Section<'_>) -> Output {
    let logging = section.section("logging");
    match logging.and_then(|logging| logging.flag("raw")) {
        Some(true) => Output::Raw,
        _ => Output::Wrapped,
    }
}

fn role(section: &Section<'_>) -> Role {
    if section.flag("main") != Some(true) {
        return Role::Ordinary;
    }
    if section.item("exec").is_none() {
        section.wrong(
            "main",
            "needs `exec`: what runs nothing never ends",
            "write `exec`",
        );
    }
    Role::Main
}
