//! One lane in this worker's hands: a source that reads it and a tender beside it, until it is given back and everything of it is
//! acked.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::bus::{Bus, StreamSpec};
use crate::config::JetStream;
use crate::console::LastLag;
use crate::metrics::Metrics;
use crate::source::era::Eras;
use crate::source::handoff::Handoff;
use crate::source::jetstream::{Owned, Source};
use crate::source::lease::Holding;
use crate::source::tend::Tender;

/// What is needed to read a lane.
pub(super) struct Reader {
    pub(super) bus: Bus,
    /// Of this lane's consumer.
    pub(super) config: JetStream,
    pub(super) stream: StreamSpec,
    pub(super) prefix: String,
    pub(super) metrics: Arc<Metrics>,
    pub(super) lag: LastLag,
    pub(super) changed: Arc<Notify>,
}

/// A lane that is read, or was and is not done with. Dropping it ends it at once: what is not acked comes again.
#[derive(Debug)]
pub(super) struct Held {
    stop: CancellationToken,
    pulled: CancellationToken,
    task: JoinHandle<()>,
}

impl Held {
    /// Begins to read.
    pub(super) fn begin(reader: Reader, owned: Owned, hands: Handoff) -> Self {
        let (stop, pulled) = (CancellationToken::new(), CancellationToken::new());
        let task = tokio::spawn(reader.read(owned, hands, stop.clone(), pulled.clone()));
        Self { stop, pulled, task }
    }

    /// Reads nothing more.
    pub(super) fn give_back(&mut self) {
        self.stop.cancel();
    }

    /// What it is to its worker.
    pub(super) fn holding(&self) -> Holding {
        if self.stop.is_cancelled() {
            Holding::Ending
        } else {
            Holding::Reading
        }
    }

    /// Whether everything that was received has been handed over.
    pub(super) fn has_pulled(&self) -> bool {
        self.pulled.is_cancelled()
    }

    /// Whether everything is acked or given up.
    pub(super) fn is_done(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reader {
    async fn read(
        self,
        owned: Owned,
        hands: Handoff,
        stop: CancellationToken,
        pulled: CancellationToken,
    ) {
        let Self {
            bus,
            mut config,
            stream,
            prefix,
            metrics,
            lag,
            changed,
        } = self;
        // A consumer that was there before may wait shorter for acks than is configured.
        let before = bus.ack_wait(&config.stream, &config.consumer).await;
        config.ack_wait = before.map_or(config.ack_wait, |before| before.min(config.ack_wait));
        let tender = Arc::new(Tender {
            bus: bus.clone(),
            lane: Arc::clone(&owned.lane),
            stream: config.stream.clone(),
            consumer: config.consumer.clone(),
            ack_wait: config.ack_wait,
            metrics: Arc::clone(&metrics),
        });
        let tending = Arc::clone(&tender);
        let tending = AbortOnDrop(tokio::spawn(async move { tending.run().await }));
        let consumer = config.consumer.clone();
        let source = Source::new(bus, config, stream, metrics, lag, Eras::default())
            .with_prefix(&prefix)
            .owning(owned);
        source.run(hands, stop).await;
        pulled.cancel();
        changed.notify_one();
        drop(tending);
        tender.finish().await;
        info!(consumer, "a lane is given back");
        changed.notify_one();
    }
}

/// A task that ends with whoever started it.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
