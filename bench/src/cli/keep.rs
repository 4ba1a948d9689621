//! Records come in: a line each for a person, a line of JSON each for the file that comparisons and charts are made from.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::out;
use crate::record::Record;

/// Where records are kept.
#[derive(Debug, Args)]
pub struct KeepArgs {
    /// Records are appended to this file, a line of JSON each
    #[arg(long, value_name = "FILE", default_value = "target/bench/runs.jsonl")]
    pub out: PathBuf,
}

/// Above the lines of [`show`].
pub fn show_heading() -> std::io::Result<()> {
    out::say(&format!(
        "{:<14} {:<36} {:>9} {:>7} {:>8} {:>8} {:>8} {:>8} {:>7} {:>9} {:>7} {:>7} {:>7}  latency p50/p99/p99.9/max ms",
        "program",
        "scenario",
        "k lines/s",
        "MB/s",
        "CPU/M",
        "server",
        "store",
        "publ.",
        "MiB",
        "lost",
        "doubled",
        "altered",
        "dropped",
    ))
}

/// One record, for a person: rates, CPU seconds per million lines of each process, memory, what became of the lines.
///
/// # Errors
/// When stdout cannot be written to.
pub fn show(record: &Record) -> std::io::Result<()> {
    let per_million = |seconds: Option<f64>| {
        seconds.map_or_else(unknown, |seconds| {
            format!("{:.3}", seconds * 1e6 / float(record.count.stored.max(1)))
        })
    };
    let latency = record.latency.map_or_else(String::new, |latency| {
        let millis = [latency.p50, latency.p99, latency.p999, latency.max]
            .map(|micros| format!("{:.1}", float(micros) / 1e3));
        millis.join(" / ")
    });
    let name = match record.program.workers {
        1 => record.program.name.clone(),
        workers => format!("{} x {workers}", record.program.name),
    };
    out::say(&format!(
        "{:<14} {:<36} {:>9.0} {:>7.0} {:>8} {:>8} {:>8} {:>8} {:>7.1} {:>9} {:>7} {:>7} {:>7}  {latency}",
        name,
        record.scenario.to_string(),
        record.lines_per_second() / 1e3,
        record.megabytes_per_second(),
        per_million(Some(record.cpu.program)),
        per_million(record.cpu.server),
        per_million(record.cpu.store),
        per_million(Some(record.cpu.publisher)),
        float(record.resident) / f64::from(1 << 20),
        record.count.lost,
        record.count.doubled,
        record.count.altered,
        record
            .count
            .dropped
            .map_or_else(unknown, |dropped| dropped.to_string()),
    ))
}

/// What nobody says.
fn unknown() -> String {
    "-".to_owned()
}

/// Appends `record` to the file at `path`.
///
/// # Errors
/// When it cannot be written to.
pub fn keep(path: &Path, record: &Record) -> anyhow::Result<()> {
    let append = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut line = serde_json::to_string(record)?;
        line.push('\n');
        let mut file = File::options().create(true).append(true).open(path)?;
        file.write_all(line.as_bytes())
    };
    append().with_context(|| format!("append a record to {}", path.display()))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rounded for the table in any case"
)]
fn float(number: u64) -> f64 {
    number as f64
}
