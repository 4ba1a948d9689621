//! Promise: messages that are purged by subject before they are acked do not hold the acks of their lane. nats-server keeps them
//! pending and never delivers them, so that a new owner once waited for them for ever, until the server stopped the lane.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/divided.rs"]
mod divided;
#[path = "rig/reading.rs"]
mod reading;
#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use divided::{consumers, dividing_servers};
use flightline::bus::SUBSCRIPTION_CAPACITY;
use flightline_fixtures::nats::{Nats, Options};
use reading::{Reading, floor, numbered, sequences};
use support::{PATIENCE, Publisher};

const MESSAGES: u64 = 100;
/// Up to here all is acked before the purge: then the server lets purged messages stay pending.
const ACKED: u64 = 10;

/// Purges one of ten subjects of which most is un-acked.
async fn purge(server: &Nats) {
    let context = jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let stream = context.get_stream("TELEMETRY").await.unwrap();
    let purged = stream.purge().filter("telemetry.app.s.t3").await.unwrap();
    assert_eq!(purged.purged, MESSAGES / 10);
}

async fn wait_acked(server: &Nats, up_to: u64) {
    let deadline = Instant::now() + PATIENCE;
    while floor(server) < up_to {
        assert!(Instant::now() < deadline, "{:?}", consumers(server));
        tokio::task::yield_now().await;
    }
}

async fn a_new_owner_acks_what_is_left(server: &Nats) {
    Publisher::new(server)
        .await
        .publish(&numbered(1..=MESSAGES))
        .await;
    let mut first = Reading::start(server, SUBSCRIPTION_CAPACITY).await;
    let mut held = first.hold(MESSAGES as usize, PATIENCE).await;
    let rest = held.split_off(ACKED as usize);
    first.store(held).await;
    wait_acked(server, ACKED).await;
    drop(rest);
    first.end().await;
    purge(server).await;

    let mut second = Reading::start(server, SUBSCRIPTION_CAPACITY).await;
    let mut stored = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    let left = |sequence: &u64| *sequence > ACKED && sequence % 10 != 3;
    while !(1..=MESSAGES)
        .filter(left)
        .all(|sequence| stored.contains(&sequence))
    {
        assert!(
            Instant::now() < deadline,
            "{}: {stored:?} is stored, {:?}",
            server.version(),
            consumers(server)
        );
        let Some(chunk) = second.next(Duration::from_millis(20)).await else {
            continue;
        };
        stored.extend(sequences(&chunk));
        second.store(chunk).await;
    }
    wait_acked(server, MESSAGES).await;
    second.end().await;
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_purged_does_not_hold_the_acks_of_a_new_owner() {
    // Not 2.9, which takes everything for acked after a purge by subject.
    for server in dividing_servers() {
        a_new_owner_acks_what_is_left(&server).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_given_up_and_then_purged_holds_no_ack() {
    for version in Options::default().each_version() {
        let server = version.start();
        Publisher::new(&server)
            .await
            .publish(&numbered(1..=MESSAGES))
            .await;
        let mut reading = Reading::start(&server, SUBSCRIPTION_CAPACITY).await;
        let held = reading.hold(MESSAGES as usize, PATIENCE).await;
        purge(&server).await;
        let (given_up, left): (Vec<_>, Vec<_>) = held
            .into_iter()
            .partition(|delivery| delivery.subject.ends_with(".t3"));
        drop(given_up);
        reading.store(left).await;
        wait_acked(&server, MESSAGES).await;
        reading.end().await;
    }
}
