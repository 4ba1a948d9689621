//! A file, plain or packed, as records; a bad line is an error with its number, and the lines after it are still read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::stream::{LINE_LIMIT, Record, RecordError, packed};

/// A file could not be read as a stream.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The file cannot be read, or is not what its name says.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is no record.
    #[error("{}:{line}: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// Why.
        source: RecordError,
    },
    /// A line is too long to be held.
    #[error("{}:{line}: the line is longer than {limit} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// The limit.
        limit: usize,
    },
}

/// A file of text, unpacked on the way.
pub(super) type Text = BufReader<Box<dyn Read + Send>>;

/// Opens a file, plain or packed.
pub(super) fn open(path: &Path) -> Result<Text, StreamError> {
    let unreadable = |source| StreamError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let inner: Box<dyn Read + Send> = if packed(path) {
        Box::new(zstd::Decoder::new(file).map_err(unreadable)?)
    } else {
        Box::new(file)
    };
    Ok(BufReader::new(inner))
}

/// The records of a file, in its order.
pub struct Reader {
    path: PathBuf,
    text: Text,
    line: Vec<u8>,
    number: u64,
    state: State,
}

enum State {
    Reading,
    Ended,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({}:{})", self.path.display(), self.number)
    }
}

impl Reader {
    /// Opens a stream.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(path: &Path) -> Result<Self, StreamError> {
        Ok(Self {
            path: path.to_owned(),
            text: open(path)?,
            line: Vec::new(),
            number: 0,
            state: State::Reading,
        })
    }

    /// Takes the next line that is not empty; `false` at the end.
    fn next_line(&mut self) -> Result<Taken, StreamError> {
        loop {
            self.line.clear();
            self.number += 1;
            let limit = u64::try_from(LINE_LIMIT).unwrap_or(u64::MAX) + 1;
            let read = (&mut self.text)
                .take(limit)
                .read_until(b'\n', &mut self.line)
                .map_err(|source| self.broken(source))?;
            if read == 0 {
                return Ok(Taken::End);
            }
            if self.line.len() > LINE_LIMIT {
                // There is no next line to go on with: it could begin anywhere.
                self.state = State::Ended;
                return Err(StreamError::TooLong {
                    path: self.path.clone(),
                    line: self.number,
                    limit: LINE_LIMIT,
                });
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Taken::Line);
            }
        }
    }

    fn broken(&mut self, source: io::Error) -> StreamError {
        self.state = State::Ended;
        StreamError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

enum Taken {
    Line,
    End,
}

impl Iterator for Reader {
    type Item = Result<Record, StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.state, State::Ended) {
            return None;
        }
        match self.next_line() {
            Err(error) => Some(Err(error)),
            Ok(Taken::End) => {
                self.state = State::Ended;
                None
            }
            Ok(Taken::Line) => {
                Some(
                    Record::parse(&self.line).map_err(|source| StreamError::Record {
                        path: self.path.clone(),
                        line: self.number,
                        source,
                    }),
                )
            }
        }
    }
}
