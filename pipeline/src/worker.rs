//! A worker's life behind `flightline run`: connect, start the stages, pull until told to stop, drain. What it needs is tried
//! until it is there; only what no waiting can mend ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flightline_contract::class::Class;
use flightline_contract::table::Stream;
use flightline_contract::token::Prefix;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::ack::Told;
use crate::bus::{Bus, EnsureError, Existed, PAUSES, SUBSCRIPTION_CAPACITY, StreamSpec};
use crate::config::{Config, DeadLetters, Partitions, Source};
use crate::console::Console;
use crate::deadletter::file::LetterFile;
use crate::deadletter::jetstream::LetterStream;
use crate::deadletter::store::Store;
use crate::ingest::{self, Front};
use crate::metrics::{Metrics, Stage};
use crate::run::{Ended, Parts, Stages, StartError};
use crate::source::era::Eras;
use crate::source::given_up::GivenUp;
use way::{LAST_ACKS, Way};

/// Which source, and how it ends.
mod way;

/// What a core source waits for between two looks at what the server should be told: nothing, since it has no acks.
const NO_ACK_WAIT: Duration = Duration::from_secs(30);

/// What part of a drain's time the write front may take: the rest is for what has been received.
const FRONT_SHARE: u32 = 2;

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything received is settled.
    Drained,
    /// So many messages are not: JetStream delivers them again.
    Unacked(u64),
}

