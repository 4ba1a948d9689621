//! The configuration's source, started: what it hands over goes to the path, and lanes of a divided stream stay until their last
//! acks are out.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use flightline_contract::token::Prefix;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::stream_of;
use crate::bus::Bus;
use crate::config::{Config, JetStream, Source};
use crate::console::Console;
use crate::source::era::Eras;
use crate::source::handoff::Handoff;
use crate::source::lanes::{End, Lanes};
use crate::source::{core, jetstream};

/// How long the last acks of a divided stream's lanes may take, once everything is stored.
pub(super) const LAST_ACKS: Duration = Duration::from_secs(3);
/// How long it may take to tell the others that the lanes are free; they find out by themselves otherwise.
const FAREWELL: Duration = Duration::from_secs(1);

/// The lanes of a divided stream, which end after the last ack.
pub(super) struct Staying {
    task: JoinHandle<()>,
    settled: CancellationToken,
}

impl Staying {
    /// Waits so long for their last acks, then gives what is left of them back, for whoever is there.
    pub(super) async fn leave(mut self, patience: Duration) {
        if timeout(patience, &mut self.task).await.is_err() {
            self.settled.cancel();
            timeout(FAREWELL, self.task).await.ok();
        }
    }
}

/// What a source is made of.
pub(super) struct Way<'a> {
    pub(super) config: &'a Config,
    pub(super) ack_wait: Duration,
    pub(super) console: &'a Console,
    pub(super) prefix: &'a Prefix,
    /// Of the messages that are acked one by one.
    pub(super) eras: Eras,
}

impl Way<'_> {
    /// The source, until `stop`, and what of it stays longer.
    pub(super) fn source(
        &self,
        own: Bus,
        handoff: Handoff,
        stop: CancellationToken,
    ) -> (Pin<Box<dyn Future<Output = ()> + Send>>, Option<Staying>) {
        let metrics = Arc::clone(&self.console.metrics);
        match &self.config.source {
            Source::JetStream(source) => {
                let stream = stream_of(self.config, self.prefix, &source.stream);
                if let Some(partitions) = &source.partitions {
                    let divided = (source.clone(), partitions.clone());
                    let board = Arc::clone(&self.console.lanes);
                    let prefix = self.prefix.as_str().to_owned();
                    let lanes = Lanes::new(own, divided, stream, prefix, metrics, board);
                    let lanes = lanes.with_batches_of(self.config.batch.lines);
                    let (pulled, staying) = stay(lanes, handoff, stop);
                    return (Box::pin(pulled.cancelled_owned()), Some(staying));
                }
                // A consumer that was there before may wait shorter for acks than is configured.
                let source = JetStream {
                    ack_wait: self.ack_wait,
                    ..source.clone()
                };
                let (lag, eras) = (Arc::clone(&self.console.lag), self.eras.clone());
                let source = jetstream::Source::new(own, source, stream, metrics, lag, eras);
                let source = source.with_prefix(self.prefix.as_str());
                (Box::pin(source.run(handoff, stop)), None)
            }
            Source::Core(source) => {
                let patterns = stream_of(self.config, self.prefix, "").subjects;
                let source = core::Source::new(own, source.clone(), patterns, metrics);
                let source = Box::pin(async move {
                    if let Err(error) = source.run(handoff, stop).await {
                        error!(%error, "the source has failed");
                    }
                });
                (source, None)
            }
        }
    }
}

/// Starts the lanes; the token tells that they have handed over everything.
fn stay(lanes: Lanes, handoff: Handoff, stop: CancellationToken) -> (CancellationToken, Staying) {
    let (pulled, settled) = (CancellationToken::new(), CancellationToken::new());
    let end = End {
        stop,
        pulled: pulled.clone(),
        settled: settled.clone(),
    };
    let task = tokio::spawn(lanes.run(handoff, end));
    (pulled, Staying { task, settled })
}
