//! The one door to stdout and stderr: answers and complaints of the command line. A reader that went away ends the answer
//! quietly (`flightline check --keys | head`); any other failure is given back.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use crate::cli::visible;

/// Writes `text` and a line end to stdout; no second line end if it has one.
///
/// # Errors
/// When stdout cannot be written to, but for a reader that went away.
pub fn say(text: &impl Display) -> io::Result<()> {
    put(&mut io::stdout().lock(), text)
}

/// Writes `text` and a line end to stderr; no second line end if it has one.
///
/// # Errors
/// When stderr cannot be written to, but for a reader that went away.
pub fn complain(text: &impl Display) -> io::Result<()> {
    put(&mut io::stderr().lock(), text)
}

/// Writes `bytes` to stdout as they are.
///
/// # Errors
/// As [`say`].
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    unless_away(out.write_all(bytes).and_then(|()| out.flush()))
}

fn put(out: &mut impl Write, text: &impl Display) -> io::Result<()> {
    let text = text.to_string();
    // A server's words may be in it.
    let text = visible::lines(&text);
    let line_end = if text.ends_with('\n') { "" } else { "\n" };
    unless_away(write!(out, "{text}{line_end}").and_then(|()| out.flush()))
}

/// A reader that went away is no failure.
fn unless_away(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure_and_a_full_disk_is() {
        assert!(put(&mut Broken(ErrorKind::BrokenPipe), &"x").is_ok());
        assert!(put(&mut Broken(ErrorKind::StorageFull), &"x").is_err());
    }

    #[test]
    fn what_a_server_says_does_not_move_the_cursor() {
        let mut out = Vec::new();
        put(&mut out, &"a\tb\n\u{1b}[2J\r").unwrap();
        assert_eq!(out, b"a\tb\n\\u{1b}[2J\\r\n");
    }

    #[test]
    fn every_text_ends_with_one_line_end() {
        let mut out = Vec::new();
        put(&mut out, &"a").unwrap();
        put(&mut out, &"b\n").unwrap();
        assert_eq!(out, b"a\nb\n");
    }
}
