//! As whom, where and with what a job runs, how it stops and how long it waits before it is started again.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::sys::resource::Resource;
use nix::sys::signal::Signal;

use crate::config::check::section::{Item, Section};
use crate::config::duration::Nanoseconds;
use crate::config::jobs::{Backoff, Limit, Setting, Stop};
use crate::config::problem::quoted;
use crate::config::reference::nearest;
use crate::config::tree::Value;
use crate::config::weak;
use crate::control::command;

/// The resources that can be limited, by the names of the table.
const RESOURCES: [(&str, Resource); 13] = [
    ("as", Resource::RLIMIT_AS),
    ("core", Resource::RLIMIT_CORE),
    ("cpu", Resource::RLIMIT_CPU),
    ("data", Resource::RLIMIT_DATA),
    ("fsize", Resource::RLIMIT_FSIZE),
    ("memlock", Resource::RLIMIT_MEMLOCK),
    ("msgqueue", Resource::RLIMIT_MSGQUEUE),
    ("nice", Resource::RLIMIT_NICE),
    ("nofile", Resource::RLIMIT_NOFILE),
    ("nproc", Resource::RLIMIT_NPROC),
    ("rtprio", Resource::RLIMIT_RTPRIO),
    ("sigpending", Resource::RLIMIT_SIGPENDING),
    ("stack", Resource::RLIMIT_STACK),
];

/// Checks who, where and with what.
pub(super) fn check(section: &Section<'_>) -> Setting {
    Setting {
        user: section.filled("user"),
        group: section.filled("group"),
        cwd: section.path("cwd"),
        env: env(section).unwrap_or_default(),
        env_file: section.path("envFile"),
        rlimits: rlimits(section),
    }
}

fn env(section: &Section<'_>) -> Option<BTreeMap<String, String>> {
    let item = section.item("env")?;
    let Value::Object(entries) = &item.node.value else {
        let what = format!("must be an object, not {}", item.node.value.kind());
        item.wrong(&what, "write `env: {NAME: 'value'}`");
        return None;
    };
    let mut variables = BTreeMap::new();
    for entry in entries {
        let name = &entry.key;
        if name.is_empty() || name.contains(['=', '\0']) {
            let what = format!("{} cannot be the name of a variable", quoted(name));
            section
                .check
                .wrong(entry.key_at, what, "names have no `=` in them");
        }
        match weak::text(&entry.node.value) {
            Ok(text) if !text.contains('\0') => {
                variables.insert(name.clone(), text);
            }
            Ok(_) => section.check.wrong(
                entry.node.at,
                format!("the value of {} holds a zero byte", quoted(name)),
                "remove it",
            ),
            Err(error) => {
                let what = format!("the value of {} {error}", quoted(name));
                section
                    .check
                    .wrong(entry.node.at, what, "write text in quotes");
            }
        }
    }
    Some(variables)
}

fn rlimits(section: &Section<'_>) -> Vec<Limit> {
    let Some(section) = section.section("rlimits") else {
        return Vec::new();
    };
    let one = |(name, resource): (&'static str, Resource)| {
        let item = section.item(name)?;
        let (soft, hard) = match item.node.value {
            Value::Object(_) => {
                let inner = item.section()?;
                (edge(&inner.needed("soft")?)?, edge(&inner.needed("hard")?)?)
            }
            _ => {
                let both = edge(&item)?;
                (both, both)
            }
        };
        if soft.unwrap_or(u64::MAX) > hard.unwrap_or(u64::MAX) {
            item.wrong(
                "has a soft limit over the hard one",
                "lower `soft` or raise `hard`",
            );
        }
        Some(Limit {
            resource,
            soft,
            hard,
        })
    };
    RESOURCES.into_iter().filter_map(one).collect()
}

/// One end of a limit; the inner `None` is unlimited.
#[expect(
    clippy::option_option,
    reason = "one is that nothing was understood, the other that nothing limits"
)]
fn edge(item: &Item<'_>) -> Option<Option<u64>> {
    match &item.node.value {
        Value::Text(text) if text == "unlimited" => Some(None),
        Value::Number(_) | Value::Text(_) => item.number(0..=i64::MAX).map(Some),
        _ => {
            item.wrong(
                "is no limit",
                "write a number, 'unlimited' or {soft: 1024, hard: 4096}",
            );
            None
        }
    }
}

/// Checks how a job is stopped.
pub(super) fn stop(section: &Section<'_>) -> Stop {
    let timeout = section.duration("stopTimeout");
    Stop {
        signal: signal(section).unwrap_or(Signal::SIGTERM),
        // As in the file's own: 0 is as if absent, less kills at once.
        timeout: timeout.and_then(|timeout| match timeout.positive() {
            Some(_) => timeout.above_zero(),
            None => Some(Duration::ZERO),
        }),
    }
}

fn signal(section: &Section<'_>) -> Option<Signal> {
    let item = section.item("stopSignal")?;
    let text = item.text()?;
    let found = command::signal(&text).ok();
    if found.is_none() {
        let names: Vec<_> = Signal::iterator().map(Signal::as_str).collect();
        let cure = match nearest(&command::signal_name(&text), names.iter().copied()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => "write a name such as 'SIGQUIT', or a number".to_owned(),
        };
        item.wrong(&format!("{} is no signal", quoted(&text)), cure);
    }
    found
}

/// Checks the pause before a restart.
pub(super) fn backoff(section: &Section<'_>) -> Backoff {
    let mut backoff = Backoff {
        free: 5,
        initial: Duration::from_millis(100),
        max: Duration::from_secs(10),
        steady: Duration::from_secs(1),
    };
    let Some(section) = section.section("backoff") else {
        return backoff;
    };
    let duration = |name| section.duration(name).map(|typed| (name, typed));
    let positive = |(name, typed): (&'static str, Nanoseconds)| {
        let positive = typed.above_zero();
        if positive.is_none() {
            section.wrong(name, "must be more than nothing", "write for example '1s'");
        }
        positive
    };
    if let Some(free) = section.number("free", 0..=i64::from(u32::MAX)) {
        backoff.free = free;
    }
    let given = |name| duration(name).and_then(positive);
    backoff.initial = given("initial").unwrap_or(backoff.initial);
    // An initial pause over the usual maximum raises it.
    backoff.max = given("max").unwrap_or(backoff.max.max(backoff.initial));
    backoff.steady = given("steady").unwrap_or(backoff.steady);
    if backoff.max < backoff.initial {
        section.wrong(
            "max",
            "is less than the initial pause",
            "raise it, or lower `initial`",
        );
    }
    backoff
}
