//! Promise: other settings lose nothing that waits, also while NATS is away. Changes stay in order and are stored once, counts go on, and
//! nobody goes on trying to reach the server that was.

#[path = "rig/publish.rs"]
mod rig;

use std::time::Duration;

use flightline_fixtures::nats::Nats;
use flightline_supervisor::config::{self, PublishMetrics};
use flightline_supervisor::publish::Publisher;
use rig::{Other, change, config, gauge, wait_for};
use tokio::net::TcpListener;
use tokio::time::timeout;

const WINDOW: Duration = Duration::from_secs(120);

/// Another connection, to the same server.
fn renamed(url: &str, number: u64) -> config::Nats {
    let mut config = config(url);
    config.server.name = format!("supervisor-{number}");
    config
}

fn hand_in(publisher: &Publisher, sequences: std::ops::RangeInclusive<u64>) {
    for sequence in sequences {
        publisher.lifecycle(change(sequence));
    }
}

#[tokio::test]
async fn other_settings_while_nats_is_away_lose_nothing() {
    let mut server = Nats::start();
    let url = server.url();
    Other::at(&server).await.stream(WINDOW).await;
    let publisher = Publisher::start(&config(&url), "p1");
    hand_in(&publisher, 1..=1);
    wait_for(&publisher, |counts| counts.published == 1).await;
    server.server().stop();
    hand_in(&publisher, 2..=20);
    // One is on its way, or was.
    tokio::task::yield_now().await;
    publisher.change(&renamed(&url, 1));
    hand_in(&publisher, 21..=30);
    tokio::task::yield_now().await;
    publisher.change(&renamed(&url, 2));
    hand_in(&publisher, 31..=40);
    server.server().resume_service();
    wait_for(&publisher, |counts| counts.published == 40).await;
    let counts = publisher.counts();
    assert_eq!((counts.lost, counts.refused, counts.waiting), (0, 0, 0));
    let expected: Vec<u64> = (1..=40).collect();
    assert_eq!(Other::at(&server).await.stored().await, expected);
}

#[tokio::test]
async fn what_waits_for_a_server_that_never_was_there_goes_to_the_next() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("nats://{}", gone.local_addr().unwrap());
    drop(gone);
    let server = Nats::start();
    let other = Other::at(&server).await;
    other.stream(WINDOW).await;
    let publisher = Publisher::start(&config(&nowhere), "p1");
    hand_in(&publisher, 1..=20);
    tokio::task::yield_now().await;
    let mut smaller = config(&server.url());
    smaller.ring = 5;
    publisher.change(&smaller);
    assert_eq!(
        (publisher.counts().lost, publisher.counts().waiting),
        (15, 5)
    );
    wait_for(&publisher, |counts| counts.published == 5).await;
    assert_eq!(other.stored().await, [16, 17, 18, 19, 20]);
}

#[tokio::test]
async fn other_settings_again_and_again_keep_the_order_and_store_once() {
    let server = Nats::start();
    let other = Other::at(&server).await;
    // It forgets ids at once: only the last change of the instance tells what is stored.
    other.stream(Duration::from_millis(100)).await;
    let publisher = Publisher::start(&config(&server.url()), "p1");
    for number in 0..30 {
        hand_in(&publisher, number * 10 + 1..=number * 10 + 10);
        wait_for(&publisher, |counts| counts.published > number * 10 + 5).await;
        publisher.change(&renamed(&server.url(), number));
    }
    wait_for(&publisher, |counts| counts.published == 300).await;
    let expected: Vec<u64> = (1..=300).collect();
    assert_eq!(other.stored().await, expected);
}

#[tokio::test]
async fn what_a_server_that_stands_still_has_not_answered_is_stored_once() {
    let mut server = Nats::start();
    let url = server.url();
    let other = Other::at(&server).await;
    other.stream(WINDOW).await;
    let publisher = Publisher::start(&config(&url), "p1");
    hand_in(&publisher, 1..=1);
    wait_for(&publisher, |counts| counts.published == 1).await;
    server.server().pause();
    hand_in(&publisher, 2..=9);
    tokio::task::yield_now().await;
    publisher.change(&renamed(&url, 1));
    // Longer than what is on its way has: it is given up.
    let arrived = wait_for(&publisher, |counts| counts.published > 1);
    timeout(Duration::from_secs(3), arrived).await.unwrap_err();
    server.server().unpause();
    wait_for(&publisher, |counts| counts.published == 9).await;
    let expected: Vec<u64> = (1..=9).collect();
    assert_eq!(other.stored().await, expected);
}

#[tokio::test]
async fn a_ring_and_metrics_change_without_another_connection() {
    let server = Nats::start();
    let other = Other::at(&server).await;
    let mut metrics = other.subscribe("telemetry.metric.>").await;
    let mut quiet = config(&server.url());
    quiet.metrics = PublishMetrics::Local;
    let publisher = Publisher::start(&quiet, "p1");
    publisher.metrics([gauge("a", 1.0)]);
    publisher.change(&config(&server.url()));
    publisher.metrics([gauge("a", 2.0)]);
    let message = rig::next(&mut metrics).await;
    let text = String::from_utf8(message.payload.to_vec()).unwrap();
    assert!(text.contains("2.0") && !text.contains("1.0"), "{text}");
}

#[tokio::test]
async fn nobody_goes_on_trying_to_reach_the_server_that_was() {
    let mut was = Nats::start();
    let server = Nats::start();
    let url = was.url();
    let publisher = Publisher::start(&config(&url), "p1");
    hand_in(&publisher, 1..=1);
    wait_for(&publisher, |counts| counts.published == 1).await;
    was.server().stop();
    publisher.change(&config(&server.url()));
    hand_in(&publisher, 2..=2);
    wait_for(&publisher, |counts| counts.published == 2).await;
    let door = TcpListener::bind(url.strip_prefix("nats://").unwrap());
    let door = door.await.unwrap();
    // One try may have been decided on before.
    let pauses = Duration::from_secs(3);
    timeout(pauses, door.accept()).await.ok();
    let late = timeout(pauses, door.accept()).await;
    assert!(late.is_err(), "{late:?}");
}
