//! The life of the process: PID 1's part, the launcher's part, words, configuration, log, runtime, loop, exit code.

use std::process::ExitCode;

use flightline_supervisor::cli::{self, CommandLine, Exit, Failure, Invocation, answer};
use flightline_supervisor::config::find;
use flightline_supervisor::init::{self, Part};
use flightline_supervisor::process::launch;
use flightline_supervisor::run;

fn main() -> ExitCode {
    // Both before there is any thread, and in this order: the worker of a PID 1 may be a launcher.
    if let Part::Init(status) = init::enter() {
        return ExitCode::from(status);
    }
    if let Some(status) = launch::enter() {
        return ExitCode::from(status);
    }
    let line = match cli::parse(std::env::args_os()) {
        Ok(line) => line,
        Err(usage) => return usage.show(),
    };
    if line.invocation != Invocation::Run {
        return line.code(answer::answer(&line));
    }
    supervise(&line).unwrap_or_else(|failure| {
        // There is nowhere else to say that standard error is closed.
        cli::out::complain(&failure).ok();
        line.code(failure.exit)
    })
}

fn supervise(line: &CommandLine) -> Result<ExitCode, Failure> {
    let file = find::find(line.config.as_deref(), &find::environment())?;
    let prepared = run::prepare::first(&file)?;
    let (log, _flushed_when_dropped) =
        flightline_supervisor::log::Log::start(&prepared.config.logging)
            .map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Unavailable, error.to_string()))?;
    let end = runtime.block_on(run::supervise(prepared, log, file));
    // What still blocks a thread (a name server that does not answer) is not waited for.
    runtime.shutdown_background();
    Ok(ExitCode::from(run::status(end?)))
}
