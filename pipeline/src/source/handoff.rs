//! From a source's hands to the path's: chunks go over a bounded queue, emptied ones come back, so that a steady stream
//! allocates nothing. While the path is busy the source holds what it has asked for, and nothing is lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use crate::delivery::{CHUNK, Chunk, Delivery};

/// Chunks between source and path: one is worked on, one waits.
const QUEUE: usize = 1;
/// A chunk is full at so many bytes, too: what has just been read is decoded before it has left the processor's caches.
const CHUNK_BYTES: usize = 256 * 1024;
/// Emptied chunks kept for reuse.
const SPARES: usize = 32;

/// The path's end.
#[derive(Debug)]
pub struct Intake {
    chunks: mpsc::Receiver<Chunk>,
    empties: Empties,
}

/// Emptied chunks, for whoever has to fill one next.
#[derive(Debug, Clone, Default)]
struct Empties(Arc<Mutex<Vec<Chunk>>>);

impl Empties {
    fn take(&self) -> Chunk {
        let empty = self.0.lock().expect("no holder panics").pop();
        empty.unwrap_or_else(|| Vec::with_capacity(CHUNK))
    }

    fn give(&self, chunk: Chunk) {
        let mut empties = self.0.lock().expect("no holder panics");
        if empties.len() < SPARES {
            empties.push(chunk);
        }
    }
}

impl Intake {
    /// The next chunk; `None` when the source has ended and all was taken.
    pub async fn next(&mut self) -> Option<Chunk> {
        self.chunks.recv().await
    }

    /// Gives an emptied chunk back.
    pub fn give_back(&self, mut chunk: Chunk) {
        chunk.clear();
        self.empties.give(chunk);
    }
}

/// The source's end: what was received and not yet handed over, in order.
#[derive(Debug)]
pub struct Handoff {
    chunks: mpsc::Sender<Chunk>,
    empties: Empties,
    full: VecDeque<Chunk>,
    open: Open,
    bytes: usize,
}

/// The chunk that is filled.
#[derive(Debug)]
struct Open {
    chunk: Chunk,
    bytes: usize,
}

impl Open {
    fn new(chunk: Chunk) -> Self {
        Self { chunk, bytes: 0 }
    }

    fn is_full(&self) -> bool {
        self.chunk.len() == CHUNK || self.bytes >= CHUNK_BYTES
    }

    fn close(&mut self, next: Chunk) -> Chunk {
        self.bytes = 0;
        std::mem::replace(&mut self.chunk, next)
    }
}

/// The path has ended: nobody takes messages any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path has ended")]
pub struct PathEnded;

/// What a message takes while it is held: without this, empty payloads would cost nothing and be asked for without end.
fn cost(delivery: &Delivery) -> usize {
    let reply = delivery.ack.reply().map_or(0, |reply| reply.len());
    size_of::<Delivery>() + delivery.subject.len() + reply + delivery.payload.len()
}

/// Both ends.
pub fn handoff() -> (Handoff, Intake) {
    let (chunks, taken) = mpsc::channel(QUEUE);
    let empties = Empties::default();
    let handoff = Handoff {
        chunks,
        empties: empties.clone(),
        full: VecDeque::new(),
        open: Open::new(Vec::with_capacity(CHUNK)),
        bytes: 0,
    };
    (
        handoff,
        Intake {
            chunks: taken,
            empties,
        },
    )
}

impl Handoff {
    /// Another source's hands, to the same path.
    #[must_use]
    pub fn another(&self) -> Self {
        Self {
            chunks: self.chunks.clone(),
            empties: self.empties.clone(),
            full: VecDeque::new(),
            open: Open::new(Vec::with_capacity(CHUNK)),
            bytes: 0,
        }
    }

    /// Takes a message that was received.
    pub fn hold(&mut self, delivery: Delivery) {
        let cost = cost(&delivery);
        self.bytes += cost;
        self.open.bytes += cost;
        self.open.chunk.push(delivery);
        if self.open.is_full() {
            let full = self.open.close(self.empties.take());
            self.full.push_back(full);
        }
    }

    /// Bytes held: payloads, and what else a message takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.open.chunk.is_empty() && self.full.is_empty()
    }

    /// What is held, oldest first.
    pub fn held(&self) -> impl Iterator<Item = &Delivery> {
        self.full.iter().flatten().chain(&self.open.chunk)
    }

    /// Hands one chunk over as soon as the path takes it. Cancelling it loses nothing.
    ///
    /// # Errors
    /// When the path has ended.
    pub async fn hand_over(&mut self) -> Result<(), PathEnded> {
        let permit = self.chunks.reserve().await.map_err(|_| PathEnded)?;
        let chunk = match self.full.pop_front() {
            Some(chunk) => chunk,
            None => self.open.close(self.empties.take()),
        };
        self.bytes -= chunk.iter().map(cost).sum::<usize>();
        if !chunk.is_empty() {
            permit.send(chunk);
        }
        Ok(())
    }

    /// Hands over everything that is held.
    ///
    /// # Errors
    /// When the path has ended.
    pub async fn hand_over_all(&mut self) -> Result<(), PathEnded> {
        while !self.is_empty() {
            self.hand_over().await?;
        }
        Ok(())
    }
}
