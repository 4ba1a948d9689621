//! Lines come in, batches go out: cut by count, bytes or age. A pure state machine: no clock, no I/O; time is handed in.
//! Nothing is lost here: what was pushed is in exactly one batch, together with its ack.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::deadletter::Letter;
use crate::delivery::Delivery;

/// Payloads of at least this many bytes travel by reference, smaller ones are copied into the batch's buffer.
pub const BY_REFERENCE: usize = 4096;

/// When a batch is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lines.
    pub lines: usize,
    /// Bytes of line protocol.
    pub bytes: usize,
    /// Since its first message came in.
    pub age: Duration,
}

/// What made a batch ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cut {
    /// It has [`Limits::lines`].
    Lines,
    /// It has [`Limits::bytes`].
    Bytes,
    /// It is [`Limits::age`] old.
    Age,
    /// The input has ended.
    Drain,
}

/// The line protocol of a batch: lines that end with `\n`, in segments that need not end where lines do.
#[derive(Debug, Default)]
pub struct Body {
    segments: Vec<Bytes>,
    tail: BytesMut,
    closed_bytes: usize,
    lines: usize,
}

/// A place in a [`Body`] to go back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    tail: usize,
    lines: usize,
}

impl Body {
    /// The buffer to write into. Each line must end with `\n` and be counted by [`Body::count`].
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// Says that `lines` more lines are complete.
    pub fn count(&mut self, lines: usize) {
        self.lines += lines;
    }

    /// Adds `range` of `payload` as it is: by reference if it is large, else by one copy. Does not count lines.
    pub fn put(&mut self, payload: &Bytes, range: std::ops::Range<usize>) {
        if range.len() < BY_REFERENCE {
            self.tail.extend_from_slice(&payload[range]);
        } else {
            self.close_tail();
            self.closed_bytes += range.len();
            self.segments.push(payload.slice(range));
        }
    }

    /// The present end; only [`Body::buffer`] may be used between this and [`Body::rollback`].
    pub fn mark(&self) -> Mark {
        Mark {
            tail: self.tail.len(),
            lines: self.lines,
        }
    }

    /// Takes back what was written into the buffer since `mark`.
    pub fn rollback(&mut self, mark: Mark) {
        self.tail.truncate(mark.tail);
        self.lines = mark.lines;
    }

    /// Lines so far.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// Bytes so far.
    pub fn bytes(&self) -> usize {
        self.closed_bytes + self.tail.len()
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            let closed = self.tail.split().freeze();
            self.closed_bytes += closed.len();
            self.segments.push(closed);
        }
    }
}

/// One message of a batch.
#[derive(Debug)]
pub struct Entry {
    /// The message, with its original bytes and its ack.
    pub delivery: Delivery,
    /// How many lines of the batch are its own; 0 if all of it was dead-lettered or only exported.
    pub lines: u32,
}

/// What is stored in one go: lines, the messages they came from, and what of those could not be decoded.
#[derive(Debug, Default)]
pub struct Batch {
    /// The line protocol in order.
    pub segments: Vec<Bytes>,
    /// Lines in `segments`.
    pub lines: usize,
    /// Bytes in `segments`.
    pub bytes: usize,
    /// The messages, in the order of their lines.
    pub entries: Vec<Entry>,
    /// What decode refused.
    pub letters: Vec<Letter>,
    /// What it costs to hold it: lines and original payloads, in bytes.
    pub weight: usize,
}
