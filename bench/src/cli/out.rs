//! The one door to stdout and stderr. A reader that went away ends the output quietly.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use serde::Serialize;

/// Writes `text` and a line end to stdout.
///
/// # Errors
/// When stdout cannot be written to, but for a reader that went away.
pub fn say(text: &impl Display) -> io::Result<()> {
    put(&mut io::stdout().lock(), text)
}

/// Writes `value` as one line of JSON to stdout.
///
/// # Errors
/// As [`say`].
pub fn json(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(value)?;
    say(&text)
}

/// Writes `text` and a line end to stderr: what goes on, beside what comes of it.
///
/// # Errors
/// When stderr cannot be written to, but for a reader that went away.
pub fn mention(text: &impl Display) -> io::Result<()> {
    put(&mut io::stderr().lock(), text)
}

fn put(out: &mut impl Write, text: &impl Display) -> io::Result<()> {
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
