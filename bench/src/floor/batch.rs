//! Payloads come in, bodies go out: the same copy below the same size as the product's batch, and nothing else.

use std::time::{Duration, Instant};

use async_nats::Subject;
use bytes::{Bytes, BytesMut};
use flightline::batch::BY_REFERENCE;

/// As the product's default `batch.bytes`.
const BYTES: usize = 1 << 20;
/// Room behind the limit for the message that reaches it.
const SLACK: usize = 16 * 1024;
/// Buffers kept for new batches.
const SPARES: usize = 8;

/// What is posted in one go.
#[derive(Debug)]
pub struct Body {
    /// The payloads, each ended by a newline.
    pub segments: Vec<Bytes>,
    /// What is to be acknowledged once it is stored.
    pub acks: Vec<Subject>,
}

/// The open batch.
#[derive(Debug)]
pub struct Batch {
    lines: usize,
    age: Duration,
    segments: Vec<Bytes>,
    closed_bytes: usize,
    tail: BytesMut,
    have: usize,
    opened: Option<Instant>,
    acks: Vec<Subject>,
    buffers: Vec<BytesMut>,
    lists: Vec<Vec<Subject>>,
}

impl Batch {
    /// One that is full at `lines` lines.
    pub fn new(lines: usize, age: Duration) -> Self {
        Self {
            lines,
            age,
            segments: Vec::new(),
            closed_bytes: 0,
            tail: BytesMut::with_capacity(BYTES + SLACK),
            have: 0,
            opened: None,
            acks: Vec::new(),
            buffers: Vec::new(),
            lists: Vec::new(),
        }
    }

    /// Adds a payload of `lines` lines.
    pub fn push(&mut self, payload: Bytes, lines: usize, ack: Option<Subject>) {
        let ended = payload.last() == Some(&b'\n');
        if payload.len() < BY_REFERENCE {
            self.tail.extend_from_slice(&payload);
        } else {
            self.close();
            self.closed_bytes += payload.len();
            self.segments.push(payload);
        }
        if !ended {
            self.tail.extend_from_slice(b"\n");
        }
        self.have += lines;
        self.acks.extend(ack);
        if self.opened.is_none() {
            self.opened = Some(Instant::now());
        }
    }

    /// Whether it has what it may have.
    pub fn is_full(&self) -> bool {
        self.have >= self.lines || self.closed_bytes + self.tail.len() >= BYTES
    }

    /// When it is old enough to be sent as it is.
    pub fn due(&self) -> Option<Instant> {
        self.opened.map(|opened| opened + self.age)
    }

    /// Takes what is in it; `None` if that is nothing.
    pub fn cut(&mut self) -> Option<Body> {
        self.opened.take()?;
        self.close();
        self.have = 0;
        self.closed_bytes = 0;
        self.tail = self
            .buffers
            .pop()
            .unwrap_or_else(|| BytesMut::with_capacity(BYTES + SLACK));
        let empty = self.lists.pop().unwrap_or_default();
        Some(Body {
            segments: std::mem::take(&mut self.segments),
            acks: std::mem::replace(&mut self.acks, empty),
        })
    }

    /// Takes the buffers of a stored body for reuse.
    pub fn recycle(&mut self, segments: Vec<Bytes>) {
        for segment in segments {
            if self.buffers.len() < SPARES
                && let Ok(mut buffer) = segment.try_into_mut()
            {
                buffer.clear();
                if buffer.capacity() >= BYTES {
                    self.buffers.push(buffer);
                }
            }
        }
    }

    /// Takes an empty list for the acks of a new batch.
    pub fn recycle_list(&mut self, list: Vec<Subject>) {
        if self.lists.len() < SPARES {
            self.lists.push(list);
        }
    }

    fn close(&mut self) {
        if !self.tail.is_empty() {
            let closed = self.tail.split().freeze();
            self.closed_bytes += closed.len();
            self.segments.push(closed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_payloads_are_copied_large_ones_passed_and_every_line_ends() {
        let mut batch = Batch::new(3, Duration::from_secs(1));
        assert!(batch.cut().is_none());
        batch.push(Bytes::from("a v=1"), 1, None);
        batch.push(Bytes::from("b v=1\n"), 1, None);
        assert!(!batch.is_full());
        let large = Bytes::from("c v=1 ".repeat(1_000));
        batch.push(large.clone(), 1, Some(Subject::from("reply")));
        assert!(batch.is_full() && batch.due().is_some());
        let body = batch.cut().unwrap();
        assert_eq!(body.segments.len(), 3);
        assert_eq!(body.segments[0], "a v=1\nb v=1\n");
        assert_eq!(body.segments[1].as_ptr(), large.as_ptr());
        assert_eq!(body.segments[2], "\n");
        assert_eq!(body.acks.len(), 1);
        assert!(batch.due().is_none());
    }
}
