//! Words come in, ContainerPilot's flags go out, in Go's syntax: one dash or two, a value behind `=` or in the next word, and the first word
//! that is no flag ends them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use super::{CommandLine, Invocation, Name, Request, Usage, UsageKind, verbs};
use crate::config::weak;
use crate::control::command::{Maintenance, Reload};

/// Flags that are there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Switch {
    Version,
    Template,
    Reload,
    Ping,
}

/// Flags as typed.
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub(super) on: BTreeSet<Switch>,
    pub(super) config: Option<PathBuf>,
    pub(super) out: Option<PathBuf>,
    pub(super) maintenance: Option<Maintenance>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) metrics: BTreeMap<String, String>,
    /// The first word that is no flag, and all behind it.
    pub(super) rest: Vec<OsString>,
}

#[derive(Debug, Clone, Copy)]
enum Flag {
    Switch(Switch),
    Config,
    Out,
    Maintenance,
    PutEnv,
    PutMetric,
    Help,
}

const CONTAINERPILOT: &str = "\
Usage of containerpilot:
  -config PATH
        the configuration; without it the environment variable CONTAINERPILOT names it
  -help
        show this
  -maintenance enable|disable
        begin or end the maintenance of a running supervisor
  -out PATH
        where -template writes; - or none is stdout
  -ping
        say ok when a supervisor runs
  -putenv NAME=VALUE
        set a variable of a running supervisor; may be repeated
  -putmetric NAME=VALUE
        give a running supervisor the value of a metric; may be repeated
  -reload
        let a running supervisor take its configuration again
  -template
        show the configuration as its template makes it
  -version
        say the version
";

impl Flag {
    fn of(name: Name, word: &[u8]) -> Option<Self> {
        Some(match (word, name) {
            (b"config", _) | (b"c", Name::Flightline) => Self::Config,
            (b"out", _) => Self::Out,
            (b"maintenance", _) => Self::Maintenance,
            (b"putenv", _) => Self::PutEnv,
            (b"putmetric", _) => Self::PutMetric,
            (b"version", _) | (b"V", Name::Flightline) => Self::Switch(Switch::Version),
            (b"template", _) => Self::Switch(Switch::Template),
            (b"reload", _) => Self::Switch(Switch::Reload),
            (b"ping", _) => Self::Switch(Switch::Ping),
            (b"help" | b"h", _) => Self::Help,
            _ => return None,
        })
    }
}

/// Reads flags up to the first word that is none.
pub(super) fn read(name: Name, words: impl IntoIterator<Item = OsString>) -> Result<Flags, Usage> {
    let mut words = words.into_iter();
    let mut flags = Flags::default();
    while let Some(word) = words.next() {
        let Some(typed) = Typed::of(&word) else {
            if word != "--" {
                flags.rest.push(word);
            }
            flags.rest.extend(words);
            return Ok(flags);
        };
        let flag = Flag::of(name, typed.flag)
            .ok_or_else(|| wrong(name, &format!("{} is no flag", word.display())))?;
        let shown = String::from_utf8_lossy(typed.flag).into_owned();
        let value = match flag {
            Flag::Help => return Err(help(name)),
            Flag::Switch(switch) => {
                let given = |value| weak::flag_word(std::str::from_utf8(value).ok()?);
                match typed.value.map_or(Some(true), given) {
                    Some(true) => flags.on.insert(switch),
                    Some(false) => flags.on.remove(&switch),
                    None => {
                        return Err(wrong(
                            name,
                            &format!("-{shown} is true or false: {}", word.display()),
                        ));
                    }
                };
                continue;
            }
            Flag::Config | Flag::Out | Flag::Maintenance | Flag::PutEnv | Flag::PutMetric => typed
                .value
                .map(|value| OsString::from_vec(value.to_vec()))
                .or_else(|| words.next())
                .ok_or_else(|| wrong(name, &format!("-{shown} needs a value")))?,
        };
        flags
            .set(flag, value)
            .map_err(|what| wrong(name, &format!("-{shown} {what}")))?;
    }
    Ok(flags)
}

/// A word that is a flag, taken apart.
struct Typed<'a> {
    flag: &'a [u8],
    value: Option<&'a [u8]>,
}

impl<'a> Typed<'a> {
    /// `None` for a word that ends the flags.
    fn of(word: &'a OsString) -> Option<Self> {
        let bare = word.as_bytes().strip_prefix(b"-")?;
        let bare = bare.strip_prefix(b"-").unwrap_or(bare);
        if bare.is_empty() {
            return None;
        }
        let mut parts = bare.splitn(2, |byte| *byte == b'=');
        Some(Self {
            flag: parts.next().unwrap_or_default(),
            value: parts.next(),
        })
    }
}

impl Flags {
    fn set(&mut self, flag: Flag, value: OsString) -> Result<(), &'static str> {
        match flag {
            Flag::Config => self.config = not_empty(value),
            Flag::Out => self.out = not_empty(value).filter(|path| path.as_os_str() != "-"),
            Flag::Maintenance => {
                self.maintenance = Some(match value.to_str() {
                    Some("enable") => Maintenance::Enter,
                    Some("disable") => Maintenance::Exit,
                    _ => return Err("is enable or disable"),
                });
            }
            Flag::PutEnv => pair(&mut self.variables, &value)?,
            Flag::PutMetric => pair(&mut self.metrics, &value)?,
            Flag::Switch(_) | Flag::Help => {}
        }
        Ok(())
    }

    /// What is to be done; of several things the first in ContainerPilot's order.
    pub(super) fn into_command_line(self, name: Name) -> CommandLine {
        let invocation = self.action().unwrap_or(Invocation::Run);
        CommandLine {
            name,
            config: self.config,
            invocation,
        }
    }

    /// What is to be done beside running.
    pub(super) fn action(&self) -> Option<Invocation> {
        let on = |switch| self.on.contains(&switch);
        let request = if on(Switch::Version) {
            return Some(Invocation::Version);
        } else if on(Switch::Template) {
            let out = self.out.clone();
            return Some(Invocation::Render { out });
        } else if on(Switch::Reload) {
            Request::Reload(Reload::Changed)
        } else if let Some(way) = self.maintenance {
            Request::Maintenance(way)
        } else if !self.variables.is_empty() {
            Request::PutVariables(self.variables.clone())
        } else if !self.metrics.is_empty() {
            Request::PutMetrics(self.metrics.clone())
        } else if on(Switch::Ping) {
            Request::Ping
        } else {
            return None;
        };
        Some(Invocation::Client(request))
    }
}

fn not_empty(value: OsString) -> Option<PathBuf> {
    Some(PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty())
}

fn pair(pairs: &mut BTreeMap<String, String>, value: &OsString) -> Result<(), &'static str> {
    let text = value.to_str().ok_or("takes text in UTF-8")?;
    let (name, value) = text.split_once('=').ok_or("takes NAME=VALUE")?;
    pairs.insert(name.to_owned(), value.to_owned());
    Ok(())
}

fn help(name: Name) -> Usage {
    let text = match name {
        Name::ContainerPilot => CONTAINERPILOT.to_owned(),
        Name::Flightline => verbs::help(),
    };
    Usage {
        name,
        kind: UsageKind::Help,
        text,
    }
}

/// What was typed is wrong, and how it is right.
pub(super) fn wrong(name: Name, what: &str) -> Usage {
    let text = match name {
        Name::ContainerPilot => format!("{what}\n{CONTAINERPILOT}"),
        Name::Flightline => format!("{what}; flightline-supervisor --help shows what there is"),
    };
    Usage {
        name,
        kind: UsageKind::Wrong,
        text,
    }
}
