//! Messages come in, are put into a batch and the batch is cut; its messages and buffers are used again.

use std::time::{Duration, Instant};

use flightline::batch::{Batcher, Cut, Limits};
use flightline::delivery::Delivery;

use crate::corpus::{Length, Payload, delivery};

/// Messages in one batch, one line each.
pub const MESSAGES: u32 = 1_000;

/// A batch's life.
#[derive(Debug)]
pub struct Batching {
    batcher: Batcher,
    deliveries: Vec<Delivery>,
    now: Instant,
}

impl Batching {
    /// [`MESSAGES`] lines of the usual length.
    pub fn new() -> Self {
        let limits = Limits {
            lines: usize::try_from(MESSAGES).unwrap_or(usize::MAX),
            bytes: 1 << 20,
            age: Duration::from_secs(1),
        };
        let usual = Payload::Line(Length::Usual);
        Self {
            batcher: Batcher::new(limits),
            deliveries: (0..MESSAGES).map(|number| ended(usual, number)).collect(),
            now: Instant::now(),
        }
    }

    /// Fills a batch, cuts it and takes it back: how many lines it had.
    pub fn run(&mut self) -> usize {
        let mut cut = None;
        while let Some(delivery) = self.deliveries.pop() {
            let (body, _) = self.batcher.open();
            body.put(&delivery.payload, 0..delivery.payload.len());
            body.count(1);
            cut = self.batcher.push(delivery, 1, self.now);
        }
        let Some(mut batch) = self.batcher.cut() else {
            return 0;
        };
        let lines = if cut == Some(Cut::Lines) {
            batch.lines
        } else {
            0
        };
        let entries = batch.entries.drain(..).rev();
        self.deliveries.extend(entries.map(|entry| entry.delivery));
        self.batcher.recycle(batch);
        lines
    }
}

/// With the line end that decode would put behind it.
fn ended(payload: Payload, number: u32) -> Delivery {
    let mut text = payload.bytes(number);
    text.push(b'\n');
    delivery(&payload.subject(), text)
}

impl Default for Batching {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_full_each_time() {
        let mut batching = Batching::new();
        for _ in 0..3 {
            assert_eq!(batching.run(), 1_000);
        }
    }
}
