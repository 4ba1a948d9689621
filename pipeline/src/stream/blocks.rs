//! A file of line protocol as messages of whole lines: a newline within a string ends none. Comments and blank lines go along.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::decode::dialect::Rules;
use crate::decode::scan::{LINE_LIMIT, LineEnd, Scanner};
use crate::stream::read::{StreamError, Text, open};

/// Bytes of a message unless asked otherwise: small beside a server's limit of 1 MiB, large beside a line.
pub const BLOCK: usize = 64 << 10;

/// The most that is held while a line's end is looked for: the longest line, and a string that may go on behind it.
const HELD: usize = 2 * LINE_LIMIT;

/// The blocks of a file, in its order. All of them together are the file.
pub struct Blocks {
    path: PathBuf,
    text: Text,
    held: Vec<u8>,
    size: usize,
    scanner: Scanner,
    lines: u64,
    rest: Rest,
}

/// What is behind the bytes that are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    More,
    Nothing,
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blocks({}:{})", self.path.display(), self.lines + 1)
    }
}

impl Blocks {
    /// Opens a file, plain or packed, to be cut into blocks of about `size` bytes; a longer line makes a longer block.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(path: &Path, size: usize) -> Result<Self, StreamError> {
        Ok(Self {
            path: path.to_owned(),
            text: open(path)?,
            held: Vec::new(),
            size: size.clamp(1, LINE_LIMIT),
            // The laxest: whoever decodes the block says what is wrong with a line.
            scanner: Scanner::new(Rules::of([])),
            lines: 0,
            rest: Rest::More,
        })
    }

    fn fill(&mut self, size: usize) -> Result<(), StreamError> {
        let missing = size.saturating_sub(self.held.len());
        let limit = u64::try_from(missing).unwrap_or(u64::MAX);
        let read = (&mut self.text).take(limit).read_to_end(&mut self.held);
        let read = read.map_err(|source| {
            self.rest = Rest::Nothing;
            self.held.clear();
            StreamError::Io {
                path: self.path.clone(),
                source,
            }
        })?;
        if read < missing {
            self.rest = Rest::Nothing;
        }
        Ok(())
    }

    /// How much of what is held is whole lines for sure; 0 if that is not known yet.
    fn whole_lines(&mut self) -> usize {
        let held = self.held.as_slice();
        if self.rest == Rest::Nothing {
            return held.len();
        }
        let mut whole = 0;
        while let Some(scanned) = self.scanner.next(held, whole) {
            let seen = held.len() - scanned.range.start;
            // A bad line may be a good one whose string goes on behind what is held.
            let sure = scanned.line.is_ok() || seen >= LINE_LIMIT;
            if scanned.end == LineEnd::EndOfInput || !sure {
                return whole;
            }
            whole = scanned.next;
        }
        let (_, comments) = held.split_at(whole);
        whole
            + comments
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1)
    }

    fn next_block(&mut self) -> Result<Option<Bytes>, StreamError> {
        let mut size = self.size;
        loop {
            self.fill(size)?;
            let whole = self.whole_lines();
            if whole > 0 {
                let kept = self.held.split_off(whole);
                let block = std::mem::replace(&mut self.held, kept);
                let newlines = block.iter().filter(|byte| **byte == b'\n').count();
                self.lines += u64::try_from(newlines).unwrap_or(u64::MAX);
                return Ok(Some(Bytes::from(block)));
            }
            if self.rest == Rest::Nothing {
                return Ok(None);
            }
            if size >= HELD {
                self.rest = Rest::Nothing;
                self.held.clear();
                return Err(StreamError::TooLong {
                    path: self.path.clone(),
                    line: self.lines + 1,
                    limit: LINE_LIMIT,
                });
            }
            size = size.saturating_mul(2).min(HELD);
        }
    }
}

impl Iterator for Blocks {
    type Item = Result<Bytes, StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest == Rest::Nothing && self.held.is_empty() {
            return None;
        }
        self.next_block().transpose()
    }
}
