//! Lines come in, batches go out: cut by count, bytes or age. A pure state machine: no clock, no I/O; time is handed in.
//! Nothing is lost here: what was pushed is in exactly one batch, together with its ack.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::deadletter::Letter;
use crate::delivery::Delivery;

/// Payloads of at least this many bytes travel by reference, smaller ones are copied into the batch's buffer. Measured over
/// loopback, in CPU seconds per GB: lines of 150 bytes cost 0.44 copied and 3.03 as one entry each of vectored writes of 16 (the
/// HTTP client's queue); 1 KiB costs 0.49 and 0.65; from 4 KiB on there is no difference, and a copy would only take memory.
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
    /// What it costs to hold it: lines, original payloads and letters, in bytes.
    pub weight: usize,
}

impl Batch {
    /// The message that line `line` (from 0) of the batch came from, and the line's number (from 0) among that message's own.
    pub fn origin(&self, line: usize) -> Option<(&Delivery, usize)> {
        let mut first = 0;
        for entry in &self.entries {
            let next = first + entry.lines as usize;
            if line < next {
                return Some((&entry.delivery, line - first));
            }
            first = next;
        }
        None
    }
}

/// Buffers of settled batches that are kept for new ones: one for each batch that can be in flight, roughly.
const SPARES: usize = 8;
/// Room behind the byte limit for the message that reaches it, so that the buffer does not grow for it.
const SLACK: usize = 16 * 1024;

/// The open batch of one destination.
#[derive(Debug)]
pub struct Batcher {
    limits: Limits,
    body: Body,
    entries: Vec<Entry>,
    letters: Vec<Letter>,
    payload_bytes: usize,
    letter_bytes: usize,
    /// How many of the letters are counted in that.
    letters_weighed: usize,
    opened: Option<Instant>,
    spare_buffers: Vec<BytesMut>,
    spare_entries: Vec<Vec<Entry>>,
}

impl Batcher {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            body: Body::default(),
            entries: Vec::new(),
            letters: Vec::new(),
            payload_bytes: 0,
            letter_bytes: 0,
            letters_weighed: 0,
            opened: None,
            spare_buffers: Vec::new(),
            spare_entries: Vec::new(),
        }
    }

    /// Where decode writes the next message's lines and letters; [`Batcher::push`] must follow.
    pub fn open(&mut self) -> (&mut Body, &mut Vec<Letter>) {
        if self.body.tail.capacity() == 0 {
            self.body.tail = self
                .spare_buffers
                .pop()
                .unwrap_or_else(|| BytesMut::with_capacity(self.limits.bytes + SLACK));
        }
        (&mut self.body, &mut self.letters)
    }

    /// Adds the message whose `lines` lines were just written, with its ack. Says so when the batch is to be cut.
    pub fn push(&mut self, delivery: Delivery, lines: u32, now: Instant) -> Option<Cut> {
        self.payload_bytes += delivery.payload.len();
        let new_letters = self.letters.iter().skip(self.letters_weighed);
        self.letter_bytes += new_letters.map(Letter::weight).sum::<usize>();
        self.letters_weighed = self.letters.len();
        self.entries.push(Entry { delivery, lines });
        self.opened.get_or_insert(now);
        // Messages without lines (dead-lettered or only exported) are limited like lines.
        if self.body.lines().max(self.entries.len()) >= self.limits.lines {
            Some(Cut::Lines)
        } else if self
            .body
            .bytes()
            .max(self.payload_bytes + self.letter_bytes)
            >= self.limits.bytes
        {
            Some(Cut::Bytes)
        } else {
            None
        }
    }

    /// When the open batch is to be cut for its age; `None` while it is empty.
    pub fn due(&self) -> Option<Instant> {
        self.opened.map(|opened| opened + self.limits.age)
    }

    /// The messages of the open batch.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes the open batch; `None` if no message is in it.
    pub fn cut(&mut self) -> Option<Batch> {
        self.opened.take()?;
        self.body.close_tail();
        let body = std::mem::take(&mut self.body);
        self.letters_weighed = 0;
        let held = std::mem::take(&mut self.payload_bytes) + std::mem::take(&mut self.letter_bytes);
        let next_entries = self.spare_entries.pop().unwrap_or_default();
        Some(Batch {
            segments: body.segments,
            lines: body.lines,
            bytes: body.closed_bytes,
            entries: std::mem::replace(&mut self.entries, next_entries),
            letters: std::mem::take(&mut self.letters),
            weight: body.closed_bytes + held,
        })
    }

    /// Takes the buffers of a settled batch for reuse.
    pub fn recycle(&mut self, mut batch: Batch) {
        batch.entries.clear();
        if self.spare_entries.len() < SPARES {
            self.spare_entries.push(batch.entries);
        }
        for segment in batch.segments {
            if self.spare_buffers.len() >= SPARES {
                return;
            }
            // Only our own buffers can be taken back: a payload by reference is a part of the connection's.
            if let Ok(mut buffer) = segment.try_into_mut() {
                buffer.clear();
                if buffer.capacity() >= self.limits.bytes {
                    self.spare_buffers.push(buffer);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
