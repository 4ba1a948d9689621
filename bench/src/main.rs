//! The command line of the measurements.

use std::process::ExitCode;

use flightline_bench::cli;

/// The product's own: the floor must not differ from it in this either.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .init();
    match cli::run() {
        Ok(code) => code,
        Err(error) => match cli::out::mention(&format!("{error:#}")) {
            Ok(()) | Err(_) => ExitCode::FAILURE,
        },
    }
}
