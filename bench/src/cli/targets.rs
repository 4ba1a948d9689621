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

/// Runs of each row, in a short table too: a median of fewer says little.
const RUNS: u32 = 5;

/// `targets`
#[derive(Debug, Args)]
pub struct TargetsArgs {
    /// Minutes instead of an hour: fewer messages
    #[arg(long)]
    short: bool,
    /// Only these rows: core-line, core-lines50, explicit, ack-all, steps, allocations, exporter, series, memory, latency, start,
    /// scale-out, partitions, front
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    only: Vec<String>,
    /// How often each program has its turn
    #[arg(long, default_value_t = RUNS, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
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
    let length = if args.short {
        Length::Short
    } else {
        Length::Full
    };
    let product = product(args.flightline.as_ref())?;
    let choice = args.server.choice();
    let mut bench = Bench::start(product, choice, args.runs, length, &args.keep.out)?;
    keep::show_heading()?;
    let mut rows = Vec::new();
    for measure in MEASURES {
        let (name, _) = measure;
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        interrupt::check()?;
        match bench.measure(measure) {
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
