//! In which history of its stream a message came. An ack names nothing but a sequence, and the server takes it for whatever message the
//! stream has under that number now (seen on nats-server 2.9, 2.10 and 2.15): an ack of a history that has ended would be one of a
//! message that nobody has stored. So acks know their era, and once it is over they are not sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One history of a stream, as far as this process has told them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Era(u64);

/// The eras of one source: which one it is now.
#[derive(Debug, Clone, Default)]
pub struct Eras(Arc<AtomicU64>);

impl Eras {
    /// The one that there is now.
    pub fn now(&self) -> Era {
        Era(self.0.load(Ordering::Acquire))
    }

    /// Whether its acks mean nothing any more.
    pub fn is_over(&self, era: Era) -> bool {
        self.now() != era
    }

    /// The stream is another one from now on, or has other messages under the same sequences.
    pub(crate) fn end(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}
