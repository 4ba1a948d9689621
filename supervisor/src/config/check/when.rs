//! `when` of a job comes in, what starts it goes out. What names no event is refused; an event that never happens is only said, since
//! ContainerPilot takes it.

use std::time::Duration;

use crate::config::check::job;
use crate::config::check::section::{Item, Section};
use crate::config::duration::Nanoseconds;
use crate::config::jobs::{Trigger, When};
use crate::config::problem::quoted;
use crate::config::reference::nearest;
use crate::event::{Code, SignalEvent, Source};

/// How many events one job can wait for.
pub(crate) const TRIGGER_LIMIT: usize = 64;

/// What a `when` that starts nothing should have said.
const CURE: &str = "write for example {source: 'db', once: 'healthy'}, {source: 'watch.db', each: 'changed'}, {interval: '10s'} or {source: 'SIGHUP'}, or remove `when`";

/// Checks `when`; a job without it starts with the supervisor.
pub(super) fn check(job: &Section<'_>) -> Option<When> {
    if job.item("when").is_none() {
        return Some(When::Startup);
    }
    let section = job.section("when")?;
    let given: Vec<_> = ["interval", "once", "each", "all"]
        .into_iter()
        .filter(|name| section.item(name).is_some_and(|item| !item.is_empty()))
        .collect();
    if given.len() > 1 {
        let what = format!("can have only one of {}", given.join(", "));
        job.wrong("when", &what, "keep one of them");
        return None;
    }
    let timeout = section
        .duration("timeout")
        .and_then(Nanoseconds::above_zero);
    let source = section.filled("source");
    if given.first() == Some(&"interval") {
        ignored(&section, &["source", "timeout"], "`interval`");
        return job::interval(&section).map(When::Interval);
    }
    if given.first() == Some(&"all") {
        ignored(&section, &["source"], "`all`");
        return all(&section, timeout);
    }
    if let Some(signal) = source.as_deref().and_then(signal) {
        for name in &given {
            code(&section.item(name)?)?;
        }
        ignored(&section, &["once", "each"], "a signal as `source`");
        return Some(When::Signal { signal, timeout });
    }
    let Some(name) = given.first() else {
        job.wrong("when", "says nothing that could start the job", CURE);
        return None;
    };
    let trigger = trigger(&section, name, source)?;
    Some(match *name {
        "once" => When::Once { trigger, timeout },
        _ => When::Each { trigger, timeout },
    })
}

fn ignored(section: &Section<'_>, names: &[&'static str], beside: &str) {
    for name in names.iter().filter(|name| section.item(name).is_some()) {
        section.note(name, &format!("has no effect beside {beside}"), "remove it");
    }
}

/// The event under `name` and its source.
fn trigger(section: &Section<'_>, name: &'static str, source: Option<String>) -> Option<Trigger> {
    let item = section.item(name)?;
    let code = code(&item)?;
    if code == Code::Signal {
        item.note(
            "never happens: a signal is a `source`",
            "write {source: 'SIGHUP'} or {source: 'SIGUSR2'}",
        );
    } else if source.is_none() {
        let cure = match code {
            Code::Startup | Code::EnterMaintenance | Code::ExitMaintenance | Code::Shutdown => {
                "write `source: 'global'` beside it"
            }
            _ => "write beside it whose event it is: `source: 'db'`, or `source: 'watch.db'`",
        };
        item.note("never happens without a `source`", cure);
    }
    // Nothing has an empty name, so nothing comes from there.
    let source = Source::typed(&source.unwrap_or_default());
    Some(Trigger { code, source })
}

fn all(section: &Section<'_>, timeout: Option<Duration>) -> Option<When> {
    let elements = section.sections("all");
    let triggers: Vec<_> = elements.iter().map(element).collect();
    if triggers.is_empty() || triggers.len() > TRIGGER_LIMIT {
        let what = format!("must name 1 to {TRIGGER_LIMIT} events");
        section.wrong("all", &what, "write [{source: 'db', once: 'healthy'}, …]");
    }
    Some(When::All {
        triggers: triggers.into_iter().collect::<Option<_>>()?,
        timeout,
    })
}

fn element(section: &Section<'_>) -> Option<Trigger> {
    let source = section.needed("source")?.text()?;
    if let (Some(signal), None) = (signal(&source), section.item("once")) {
        return Some(Trigger {
            code: Code::Signal,
            source: Source::typed(signal.as_str()),
        });
    }
    section.needed("once")?;
    if source.is_empty() {
        let cure = "write whose event it is, for example `source: 'db'`";
        section.wrong("source", "must not be empty", cure);
        return None;
    }
    trigger(section, "once", Some(source))
}

/// The signal that a source names.
fn signal(source: &str) -> Option<SignalEvent> {
    [SignalEvent::Hangup, SignalEvent::User2]
        .into_iter()
        .find(|signal| signal.as_str() == source)
}

/// The event that a text names.
fn code(item: &Item<'_>) -> Option<Code> {
    let text = item.text()?;
    if signal(&text).is_some() {
        return Some(Code::Signal);
    }
    let known = || Code::ALL.into_iter().filter(|code| *code != Code::Signal);
    let found = known().find(|code| code.as_str() == text);
    if found.is_none() {
        let useful = || known().filter(|code| *code != Code::Quit).map(Code::as_str);
        let cure = match nearest(&text, useful()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => {
                let names: Vec<_> = useful().collect();
                format!("there are: {}", names.join(", "))
            }
        };
        item.wrong(&format!("names an unknown event {}", quoted(&text)), cure);
    }
    found
}
