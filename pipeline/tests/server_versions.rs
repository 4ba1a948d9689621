//! Promise: every supported version of nats-server is read to its end, without a stall.
//!
//! The system's own version is always met. `fixtures/install-servers nats@trixie nats@sid` brings 2.10 and the newest beside it
//! (any suite of the distribution can be named); this test then meets each of them, and fails if one of them fails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;

use flightline_fixtures::generator::Message;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::worker::Worker;
use support::{BINARY, Publisher};

const MESSAGES: u64 = 20_000;

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

async fn reads_all(server: &Nats, messages: &[Message]) {
    let version = server.version();
    let publisher = Publisher::new(server).await;
    let config = format!(
        "[nats]\nurl = \"{}\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n",
        server.url()
    );
    let mut worker = Worker::start(BINARY, &config);
    publisher.publish(messages).await;
    publisher
        .wait_all_acked(|| format!("nats-server {version}:\n{}", worker.log()))
        .await;
    let count = MESSAGES as f64;
    assert_eq!(
        worker.metric("flightline_received_messages_total"),
        count,
        "nats-server {version}: each message comes once"
    );
    assert_eq!(
        worker.metric("flightline_source_stalls_total"),
        0.0,
        "nats-server {version}"
    );
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    let files = fs::read_dir(worker.folder().join("out")).unwrap();
    let text: String = files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let stored = BTreeSet::from_iter(text.lines());
    assert_eq!(stored.len() as u64, MESSAGES, "nats-server {version}");
    assert_eq!(
        text.lines().count() as u64,
        MESSAGES,
        "nats-server {version}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_installed_server_is_read_to_its_end_without_a_stall() {
    let messages = messages();
    for options in Options::default().each_version() {
        let server = options.start();
        reads_all(&server, &messages).await;
    }
}
