//! The limit that the product is divided by: messages come in over the product's own connection, are appended to a batch, posted
//! with the product's own HTTP client, and acknowledged. No decode, no check, no exporter, no account of who waits for what. What
//! comes too fast on core is dropped by the client, and counted.

use std::path::Path;

use async_nats::{Message, Subscriber};
use flightline::bus::{Bus, BusError, SUBSCRIPTION_CAPACITY};
use flightline::config::{Config, Influx, SinkKind, Source};
use flightline::sink::client::{Client, OpenError};
use flightline::source::merged::Merged;
use flightline_link::nats::ConnectError;
use futures_util::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::jetstream::{self, AdminError};
use crate::payload::newlines;
use acks::{Acknowledger, Acks};
use batch::Batch;
use pull::Pulls;
use way::{Sent, Way};

/// Pull requests.
pub mod pull;
/// The open batch.
pub mod batch;
/// Bodies to the store.
mod way;
/// Acks to the server.
pub mod acks;

/// Messages taken in one turn of the loop, as the product does.
const CHUNK: usize = 256;

/// What the floor says on its output, a JSON line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It has subscribed.
    Ready,
    /// It has ended.
    Ended {
        /// Messages that came over the connection and were not handed to it.
        dropped: u64,
    },
}

impl Said {
    /// All that stands in the file `log`.
    pub fn read(log: &Path) -> impl Iterator<Item = Self> {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let said = text.lines().map(serde_json::from_str);
        said.flatten().collect::<Vec<_>>().into_iter()
    }
}

/// What stands in the floor's way.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No client.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The connection was closed.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// No consumer.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// It is configured to write files.
    #[error("the floor writes to an InfluxDB: set sink.kind and sink.url")]
    NoStore,
    /// The store does not take the data. There is no second try here.
    #[error("the store answered {0}")]
    Store(String),
    /// The server does not serve a pull.
    #[error("the server ended a pull: {0}")]
    Pull(String),
    /// Whoever acknowledges has ended before everything was.
    #[error("the task that acknowledges has ended: the connection to nats was closed")]
    AcksEnded,
    /// Signals cannot be heard, or nothing be said.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// Works until SIGTERM, as the product would with `config`, but that the messages of a stream are acknowledged as `acks` says; `say`
/// is told when it has begun and how it ended.
///
/// # Errors
/// At the first thing that goes wrong.
pub async fn run(
    config: &Config,
    acks: Acks,
    say: impl Fn(Said) -> std::io::Result<()>,
) -> Result<(), FloorError> {
    let mut terminated = signal(SignalKind::terminate())?;
    let store = store(config)?;
    let bus = Bus::connect(&config.nats, SUBSCRIPTION_CAPACITY).await?;
    let acknowledger = match &config.source {
        Source::Core(_) => None,
        Source::JetStream(source) => {
            if acks == Acks::Last {
                let urls = config.nats.urls.join(",");
                jetstream::one_owner(&urls, &source.stream, &source.consumer).await?;
            }
            Some(Acknowledger::new(bus.clone(), acks))
        }
    };
    let way = Way::new(Client::open(store)?, store.in_flight);
    let (messages, pulls) = subscribe(&bus, config).await?;
    bus.flush().await?;
    say(Said::Ready)?;
    let mut worker = Worker {
        batch: Batch::new(config.batch.lines, config.batch.age),
        bus,
        messages,
        pulls,
        way,
        acknowledger,
        received: 0,
    };
    worker.work(&mut terminated).await?;
    // A batch that is not full is left: the trial stops the floor when all has arrived.
    worker.finish().await?;
    let dropped = match worker.pulls {
        None => worker.bus.messages_in().saturating_sub(worker.received),
        Some(_) => 0,
    };
    worker.bus.flush().await?;
    say(Said::Ended { dropped })?;
    Ok(())
}

fn store(config: &Config) -> Result<&Influx, FloorError> {
    let first = config.sinks.first().map(|sink| &sink.kind);
    match first {
        Some(SinkKind::Influx(store)) => Ok(store),
        Some(SinkKind::File(_)) | None => Err(FloorError::NoStore),
    }
}

