//! `flightline doctor`: looks at the machine and the servers that a configuration names, and explains each finding with its cure.

use super::{Exit, Failure, args, out};
use crate::config::Config;
use crate::doctor::finding::Strictness;
use crate::doctor::{Probe, examine, show};

/// Prints what was found.
///
/// # Errors
/// When stdout cannot be written to.
pub async fn run(config: &Config, args: &args::Doctor) -> Result<Exit, Failure> {
    let probe = if args.probe {
        Probe::Point
    } else {
        Probe::Empty
    };
    let report = examine(config, probe).await;
    if args.json {
        out::say(&show::json(&report))?;
    } else {
        out::say(&show::text(&report))?;
    }
    let strictness = if args.strict {
        Strictness::Warnings
    } else {
        Strictness::Errors
    };
    Ok(report.exit(strictness))
}
