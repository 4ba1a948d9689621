//! A setting comes in, `flightline run` goes out, with the configuration that the setting stands for.

use std::path::{Path, PathBuf};

use anyhow::Context;
use flightline_fixtures::http;
use flightline_fixtures::process::Process;
use serde_json::Value;

use super::{Api, Door, Ownership, PLACE, Program, Setting, command, log, terminate};
use crate::machine;
use crate::payload::{FOREIGN, PREFIX};
use crate::scenario::{Scenario, Source, Switch};

/// Its configuration, in the worker's folder.
pub const FILE: &str = "flightline.toml";
/// What the worker itself says that its client threw away.
const DROPPED: &str = "flightline_dropped_messages_total";
/// On core as many bytes as the client's queue has messages of 50 lines, which is what the floor holds: at full speed more is offered
/// than either takes, and a rate is that of a trial without loss.
const BUFFER: &str = "1GiB";

/// `flightline run`.
#[derive(Debug, Clone)]
pub struct Product {
    binary: PathBuf,
}

impl Product {
    /// The product at `binary`.
    pub fn new(binary: PathBuf) -> Self {
        Self { binary }
    }

    /// The product as it was built beside this program.
    ///
    /// # Errors
    /// When it was not.
    pub fn sibling() -> anyhow::Result<Self> {
        let binary = std::env::current_exe()?.with_file_name("flightline");
        anyhow::ensure!(
            binary.is_file(),
            "{} is not there: build it (cargo build --package flightline, with the same profile), or say where it is (--flightline PATH)",
            binary.display()
        );
        Ok(Self { binary })
    }

    /// The commit it was built from: that of this program if they were built together, else what its version says of it.
    ///
    /// # Errors
    /// When it does not say its version.
    pub fn commit(&self) -> anyhow::Result<String> {
        let own = std::env::current_exe()?.with_file_name("flightline");
        if let (Ok(own), Ok(binary)) = (own.canonicalize(), self.binary.canonicalize())
            && own == binary
        {
            return Ok(machine::commit().to_owned());
        }
        let version = self.version()?;
        Ok(commit_in(&version).unwrap_or(machine::UNKNOWN).to_owned())
    }

    /// Its file.
    pub fn binary(&self) -> &Path {
        &self.binary
    }
}

impl Program for Product {
    fn name(&self) -> &str {
        "flightline"
    }

    fn version(&self) -> anyhow::Result<String> {
        let output = command(&self.binary)
            .arg("--version")
            .output()
            .with_context(|| format!("start {}", self.binary.display()))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.trim().trim_start_matches("flightline ").to_owned())
    }

    fn refuses(&self, _: &Scenario) -> Option<String> {
        None
    }

    fn start(&self, setting: &Setting) -> anyhow::Result<Process> {
        std::fs::write(setting.folder.join(FILE), config(setting))
            .context("write the configuration")?;
        let mut command = command(&self.binary);
        command
            .args(["run", "--config", FILE])
            .current_dir(&setting.folder);
        if let Source::Front { .. } = setting.scenario.source {
            command.args(["--ingest", &front(setting)]);
        }
        Process::spawn(command, &log(setting))
            .with_context(|| format!("start {}", self.binary.display()))
    }

    fn ready(&self, setting: &Setting) -> bool {
        http::answers(&format!("http://127.0.0.1:{}/readyz", setting.port), 200)
    }

    fn door(&self, setting: &Setting) -> anyhow::Result<Door> {
        Ok(Door::Http(front(setting)))
    }

    fn owns(&self, setting: &Setting) -> anyhow::Result<Ownership> {
        let answer = http::get(&format!("http://127.0.0.1:{}/status", setting.port))?;
        let status = serde_json::from_slice(&answer.body).context("the worker's status")?;
        Ok(ownership(&status))
    }

    fn stop(&self, worker: &mut Process, setting: &Setting) -> anyhow::Result<Option<u64>> {
        let metrics = http::get(&format!("http://127.0.0.1:{}/metrics", setting.port));
        let metrics = metrics.with_context(|| format!("scrape the worker:\n{}", worker.tail()))?;
        let dropped = dropped(&metrics.text())?;
        terminate(worker, setting)?;
        Ok(Some(dropped))
    }
}

fn front(setting: &Setting) -> String {
    format!("127.0.0.1:{}", setting.front)
}

