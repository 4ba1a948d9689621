//! `targets`: the table of targets with figures. Ends with 1 if one is missed by more than the noise, or could not be measured.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::keep::{self, KeepArgs};
use super::moves::product;
use super::out;
use super::scenario::ServerArgs;
use crate::interrupt;
use crate::targets::row::Row;
use crate::targets::{Bench, Length, MEASURES};

/// Runs of each row in a short table, and in a full one.
const RUNS: (u32, u32) = (3, 5);

/// `targets`
#[derive(Debug, Args)]
pub struct TargetsArgs {
    /// Minutes instead of an hour: fewer messages and runs
    #[arg(long)]
    short: bool,
    /// Only these rows: core-line, core-lines50, explicit, ack-all, steps, exporter, series, memory, latency, start, scale-out,
    /// partitions
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    only: Vec<String>,
    /// How often each program has its turn [default: 5; short: 3]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// The product [default: as it was built beside this program]
    #[arg(long, value_name = "PATH")]
    flightline: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    keep: KeepArgs,
}

/// Measures, and prints the table.
///
/// # Errors
/// When nothing can be measured at all.
pub fn targets(args: &TargetsArgs) -> anyhow::Result<ExitCode> {
    for name in &args.only {
        let known = MEASURES.map(|(known, _)| known);
        anyhow::ensure!(
            known.contains(&name.as_str()),
            "`{name}` is none of {}",
            known.join(", ")
        );
    }
    let (length, runs) = if args.short {
        (Length::Short, RUNS.0)
    } else {
        (Length::Full, RUNS.1)
    };
    let product = product(args.flightline.as_ref())?;
    let runs = args.runs.unwrap_or(runs);
    let mut bench = Bench::start(product, args.server.choice(), runs, length, &args.keep.out)?;
    keep::show_heading()?;
    let mut rows = Vec::new();
    for (name, measure) in MEASURES {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        interrupt::check()?;
        match measure(&mut bench) {
            Ok(measured) => rows.extend(measured),
            Err(error) => {
                out::mention(&format!("{name}: {error:#}"))?;
                rows.push(Row::failed(name, &error));
            }
        }
    }
    out::say(&format!("\n{}", Row::heading()))?;
    for row in &rows {
        out::say(row)?;
    }
    let good = rows.iter().all(|row| row.verdict().is_good());
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
