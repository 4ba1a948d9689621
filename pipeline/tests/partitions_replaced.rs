//! Promise: when the stream or the consumer of a lane is replaced while messages of it are in hand, the new ones are not taken for
//! those, and no ack of those falls on them. Once a store that came back had the server ack a new stream that nobody had stored.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/divided.rs"]
mod divided;
#[path = "rig/reading.rs"]
mod reading;
#[path = "rig/support.rs"]
mod support;

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream};
use divided::consumers;
use flightline::bus::SUBSCRIPTION_CAPACITY;
use flightline::delivery::Chunk;
use flightline_fixtures::generator::Message;
use flightline_fixtures::nats::{Nats, Options};
use reading::{Reading, floor};
use support::{PATIENCE, Publisher};

const MESSAGES: usize = 100;

fn messages(generation: u64) -> Vec<Message> {
    let message = |number: usize| Message {
        subject: "telemetry.app.s.t".to_owned(),
        content_type: None,
        payload: format!("m,g={generation} v={number} 1\n").into_bytes(),
        points: Vec::new(),
        refused: Vec::new(),
    };
    (0..MESSAGES).map(message).collect()
}

async fn outside(server: &Nats) -> jetstream::Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

fn are_of(chunk: &Chunk, generation: u64) -> bool {
    let sign = format!("m,g={generation} ");
    let mut payloads = chunk.iter().map(|delivery| &delivery.payload);
    payloads.all(|payload| payload.starts_with(sign.as_bytes()))
}

/// The store comes back: first what was in hand before is stored, then what is there now.
async fn new_ones_are_stored_before_they_are_acked(
    server: &Nats,
    mut reading: Reading,
    (old, generation): (Chunk, u64),
) {
    let new = reading.hold(MESSAGES, PATIENCE).await;
    assert!(
        are_of(&new, generation),
        "another stream's messages came late"
    );
    reading.store(old).await;
    // Several looks of whoever tends the lane: it acks whatever it takes for settled.
    assert!(reading.next(Duration::from_secs(2)).await.is_none());
    assert_eq!(floor(server), 0, "acked, and nothing of it is stored");
    reading.store(new).await;
    let deadline = Instant::now() + PATIENCE;
    while floor(server) < MESSAGES as u64 {
        assert!(Instant::now() < deadline, "{:?}", consumers(server));
        tokio::task::yield_now().await;
    }
    reading.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_stream_is_not_taken_for_the_one_in_hand() {
    for version in Options::default().each_version() {
        let server = version.start();
        let publisher = Publisher::new(&server).await;
        publisher.publish(&messages(1)).await;
        let mut reading = Reading::start(&server, SUBSCRIPTION_CAPACITY).await;
        let old = reading.hold(MESSAGES, PATIENCE).await;
        let context = outside(&server).await;
        context.delete_stream("TELEMETRY").await.unwrap();
        Publisher::new(&server).await.publish(&messages(2)).await;
        new_ones_are_stored_before_they_are_acked(&server, reading, (old, 2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_in_memory_that_its_server_has_forgotten_is_not_the_one_in_hand() {
    let mut server = Nats::start();
    let in_memory = stream::Config {
        name: "TELEMETRY".to_owned(),
        subjects: ["telemetry.>", "humidity", "motion", "temperature"]
            .map(str::to_owned)
            .to_vec(),
        storage: stream::StorageType::Memory,
        ..stream::Config::default()
    };
    let context = outside(&server).await;
    context.create_stream(in_memory.clone()).await.unwrap();
    Publisher::new(&server).await.publish(&messages(1)).await;
    let mut reading = Reading::start(&server, SUBSCRIPTION_CAPACITY).await;
    let old = reading.hold(MESSAGES, PATIENCE).await;
    tokio::task::block_in_place(|| {
        server.server().kill();
        server.server().restart();
    });
    Publisher::new(&server).await.publish(&messages(2)).await;
    new_ones_are_stored_before_they_are_acked(&server, reading, (old, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_was_made_anew_delivers_all_that_is_not_acked() {
    let server = Nats::start();
    Publisher::new(&server).await.publish(&messages(1)).await;
    let mut reading = Reading::start(&server, SUBSCRIPTION_CAPACITY).await;
    let old = reading.hold(MESSAGES, PATIENCE).await;
    let context = outside(&server).await;
    context
        .delete_consumer_from_stream("flightline-all", "TELEMETRY")
        .await
        .unwrap();
    new_ones_are_stored_before_they_are_acked(&server, reading, (old, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_restarted_still_has_the_one_in_hand() {
    for version in Options::default().each_version() {
        let mut server = version.start();
        Publisher::new(&server).await.publish(&messages(1)).await;
        let mut reading = Reading::start(&server, SUBSCRIPTION_CAPACITY).await;
        let old = reading.hold(MESSAGES, PATIENCE).await;
        tokio::task::block_in_place(|| {
            server.server().stop();
            server.server().restart();
        });
        Publisher::new(&server).await.publish(&messages(2)).await;
        let new = reading.hold(MESSAGES, PATIENCE).await;
        assert!(
            are_of(&new, 2),
            "{}: what is in hand came again",
            server.version()
        );
        assert_eq!(reading.metrics.forgotten.get(), 0, "{}", server.version());
        reading.store(old).await;
        reading.store(new).await;
        let deadline = Instant::now() + PATIENCE;
        while floor(&server) < 2 * MESSAGES as u64 {
            assert!(Instant::now() < deadline, "{:?}", consumers(&server));
            tokio::task::yield_now().await;
        }
        reading.end().await;
    }
}
