//! The one door to stdout and stderr: answers and complaints of the command line. A reader that went away ends the answer
//! quietly; any other failure is given back.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Writes `text` and a line end to stdout; no second line end if it has one.
///
/// # Errors
/// When stdout cannot be written to, but for a reader that went away.
pub fn say(text: &impl Display) -> io::Result<()> {
    let text = text.to_string();
    let line_end = if text.ends_with('\n') { "" } else { "\n" };
    put(&mut io::stdout().lock(), &format!("{text}{line_end}"))
}

/// Writes `text` to stdout as it is: what a template makes has no line end added.
///
/// # Errors
/// When stdout cannot be written to, but for a reader that went away.
pub fn pour(text: &str) -> io::Result<()> {
    put(&mut io::stdout().lock(), text)
}

/// Writes `text` and a line end to stderr; no second line end if it has one.
///
/// # Errors
/// When stderr cannot be written to, but for a reader that went away.
pub fn complain(text: &impl Display) -> io::Result<()> {
    let text = text.to_string();
    let line_end = if text.ends_with('\n') { "" } else { "\n" };
    put(&mut io::stderr().lock(), &format!("{text}{line_end}"))
}

fn put(out: &mut impl Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
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
        assert!(put(&mut Broken(ErrorKind::BrokenPipe), "x").is_ok());
        assert!(put(&mut Broken(ErrorKind::StorageFull), "x").is_err());
    }
}
