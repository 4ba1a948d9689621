//! The life of the process: words, configuration, log, runtime, verb, exit code.

use std::process::ExitCode;

use flightline::cli::{
    Cli, Exit, Failure, Verb, check, completions, demo, doctor, log, out, parse, record, replay,
    run, setup,
};
use flightline::config::environment::Environment;
use flightline::config::load::load;

/// Messages are allocated by the connection's task and freed by the path's: measured at half the cost of the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let exit = match parse(std::env::args_os()) {
        Ok(cli) => live(&cli).unwrap_or_else(|failure| match out::complain(&failure) {
            Ok(()) => failure.exit,
            Err(_) => Exit::Unavailable,
        }),
        Err(exit) => exit,
    };
    exit.into()
}

fn live(cli: &Cli) -> Result<Exit, Failure> {
    match &cli.verb {
        Verb::Completions(args) => return completions::run(args),
        Verb::Check(args) if args.keys => return check::keys(),
        _ => {}
    }
    let loaded = load(&cli.global.config, &Environment::of_process())?;
    log::start(&loaded.config.log, &cli.global)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match &cli.verb {
        Verb::Completions(args) => completions::run(args),
        Verb::Check(_) => check::run(&loaded),
        Verb::Doctor(args) => runtime.block_on(doctor::run(&loaded.config, args)),
        Verb::Setup(args) => runtime.block_on(setup::run(&loaded.config, args)),
        Verb::Run(_) => runtime.block_on(run::run(&loaded.config)),
        Verb::Replay(args) => runtime.block_on(replay::run(&loaded, args)),
        Verb::Record(args) => runtime.block_on(record::run(&loaded.config, args)),
        Verb::Demo(args) => runtime.block_on(demo::run(loaded, args)),
    }
}
