//! Promise: two workers on one durable consumer share its messages, none is lost and none is stored by both; when one of them is
//! stopped, the other goes on, and the consumer stays.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use flightline_fixtures::generator::Message;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::worker::Worker;
use support::{BINARY, Publisher};

const PATIENCE: Duration = Duration::from_secs(15);
/// Published in so many parts, so that the middle is somewhere.
const PARTS: u64 = 4;
const MESSAGES: u64 = 40_000;

fn messages() -> Vec<Message> {
    let message = |number| Message {
        subject: "telemetry.app.s.t".to_owned(),
        content_type: None,
        payload: format!("m v={number} {}\n", number + 1).into_bytes(),
        points: Vec::new(),
        refused: Vec::new(),
    };
    (0..MESSAGES).map(message).collect()
}

fn received(worker: &Worker) -> f64 {
    worker.metric("flightline_received_messages_total")
}

/// Every line in the finished files of a stopped worker.
fn stored(worker: &Worker) -> Vec<String> {
    let files = fs::read_dir(worker.folder().join("out")).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_a_consumer_and_one_goes_on_when_the_other_is_stopped() {
    let nats = Nats::start();
    let publisher = Publisher::new(&nats).await;
    let config = format!(
        "[nats]\nurl = \"{}\"\n[source]\nprefetch = \"256KiB\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n[batch]\nage = \"100ms\"\n",
        nats.url()
    );
    let [mut first, mut second] = [(), ()].map(|()| Worker::launch(BINARY, &config, ""));
    first.wait_ready();
    second.wait_ready();
    let messages = messages();
    let mut parts = messages.chunks(messages.len() / usize::try_from(PARTS).unwrap());
    publisher.publish(parts.next().unwrap()).await;
    publisher.publish(parts.next().unwrap()).await;
    first.wait_for("both have a share", PATIENCE, || {
        received(&first) > 0.0 && received(&second) > 0.0
    });
    // The rest comes while the first one drains.
    let rest: Vec<&Message> = parts.flatten().collect();
    let (status, ()) = tokio::join!(
        tokio::task::spawn_blocking(move || {
            let status = first.stop();
            (first, status)
        }),
        publisher.publish(rest)
    );
    let (first, status) = status.unwrap();
    assert_eq!(status.code(), Some(0), "{}", first.log());
    publisher.wait_all_acked(|| second.log()).await;
    assert_eq!(second.metric("flightline_redelivered_messages_total"), 0.0);
    assert_eq!(second.metric("flightline_source_stalls_total"), 0.0);
    assert_eq!(second.stop().code(), Some(0), "{}", second.log());
    assert!(publisher.consumer().await.is_some(), "the consumer stays");

    let shares = [stored(&first), stored(&second)];
    let sizes = shares.each_ref().map(Vec::len);
    assert!(sizes.iter().all(|size| *size > 1_000), "{sizes:?}");
    let together = sizes.iter().sum::<usize>() as u64;
    assert_eq!(together, MESSAGES, "each message once: {sizes:?}");
    let different = BTreeSet::from_iter(shares.into_iter().flatten()).len() as u64;
    assert_eq!(different, MESSAGES, "no message is missing");
}
