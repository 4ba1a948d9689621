//! Bytes in, a file or a standard stream out. A descriptor of its own, without a buffer: what was written is out.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use nix::fcntl::OFlag;

use super::{LogError, named};
use crate::config::LogOutput;

/// A job that shares our standard output may have made it non-blocking for all; between two tries of a full one.
const FULL_PAUSE: Duration = Duration::from_millis(5);

/// An open output.
#[derive(Debug)]
pub(super) struct Output {
    named: LogOutput,
    file: File,
}

/// How far a write came that did not reach its end.
#[derive(Debug)]
pub(super) struct Broken {
    /// Bytes that are out.
    pub(super) written: usize,
    pub(super) error: io::Error,
}

/// Opens a file to be written at its end, and makes it if it is not there. A pipe that nobody reads is an error at once: waiting for a
/// reader would hold up everything else.
///
/// # Errors
/// What the system says.
pub fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
}

impl Output {
    pub(super) fn open(output: &LogOutput) -> Result<Self, LogError> {
        let standard = |name, fd: io::Result<OwnedFd>| {
            fd.map(File::from)
                .map_err(|error| LogError::Standard { name, error })
        };
        let file = match output {
            LogOutput::Stdout => {
                standard("standard output", io::stdout().as_fd().try_clone_to_owned())
            }
            LogOutput::Stderr => {
                standard("standard error", io::stderr().as_fd().try_clone_to_owned())
            }
            LogOutput::File(path) => append(path).map_err(|error| LogError::Open {
                path: path.clone(),
                error,
            }),
        };
        Ok(Self {
            named: output.clone(),
            file: file?,
        })
    }

    /// The file of the same name, which may be another one by now; a standard stream stays what it is.
    pub(super) fn reopen(&mut self) -> Result<(), LogError> {
        if matches!(self.named, LogOutput::File(_)) {
            *self = Self::open(&self.named)?;
        }
        Ok(())
    }

    /// As the configuration calls it.
    pub(super) fn name(&self) -> String {
        named(&self.named)
    }

    /// Waits as long as the output is full.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let error = match self.file.write(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(count) => {
                    written += count;
                    continue;
                }
                Err(error) => error,
            };
            match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => std::thread::sleep(FULL_PAUSE),
                _ => return Err(Broken { written, error }),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use nix::fcntl::{FcntlArg, OFlag, fcntl};

    use super::*;

    /// Node makes its standard output non-blocking, and with it that of everybody who shares it.
    #[test]
    fn an_output_that_somebody_made_non_blocking_loses_nothing() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut output = Output {
            named: LogOutput::Stdout,
            file: File::from(OwnedFd::from(writer)),
        };
        fcntl(&output.file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(500_000).collect();
        let read = std::thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            read
        });
        output.write(&bytes).unwrap();
        drop(output);
        assert!(read.join().unwrap() == bytes);
    }

    #[test]
    fn standard_streams_can_be_opened() {
        for output in [LogOutput::Stdout, LogOutput::Stderr] {
            Output::open(&output).unwrap().reopen().unwrap();
        }
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let said = Output::open(&LogOutput::File(path))
            .unwrap_err()
            .to_string();
        assert!(said.contains("pipe"), "{said}");
    }
}
