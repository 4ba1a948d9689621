//! Bytes of a job's output come in as they are read, lines go out. A line that is too long goes out in pieces: nothing is lost.

use std::borrow::Cow;

use memchr::memchr;

/// The longest piece of a line: where ContainerPilot gave up reading.
pub const MAX_LINE: usize = 64 * 1024;
/// The end of a piece that goes on in the next one.
pub const CONTINUED: &str = "…";

/// What has been read and is not a line yet.
#[derive(Debug)]
pub struct Splitter {
    held: Vec<u8>,
    /// So much of what is held went out with the last piece.
    given: usize,
    limit: usize,
}

/// A line, or a piece of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'l> {
    /// Without the line end.
    pub text: &'l [u8],
    /// Why it ends here.
    pub end: End,
}

/// Why a piece ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The line does.
    Newline,
    /// It is as long as a piece may be, and the line goes on.
    Cut,
    /// The stream does.
    Input,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new()
    }
}

impl Splitter {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::with_limit(MAX_LINE)
    }

    /// Pieces of at most `limit` bytes, at least 4: a character must fit.
    fn with_limit(limit: usize) -> Self {
        Self {
            held: Vec::new(),
            given: 0,
            limit: limit.max(4),
        }
    }

    /// The next piece. `input` is what was read, and loses what is taken; with `None` it is empty.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Piece<'_>> {
        self.held.drain(..self.given);
        self.given = 0;
        let room = self.limit - self.held.len();
        // One more, for the end of a line that just fits.
        let near = input.get(..=room).unwrap_or(input);
        let end = match memchr(b'\n', near) {
            Some(at) => {
                self.take(input, at);
                *input = input.get(1..).unwrap_or_default();
                self.given = self.held.len();
                End::Newline
            }
            None if near.len() <= room => {
                self.take(input, near.len());
                return None;
            }
            None => {
                self.take(input, room);
                self.given = whole_characters(&self.held);
                End::Cut
            }
        };
        Some(Piece {
            text: self.held.get(..self.given).unwrap_or_default(),
            end,
        })
    }

    /// What is left when the stream has ended.
    pub fn rest(&mut self) -> Option<Piece<'_>> {
        self.held.drain(..self.given);
        self.given = self.held.len();
        (self.given > 0).then_some(Piece {
            text: &self.held,
            end: End::Input,
        })
    }

    fn take(&mut self, input: &mut &[u8], count: usize) {
        let (taken, left) = input.split_at(count);
        self.held.extend_from_slice(taken);
        *input = left;
    }
}

/// So many of the bytes that no character is cut in two; all of them if they are no text at their end.
fn whole_characters(bytes: &[u8]) -> usize {
    let is_start = |byte: &u8| byte & 0xc0 != 0x80;
    let tail = bytes.len().saturating_sub(4);
    let Some(start) = bytes.iter().rposition(is_start).filter(|at| *at >= tail) else {
        return bytes.len();
    };
    let length = match bytes.get(start) {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => 1,
    };
    if start > 0 && start + length > bytes.len() {
        start
    } else {
        bytes.len()
    }
}

impl<'l> Piece<'l> {
    /// As the log shows it: a line without the carriage return of its end, a piece with a mark that it goes on.
    pub fn shown(&self) -> Cow<'l, [u8]> {
        match self.end {
            End::Newline => Cow::Borrowed(self.text.strip_suffix(b"\r").unwrap_or(self.text)),
            End::Cut => Cow::Owned([self.text, CONTINUED.as_bytes()].concat()),
            End::Input => Cow::Borrowed(self.text),
        }
    }
}

#[cfg(test)]
mod tests;
