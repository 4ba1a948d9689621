//! The life of the process.

use std::process::ExitCode;

use flightline_supervisor::init::{self, Part};
use flightline_supervisor::process::launch;

fn main() -> ExitCode {
    // Both before there is any thread, and in this order: the worker of a PID 1 may be a launcher.
    if let Part::Init(status) = init::enter() {
        return ExitCode::from(status);
    }
    if let Some(status) = launch::enter() {
        return ExitCode::from(status);
    }
    ExitCode::SUCCESS
}
