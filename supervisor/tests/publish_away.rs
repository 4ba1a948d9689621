//! Promise: NATS may be away, at the start, in the middle or at the end. Who hands something in never waits, what is kept is bounded, what
//! was lost is counted and shows as a gap, and a drain ends in time.

#[path = "rig/publish.rs"]
mod rig;

use std::time::{Duration, Instant};

use flightline_contract::health::Status;
use flightline_fixtures::nats::Nats;
use flightline_supervisor::publish::Publisher;
use rig::{Other, PATIENCE, change, config, gauge, health, wait_for};

const WINDOW: Duration = Duration::from_secs(120);

#[tokio::test]
async fn what_happened_before_nats_was_there_is_published_when_it_comes() {
    let mut server = Nats::start();
    let url = server.url();
    Other::at(&server).await.stream(WINDOW).await;
    server.server().stop();
    let publisher = Publisher::start(&config(&url), "p1");
    for sequence in 1..=20 {
        publisher.lifecycle(change(sequence));
    }
    // It has tried to connect.
    tokio::task::yield_now().await;
    server.server().resume_service();
    wait_for(&publisher, |counts| counts.published == 20).await;
    let expected: Vec<u64> = (1..=20).collect();
    assert_eq!(Other::at(&server).await.stored().await, expected);
}

#[tokio::test]
async fn of_too_many_changes_the_oldest_are_lost_counted_and_show_as_a_gap() {
    let mut server = Nats::start();
    let url = server.url();
    Other::at(&server).await.stream(WINDOW).await;
    server.server().stop();
    let mut config = config(&url);
    config.ring = 4;
    let publisher = Publisher::start(&config, "p1");
    for sequence in 1..=10 {
        publisher.lifecycle(change(sequence));
    }
    let counts = publisher.counts();
    assert_eq!((counts.lost, counts.waiting, counts.published), (6, 4, 0));
    server.server().resume_service();
    wait_for(&publisher, |counts| counts.published == 4).await;
    assert_eq!(Other::at(&server).await.stored().await, [7, 8, 9, 10]);
}

#[tokio::test]
async fn a_drain_sends_what_waits() {
    let server = Nats::start();
    let other = Other::at(&server).await;
    other.stream(WINDOW).await;
    let mut healths = other.subscribe("telemetry.health.>").await;
    let mut metrics = other.subscribe("telemetry.metric.>").await;
    let publisher = Publisher::start(&config(&server.url()), "p1");
    for sequence in 1..=20 {
        publisher.lifecycle(change(sequence));
    }
    publisher.health(health("web", Status::Critical, "gone"));
    publisher.metrics([gauge("a", 1.0)]);
    let drained = publisher
        .drain(tokio::time::Instant::now() + PATIENCE)
        .await;
    assert_eq!((drained.changes, drained.others), (0, 0));
    assert_eq!(other.stored().await.len(), 20);
    rig::next(&mut healths).await;
    rig::next(&mut metrics).await;
}

#[tokio::test]
async fn a_drain_without_nats_ends_at_its_deadline_and_says_what_is_left() {
    let mut server = Nats::start();
    let url = server.url();
    server.server().stop();
    let publisher = Publisher::start(&config(&url), "p1");
    for sequence in 1..=3 {
        publisher.lifecycle(change(sequence));
    }
    publisher.metrics([gauge("a", 1.0)]);
    let limit = Duration::from_millis(300);
    let start = tokio::time::Instant::now();
    let drained = publisher.drain(start + limit).await;
    assert_eq!((drained.changes, drained.others), (3, 1));
    assert!(start.elapsed() >= limit && start.elapsed() < 10 * limit);
}

#[tokio::test]
async fn a_drain_of_nothing_needs_no_nats() {
    let mut server = Nats::start();
    let url = server.url();
    server.server().stop();
    let publisher = Publisher::start(&config(&url), "p1");
    let start = tokio::time::Instant::now();
    let drained = publisher.drain(start + PATIENCE).await;
    assert_eq!((drained.changes, drained.others), (0, 0));
    assert!(start.elapsed() < PATIENCE / 2);
}

#[tokio::test]
async fn a_drain_while_the_server_stands_still_ends_at_its_deadline() {
    let mut server = Nats::start();
    Other::at(&server).await.stream(WINDOW).await;
    let publisher = Publisher::start(&config(&server.url()), "p1");
    publisher.lifecycle(change(1));
    wait_for(&publisher, |counts| counts.published == 1).await;
    server.server().pause();
    publisher.lifecycle(change(2));
    tokio::task::yield_now().await;
    let limit = Duration::from_millis(300);
    let start = tokio::time::Instant::now();
    let drained = publisher.drain(start + limit).await;
    server.server().unpause();
    assert_eq!(drained.changes, 1);
    assert!(start.elapsed() >= limit && start.elapsed() < 10 * limit);
}

#[tokio::test]
async fn handing_in_never_waits_for_a_server_that_stands_still() {
    let mut server = Nats::start();
    let other = Other::at(&server).await;
    other.stream(WINDOW).await;
    let publisher = Publisher::start(&config(&server.url()), "p1");
    publisher.lifecycle(change(1));
    wait_for(&publisher, |counts| counts.published == 1).await;
    server.server().pause();
    let output = "x".repeat(100_000);
    let start = Instant::now();
    for sequence in 2..=20_000 {
        publisher.lifecycle(change(sequence));
        let status = [Status::Passing, Status::Critical][usize::from(sequence % 2 == 0)];
        publisher.health(health("web", status, &output));
        publisher.metrics([gauge("a", 1.0)]);
        // The task may run, and finds nobody.
        tokio::task::yield_now().await;
    }
    let took = start.elapsed();
    server.server().unpause();
    assert!(took < Duration::from_secs(10), "{took:?}");
    let counts = publisher.counts();
    assert!(
        counts.waiting <= 4097 && counts.lost >= 19_999 - 4097,
        "{counts:?}"
    );
    wait_for(&publisher, |counts| counts.waiting == 0).await;
    let stored = other.last_sequences(2).await;
    assert_eq!(stored, [19_999, 20_000]);
}
