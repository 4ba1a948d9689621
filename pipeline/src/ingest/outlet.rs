//! The way to the stream, and whether it takes anything now. What a server that stands still has not read stays in the client's
//! queue after its requests were answered 503: until that queue is empty nobody else is let in, or the retries of the clients would fill it.
//! That is not enough to be well, for the network's own buffers may have taken it: the stream must have answered a question, too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::bus::Bus;

/// Between two questions to a stream that does not answer, or is not reached.
const LOOK: Duration = Duration::from_millis(500);

/// A connection that is there once NATS has been reached.
#[derive(Debug)]
pub struct Outlet {
    stream: Arc<str>,
    bus: OnceLock<Bus>,
    clogged: Arc<AtomicBool>,
}

impl Outlet {
    /// To the stream of this name; not reached yet.
    pub(super) fn new(stream: &str) -> Self {
        Self {
            stream: stream.into(),
            bus: OnceLock::new(),
            clogged: Arc::default(),
        }
    }

    /// From now on messages go out over `bus`. Only the first one counts.
    pub(super) fn reach(&self, bus: Bus) {
        self.bus.get_or_init(|| bus);
    }

    /// Whether it takes something now.
    pub fn is_open(&self) -> bool {
        self.open().is_some()
    }

    /// The connection, if it takes something now.
    pub(super) fn open(&self) -> Option<&Bus> {
        let clear = !self.clogged.load(Ordering::Relaxed);
        self.bus.get().filter(|bus| clear && bus.is_connected())
    }

    /// A publish has failed: closed until everything that was sent before has left this process, and the stream has answered.
    pub(super) fn failed(&self) {
        let Some(bus) = self.bus.get().cloned() else {
            return;
        };
        if self.clogged.swap(true, Ordering::Relaxed) {
            return;
        }
        let (clogged, stream) = (Arc::clone(&self.clogged), Arc::clone(&self.stream));
        tokio::spawn(async move {
            while bus.flush().await.is_err() || bus.stream_state(&stream).await.is_err() {
                tokio::time::sleep(LOOK).await;
            }
            clogged.store(false, Ordering::Relaxed);
        });
    }
}
