//! The nats-server of a trial: one of our own, the newest on this machine, or one that somebody else runs. Of another's server the
//! CPU is not known, and nobody sees when a worker has subscribed unless its monitoring is named.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use flightline_fixtures::http;
use flightline_fixtures::nats::{self, Nats, Options};
use serde_json::Value;

use crate::interrupt;

/// For workers to subscribe after they have started.
const SUBSCRIBE_LIMIT: Duration = Duration::from_secs(30);
/// For the subscriptions of programs that have just ended to go.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);
/// For a server to say who it is.
const GREETING: Duration = Duration::from_secs(5);

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice {
    /// The newest on this machine.
    #[default]
    Newest,
    /// That of a suite of the distribution, as `fixtures/install-servers nats@SUITE` unpacks it.
    Suite(String),
    /// One that runs already.
    Running {
        /// `nats://host:port`
        url: String,
        /// Its monitoring, `http://host:port`, if it has one.
        monitor: Option<String>,
    },
}

/// See the module.
#[derive(Debug)]
pub struct Server {
    own: Option<Nats>,
    url: String,
    monitor: Option<String>,
    version: String,
}

impl Server {
    /// Starts it, or looks whether it is there.
    ///
    /// # Errors
    /// When there is none.
    pub fn start(choice: &Choice) -> anyhow::Result<Self> {
        let (own, url, monitor) = match choice {
            Choice::Newest => started(newest()?)?,
            Choice::Suite(suite) => started(Some(suite.clone()))?,
            Choice::Running { url, monitor } => (None, url.clone(), monitor.clone()),
        };
        let version = version(&url)?;
        Ok(Self {
            own,
            url,
            monitor,
            version,
        })
    }

    /// `nats://host:port`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `host:port`
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("nats://")
    }

    /// As it says itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its process, if it is ours.
    pub fn id(&mut self) -> Option<u32> {
        self.own.as_mut().and_then(|nats| nats.server().id())
    }

    /// Waits until `count` subscriptions match `subject`.
    ///
    /// # Errors
    /// When they do not come.
    pub fn wait_subscribed(&self, subject: &str, count: usize) -> anyhow::Result<()> {
        let Some(monitor) = &self.monitor else {
            return Ok(());
        };
        let seen = || (subscribed(monitor, subject)? >= count).then_some(());
        interrupt::until_some(SUBSCRIBE_LIMIT, seen)
            .with_context(|| format!("{count} subscriptions to {subject} at {monitor}"))
    }

    /// Waits until nobody subscribes to `subject`, as far as the monitoring tells.
    ///
    /// # Errors
    /// When somebody goes on listening.
    pub fn wait_unsubscribed(&self, subject: &str) -> anyhow::Result<()> {
        let Some(monitor) = &self.monitor else {
            return Ok(());
        };
        let gone = || (subscribed(monitor, subject)? == 0).then_some(());
        interrupt::until_some(LEAVE_LIMIT, gone)
            .with_context(|| format!("somebody subscribes to {subject}, as {monitor} says"))
    }
}

/// How many subscriptions match `subject`, as the monitoring says.
fn subscribed(monitor: &str, subject: &str) -> Option<usize> {
    let answer = http::get(&format!("{monitor}/subsz?subs=1&test={subject}")).ok()?;
    let value: Value = serde_json::from_slice(&answer.body).ok()?;
    Some(value["subscriptions_list"].as_array().map_or(0, Vec::len))
}

type Started = (Option<Nats>, String, Option<String>);

fn started(suite: Option<String>) -> anyhow::Result<Started> {
    let options = match suite {
        Some(suite) => Options::default().suite(&suite),
        None => Options::default(),
    };
    let nats = options.try_start()?;
    let (url, monitor) = (nats.url(), nats.monitor_url());
    Ok((Some(nats), url, Some(monitor)))
}

/// The suite with the newest server; `None` for the system's own.
fn newest() -> anyhow::Result<Option<String>> {
    let mut found = Vec::new();
    if let Ok(own) = nats::PROGRAM.find() {
        found.push((None, own));
    }
    for suite in nats::PROGRAM.suites() {
        let binary = nats::PROGRAM.find_in_suite(&suite)?;
        found.push((Some(suite), binary));
    }
    let version = |binary: &std::path::Path| {
        let output = Command::new(binary).arg("--version").output().ok()?;
        Some(numbers(&String::from_utf8_lossy(&output.stdout)))
    };
    let newest = found
        .into_iter()
        .max_by_key(|(_, binary)| version(binary))
        .map(|(suite, _)| suite);
    newest.context("there is no nats-server on this machine: run `fixtures/install-servers nats`")
}

/// The numbers in `nats-server: v2.10.27`.
fn numbers(version: &str) -> Vec<u32> {
    version
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// What the server at `url` says of itself when one connects.
fn version(url: &str) -> anyhow::Result<String> {
    let stream = TcpStream::connect(url.trim_start_matches("nats://"))
        .with_context(|| format!("connect to {url}"))?;
    stream.set_read_timeout(Some(GREETING))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let info = line.strip_prefix("INFO ");
    ensure!(info.is_some(), "{url} does not speak NATS: {line}");
    let info: Value = serde_json::from_str(info.unwrap_or_default())?;
    Ok(info["version"].as_str().unwrap_or("unknown").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(numbers("nats-server: v2.15.1") > numbers("nats-server: v2.9.10"));
        assert!(numbers("nats-server: v2.10.27") > numbers("nats-server: v2.10.3"));
    }
}
