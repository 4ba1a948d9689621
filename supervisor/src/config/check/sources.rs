//! What jobs wait for, held against the jobs and watches that there are: a misspelt source starts nothing, and nobody would know.

use crate::config::check::Checker;
use crate::config::check::job::Placed;
use crate::config::jobs::{Check, Health, Readiness, Trigger, When};
use crate::config::problem::quoted;
use crate::config::reference::nearest;
use crate::config::servers::Watch;
use crate::event::{Code, Source};

/// Says of each job what could never start it.
pub(super) fn check(check: &Checker<'_>, jobs: &[Placed], watches: &[Watch]) {
    let mut known: Vec<Source> = vec![Source::global()];
    known.extend(jobs.iter().map(|placed| Source::job(&placed.job.name)));
    let checked = jobs.iter().filter(|placed| runs_a_check(placed));
    known.extend(checked.map(|placed| Source::check(&placed.job.name)));
    known.extend(watches.iter().map(|watch| Source::watch(&watch.name)));
    for placed in jobs {
        for trigger in triggers(&placed.job.when) {
            if let Some((what, cure)) = never(trigger, placed, jobs, &known) {
                check.note(placed.when_at, what, cure);
            }
        }
    }
}

fn runs_a_check(placed: &Placed) -> bool {
    let health = placed.job.health.as_ref();
    health.is_some_and(|health| matches!(health.check, Some(Check::Exec(_))))
}

fn triggers(when: &When) -> &[Trigger] {
    match when {
        When::Once { trigger, .. } | When::Each { trigger, .. } => std::slice::from_ref(trigger),
        When::All { triggers, .. } => triggers,
        When::Startup | When::Interval(_) | When::Signal { .. } => &[],
    }
}

/// Why a trigger never comes, and what would.
fn never(
    trigger: &Trigger,
    waiting: &Placed,
    jobs: &[Placed],
    known: &[Source],
) -> Option<(String, String)> {
    let Trigger { code, source } = trigger;
    let (event, from) = (code.as_str(), quoted(source.as_str()));
    // Said where it is typed.
    if *code == Code::Signal || source.as_str().is_empty() {
        return None;
    }
    if *code == Code::Quit {
        let cure = "write {source: 'JOB', once: 'stopping'} to run when a job is told to end";
        return Some((
            "`quit` never happens to anybody".to_owned(),
            cure.to_owned(),
        ));
    }
    if *code == Code::Shutdown {
        let cure = "write {source: 'JOB', once: 'stopping'} to run before a job is stopped";
        return Some(("`shutdown` never starts a job".to_owned(), cure.to_owned()));
    }
    if !known.contains(source) {
        let what = format!("nothing here is called {from}, so `{event}` never happens");
        let names = || known.iter().map(Source::as_str);
        let cure = match nearest(source.as_str(), names()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
        };
        return Some((what, cure));
    }
    let possible = events_of(source);
    if !possible.contains(code) {
        let what = format!("`{event}` never happens to {from}");
        let names: Vec<_> = possible.iter().map(|code| code.as_str()).collect();
        return Some((what, format!("what happens to it: {}", names.join(", "))));
    }
    let mine = source.as_str() == &*waiting.job.name;
    if mine && matches!(code, Code::ExitSuccess | Code::ExitFailed) {
        let what = format!("a job never starts on its own `{event}`");
        return Some((what, "write `restarts` instead".to_owned()));
    }
    let mut named = jobs
        .iter()
        .filter(|placed| source.as_str() == &*placed.job.name);
    let is_job = named.clone().next().is_some();
    if is_job && named.all(|placed| is_silent(placed.job.health.as_ref(), *code)) {
        let what = format!("the job {from} is not checked, so `{event}` never happens");
        return Some((what, "write `health` with a check in that job".to_owned()));
    }
    None
}

/// Whether nothing of a job could ever say this of its health.
fn is_silent(health: Option<&Health>, code: Code) -> bool {
    let is_checked = health.is_some_and(|health| health.check.is_some());
    match code {
        // What says by itself that it is ready is healthy from then on.
        Code::StatusHealthy | Code::BecameHealthy => {
            !is_checked && health.is_none_or(|health| health.readiness == Readiness::Check)
        }
        Code::StatusUnhealthy | Code::BecameUnhealthy => !is_checked,
        _ => false,
    }
}

/// What can happen to a source, by its name.
fn events_of(source: &Source) -> &'static [Code] {
    let name = source.as_str();
    if name == Source::global().as_str() {
        &[Code::Startup, Code::EnterMaintenance, Code::ExitMaintenance]
    } else if name.starts_with("watch.") {
        &[
            Code::StatusChanged,
            Code::StatusHealthy,
            Code::StatusUnhealthy,
            Code::BecameHealthy,
            Code::BecameUnhealthy,
        ]
    } else if name.starts_with("check.") {
        &[Code::ExitSuccess, Code::ExitFailed, Code::Error]
    } else {
        &[
            Code::ExitSuccess,
            Code::ExitFailed,
            Code::Error,
            Code::StatusHealthy,
            Code::StatusUnhealthy,
            Code::BecameHealthy,
            Code::BecameUnhealthy,
            Code::Stopping,
            Code::Stopped,
            Code::TimerExpired,
        ]
    }
}
