//! Promise: what the client drops between server and source is not acked with what came behind it. With ack-all and a small
//! subscription 1,964 of 5,000 messages once came, and the server held all of them for acked.

#[path = "rig/divided.rs"]
mod divided;
#[path = "rig/reading.rs"]
mod reading;
#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use divided::consumers;
use flightline_fixtures::nats::{Nats, Options};
use reading::{Reading, floor, numbered, sequences};
use support::{PATIENCE, Publisher};

const MESSAGES: u64 = 3_000;
/// What the client holds before it drops: far less than a pull brings.
const CAPACITY: usize = 256;

async fn nothing_is_lost(server: &Nats) {
    let publisher = Publisher::new(server).await;
    publisher.publish(&numbered(0..=MESSAGES - 1)).await;
    let mut reading = Reading::start(server, CAPACITY).await;
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
        let Some(chunk) = reading.next(Duration::from_millis(20)).await else {
            continue;
        };
        stored.extend(sequences(&chunk));
        reading.store(chunk).await;
    }
    let redelivered = reading.metrics.redelivered.get();
    assert!(
        redelivered > 0,
        "the client has dropped nothing: this test shows nothing"
    );
    reading.end().await;
}

#[tokio::test(flavor = "current_thread")]
async fn no_ack_passes_what_the_client_has_dropped() {
    for version in Options::default().each_version() {
        nothing_is_lost(&version.start()).await;
    }
}
