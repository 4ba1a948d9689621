//! A binary named on the command line comes in, a program for trials goes out, with the best configuration for this job that its
//! own documentation allows: the files below `bench/peers`, filled in for each trial.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use flightline_fixtures::process::Process;

use crate::program::{Program, Setting, command, log};
use template::{Names, Owner};

use crate::scenario::{Scenario, Shape, Source, Switch};

/// Files of configuration with places to fill in.
mod template;
/// The push consumer that some peers want.
mod push;
/// Telegraf.
mod telegraf;
/// Vector.
mod vector;
/// Redpanda Connect.
mod connect;

/// A peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `inputs.nats_consumer` → `outputs.influxdb`.
    Telegraf,
    /// `nats` → `http`.
    Vector,
    /// `nats` or `nats_jetstream` → `http_client`.
    Connect,
}

/// A peer's binary.
#[derive(Debug, Clone)]
pub struct Peer {
    kind: Kind,
    binary: PathBuf,
}

/// How a peer takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Core,
    JetStream,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Telegraf, Self::Vector, Self::Connect];

    /// As in tables, and as the flag.
    pub fn name(self) -> &'static str {
        match self {
            Self::Telegraf => "telegraf",
            Self::Vector => "vector",
            Self::Connect => "connect",
        }
    }

    /// Telegraf's and Connect's clients are of the older API, which is made for push consumers.
    fn owner(self) -> Owner {
        match self {
            Self::Vector => Owner::Trial,
            Self::Telegraf | Self::Connect => Owner::Peer,
        }
    }

    fn config(self, setting: &Setting, way: Way) -> String {
        match self {
            Self::Telegraf => telegraf::config(setting, way),
            Self::Vector => vector::config(way),
            Self::Connect => connect::config(way),
        }
    }

    /// What it says once it has done all that it does before the first message.
    fn started(self, way: Way) -> &'static str {
        match (self, way) {
            (Self::Telegraf, _) => telegraf::STARTED,
            (Self::Vector, _) => vector::STARTED,
            (Self::Connect, Way::Core) => connect::STARTED_CORE,
            (Self::Connect, Way::JetStream) => connect::STARTED_JETSTREAM,
        }
    }
}

impl Peer {
    /// The binary at `path`; the error says what is there instead.
    ///
    /// # Errors
    /// When there is no file, or it does not say its version.
    pub fn new(kind: Kind, path: &Path) -> anyhow::Result<Self> {
        // A bare name would be looked for on PATH, where another version may lie: what is measured is what was named.
        let binary = path
            .canonicalize()
            .with_context(|| format!("no file {}", path.display()))?;
        let peer = Self { kind, binary };
        peer.version()?;
        Ok(peer)
    }
}

impl Program for Peer {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn version(&self) -> anyhow::Result<String> {
        let shown = || self.binary.display();
        let answer = command(&self.binary).arg("--version").output();
        let answer = answer.with_context(|| format!("{} cannot be run", shown()))?;
        let said = String::from_utf8_lossy(&answer.stdout);
        version_in(&said)
            .with_context(|| format!("{} --version says no version, but {said:?}", shown()))
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        refused(scenario).map(str::to_owned)
    }

    fn start(&self, setting: &Setting) -> anyhow::Result<Process> {
        let Some(way) = way(&setting.scenario) else {
            bail!("{} cannot do {}", self.name(), setting.scenario);
        };
        let names = Names::new(setting, self.kind.owner())?;
        if way == Way::JetStream && self.kind == Kind::Telegraf {
            push::consumer(setting, &names)?;
        }
        let values = template::values(setting, &names)?;
        let text = template::fill(&self.kind.config(setting, way), &values)?;
        let extension = match self.kind {
            Kind::Telegraf => "conf",
            Kind::Vector | Kind::Connect => "yaml",
        };
        let config = setting.folder.join(format!("{}.{extension}", self.name()));
        fs::write(&config, text).with_context(|| format!("writing {}", config.display()))?;

        let mut command = command(&self.binary);
        match self.kind {
            Kind::Telegraf | Kind::Vector => command.arg("--config").arg(&config),
            Kind::Connect => command.arg("run").arg(&config),
        };
        command.current_dir(&setting.folder);
        Process::spawn(command, &log(setting))
            .with_context(|| format!("starting {}", self.binary.display()))
    }

    fn ready(&self, setting: &Setting) -> bool {
        let said = fs::read(log(setting)).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        way(&setting.scenario).is_some_and(|way| said.contains(self.kind.started(way)))
    }
}

fn way(scenario: &Scenario) -> Option<Way> {
    match scenario.source {
        Source::Core => Some(Way::Core),
        Source::Explicit => Some(Way::JetStream),
        Source::Partitions(_) | Source::Front { .. } => None,
    }
}

/// What no peer is compared in, and why.
fn refused(scenario: &Scenario) -> Option<&'static str> {
    match scenario.shape {
        Shape::Line | Shape::Lines50 | Shape::Sample => {}
        Shape::Sensor | Shape::Metrics | Shape::Mix => {
            return Some(
                "peers are compared where lines pass through; JSON would need a mapping of its own in each",
            );
        }
    }
    if scenario.exporter == Switch::On {
        return Some(
            "peers are compared on the way to the store; none of their exporters keeps the same series",
        );
    }
    match scenario.source {
        Source::Core | Source::Explicit => None,
        Source::Partitions(_) => Some("no peer acknowledges many messages by one ack"),
        Source::Front { .. } => Some("peers are compared on the way to the store"),
    }
}

/// The first word with a digit and a dot in it: `Telegraf 1.37.2`, `vector 0.50.0 (...)`, `Version: 4.106.0`.
fn version_in(said: &str) -> Option<String> {
    let mut words = said.split_whitespace();
    let word = words.find(|word| {
        let version = word.trim_start_matches('v');
        version.starts_with(|first: char| first.is_ascii_digit()) && version.contains('.')
    })?;
    Some(word.trim_start_matches('v').to_owned())
}

#[cfg(test)]
mod tests;
