//! Promise: what the client drops between server and source is not acked with what came behind it. With ack-all and a small
//! subscription 1,964 of 5,000 messages once came, and the server held all of them for acked.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/divided.rs"]
mod divided;
#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use divided::consumers;
use flightline::ack::{self, Told};
use flightline::batch::{Batch, Entry};
use flightline::bus::{Bus, StreamSpec};
use flightline::config::{JetStream, Nats as NatsConfig, NatsAuth, Partitions, Tls};
use flightline::delivery::Chunk;
use flightline::metrics::Metrics;
use flightline::sink::share::Share;
use flightline::source::handoff::handoff;
use flightline::source::lanes::{Board, End, Lanes};
use flightline_fixtures::generator::Message;
use flightline_fixtures::nats::{Nats, Options};
use support::{PATIENCE, Publisher};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const MESSAGES: u64 = 3_000;
/// What the client holds before it drops: far less than a pull brings.
const CAPACITY: usize = 256;

fn messages() -> Vec<Message> {
    let message = |number: u64| Message {
        subject: format!("telemetry.app.s.t{}", number % 10),
        content_type: None,
        payload: format!("m v={number} {}\n", number + 1).into_bytes(),
        points: Vec::new(),
        refused: Vec::new(),
    };
    (0..MESSAGES).map(message).collect()
}

fn lanes(bus: &Bus, metrics: &Arc<Metrics>) -> Lanes {
    let config = JetStream {
        stream: "TELEMETRY".to_owned(),
        consumer: "flightline".to_owned(),
        ack_wait: Duration::from_secs(1),
        max_ack_pending: 100_000,
        prefetch_bytes: 256 * 1024,
        partitions: None,
    };
    let stream = StreamSpec {
        name: "TELEMETRY".to_owned(),
        subjects: vec!["telemetry.>".to_owned()],
        max_age: Duration::ZERO,
        max_bytes: -1,
    };
    let divided = (config, Partitions::Hashed(1));
    let prefix = "telemetry".to_owned();
    Lanes::new(
        bus.clone(),
        divided,
        stream,
        prefix,
        Arc::clone(metrics),
        Board::default(),
    )
}

fn batch(chunk: Chunk) -> Batch {
    let entry = |delivery| Entry { delivery, lines: 1 };
    Batch {
        entries: chunk.into_iter().map(entry).collect(),
        ..Batch::default()
    }
}

fn floor(server: &Nats) -> u64 {
    let lane = consumers(server)
        .into_iter()
        .find(|found| found.name == "flightline-all");
    lane.map_or(0, |lane| lane.floor)
}

async fn nothing_is_lost(server: &Nats) {
    let publisher = Publisher::new(server).await;
    publisher.publish(&messages()).await;
    let config = NatsConfig {
        urls: vec![server.url()],
        auth: NatsAuth::None,
        tls: Tls::default(),
        name: "worker".to_owned(),
    };
    let bus = Bus::connect(&config, CAPACITY).await.unwrap();
    let metrics = Arc::new(Metrics::new());
    let (hands, mut intake) = handoff();
    let end = End {
        stop: CancellationToken::new(),
        pulled: CancellationToken::new(),
        settled: CancellationToken::new(),
    };
    let reading = tokio::spawn(lanes(&bus, &metrics).run(hands, end.clone()));
    let (settled, batches) = mpsc::channel(16);
    let (recycle, _recycled) = mpsc::channel(16);
    let told = Told::Server(bus.clone());
    let acking = tokio::spawn(ack::run(batches, told, recycle, Arc::clone(&metrics)));

    let mut stored = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    while (stored.len() as u64) < MESSAGES || floor(server) < MESSAGES {
        assert!(
            Instant::now() < deadline,
            "{} stored, {:?}",
            stored.len(),
            consumers(server)
        );
        // The floor first: what is acked then is stored by now.
        let floor = floor(server);
        assert!(
            (1..=floor).all(|sequence| stored.contains(&sequence)),
            "acked up to {floor}"
        );
        let next = tokio::time::timeout(Duration::from_millis(20), intake.next());
        let Ok(Some(chunk)) = next.await else {
            continue;
        };
        stored.extend(
            chunk
                .iter()
                .filter_map(|delivery| delivery.stamp.sequence)
                .map(u64::from),
        );
        let now = Instant::now();
        let (_, shares) = Share::split(batch(chunk), 1, settled.clone(), Arc::clone(&metrics), now);
        for share in shares {
            share.stored().await;
        }
    }
    let redelivered = metrics.redelivered.get();
    assert!(
        redelivered > 0,
        "the client has dropped nothing: this test shows nothing"
    );
    end.stop.cancel();
    end.pulled.cancelled().await;
    reading.await.unwrap();
    drop(settled);
    acking.await.unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn no_ack_passes_what_the_client_has_dropped() {
    for version in Options::default().each_version() {
        nothing_is_lost(&version.start()).await;
    }
}
