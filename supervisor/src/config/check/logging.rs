//! `logging` and `control` come in, where and how is logged and the path of the socket go out.

use std::path::PathBuf;

use tracing::Level;

use crate::config::check::section::Section;
use crate::config::{LogFormat, LogOutput, Logging};

/// Where the socket is unless somebody says otherwise.
const DEFAULT_SOCKET: &str = "/var/run/containerpilot.socket";

/// Checks `logging` of the file.
pub(super) fn check(file: &Section<'_>) -> Logging {
    let section = file.section("logging");
    let section = section.as_ref();
    let level = match section.and_then(|section| section.choice("level")) {
        Some("debug") => Level::DEBUG,
        Some("warn" | "warning") => Level::WARN,
        Some("error" | "fatal" | "panic") => Level::ERROR,
        _ => Level::INFO,
    };
    let format = match section.and_then(|section| section.choice("format")) {
        Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        _ => LogFormat::Default,
    };
    let output = section.and_then(|section| Some((section, section.text("output")?)));
    let output = match output {
        None => LogOutput::Stdout,
        Some((_, text)) if text.eq_ignore_ascii_case("stdout") => LogOutput::Stdout,
        Some((_, text)) if text.eq_ignore_ascii_case("stderr") => LogOutput::Stderr,
        Some((section, text)) => {
            if text.is_empty() {
                section.wrong(
                    "output",
                    "must not be empty",
                    "write stdout, stderr or a file",
                );
            }
            LogOutput::File(PathBuf::from(text))
        }
    };
    Logging {
        level,
        format,
        output,
    }
}

/// Checks `control`.
pub(crate) fn socket(file: &Section<'_>) -> PathBuf {
    let section = file.section("control");
    let socket = section.as_ref().and_then(|section| section.text("socket"));
    if let (Some(section), Some("")) = (&section, socket.as_deref()) {
        section.wrong("socket", "must not be empty", "write a path");
    }
    PathBuf::from(socket.unwrap_or_else(|| DEFAULT_SOCKET.to_owned()))
}
