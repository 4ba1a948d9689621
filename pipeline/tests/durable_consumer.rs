//! Promise: the durable consumer is created if absent and never deleted; whatever happens to the server, the stream or the
//! consumer, all that JetStream still holds arrives, and damage is said.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use flightline::bus::{Bus, SUBSCRIPTION_CAPACITY, StreamSpec};
use flightline::config::{JetStream, Remember};
use flightline::console::LastLag;
use flightline::delivery::Delivery;
use flightline::metrics::Metrics;
use flightline::source::era::Eras;
use flightline::source::handoff::{Intake, handoff};
use flightline::source::jetstream::Source;
use flightline_fixtures::nats::Nats;
use flightline_link::nats::{INBOX_PREFIX, Nats as NatsConfig, NatsAuth};
use flightline_link::tls::Tls;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);

struct Rig {
    bus: Bus,
    metrics: Arc<Metrics>,
    lag: LastLag,
    intake: Intake,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn nats_config(server: &Nats) -> NatsConfig {
    NatsConfig {
        urls: vec![server.url()],
        auth: NatsAuth::None,
        tls: Tls::default(),
        name: "test".to_owned(),
        inbox_prefix: INBOX_PREFIX.to_owned(),
    }
}

fn consumer() -> JetStream {
    JetStream {
        stream: "TELEMETRY".to_owned(),
        consumer: "flightline".to_owned(),
        ack_wait: Duration::from_secs(30),
        max_ack_pending: 100_000,
        prefetch_bytes: 256 * 1024,
        partitions: None,
        remember: Remember::Nats,
        replicas: 1,
    }
}

fn stream() -> StreamSpec {
    StreamSpec {
        name: "TELEMETRY".to_owned(),
        subjects: vec!["telemetry.>".to_owned()],
        max_age: Duration::ZERO,
        max_bytes: -1,
        replicas: 1,
    }
}

async fn start(server: &Nats) -> Rig {
    let bus = Bus::connect(&nats_config(server), SUBSCRIPTION_CAPACITY)
        .await
        .unwrap();
    let metrics = Arc::new(Metrics::new());
    let (hands, intake) = handoff();
    let stop = CancellationToken::new();
    let lag = LastLag::default();
    let source = Source::new(
        bus.clone(),
        consumer(),
        stream(),
        Arc::clone(&metrics),
        Arc::clone(&lag),
        Eras::default(),
    );
    let task = tokio::spawn(source.run(hands, stop.clone()));
    Rig {
        bus,
        metrics,
        lag,
        intake,
        stop,
        task,
    }
}

impl Rig {
    /// Takes deliveries until every sequence of `wanted` was seen; acks each.
    async fn take(&mut self, wanted: std::ops::RangeInclusive<u64>) -> Vec<Delivery> {
        let mut missing: BTreeSet<u64> = wanted.collect();
        let mut taken = Vec::new();
        while !missing.is_empty() {
            let chunk = timeout(PATIENCE, self.intake.next())
                .await
                .expect("messages arrive")
                .expect("the source runs");
            for delivery in chunk {
                missing.remove(&delivery.stamp.sequence.unwrap().get());
                self.bus
                    .ack(delivery.ack.reply().unwrap().clone())
                    .await
                    .unwrap();
                taken.push(delivery);
            }
        }
        self.bus.flush().await.unwrap();
        taken
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task)
            .await
            .expect("the source ends")
            .unwrap();
    }
}

async fn publish(bus: &Bus, count: usize, payload: &Bytes) {
    let mut under_way = Vec::new();
    for _ in 0..count {
        under_way.push(
            bus.store(
                "telemetry.app.s.t".into(),
                HeaderMap::new(),
                payload.clone(),
            )
            .await
            .unwrap(),
        );
    }
    for stored in under_way {
        stored.wait().await.unwrap();
    }
}

