//! Promise: what a stream has of an instance's life is in order and has nothing twice, whatever happens to the server or to the way
//! there, and nothing is missing that fitted into the ring.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/publish.rs"]
mod rig;

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use flightline_fixtures::chaos::{Chaos, Weather};
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::wait::until_async;
use flightline_supervisor::publish::Publisher;
use rig::{LIFECYCLE, Other, PATIENCE, change, config, next, sequence, wait_for};

/// As streams have it unless configured.
const WINDOW: Duration = Duration::from_secs(120);
/// Soon over.
const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_server_that_is_killed_twice_has_every_change_once_and_in_order() {
    for options in Options::default().each_version() {
        survives_kills(options.start()).await;
    }
}

async fn survives_kills(mut server: Nats) {
    Other::at(&server).await.stream(WINDOW).await;
    let publisher = Publisher::start(&config(&server.url()), "p1");
    let mut pushed = 0;
    for _ in 0..2 {
        for _ in 0..300 {
            pushed += 1;
            publisher.lifecycle(change(pushed));
        }
        let some = pushed - 250;
        wait_for(&publisher, |counts| counts.published >= some).await;
        server.server().kill();
        for _ in 0..50 {
            pushed += 1;
            publisher.lifecycle(change(pushed));
        }
        // The publisher runs into the dead server.
        tokio::task::yield_now().await;
        server.server().resume_service();
    }
    wait_for(&publisher, |counts| counts.published == pushed).await;
    let counts = publisher.counts();
    assert_eq!((counts.lost, counts.refused, counts.waiting), (0, 0, 0));
    let expected: Vec<u64> = (1..=pushed).collect();
    assert_eq!(Other::at(&server).await.stored().await, expected);
}

#[tokio::test]
async fn connections_that_are_cut_again_and_again_lose_nothing_and_double_nothing() {
    let server = Nats::start();
    let other = Other::at(&server).await;
    other.stream(WINDOW).await;
    let chaos = Chaos::before(&server.address());
    let publisher = Publisher::start(&config(&format!("nats://{}", chaos.address())), "p1");
    let count = 400;
    for sequence in 1..=count {
        publisher.lifecycle(change(sequence));
        if sequence % 10 == 0 {
            // Each time something else is under way: a question, a change, an answer.
            let at = publisher.counts().published + fastrand::u64(1..8);
            wait_for(&publisher, |counts| counts.published >= at.min(sequence)).await;
            chaos.cut();
        }
    }
    wait_for(&publisher, |counts| counts.published == count).await;
    let expected: Vec<u64> = (1..=count).collect();
    assert_eq!(other.stored().await, expected);
}

#[tokio::test]
async fn a_connection_that_stands_still_for_longer_than_an_ack_takes_doubles_nothing() {
    let server = Nats::start();
    let other = Other::at(&server).await;
    other.stream(WINDOW).await;
    let chaos = Chaos::before(&server.address());
    let publisher = Publisher::start(&config(&format!("nats://{}", chaos.address())), "p1");
    publisher.lifecycle(change(1));
    wait_for(&publisher, |counts| counts.published == 1).await;
    chaos.set(Weather::Stalled);
    let start = tokio::time::Instant::now();
    for sequence in 2..=5 {
        publisher.lifecycle(change(sequence));
    }
    // It has given up waiting at least once.
    let late = until_async(PATIENCE, || async {
        start.elapsed() > Duration::from_secs(7)
    });
    late.await.unwrap();
    chaos.set(Weather::Fine);
    wait_for(&publisher, |counts| counts.published == 5).await;
    assert_eq!(other.stored().await, [1, 2, 3, 4, 5]);
}

/// Waits until a stream of a [`SHORT`] window has forgotten what came before.
async fn forget(other: &Other) {
    let probe = || async {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, "probe");
        other
            .store("telemetry.app.probe.p", headers, b"{}".to_vec())
            .await
            .unwrap()
    };
    probe().await;
    until_async(PATIENCE, probe).await.unwrap();
}