/// A stream that is not divided has no lanes.
fn ownership(status: &Value) -> Ownership {
    let Some(lanes) = status["lanes"].as_array() else {
        return Ownership::Shared;
    };
    if lanes.iter().any(|lane| lane["owner"] == "here") {
        Ownership::Owner
    } else {
        Ownership::Nothing
    }
}

fn dropped(metrics: &str) -> anyhow::Result<u64> {
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(DROPPED)?.strip_prefix(' '));
    value
        .with_context(|| format!("the worker does not say {DROPPED}"))?
        .parse()
        .with_context(|| format!("{DROPPED} is not a number"))
}

/// Of `0.1.0 (0123456789ab)`, what stands in brackets; a version alone names no commit.
fn commit_in(version: &str) -> Option<&str> {
    let words = version.split(|letter: char| !letter.is_ascii_alphanumeric());
    // `git describe` puts a g before it.
    let mut hashes = words.map(|word| word.strip_prefix('g').unwrap_or(word));
    hashes.find(|word| {
        let hash = word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        hash && word.bytes().any(|byte| byte.is_ascii_alphabetic())
    })
}

/// The configuration that a setting stands for.
pub fn config(setting: &Setting) -> String {
    let mut parts = vec![
        format!("prefix = {PREFIX:?}"),
        format!("[nats]\nurl = {:?}", setting.nats),
        source(setting),
    ];
    parts.push(format!(
        "[batch]\nlines = {}\nage = \"{}ms\"",
        setting.batch_lines,
        setting.batch_age.as_millis()
    ));
    parts.push(sink(setting));
    if setting.scenario.exporter == Switch::Off {
        parts.push("[exporter]\nclasses = []".to_owned());
    }
    parts.push(format!("[admin]\nlisten = \"127.0.0.1:{}\"", setting.port));
    let foreign: Vec<_> = setting
        .subjects
        .iter()
        .filter(|subject| subject.starts_with(FOREIGN))
        .collect();
    if !foreign.is_empty() {
        parts.push(mapping(&foreign));
    }
    parts.join("\n\n") + "\n"
}

fn source(setting: &Setting) -> String {
    let durable = format!(
        "[source]\nstream = {:?}\nconsumer = {:?}",
        setting.stream, setting.consumer
    );
    match setting.scenario.source {
        Source::Core => format!(
            "[source]\nkind = \"core\"\nqueue_group = {:?}\nbuffer = {BUFFER:?}",
            setting.group
        ),
        Source::Explicit | Source::Front { .. } => durable,
        Source::Partitions(count) => format!("{durable}\npartitions = {count}"),
    }
}

fn sink(setting: &Setting) -> String {
    let url = &setting.store.url;
    let place = match setting.store.api {
        Api::V1 => format!("api = \"v1\"\ndb = {PLACE:?}"),
        Api::V2 => format!("api = \"v2\"\norg = {PLACE:?}\nbucket = {PLACE:?}"),
    };
    format!("[sink]\nkind = \"influxdb\"\nurl = {url:?}\n{place}")
}

/// Sensors as `payload` writes them.
fn mapping(subjects: &[&String]) -> String {
    format!(
        r#"[[mapping]]
subjects = {subjects:?}
service = "sensors"
measurement = "sensor"
tags = {{ type = "$.type", device = "$.device" }}
time = "$.time"
time_unit = "ns""#
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_version_names_a_commit_or_none() {
        assert_eq!(commit_in("0.1.0 (0123456789ab)"), Some("0123456789ab"));
        assert_eq!(commit_in("0.1.0-5-g0a1b2c3"), Some("0a1b2c3"));
        assert_eq!(commit_in("0.1.0-0a1b2c3"), Some("0a1b2c3"));
        for none in ["0.1.0", "0.1.0 (20261122)", "0.1.0 (default)"] {
            assert_eq!(commit_in(none), None, "{none}");
        }
    }

    #[test]
    fn a_worker_owns_a_lane_that_it_reads_itself() {
        let lanes = |owners: &[&str]| {
            let lanes = owners.iter().map(|owner| json!({ "owner": owner }));
            json!({ "lanes": lanes.collect::<Vec<_>>() })
        };
        assert_eq!(ownership(&json!({})), Ownership::Shared);
        assert_eq!(ownership(&lanes(&["elsewhere", "here"])), Ownership::Owner);
        let others = lanes(&["elsewhere", "nobody", "leaving"]);
        assert_eq!(ownership(&others), Ownership::Nothing);
    }
}