/// Waits until `rig`'s stream is there.
async fn stream_is_there(rig: &Rig) {
    timeout(PATIENCE, async {
        while !matches!(
            rig.bus.consumer_state("TELEMETRY", "flightline").await,
            Ok(Some(_))
        ) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("stream and consumer are created");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_published_arrives_and_the_ack_floor_follows() {
    let server = Nats::start();
    let mut rig = start(&server).await;
    stream_is_there(&rig).await;
    publish(&rig.bus, 5_000, &Bytes::from_static(b"m v=1 1\n")).await;
    let taken = rig.take(1..=5_000).await;
    assert_eq!(taken.len(), 5_000, "nothing comes twice");
    // The server works acks off in its own time.
    let all_acked = async {
        loop {
            let state = rig
                .bus
                .consumer_state("TELEMETRY", "flightline")
                .await
                .unwrap()
                .unwrap();
            if (state.ack_floor, state.pending) == (5_000, 0) {
                return;
            }
        }
    };
    timeout(PATIENCE, all_acked)
        .await
        .expect("the ack floor is the last sequence");
    assert_eq!(rig.metrics.stalls.get(), 0);
    let bus = rig.bus.clone();
    rig.end().await;
    assert!(
        bus.consumer_state("TELEMETRY", "flightline")
            .await
            .unwrap()
            .is_some(),
        "stopping must not delete it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_larger_than_a_pull_arrives() {
    let server = Nats::start();
    let mut rig = start(&server).await;
    stream_is_there(&rig).await;
    publish(&rig.bus, 10, &Bytes::from_static(b"m v=1 1\n")).await;
    publish(&rig.bus, 3, &Bytes::from(vec![b'x'; 900_000])).await;
    publish(&rig.bus, 10, &Bytes::from_static(b"m v=1 1\n")).await;
    assert_eq!(rig.take(1..=23).await.len(), 23);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_goes_on_after_the_server_was_restarted() {
    let mut server = Nats::start();
    let mut rig = start(&server).await;
    stream_is_there(&rig).await;
    publish(&rig.bus, 100, &Bytes::from_static(b"m v=1 1\n")).await;
    rig.take(1..=100).await;
    tokio::task::block_in_place(|| {
        server.server().kill();
        server.server().restart();
    });
    stream_is_there(&rig).await;
    publish(&rig.bus, 100, &Bytes::from_static(b"m v=1 1\n")).await;
    rig.take(101..=200).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_consumer_is_made_again_and_nothing_is_missing() {
    let server = Nats::start();
    let mut rig = start(&server).await;
    stream_is_there(&rig).await;
    publish(&rig.bus, 100, &Bytes::from_static(b"m v=1 1\n")).await;
    rig.take(1..=100).await;
    let outside = async_nats::connect(server.url()).await.unwrap();
    let context = async_nats::jetstream::new(outside);
    context
        .delete_consumer_from_stream("flightline", "TELEMETRY")
        .await
        .unwrap();
    stream_is_there(&rig).await;
    publish(&rig.bus, 100, &Bytes::from_static(b"m v=1 1\n")).await;
    rig.take(101..=200).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_replaced_is_read_from_its_beginning_and_the_damage_is_said() {
    let server = Nats::start();
    let mut rig = start(&server).await;
    stream_is_there(&rig).await;
    publish(&rig.bus, 100, &Bytes::from_static(b"m v=1 1\n")).await;
    rig.take(1..=100).await;
    // The source has to have seen the acks of the history that is about to end.
    let seen = || {
        rig.lag
            .lock()
            .unwrap()
            .as_ref()
            .is_some_and(|lag| lag.ack_floor == 100)
    };
    timeout(PATIENCE, async {
        while !seen() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let damage = rig.metrics.history_damage_sum();

    let outside = async_nats::connect(server.url()).await.unwrap();
    let context = async_nats::jetstream::new(outside);
    context.delete_stream("TELEMETRY").await.unwrap();
    rig.bus.ensure_stream(&stream()).await.unwrap();
    publish(&rig.bus, 20, &Bytes::from_static(b"m v=1 1\n")).await;
    rig.take(1..=20).await;
    assert!(rig.metrics.history_damage_sum() > damage);
    rig.end().await;
}
