//! A body of line protocol comes in, messages for the stream come out, one at a time: good lines byte for byte, but for timestamps
//! that are not in nanoseconds. Comments and blank lines are left out, bad lines go into the refusals. Pure.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use flightline_contract::deadletter::Reason;

use crate::decode::dialect::Rules;
use crate::decode::scan::Scanner;
use crate::decode::scan::fault::LineError;
use crate::ingest::precision::Precision;
use crate::ingest::refusals::Refusals;

/// Lines are packed until a message is this long. Larger ones gain nothing (a message's own cost is far below that of 400 lines), and
/// all of a message is delivered again if one of its lines is not stored.
pub(super) const MESSAGE: usize = 64 * 1024;

/// So many bytes of nothing but bad lines are one step: the others on this thread get their turn.
const TURN: usize = 256 * 1024;

/// One step through a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A message is full, or the last one.
    Message(Message),
    /// Only bad lines so far: go on.
    Nothing,
    /// The body has ended.
    End,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Whole lines; the last one may lack its newline.
    pub(super) payload: Bytes,
    /// How many.
    pub(super) lines: u64,
}

/// Packs one body.
#[derive(Debug)]
pub(super) struct Packer {
    body: Bytes,
    scanner: Scanner,
    precision: Precision,
    /// The longest message that the server takes: no line may be longer.
    longest: usize,
    at: usize,
    places: Places,
    refusals: Refusals,
}

impl Packer {
    /// For `body`, the lines of which must keep `rules` and fit into messages of `longest` bytes.
    pub(super) fn new(body: Bytes, rules: Rules, precision: Precision, longest: usize) -> Self {
        Self {
            body,
            scanner: Scanner::new(rules),
            precision,
            longest,
            at: 0,
            places: Places::default(),
            refusals: Refusals::default(),
        }
    }

    /// The next step through the body.
    pub(super) fn step(&mut self) -> Step {
        let mut open = Open::default();
        let mut pass = self.scanner.pass(&self.body, self.at);
        let pause = self.at.saturating_add(TURN);
        while let Some(found) = pass.next() {
            let text = &self.body[found.range.clone()];
            let time = match found.line {
                Ok(good) if good.is_stamped => retimed(text, self.precision),
                Ok(_) => Ok(Time::AsItIs),
                Err(error) => Err(Fault::Line(error)),
            };
            let length = text.len() + 1 + time.as_ref().map_or(0, Time::growth);
            let time = time.and_then(|time| {
                let fits = length <= self.longest;
                fits.then_some(time).ok_or(Fault::TooLong(self.longest))
            });
            match time {
                Ok(_) if open.lines > 0 && open.bytes() + length > MESSAGE.min(self.longest) => {
                    break;
                }
                Ok(time) => open.add(&self.body, found.range, found.next, time),
                Err(fault) => {
                    let number = || self.places.number(&self.body, found.range.start);
                    self.refusals
                        .add(number, fault.reason(), || fault.to_string(), text);
                }
            }
            self.at = found.next;
            if open.lines == 0 && self.at > pause {
                return Step::Nothing;
            }
        }
        match open.close(&self.body) {
            Some(message) => Step::Message(message),
            None => Step::End,
        }
    }

    /// What was refused so far.
    pub(super) fn into_refusals(self) -> Refusals {
        self.refusals
    }
}

/// Why a line is not passed on.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Line(LineError),
    #[error("the timestamp is out of range in its unit (byte {0} of the line)")]
    Time(usize),
    #[error("the line is longer than a message may be, {0} bytes")]
    TooLong(usize),
}

impl Fault {
    fn reason(&self) -> Reason {
        match self {
            Self::Line(error) => error.reason(),
            Self::Time(_) => Reason::Value,
            Self::TooLong(_) => Reason::TooLarge,
        }
    }
}

/// What becomes of a line's timestamp.
#[derive(Clone, Copy)]
enum Time {
    /// It has none, or one in nanoseconds.
    AsItIs,
    /// The digits from `from` on are replaced.
    Nanos {
        from: usize,
        length: usize,
        nanos: i64,
    },
}

impl Time {
    /// By how much a line may get longer: what is replaced is not taken off.
    fn growth(&self) -> usize {
        /// Nineteen digits and a sign.
        const LONGEST: usize = 20;
        match self {
            Self::AsItIs => 0,
            Self::Nanos { length, .. } => LONGEST.saturating_sub(*length),
        }
    }
}

/// The timestamp of a good line that has one.
fn retimed(text: &[u8], precision: Precision) -> Result<Time, Fault> {
    if precision == Precision::Nanos {
        return Ok(Time::AsItIs);
    }
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
    let from = text
        .iter()
        .rposition(|byte| !is_part(byte))
        .map_or(0, |at| at + 1);
    let digits = std::str::from_utf8(&text[from..]).unwrap_or_default();
    let nanos = digits.parse().ok().and_then(|time| precision.nanos(time));
    let length = digits.len();
    nanos
        .map(|nanos| Time::Nanos {
            from,
            length,
            nanos,
        })
        .ok_or(Fault::Time(from + 1))
}

/// The message that is being packed: as long as lines stand side by side it is a stretch of the body, and nothing is copied.
#[derive(Default)]
struct Open {
    run: Range<usize>,
    copied: BytesMut,
    lines: u64,
}

impl Open {
    fn bytes(&self) -> usize {
        self.copied.len() + self.run.len()
    }

    fn add(&mut self, body: &Bytes, line: Range<usize>, next: usize, time: Time) {
        self.lines += 1;
        // A newline behind blanks or a carriage return is not the line's own.
        let joined = next == body.len() && next == line.end || next == line.end + 1;
        match time {
            Time::AsItIs
                if joined
                    && (self.bytes() == 0
                        || self.run.end == line.start && !self.run.is_empty()) =>
            {
                if self.run.is_empty() {
                    self.run.start = line.start;
                }
                self.run.end = next;
                return;
            }
            Time::AsItIs => {
                self.copy_run(body);
                self.copied.extend_from_slice(&body[line]);
            }
            Time::Nanos { from, nanos, .. } => {
                self.copy_run(body);
                self.copied
                    .extend_from_slice(&body[line.start..line.start + from]);
                self.copied
                    .extend_from_slice(itoa::Buffer::new().format(nanos).as_bytes());
            }
        }
        self.copied.extend_from_slice(b"\n");
    }

    fn copy_run(&mut self, body: &Bytes) {
        if self.copied.capacity() == 0 {
            self.copied.reserve(MESSAGE);
        }
        self.copied
            .extend_from_slice(&body[std::mem::take(&mut self.run)]);
    }

    fn close(mut self, body: &Bytes) -> Option<Message> {
        let payload = if self.copied.is_empty() {
            body.slice(self.run)
        } else {
            self.copy_run(body);
            self.copied.freeze()
        };
        (self.lines > 0).then_some(Message {
            payload,
            lines: self.lines,
        })
    }
}

/// Places of the body as lines, counted as far as anybody has asked.
#[derive(Debug, Default)]
struct Places {
    counted: usize,
    newlines: usize,
}

impl Places {
    /// The line, from 1, that byte `at` stands in.
    fn number(&mut self, body: &[u8], at: usize) -> usize {
        self.newlines += memchr::memchr_iter(b'\n', &body[self.counted..at]).count();
        self.counted = at;
        self.newlines + 1
    }
}

#[cfg(test)]
mod tests;
