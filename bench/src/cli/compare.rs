//! `compare`: binaries come in; each moves the same messages in turn with the floor and the product; a table of ratios goes out, and
//! what each lost, doubled or altered. Programs that were not named, or are not there, are said to be absent.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, ensure};
use clap::Args;

use super::keep::{self, KeepArgs};
use super::moves::product;
use super::out;
use super::scenario::{ServerArgs, messages};
use crate::compare::{Missing, run};
use crate::medians::PRODUCT;
use crate::peers::{Kind, Peer};
use crate::program::Program;
use crate::program::floor::Floor;
use crate::record::Turn;
use crate::scenario::{AGE_MS, Scenario, Shape, Source, Store};
use crate::trial::Rig;
use crate::trial::plan::Plan;

/// `compare`
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Telegraf's binary
    #[arg(long, value_name = "PATH")]
    telegraf: Option<PathBuf>,
    /// Vector's binary
    #[arg(long, value_name = "PATH")]
    vector: Option<PathBuf>,
    /// Redpanda Connect's binary
    #[arg(long, value_name = "PATH")]
    connect: Option<PathBuf>,
    /// The product [default: as it was built beside this program]
    #[arg(long, value_name = "PATH")]
    flightline: Option<PathBuf>,
    /// What is moved: core or explicit, and line, lines50 or sample; may be given more than once
    #[arg(long = "scenario", value_name = "SOURCE/SHAPE", default_values = ["core/line", "core/lines50", "explicit/line"])]
    scenarios: Vec<Moved>,
    /// What takes the lines: discard, influxdb, victoria
    #[arg(long, default_value = "discard")]
    store: Store,
    /// The age at which a batch is cut, in milliseconds
    #[arg(long, default_value_t = AGE_MS)]
    age_ms: u32,
    /// How many messages [default: about 300 MB]
    #[arg(long)]
    messages: Option<u64>,
    /// How often each moves each
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    keep: KeepArgs,
}

/// A scenario as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moved {
    source: Source,
    shape: Shape,
}

impl FromStr for Moved {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (source, shape) = text
            .split_once('/')
            .with_context(|| format!("`{text}` is no SOURCE/SHAPE, as core/line"))?;
        Ok(Self {
            source: source.parse()?,
            shape: shape.parse()?,
        })
    }
}

/// Compares.
///
/// # Errors
/// When there is no server, or the product is not there or fails: what it would be compared with is then of no use.
pub fn compare(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let plans = args.plans();
    for plan in &plans {
        plan.validate()?;
    }
    let bench = std::env::current_exe()?;
    let product = product(args.flightline.as_ref())?;
    let commit = product.commit()?;
    let mut programs: Vec<Box<dyn Program>> =
        vec![Box::new(Floor::new(bench.clone())), Box::new(product)];
    let mut absent = Vec::new();
    for kind in Kind::ALL {
        match peer(kind, args.path(kind)) {
            Ok(peer) => programs.push(Box::new(peer)),
            Err(why) => absent.push(Missing {
                program: kind.name().to_owned(),
                scenario: None,
                why: format!("absent: {why:#}"),
            }),
        }
    }
    let mut rig = Rig::start(&bench, &args.server.choice())?.measuring(commit);
    keep::show_heading()?;
    let mut turns: Vec<Turn> = Vec::new();
    let mut outcome = run(&plans, args.runs, &programs, |number, program, plan| {
        while turns.len() <= number {
            turns.push(rig.turn(&plan.scenario.to_string()));
        }
        let moved = rig.run_in(&turns[number], program, plan)?;
        keep::show(&moved.record)?;
        keep::keep(&args.keep.out, &moved.record)?;
        Ok(moved)
    });
    outcome.missing.extend(absent);
    out::say(&format_args!("\n{outcome}"))?;
    let failed = outcome
        .missing
        .iter()
        .any(|missing| missing.program == PRODUCT);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

impl CompareArgs {
    fn path(&self, kind: Kind) -> Option<&Path> {
        let path = match kind {
            Kind::Telegraf => &self.telegraf,
            Kind::Vector => &self.vector,
            Kind::Connect => &self.connect,
        };
        path.as_deref()
    }

    fn plans(&self) -> Vec<Plan> {
        let plan = |moved: &Moved| {
            let scenario = Scenario {
                source: moved.source,
                shape: moved.shape,
                store: self.store,
                age_ms: self.age_ms,
                ..Scenario::default()
            };
            Plan::new(
                scenario,
                self.messages.unwrap_or_else(|| messages(&scenario)),
            )
        };
        self.scenarios.iter().map(plan).collect()
    }
}

fn peer(kind: Kind, path: Option<&Path>) -> anyhow::Result<Peer> {
    let name = kind.name();
    let path = path.with_context(|| format!("name its binary with --{name} PATH"))?;
    ensure!(!path.is_dir(), "{} is a folder", path.display());
    Peer::new(kind, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_typed_as_source_and_shape() {
        let moved: Moved = "explicit/lines50".parse().unwrap();
        assert_eq!(
            (moved.source, moved.shape),
            (Source::Explicit, Shape::Lines50)
        );
        assert!("core".parse::<Moved>().is_err());
        assert!("core/cubes".parse::<Moved>().is_err());
    }
}
