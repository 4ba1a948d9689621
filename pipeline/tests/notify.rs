//! Promise: a service manager hears that a worker has started, what it waits for, that it ends, and that it lives only while its path makes
//! progress.

#[path = "rig/support.rs"]
mod support;

use std::time::{Duration, Instant};

use flightline_fixtures::manager::Manager;
use flightline_fixtures::nats::Options;
use flightline_fixtures::process::Signal;
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use support::{BINARY, PATIENCE, Publisher, config};

const FILES: &str = "[sink]\nkind = \"file\"\ndir = \"out\"\n";
/// No NATS is there.
const AWAY: &str = "[nats]\nurl = \"nats://127.0.0.1:1\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n";

fn launch(manager: &Manager, watchdog: Option<Duration>, config: &str) -> Worker {
    Worker::launch_in(manager.variables(watchdog), BINARY, config, "")
}

#[test]
fn a_worker_that_waits_for_nats_has_started_and_says_what_it_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let managers = [Manager::start(), Manager::at(&folder.path().join("notify"))];
    for manager in managers {
        let mut worker = launch(&manager, None, AWAY);
        manager.wait_for("READY=1");
        manager.wait_for("STATUS=connecting: NATS is not reached");
        assert!(worker.stop().success(), "{}", worker.log());
        // Nobody asked for signs of life.
        assert!(manager.times("WATCHDOG=1").is_empty());
        assert_eq!(manager.times("READY=1").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_told_with_the_time_that_it_may_take() {
    let nats = Options::default().start();
    let manager = Manager::start();
    let config = format!("{}\n[run]\ndrain = \"7s\"\n", config(&nats, FILES));
    let mut worker = launch(&manager, None, &config);
    manager.wait_for("STATUS=ready");
    worker.signal(Signal::Term);
    manager.wait_for("STOPPING=1");
    // The drain, and what comes behind it.
    manager.wait_for("EXTEND_TIMEOUT_USEC=17000000");
    assert!(worker.wait(PATIENCE).success(), "{}", worker.log());
}

#[test]
fn signs_of_life_come_at_half_the_time() {
    let manager = Manager::start();
    let watchdog = Duration::from_secs(1);
    let _worker = launch(&manager, Some(watchdog), AWAY);
    let gap = manager.usual_gap("WATCHDOG=1", 9);
    let (least, most) = (Duration::from_millis(400), Duration::from_millis(800));
    assert!((least..most).contains(&gap), "{gap:?}");
}

/// One message is decoded in one turn: one of many lines keeps the path from coming back for a while.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_path_is_stuck_in_a_turn_there_is_no_sign_of_life() {
    let nats = Options::default().config("max_payload: 9000000").start();
    let publisher = Publisher::new(&nats).await;
    let manager = Manager::start();
    let watchdog = Duration::from_millis(20);
    let worker = launch(&manager, Some(watchdog), &config(&nats, FILES));
    worker.wait_ready();
    let beats = || manager.times("WATCHDOG=1");
    wait::until(PATIENCE, || beats().len() >= 3).unwrap();
    let count = 500_000;
    let payload = "m v=1i,w=2i\n".repeat(count);
    let begun = Instant::now();
    let subject = "telemetry.app.s.long".into();
    let published = publisher.bus.publish(subject, payload.into()).await;
    published.unwrap();
    worker.wait_for("it is decoded", PATIENCE, || {
        let decoded = worker.metric("flightline_decoded_lines_total");
        decoded as usize >= count
    });
    let decoded = Instant::now();
    wait::until(PATIENCE, || {
        beats().last().is_some_and(|last| *last > decoded)
    })
    .unwrap();
    let times = beats();
    let gap = times
        .windows(2)
        .filter(|pair| pair[1] > begun)
        .map(|pair| pair[1] - pair[0])
        .max();
    // With a sign of life at each look it would be half the watchdog's time.
    assert!(gap.is_some_and(|gap| gap > 2 * watchdog), "{gap:?}");
}
