//! A durable pull consumer in, chunks of deliveries out. Nothing is lost: what is not acknowledged is delivered again. The
//! consumer is created if absent and never deleted; when something goes wrong the source says so and starts over.
//!
//! Pull requests go out on an inbox of our own and messages come in on a plain subscription: half the cost of the client
//! library's stream, and the count of what is open is ours (`pulls`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use flightline_contract::token::Prefix;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::damage::{Damage, Kind, Toll};
use super::era::Eras;
use super::handoff::{Handoff, PathEnded};
use super::history::History;
use super::lane::Lane;
use super::plan;
use super::portion::Portion;
use crate::bus::{Bus, BusError, EnsureError, StreamSpec};
use crate::config::JetStream;
use crate::console::LastLag;
use crate::metrics::{Metrics, Stage};
use look::Looker;

/// What must be there before a session.
mod ensure;
/// Looks at the consumer meanwhile.
mod look;
/// From a pull to its end.
mod session;

/// Pauses between tries to start over: the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// For the look whose state is kept for the next worker; the drain has a deadline of its own.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Pulls from one durable consumer.
#[derive(Debug)]
pub struct Source {
    bus: Bus,
    config: JetStream,
    stream: StreamSpec,
    metrics: Arc<Metrics>,
    lag: LastLag,
    history: Arc<History>,
    pending: Arc<Portion>,
    held: Portion,
    /// Messages received here: other sources count in the same metrics.
    came: AtomicU64,
    prefix: String,
    acks: Acks,
}

/// How the consumer's messages are acked.
#[derive(Debug)]
enum Acks {
    /// Each by itself; several workers may share the consumer.
    Each,
    /// Those before it with each ack; we own the consumer.
    All(Owned),
}

/// A consumer with one owner.
#[derive(Debug)]
pub(crate) struct Owned {
    /// What is in hand of it.
    pub(crate) lane: Arc<Lane>,
    /// What it is.
    pub(crate) plan: plan::Lane,
    /// What it is described as.
    pub(crate) description: String,
    /// Where it starts if it has to be created.
    pub(crate) start: Option<u64>,
}

/// Why a session is over.
#[derive(Debug, thiserror::Error)]
enum Over {
    #[error("told to stop")]
    Stopped,
    #[error(transparent)]
    PathEnded(#[from] PathEnded),
    #[error("nothing came although a pull was open")]
    Silence,
    #[error(
        "a message came that is another one than was here under its number {0}: the stream was replaced or cut off"
    )]
    Stranger(u64),
    #[error("the durable consumer is not there any more")]
    Gone,
    #[error(
        "the stream has another history than what is in hand, whose acks are not sent: what of it is there is read again"
    )]
    OtherHistory,
    #[error("the connection to nats is down")]
    Disconnected,
    #[error("the server ended the pull: {0}")]
    Status(String),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Ensure(#[from] EnsureError),
}

impl Source {
    /// For `config` over `bus`; `stream` is what the stream must be. How far behind it is goes to `lag`; whoever acks is told by `eras`
    /// which acks mean nothing any more.
    pub fn new(
        bus: Bus,
        config: JetStream,
        stream: StreamSpec,
        metrics: Arc<Metrics>,
        lag: LastLag,
        eras: Eras,
    ) -> Self {
        Self {
            pending: Arc::new(Portion::of(&metrics.pending)),
            held: Portion::of(&metrics.held_bytes),
            history: Arc::new(History::new(
                bus.clone(),
                config.clone(),
                Arc::clone(&metrics),
                eras,
            )),
            bus,
            config,
            stream,
            metrics,
            lag,
            came: AtomicU64::new(0),
            prefix: Prefix::DEFAULT.to_owned(),
            acks: Acks::Each,
        }
    }

    /// Reads a stream whose subjects of `prefix` may be stored by partition.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Reads a consumer that nobody else does.
    pub(crate) fn owning(mut self, owned: Owned) -> Self {
        self.acks = Acks::All(owned);
        self
    }

    /// Hands over what the consumer gives until `stop`; then what was received by then.
    pub async fn run(self, mut handoff: Handoff, stop: CancellationToken) {
        let looker = Looker {
            bus: self.bus.clone(),
            config: self.config.clone(),
            history: Arc::clone(&self.history),
            pending: Arc::clone(&self.pending),
            lag: Arc::clone(&self.lag),
        };
        let watcher = tokio::spawn(looker.run());
        let mut pause = PAUSES.0;
        let mut inbox = None;
        loop {
            let (before, start) = (self.came.load(Ordering::Relaxed), Instant::now());
            let over = match self.session(&mut inbox, &mut handoff, &stop).await {
                Ok(()) | Err(Over::Stopped | Over::PathEnded(_)) => break,
                Err(over) => over,
            };
            self.metrics.failed(Stage::Source, &over);
            if let Acks::All(owned) = &self.acks {
                owned.lane.pause();
                let forgotten = owned.lane.take_forgotten();
                self.metrics.forgotten.inc_by(forgotten);
            }
            // On a quiet stream, a session that lasted is all the progress there can be.
            if self.came.load(Ordering::Relaxed) > before || start.elapsed() > PAUSES.1 {
                pause = PAUSES.0;
            }
            match over {
                Over::Disconnected => {
                    info!("waiting for nats");
                    stop.run_until_cancelled(self.reconnected()).await;
                    pause = PAUSES.0;
                }
                Over::Silence => {
                    self.metrics.stalls.inc();
                    warn!("{over}; asking again");
                }
                Over::Stranger(sequence) => {
                    warn!("{over}; what is un-acked is read again");
                    self.history.tell(Damage {
                        kind: Kind::StreamRewritten,
                        from: sequence,
                        to: sequence,
                        messages: Toll::Unknown,
                    });
                }
                Over::Ensure(EnsureError::Unfit(ref problem)) => {
                    error!(problem, "the stream cannot be read as configured")
                }
                _ => warn!(error = %over, "source starts over"),
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSES.1),
            }
        }
        watcher.abort();
        // Dropping the handoff is the end of input. A path that has ended first leaves its messages to redelivery.
        handoff.hand_over_all().await.ok();
        drop(handoff);
        if self.bus.is_connected() {
            let last_look = tokio::time::timeout(LAST_LOOK, self.history.keep_now());
            last_look.await.ok();
        }
    }

    /// The connection has its own back-off; another one on top would only add to it.
    async fn reconnected(&self) {
        while !self.bus.is_connected() {
            tokio::time::sleep(PAUSES.0).await;
        }
    }
}
