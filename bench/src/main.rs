//! The command line of the measurements.

use std::process::ExitCode;

use flightline_bench::{cli, interrupt};

/// The product's own: the floor must not differ from it in this either.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .init();
    let code = match cli::run() {
        Ok(code) => code,
        Err(error) => match cli::out::mention(&format!("{error:#}")) {
            Ok(()) | Err(_) => ExitCode::FAILURE,
        },
    };
    interrupt::exit_code().map_or(code, ExitCode::from)
}
