//! A divided stream read in this process, so that a test decides what is stored and when.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use flightline::ack::{self, Told};
use flightline::batch::{Batch, Entry};
use flightline::bus::{Bus, StreamSpec};
use flightline::config::{JetStream, Partitions, Remember};
use flightline::delivery::Chunk;
use flightline::metrics::Metrics;
use flightline::sink::share::{InFlight, Share};
use flightline::source::era::Eras;
use flightline::source::handoff::{Intake, handoff};
use flightline::source::lanes::{Board, End, Lanes};
use flightline_fixtures::generator::Message;
use flightline_fixtures::nats::Nats;
use flightline_link::nats::{INBOX_PREFIX, Nats as NatsConfig, NatsAuth};
use flightline_link::tls::Tls;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The only lane, from the server to the test's hands.
pub(crate) struct Reading {
    pub(crate) bus: Bus,
    pub(crate) metrics: Arc<Metrics>,
    intake: Intake,
    end: End,
    reading: JoinHandle<()>,
    settled: mpsc::Sender<Arc<InFlight>>,
    acking: JoinHandle<()>,
}

impl Reading {
    /// Reads the stream on `server`, undivided, with an ack wait of a second; the client drops what is more than `capacity`.
    pub(crate) async fn start(server: &Nats, capacity: usize) -> Self {
        let config = NatsConfig {
            urls: vec![server.url()],
            auth: NatsAuth::None,
            tls: Tls::default(),
            name: "worker".to_owned(),
            inbox_prefix: INBOX_PREFIX.to_owned(),
        };
        let bus = Bus::connect(&config, capacity).await.unwrap();
        let metrics = Arc::new(Metrics::new());
        let (hands, intake) = handoff();
        let end = End {
            stop: CancellationToken::new(),
            pulled: CancellationToken::new(),
            settled: CancellationToken::new(),
        };
        let lanes = lanes(&bus, &metrics);
        let reading = tokio::spawn(lanes.run(hands, end.clone()));
        let (settled, batches) = mpsc::channel(16);
        let (recycle, _recycled) = mpsc::channel(16);
        let told = Told::Server(bus.clone(), Eras::default());
        let acking = tokio::spawn(ack::run(batches, told, recycle, Arc::clone(&metrics)));
        Self {
            bus,
            metrics,
            intake,
            end,
            reading,
            settled,
            acking,
        }
    }

    /// What comes within so long.
    pub(crate) async fn next(&mut self, limit: Duration) -> Option<Chunk> {
        let next = tokio::time::timeout(limit, self.intake.next());
        next.await.ok().flatten()
    }

    /// Takes so many messages into the test's hands.
    pub(crate) async fn hold(&mut self, count: usize, patience: Duration) -> Chunk {
        let deadline = Instant::now() + patience;
        let mut held = Chunk::new();
        while held.len() < count {
            assert!(Instant::now() < deadline, "{} of {count} came", held.len());
            held.extend(self.next(patience).await.unwrap_or_default());
        }
        held
    }

    /// These are in every store.
    pub(crate) async fn store(&self, chunk: Chunk) {
        let entry = |delivery| Entry { delivery, lines: 1 };
        let batch = Batch {
            entries: chunk.into_iter().map(entry).collect(),
            ..Batch::default()
        };
        let (settled, metrics) = (self.settled.clone(), Arc::clone(&self.metrics));
        let (_, shares) = Share::split(batch, 1, settled, metrics, Instant::now().into_std());
        for share in shares {
            share.stored().await;
        }
    }

    /// Gives the lane back; what the test holds has to be stored or dropped by now.
    pub(crate) async fn end(self) {
        self.end.stop.cancel();
        self.end.pulled.cancelled().await;
        self.reading.await.unwrap();
        drop(self.settled);
        self.acking.await.unwrap();
    }
}

fn lanes(bus: &Bus, metrics: &Arc<Metrics>) -> Lanes {
    let config = JetStream {
        stream: "TELEMETRY".to_owned(),
        consumer: "flightline".to_owned(),
        ack_wait: Duration::from_secs(1),
        max_ack_pending: 100_000,
        prefetch_bytes: 256 * 1024,
        partitions: None,
        remember: Remember::Nowhere,
        replicas: 1,
    };
    let stream = StreamSpec {
        name: "TELEMETRY".to_owned(),
        subjects: vec!["telemetry.>".to_owned()],
        max_age: Duration::ZERO,
        max_bytes: -1,
        replicas: 1,
    };
    let divided = (config, Partitions::Hashed(1));
    let prefix = "telemetry".to_owned();
    let metrics = Arc::clone(metrics);
    Lanes::new(
        bus.clone(),
        divided,
        stream,
        prefix,
        metrics,
        Board::default(),
    )
}

/// Up to which stream sequence the lane is acked.
pub(crate) fn floor(server: &Nats) -> u64 {
    let lane = crate::divided::consumers(server)
        .into_iter()
        .find(|found| found.name == "flightline-all");
    lane.map_or(0, |lane| lane.floor)
}

/// The stream sequences of these.
pub(crate) fn sequences(chunk: &Chunk) -> impl Iterator<Item = u64> {
    let stamps = chunk.iter().filter_map(|delivery| delivery.stamp.sequence);
    stamps.map(u64::from)
}

/// A line for each of these numbers, on ten subjects in turn.
pub(crate) fn numbered(numbers: RangeInclusive<u64>) -> Vec<Message> {
    let message = |number: u64| Message {
        subject: format!("telemetry.app.s.t{}", number % 10),
        content_type: None,
        payload: format!("m v={number} {}\n", number + 1).into_bytes(),
        points: Vec::new(),
        refused: Vec::new(),
    };
    numbers.map(message).collect()
}
