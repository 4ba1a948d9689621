//! A batch on its way to all sinks that take it. Each holds one [`Share`]; when the last one is settled the batch goes to
//! the ack stage. A share that is dropped un-settled leaves the batch un-acked for good: the server delivers it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::batch::Batch;
use crate::metrics::Metrics;

/// A batch that waits for the verdicts of its sinks.
#[derive(Debug)]
pub struct InFlight {
    batch: Batch,
    weight: i64,
    open: AtomicUsize,
    since: Instant,
    settled: mpsc::Sender<Arc<InFlight>>,
    metrics: Arc<Metrics>,
}

impl InFlight {
    /// The batch.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// When it was dispatched.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Whether every sink has settled its share.
    pub fn is_settled(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    /// The batch itself, if nobody else looks at it.
    ///
    /// # Errors
    /// Gives itself back if somebody does.
    pub fn into_batch(self: Arc<Self>) -> Result<Batch, Arc<Self>> {
        Arc::try_unwrap(self).map(|mut in_flight| std::mem::take(&mut in_flight.batch))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        self.metrics.in_flight_bytes.sub(self.weight);
    }
}

/// One sink's part in a batch: the right to say that it is stored there.
#[derive(Debug)]
#[must_use = "a dropped share is a redelivery"]
pub struct Share(Arc<InFlight>);

impl Share {
    /// Sends `batch` on its way: the handle by which it can be watched, and `parts` shares (at least one), each to be
    /// settled before `settled` gets the batch.
    pub fn split(
        batch: Batch,
        parts: usize,
        settled: mpsc::Sender<Arc<InFlight>>,
        metrics: Arc<Metrics>,
        now: Instant,
    ) -> (Arc<InFlight>, Vec<Self>) {
        let weight = i64::try_from(batch.weight).unwrap_or(i64::MAX);
        metrics.in_flight.inc();
        metrics.in_flight_bytes.add(weight);
        let open = AtomicUsize::new(parts);
        let in_flight = Arc::new(InFlight {
            batch,
            weight,
            open,
            since: now,
            settled,
            metrics,
        });
        let shares = (0..parts).map(|_| Self(Arc::clone(&in_flight))).collect();
        (in_flight, shares)
    }

    /// The batch.
    pub fn batch(&self) -> &Batch {
        &self.0.batch
    }

    /// Says that this sink has the whole batch, or that its dead letters are kept.
    pub async fn stored(self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let settled = self.0.settled.clone();
            // The ack stage outlives every sink; if it is gone the process is going down and redelivery is the answer.
            if settled.send(self.0).await.is_err() {
                tracing::warn!(
                    "a stored batch could not be acknowledged: it will be delivered again"
                );
            }
        }
    }
}