async fn subscribe(
    bus: &Bus,
    config: &Config,
) -> Result<(Merged<Subscriber>, Option<Pulls>), BusError> {
    match &config.source {
        Source::Core(source) => {
            let own = format!("{}.>", config.prefix);
            let foreign = config.mappings.iter().flat_map(|mapping| &mapping.subjects);
            let mut subscriptions = Vec::new();
            for pattern in std::iter::once(&own).chain(foreign) {
                let group = &source.queue_group;
                subscriptions.push(bus.queue_subscribe(pattern, group).await?);
            }
            Ok((Merged::new(subscriptions), None))
        }
        Source::JetStream(source) => {
            let inbox = bus.inbox();
            let subscription = bus.subscribe(&inbox).await?;
            let pulls = Pulls::new(source, inbox.into(), bus.max_payload());
            Ok((Merged::new(vec![subscription]), Some(pulls)))
        }
    }
}

struct Worker {
    bus: Bus,
    messages: Merged<Subscriber>,
    pulls: Option<Pulls>,
    batch: Batch,
    way: Way,
    /// Of a stream.
    acknowledger: Option<Acknowledger>,
    received: u64,
}

impl Worker {
    async fn work(&mut self, terminated: &mut Signal) -> Result<(), FloorError> {
        loop {
            if let Some(pulls) = &mut self.pulls {
                pulls.ask(&self.bus).await?;
            }
            let due = self.batch.due();
            let age = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = terminated.recv() => return Ok(()),
                () = age => self.cut().await?,
                Some(sent) = self.way.next() => self.stored(sent).await?,
                message = self.messages.next() => {
                    let Some(message) = message else { return Ok(()) };
                    self.take(message).await?;
                    for _ in 1..CHUNK {
                        // Without the runtime's budget, which when used up makes a full queue look empty.
                        let next = tokio::task::unconstrained(self.messages.next());
                        let Some(Some(message)) = next.now_or_never() else { break };
                        self.take(message).await?;
                    }
                }
            }
        }
    }

    async fn take(&mut self, message: Message) -> Result<(), FloorError> {
        let message = match &mut self.pulls {
            None => message,
            Some(pulls) => match pulls.take(message)? {
                Some(message) => message,
                None => return Ok(()),
            },
        };
        self.received += 1;
        let lines = lines(&message);
        self.batch.push(message.payload, lines, message.reply);
        if self.batch.is_full() {
            self.cut().await?;
        }
        Ok(())
    }

    async fn cut(&mut self) -> Result<(), FloorError> {
        if let Some(body) = self.batch.cut() {
            while self.way.is_full() {
                if let Some(sent) = self.way.next().await {
                    self.stored(sent).await?;
                }
            }
            self.way.send(body);
        }
        Ok(())
    }

    async fn stored(&mut self, sent: Sent) -> Result<(), FloorError> {
        let stored = sent.map_err(|error| FloorError::Store(error.to_string()))??;
        self.batch.recycle(stored.body.segments);
        if let Some(acknowledger) = &mut self.acknowledger {
            acknowledger.stored(stored.number, stored.body.acks).await?;
            if let Some(list) = acknowledger.spare() {
                self.batch.recycle_list(list);
            }
        }
        Ok(())
    }

    /// Waits until what is under way is stored and acknowledged.
    async fn finish(&mut self) -> Result<(), FloorError> {
        while let Some(sent) = self.way.next().await {
            self.stored(sent).await?;
        }
        match self.acknowledger.take() {
            Some(acknowledger) => acknowledger.finish().await,
            None => Ok(()),
        }
    }
}

/// Lines of a payload: whoever cuts by lines has to count them.
fn lines(message: &Message) -> usize {
    match usize::try_from(newlines(&message.payload)) {
        Ok(lines) => lines.max(1),
        Err(_) => usize::MAX,
    }
}
