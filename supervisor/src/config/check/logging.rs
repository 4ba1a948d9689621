//! `logging` and `control` come in, where and how is logged and the path of the socket go out.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
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
    let output = section.and_then(|section| Some((section, section.filled("output")?)));
    let output = match output {
        None => LogOutput::Stdout,
        Some((_, text)) if text.eq_ignore_ascii_case("stdout") => LogOutput::Stdout,
        Some((_, text)) if text.eq_ignore_ascii_case("stderr") => LogOutput::Stderr,
        Some((section, text)) => {
            let path = PathBuf::from(text);
            if let Err(reason) = writable(&path) {
                let what = format!("cannot be opened: {reason}");
                section.wrong("output", &what, "name a file that can be written");
            }
            LogOutput::File(path)
        }
    };
    Logging {
        level,
        format,
        output,
    }
}

/// Whether a file can be written to, or made. It is not opened: a check must not leave a file behind.
fn writable(path: &Path) -> Result<(), &'static str> {
    if path.is_dir() {
        return Err(Errno::EISDIR.desc());
    }
    let allowed = match access(path, AccessFlags::W_OK) {
        Err(Errno::ENOENT) => {
            let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
            let folder = folder.unwrap_or_else(|| Path::new("."));
            access(folder, AccessFlags::W_OK | AccessFlags::X_OK)
        }
        allowed => allowed,
    };
    allowed.map_err(Errno::desc)
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