#[tokio::test]
async fn a_change_whose_ack_was_lost_is_not_stored_again_when_the_stream_has_forgotten_its_id() {
    for options in Options::default().each_version() {
        let server = options.start();
        let other = Other::at(&server).await;
        other.stream(SHORT).await;
        // As an earlier try has left it.
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, "shop-1-p1-1");
        let payload = serde_json::to_vec(&change(1)).unwrap();
        assert_eq!(other.store(LIFECYCLE, headers, payload).await, Ok(true));
        forget(&other).await;
        let publisher = Publisher::start(&config(&server.url()), "p1");
        publisher.lifecycle(change(1));
        publisher.lifecycle(change(2));
        wait_for(&publisher, |counts| counts.published == 2).await;
        assert_eq!(other.stored().await, [1, 2]);
    }
}

#[tokio::test]
async fn a_late_copy_does_not_fit_any_more() {
    for options in Options::default().each_version() {
        let server = options.start();
        let other = Other::at(&server).await;
        other.stream(SHORT).await;
        let mut copies = other.subscribe(LIFECYCLE).await;
        let publisher = Publisher::start(&config(&server.url()), "p1");
        for sequence in 1..=3 {
            publisher.lifecycle(change(sequence));
        }
        wait_for(&publisher, |counts| counts.published == 3).await;
        forget(&other).await;
        for _ in 0..3 {
            let copy = next(&mut copies).await;
            let late = other
                .store(LIFECYCLE, copy.headers.unwrap(), copy.payload.to_vec())
                .await;
            assert!(late.is_err(), "{late:?}");
        }
        assert_eq!(other.stored().await, [1, 2, 3]);
    }
}

#[tokio::test]
async fn a_new_start_goes_on_behind_the_old_one() {
    for options in Options::default().each_version() {
        let server = options.start();
        let other = Other::at(&server).await;
        other.stream(WINDOW).await;
        for process in ["p1", "p2"] {
            let publisher = Publisher::start(&config(&server.url()), process);
            publisher.lifecycle(change(1));
            publisher.lifecycle(change(2));
            let drained = publisher
                .drain(tokio::time::Instant::now() + PATIENCE)
                .await;
            assert_eq!((drained.changes, drained.others), (0, 0));
        }
        assert_eq!(other.stored().await, [1, 2, 1, 2]);
    }
}

#[tokio::test]
async fn what_was_purged_or_published_by_others_between_does_not_stop_it() {
    for options in Options::default().each_version() {
        let server = options.start();
        let other = Other::at(&server).await;
        other.stream(WINDOW).await;
        let mut seen = other.subscribe(LIFECYCLE).await;
        let publisher = Publisher::start(&config(&server.url()), "p1");
        publisher.lifecycle(change(1));
        wait_for(&publisher, |counts| counts.published == 1).await;
        let payload = serde_json::to_vec(&change(77)).unwrap();
        other
            .store(LIFECYCLE, HeaderMap::new(), payload)
            .await
            .unwrap();
        publisher.lifecycle(change(2));
        wait_for(&publisher, |counts| counts.published == 2).await;
        assert_eq!(other.stored().await, [1, 77, 2]);
        other.purge().await;
        publisher.lifecycle(change(3));
        wait_for(&publisher, |counts| counts.published == 3).await;
        assert_eq!(other.stored().await, [3]);
        assert_eq!(sequence(&next(&mut seen).await.payload), 1);
    }
}

#[tokio::test]
async fn a_stream_that_is_full_is_waited_for() {
    for options in Options::default().each_version() {
        let server = options.start();
        let other = Other::at(&server).await;
        other.full_stream().await;
        let publisher = Publisher::start(&config(&server.url()), "p1");
        for sequence in 1..=3 {
            publisher.lifecycle(change(sequence));
        }
        wait_for(&publisher, |counts| counts.published == 1).await;
        other.purge().await;
        wait_for(&publisher, |counts| counts.published == 2).await;
        assert_eq!(publisher.counts().waiting, 1);
        assert_eq!(other.stored().await, [2]);
    }
}
