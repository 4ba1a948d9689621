//! A setting comes in, `flightline run` goes out, with the configuration that the setting stands for.

use std::path::{Path, PathBuf};

use anyhow::Context;
use flightline_fixtures::http;
use flightline_fixtures::process::Process;

use super::{Api, PLACE, Program, Setting, command, log, terminate};
use crate::payload::{FOREIGN, PREFIX};
use crate::scenario::{Scenario, Source, Switch};

/// Its configuration, in the worker's folder.
pub const FILE: &str = "flightline.toml";
/// What the worker itself says that its client threw away.
const DROPPED: &str = "flightline_dropped_messages_total";

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
        Process::spawn(command, &log(setting))
            .with_context(|| format!("start {}", self.binary.display()))
    }

    fn ready(&self, setting: &Setting) -> bool {
        http::answers(&format!("http://127.0.0.1:{}/readyz", setting.port), 200)
    }

    fn stop(&self, worker: &mut Process, setting: &Setting) -> anyhow::Result<u64> {
        let metrics = http::get(&format!("http://127.0.0.1:{}/metrics", setting.port));
        let metrics = metrics.with_context(|| format!("scrape the worker:\n{}", worker.tail()))?;
        let dropped = dropped(&metrics.text())?;
        terminate(worker, setting)?;
        Ok(dropped)
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
            "[source]\nkind = \"core\"\nqueue_group = {:?}",
            setting.group
        ),
        Source::Explicit => durable,
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
