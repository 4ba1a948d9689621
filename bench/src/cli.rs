//! The verbs: one file each, with its arguments and what it does. What is measured is printed as a table and kept as JSON lines.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::interrupt;

/// The one door to stdout and stderr.
pub mod out;
/// What a scenario is typed as.
pub mod scenario;
/// Records as a table, and as lines of a file.
pub mod keep;
/// `floor` and `e2e`
pub mod moves;
/// The table of targets.
pub mod targets;
/// Peers in turn with the product.
pub mod compare;
/// Charts, and the baseline.
pub mod report;
/// What a trial starts.
pub mod children;

/// Measures Flightline's whole path against its own limit and against its peers.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The limit: messages into batches into the store, without decode
    Floor(moves::Args),
    /// Flightline from end to end
    E2e(moves::ProductArgs),
    /// The table of targets with figures
    Targets(targets::TargetsArgs),
    /// Other programs in turn with Flightline: ratios, and what each lost, doubled or altered
    Compare(compare::CompareArgs),
    /// Charts and a page of the records kept; holds them against the baseline
    Report(report::ReportArgs),
    #[command(hide = true)]
    Publisher(children::PublisherArgs),
    #[command(hide = true)]
    Writer(children::WriterArgs),
    #[command(hide = true)]
    Discard(children::DiscardArgs),
    #[command(hide = true)]
    FloorWorker(children::FloorArgs),
    #[command(hide = true)]
    Series,
}

/// Does what the command line says.
///
/// # Errors
/// When it cannot be done.
pub fn run() -> anyhow::Result<ExitCode> {
    let done = ExitCode::SUCCESS;
    let verb = Cli::parse().verb;
    if let Verb::Floor(_) | Verb::E2e(_) | Verb::Targets(_) | Verb::Compare(_) = verb {
        interrupt::watch()?;
    }
    match verb {
        Verb::Floor(args) => moves::floor(&args).map(|()| done),
        Verb::E2e(args) => moves::e2e(&args).map(|()| done),
        Verb::Targets(args) => targets::targets(&args),
        Verb::Compare(args) => compare::compare(&args),
        Verb::Report(args) => report::report(&args),
        Verb::Publisher(args) => children::publisher(&args).map(|()| done),
        Verb::Writer(args) => children::writer(&args).map(|()| done),
        Verb::Discard(args) => children::discard(&args).map(|()| done),
        Verb::FloorWorker(args) => children::floor_worker(&args).map(|()| done),
        Verb::Series => children::series().map(|()| done),
    }
}
