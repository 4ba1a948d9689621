//! The tree comes in, the trusted configuration goes out, with everything that is wrong and everything that may not be meant. After
//! the first problem the values only serve to find more.

use std::cell::RefCell;

use crate::config::interfaces::Addresses;
use crate::config::problem::Problem;
use crate::config::tree::Span;
use crate::template::Environment;

/// An object and its keys, typed as they are asked for.
pub(crate) mod section;
/// Jobs, one by one.
pub(crate) mod job;
/// How jobs are checked.
mod health;
/// What starts jobs.
mod when;
/// What of jobs is registered.
mod service;
/// As whom, where and with what jobs run, how they stop and how they wait.
mod setting;
/// What must be on this machine.
mod machine;
/// The Consul agent.
mod consul;
/// Watches and telemetry.
mod telemetry;
/// Files that follow watches.
mod render;
/// NATS.
mod nats;
/// Logs and the control socket.
pub(crate) mod logging;
/// What jobs wait for, held against what there is.
mod sources;
/// Everything together, and what must fit together.
pub(crate) mod whole;

/// How far a check looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// At the file alone.
    AtTheFile,
    /// At what the file names, too: users, folders, files, programs.
    AtThisMachine,
}

/// What a check may look at, and what it has to say.
#[derive(Debug)]
pub(crate) struct Checker<'e> {
    /// Variables.
    pub(crate) environment: &'e Environment,
    /// The addresses of this machine.
    pub(crate) addresses: &'e Addresses,
    /// Whether the rest of it is looked at.
    pub(crate) look: Look,
    /// Its name.
    pub(crate) host: String,
    problems: RefCell<Vec<Problem>>,
    findings: RefCell<Vec<Problem>>,
}

impl<'e> Checker<'e> {
    /// Nothing said yet.
    pub(crate) fn new(environment: &'e Environment, addresses: &'e Addresses, look: Look) -> Self {
        let host = nix::unistd::gethostname().unwrap_or_default();
        Self {
            environment,
            addresses,
            look,
            host: host.to_string_lossy().into_owned(),
            problems: RefCell::default(),
            findings: RefCell::default(),
        }
    }

    /// Says what is wrong.
    pub(crate) fn wrong(&self, at: Span, what: impl Into<String>, cure: impl Into<String>) {
        self.problems.borrow_mut().push(problem(at, what, cure));
    }

    /// Says what may not be meant.
    pub(crate) fn note(&self, at: Span, what: impl Into<String>, cure: impl Into<String>) {
        self.findings.borrow_mut().push(problem(at, what, cure));
    }

    /// What was said: what is wrong, and what may not be meant.
    pub(crate) fn said(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.problems.into_inner(), self.findings.into_inner())
    }

    /// A variable that is set to something.
    pub(crate) fn variable(&self, name: &str) -> Option<&'e str> {
        let value = self.environment.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }
}

fn problem(at: Span, what: impl Into<String>, cure: impl Into<String>) -> Problem {
    Problem {
        at,
        what: what.into(),
        cure: cure.into(),
    }
}

#[cfg(test)]
mod tests;
