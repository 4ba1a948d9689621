//! `report`: a file of records comes in; a page with charts goes out, and, when asked, the baseline is written or held against.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::out;
use crate::baseline::{Baseline, compare};
use crate::report::{self, runs, selection};

/// `report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The records: one JSON line for each trial.
    #[arg(long, value_name = "FILE", default_value = "target/bench/runs.jsonl")]
    runs: PathBuf,
    /// Where the page and its charts go.
    #[arg(long, value_name = "FOLDER", default_value = "target/bench/report")]
    to: PathBuf,
    /// Whose records are shown and compared; the newest commit's if not said.
    #[arg(long)]
    commit: Option<String>,
    /// Hold the ratios against those kept here; exits with 1 if one is worse by more than the noise.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Keep the ratios here, as the next baseline.
    #[arg(long, value_name = "FILE")]
    save_baseline: Option<PathBuf>,
}

/// Writes the report.
///
/// # Errors
/// When there is nothing to show, or something can't be read or written.
pub fn report(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let read = runs::read(&args.runs)?;
    if !read.unreadable.is_empty() {
        let lines = read.unreadable.len();
        out::mention(&format_args!(
            "{}: {lines} lines are no records and are left out",
            args.runs.display()
        ))?;
    }
    let page = report::write(&read, args.commit.as_deref(), &args.to)?;
    out::say(&page.display())?;

    let shown = selection::of(&read.records, args.commit.as_deref())?;
    let mut exit = ExitCode::SUCCESS;
    if let Some(path) = &args.baseline {
        let comparison = compare(&Baseline::load(path)?, &shown.records);
        out::say(&comparison)?;
        if !comparison.holds() {
            exit = ExitCode::FAILURE;
        }
    }
    if let Some(path) = &args.save_baseline {
        Baseline::of(&shown.records)?.save(path)?;
        out::say(&path.display())?;
    }
    Ok(exit)
}
