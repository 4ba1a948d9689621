//! `flightline completions SHELL`: what the shell needs to complete our command line, to stdout.

use clap::CommandFactory as _;

use crate::cli::{Cli, Exit, Failure, args, out};

/// Prints the completions.
///
/// # Errors
/// When stdout cannot be written to.
pub fn run(args: &args::Completions) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "flightline", &mut text);
    out::say(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Ok)
}
