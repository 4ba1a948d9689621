//! The life of the process: words, configuration, log, runtime, verb, exit code.

use std::process::ExitCode;

use flightline::cli::{
    Cli, Exit, Failure, Verb, check, completions, dead, demo, doctor, log, observe, out, parse,
    publish, ready, record, replay, run, setup,
};
use flightline::config::environment::Environment;
use flightline::config::load::load;
use tokio::runtime::Builder;

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
    let mut environment = Environment::of_process();
    if let Verb::Run(args) = &cli.verb
        && let Some(address) = args.ingest
    {
        environment.option("--ingest", &["ingest", "listen"], address.to_string());
    }
    let loaded = load(&cli.global.config, &environment)?;
    log::start(&loaded.config.log, &cli.global)?;
    // `check` prints what is exposed; before `ready` asks, the worker has said it.
    if !matches!(cli.verb, Verb::Check(_) | Verb::Ready(_)) {
        for note in &loaded.exposed {
            tracing::warn!("{note}");
        }
    }
    let mut runtime = match cli.verb {
        // It runs every few seconds, for one question.
        Verb::Ready(_) => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    match &cli.verb {
        Verb::Completions(args) => completions::run(args),
        Verb::Check(_) => check::run(&loaded),
        Verb::Ready(args) => runtime.block_on(ready::run(&loaded.config, args)),
        Verb::Doctor(args) => runtime.block_on(doctor::run(&loaded.config, args)),
        Verb::Setup(args) => runtime.block_on(setup::run(&loaded.config, args)),
        Verb::Run(_) => runtime.block_on(run::run(&loaded.config)),
        Verb::Observe => runtime.block_on(observe::run(&loaded.config)),
        Verb::Replay(args) => runtime.block_on(replay::run(&loaded, args)),
        Verb::Publish(args) => runtime.block_on(publish::run(&loaded.config, args)),
        Verb::Record(args) => runtime.block_on(record::run(&loaded.config, args)),
        Verb::Dead(args) => runtime.block_on(dead::run(&loaded.config, args)),
        Verb::Demo(args) => runtime.block_on(demo::run(loaded, args)),
    }
}
