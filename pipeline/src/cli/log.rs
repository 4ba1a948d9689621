//! The log: tracing to stderr, text on a terminal and JSON otherwise. Repeated messages are limited, and what was left out is said.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{Exit, Failure, Global, LogFormatArg};
use crate::config::{Log, LogFormat};

/// Repeated messages.
pub mod limit;
/// Fields that stay on their line.
pub mod fields;

/// async-nats tells of every slow consumer and reconnect at info; those that matter are said by the source. What is configured
/// comes later in the list and wins.
const LIBRARIES: &str = "async_nats=warn,hyper_util=warn,rustls=warn";

/// A text names no levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a list of levels")]
pub struct NotLevels;

/// The levels that `text` means.
///
/// # Errors
/// When it is no list of levels.
pub fn directives(text: &str) -> Result<EnvFilter, NotLevels> {
    for part in text.split(',').map(str::trim) {
        // A lone word that is no level would be taken for a module, and silence everything else.
        let level = part.rsplit('=').next().unwrap_or(part);
        if level.is_empty() || level.parse::<LevelFilter>().is_err() {
            return Err(NotLevels);
        }
    }
    EnvFilter::builder()
        .parse(format!("{LIBRARIES},{text}"))
        .map_err(|_| NotLevels)
}

/// Starts the log for the rest of the process.
///
/// # Errors
/// When a log has been started already.
pub fn start(log: &Log, global: &Global) -> Result<(), Failure> {
    let level = match (global.quiet, global.verbose) {
        (0, 0) => log.level.as_str(),
        (0, 1) => "debug",
        (0, _) => "trace",
        (1, _) => "warn",
        _ => "error",
    };
    let filter = directives(level)
        .map_err(|error| Failure::new(Exit::Config, format!("log.level {error}")))?;
    let json = match format(log, global) {
        LogFormat::Auto => !stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(stderr);
    let started = if json {
        let format = limit::Limited::json(tracing_subscriber::fmt::format().json());
        let json_fields = tracing_subscriber::fmt::format::JsonFields::new();
        registry
            .with(layer.fmt_fields(json_fields).event_format(format))
            .try_init()
    } else {
        let format = limit::Limited::text(tracing_subscriber::fmt::format());
        let ansi = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        registry
            .with(
                layer
                    .with_ansi(ansi)
                    .fmt_fields(fields::text())
                    .event_format(format),
            )
            .try_init()
    };
    started
        .map_err(|error| Failure::new(Exit::Unavailable, format!("cannot start the log: {error}")))
}

fn format(log: &Log, global: &Global) -> LogFormat {
    match global.log_format {
        None => log.format,
        Some(LogFormatArg::Auto) => LogFormat::Auto,
        Some(LogFormatArg::Text) => LogFormat::Text,
        Some(LogFormatArg::Json) => LogFormat::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_words_or_modules_with_words() {
        for text in ["info", "warn,flightline::sink=debug", "off", "TRACE"] {
            assert!(directives(text).is_ok(), "{text}");
        }
        for text in ["", "loud", "flightline::sink=loud", "info,", "sink"] {
            assert!(directives(text).is_err(), "{text}");
        }
    }

    #[test]
    fn libraries_are_quiet_unless_asked() {
        let shown = directives("debug").unwrap().to_string();
        assert!(
            shown.contains("async_nats=warn") && shown.contains("debug"),
            "{shown}"
        );
        let asked = directives("info,async_nats=debug").unwrap().to_string();
        assert!(
            asked.contains("async_nats=debug") && !asked.contains("async_nats=warn"),
            "{asked}"
        );
    }
}
