//! `floor` and `e2e`: the same scenario through the limit and through the product, as often as is asked for.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::keep::{self, KeepArgs};
use super::scenario::{ScenarioArgs, ServerArgs};
use crate::machine;
use crate::program::Program;
use crate::program::floor::Floor;
use crate::program::product::Product;
use crate::trial::Rig;

/// `floor`
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    keep: KeepArgs,
    /// How often
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

/// `e2e`
#[derive(Debug, ClapArgs)]
pub struct ProductArgs {
    #[command(flatten)]
    moves: Args,
    /// The product [default: as it was built beside this program]
    #[arg(long, value_name = "PATH")]
    flightline: Option<PathBuf>,
    /// The floor in turn with it, so that ratios can be told
    #[arg(long)]
    floor: bool,
}

/// The limit.
///
/// # Errors
/// When it cannot be measured.
pub fn floor(args: &Args) -> anyhow::Result<()> {
    let floor = Floor::new(std::env::current_exe()?);
    in_turn(args, &[&floor], machine::commit())
}

/// The product.
///
/// # Errors
/// When it cannot be measured.
pub fn e2e(args: &ProductArgs) -> anyhow::Result<()> {
    let product = product(args.flightline.as_ref())?;
    let commit = product.commit()?;
    if args.floor {
        let floor = Floor::new(std::env::current_exe()?);
        in_turn(&args.moves, &[&floor, &product], &commit)
    } else {
        in_turn(&args.moves, &[&product], &commit)
    }
}

/// The product at `path`, or beside this program.
///
/// # Errors
/// When it is not there.
pub fn product(path: Option<&PathBuf>) -> anyhow::Result<Product> {
    match path {
        Some(path) => Ok(Product::new(path.canonicalize()?)),
        None => Product::sibling(),
    }
}

fn in_turn(args: &Args, programs: &[&dyn Program], commit: &str) -> anyhow::Result<()> {
    let plan = args.scenario.plan();
    plan.validate()?;
    let rig = Rig::start(&std::env::current_exe()?, &args.server.choice())?;
    let mut rig = rig.measuring(commit.to_owned());
    keep::show_heading()?;
    for _ in 0..args.runs {
        let turn = rig.turn(&plan.scenario.to_string());
        for program in programs {
            let record = rig.run_in(&turn, *program, &plan)?.record;
            keep::show(&record)?;
            keep::keep(&args.keep.out, &record)?;
        }
    }
    Ok(())
}