/// A worker could not start.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The stages cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server is too old for what is configured.
    #[error(
        "source.partitions = {count} needs nats-server 2.10 or newer, and this is {version}: divide by subjects instead: \
         partitions = [{filters}]"
    )]
    TooOld {
        /// As configured.
        count: u32,
        /// Of the server.
        version: String,
        /// What can be divided by with any server.
        filters: String,
    },
    /// The write front cannot be opened.
    #[error(transparent)]
    Ingest(#[from] ingest::OpenError),
    /// The prefix is none.
    #[error("prefix: {0}")]
    Prefix(#[from] flightline_contract::token::PrefixError),
}

/// Runs a worker, seen through `console`, until `stop`; `abandon` ends it at once.
///
/// # Errors
/// Before anything was received.
pub async fn run(
    config: &Config,
    console: &Console,
    stop: CancellationToken,
    abandon: CancellationToken,
) -> Result<Outcome, WorkerError> {
    // On the heap: it holds everything that lives as long as the worker.
    let outcome = Box::pin(work(config, console, &stop, &abandon)).await;
    if let Ok(Outcome::Unacked(messages)) = outcome {
        console.metrics.abandoned.inc_by(messages);
        error!(
            messages,
            "stopped with messages un-acked: they will be delivered again"
        );
    }
    outcome
}

async fn work(
    config: &Config,
    console: &Console,
    stop: &CancellationToken,
    abandon: &CancellationToken,
) -> Result<Outcome, WorkerError> {
    let front = front(config, console).await?;
    console.health.opened();
    let prefix = Prefix::new(&config.prefix)?;
    let needed = Box::pin(needed(config, console, &prefix, front.as_ref()));
    let Some((bus, own, letters)) = stop.run_until_cancelled(needed).await else {
        return Ok(Outcome::Drained);
    };
    refuse_too_old(config, &bus)?;
    let eras = Eras::default();
    let (told, ack_wait) = told(config, &bus, &eras).await;
    let parts = Parts {
        told,
        ack_wait,
        letters,
        exporter: console.exporter.clone(),
        metrics: Arc::clone(&console.metrics),
        pulse: Arc::clone(&console.health.path),
    };
    let (handoff, mut stages) = Stages::start(config, parts)?;
    console.watch(Some(own.clone()), subscribed(config, &prefix));
    info!("running");

    let listening = stop.child_token();
    listen(config, bus, &stages, &console.metrics, listening.clone());

    let source_ended = CancellationToken::new();
    let at_its_end = source_ended.clone().drop_guard();
    let way = Way {
        config,
        ack_wait,
        console,
        prefix: &prefix,
        eras,
    };
    let pulling = CancellationToken::new();
    let (source, lanes) = way.source(own, handoff, pulling.clone());
    stages.lead(tokio::spawn(async move {
        source.await;
        drop(at_its_end);
    }));
    tokio::select! {
        () = stop.cancelled() => {}
        () = source_ended.cancelled() => console.health.broke("the source has ended although nobody asked it to"),
    }
    console.health.draining();
    listening.cancel();
    pulling.cancel();
    let deadline = Instant::now() + config.drain;
    if let Some(front) = front {
        // What it takes goes into the stream, for whoever pulls next; meanwhile the stages work off what was received.
        let limit = config.drain / FRONT_SHARE;
        abandon.run_until_cancelled(front.close(limit)).await;
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let ended = abandon.run_until_cancelled(stages.finish(left)).await;
    if let Some(lanes) = lanes {
        // Whoever is late has had the deadline already.
        let patience = match ended {
            Some(Ended::Clean) => LAST_ACKS,
            Some(Ended::Late(_)) | None => Duration::ZERO,
        };
        abandon.run_until_cancelled(lanes.leave(patience)).await;
    }
    match (ended, console.unsettled()) {
        (Some(Ended::Clean), 0) => Ok(Outcome::Drained),
        (_, unsettled) => Ok(Outcome::Unacked(unsettled)),
    }
}

/// What must be there before anything is received: both connections and the place of dead letters; and the front's own connection.
async fn needed(
    config: &Config,
    console: &Console,
    prefix: &Prefix,
    front: Option<&Front>,
) -> (Bus, Bus, Store) {
    let (bus, own) = connections(config, console).await;
    let letters = letters(config, &bus, prefix).await;
    reach(front, config, console).await;
    (bus, own, letters)
}

/// What a source subscribes to; one that pulls hears nothing by itself.
fn subscribed(config: &Config, prefix: &Prefix) -> Vec<String> {
    match &config.source {
        Source::JetStream(_) => Vec::new(),
        Source::Core(_) => stream_of(config, prefix, "").subjects,
    }
}

/// Who is told of stored messages, and how long the server waits for that.
async fn told(config: &Config, bus: &Bus, eras: &Eras) -> (Told, Duration) {
    match &config.source {
        Source::JetStream(source) => {
            let before = bus.ack_wait(&source.stream, &source.consumer).await;
            (
                Told::Server(bus.clone(), eras.clone()),
                before.map_or(source.ack_wait, |before| before.min(source.ack_wait)),
            )
        }
        Source::Core(_) => (Told::Nobody, NO_ACK_WAIT),
    }
}

/// The write front, if there is to be one: it answers from now on, at first that nothing is ready.
async fn front(config: &Config, console: &Console) -> Result<Option<Front>, ingest::OpenError> {
    match &config.ingest {
        Some(ingest) => Front::open(ingest, config, console).await.map(Some),
        None => Ok(None),
    }
}

/// Gives the front a connection of its own, however long that takes: acks are not to wait behind what it publishes.
async fn reach(front: Option<&Front>, config: &Config, console: &Console) {
    if let Some(front) = front {
        front.reach(connect(config, console, SUBSCRIPTION_CAPACITY).await);
    }
}

/// Listens to what the consumer gives up, until `listening` is cancelled: till then the dead-letter stage stays open.
fn listen(
    config: &Config,
    bus: Bus,
    stages: &Stages,
    metrics: &Arc<Metrics>,
    listening: CancellationToken,
) {
    if let Source::JetStream(source) = &config.source {
        let given_up = GivenUp {
            bus,
            config: source.clone(),
            prefix: config.prefix.clone(),
            office: stages.office(),
            metrics: Arc::clone(metrics),
        };
        tokio::spawn(given_up.run(listening));
    }
}

/// Before anything is touched: an old server cannot divide a stream by a number.
fn refuse_too_old(config: &Config, bus: &Bus) -> Result<(), WorkerError> {
    let Source::JetStream(source) = &config.source else {
        return Ok(());
    };
    let (Some(Partitions::Hashed(count @ 2..)), Err(version)) = (&source.partitions, bus.divides())
    else {
        return Ok(());
    };
    let prefix = &config.prefix;
    let classes = Class::ALL.map(|class| format!("\"{prefix}.{class}.>\""));
    let mapped = config.mappings.iter().flat_map(|mapping| &mapping.subjects);
    let mapped = mapped.map(|subject| format!("\"{subject}\""));
    let filters: Vec<_> = classes.into_iter().chain(mapped).collect();
    Err(WorkerError::TooOld {
        count: *count,
        version,
        filters: filters.join(", "),
    })
}

/// The worker's connection and that of its source, which is another one for core subjects: their count of drops rests on it.
async fn connections(config: &Config, console: &Console) -> (Bus, Bus) {
    let bus = connect(config, console, SUBSCRIPTION_CAPACITY).await;
    let own = match &config.source {
        Source::JetStream(_) => bus.clone(),
        Source::Core(source) => connect(config, console, source.capacity).await,
    };
    (bus, own)
}

/// Connects, however long that takes.
async fn connect(config: &Config, console: &Console, capacity: usize) -> Bus {
    Bus::reach(&config.nats, capacity, |error| {
        console.metrics.failed(Stage::Source, error);
    })
    .await
}

/// Where dead letters are kept; their stream is created if absent, however long that takes.
async fn letters(config: &Config, bus: &Bus, prefix: &Prefix) -> Store {
    let origin = match &config.source {
        Source::JetStream(source) => Some(source.stream.clone()),
        Source::Core(_) => None,
    };
    let (stream, max_age, max_bytes, replicas) = match &config.deadletter {
        DeadLetters::File { path } => return Store::File(LetterFile::new(path.clone(), origin)),
        DeadLetters::JetStream {
            stream,
            max_age,
            max_bytes,
            replicas,
        } => (stream, *max_age, *max_bytes, *replicas),
    };
    let subjects = vec![Stream::DeadLetter.subjects(prefix).to_string()];
    let spec = StreamSpec {
        name: stream.clone(),
        subjects,
        max_age,
        max_bytes,
        replicas,
    };
    let mut pause = PAUSES.0;
    loop {
        match bus.ensure_stream(&spec).await {
            Ok(Existed::Created) => info!(stream, "created the dead-letter stream"),
            Ok(Existed::Before) => {}
            Err(error @ EnsureError::Unfit(_)) => error!(%error, "dead letters may not be kept"),
            Err(error @ EnsureError::Unavailable { .. }) => {
                warn!(%error, "the dead-letter stream is not there yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
                continue;
            }
        }
        return Store::JetStream(LetterStream::new(bus.clone(), spec, origin));
    }
}

/// Everything this configuration reads: the contract's subjects and those of its mappings.
pub fn stream_of(config: &Config, prefix: &Prefix, name: &str) -> StreamSpec {
    let mut subjects = vec![Stream::Telemetry.subjects(prefix).to_string()];
    subjects.extend(
        config
            .mappings
            .iter()
            .flat_map(|mapping| mapping.subjects.iter().cloned()),
    );
    StreamSpec {
        name: name.to_owned(),
        subjects,
        max_age: Duration::ZERO,
        max_bytes: -1,
        replicas: match &config.source {
            Source::JetStream(source) => source.replicas,
            Source::Core(_) => 1,
        },
    }
}
