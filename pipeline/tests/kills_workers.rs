//! Promise: a message that is alone in a worker's hands each time the worker dies is a dead letter in the end; those that were only
//! nearby are stored, however often they were delivered.

#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flightline_fixtures::generator::{LINE_PROTOCOL, Message, Refused};
use flightline_fixtures::nats::Nats;
use flightline_fixtures::stub::Stub;
use flightline_fixtures::stub::answer::{Answer, Keep};
use flightline_fixtures::worker::Worker;
use support::{BINARY, PATIENCE, Publisher, config, dead_letters};

/// Deliveries of everything before the first goes alone, and deaths alone.
const DEATHS: usize = 4 + 3;

fn message(number: u64) -> Message {
    Message {
        subject: "telemetry.app.s.t".to_owned(),
        content_type: Some(LINE_PROTOCOL),
        payload: format!("m v={number} {number}").into_bytes(),
        points: Vec::new(),
        refused: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_alone_at_three_deaths_is_a_letter_and_its_neighbours_are_stored() {
    let nats = Nats::start();
    // At first nothing is stored, and so nothing acked.
    let well = Arc::new(AtomicBool::new(false));
    let store = Stub::answering({
        let well = Arc::clone(&well);
        move |_| {
            if well.load(Ordering::Relaxed) {
                Answer::stored()
            } else {
                Answer::Silence(Keep::Nothing)
            }
        }
    });
    let publisher = Publisher::new(&nats).await;
    let sink = format!(
        "[source]\nack_wait = \"1s\"\n[batch]\nage = \"100ms\"\n[sink]\nkind = \"influxdb\"\napi = \"v2\"\nurl = \"{}\"\norg = \"o\"\nbucket = \"b\"\ntimeout = \"500ms\"\nmax_backoff = \"500ms\"\n",
        store.url()
    );
    let mut worker = Worker::start(BINARY, &config(&nats, &sink));
    let sent: Vec<_> = (1..=10).map(message).collect();
    publisher.publish(&sent).await;
    for death in 1..=DEATHS {
        worker.wait_for("the messages come", PATIENCE, || {
            worker.metric("flightline_received_messages_total") >= 10.0
        });
        if death > 4 {
            worker.wait_for("one goes alone", PATIENCE, || {
                worker.metric("flightline_isolated_messages_total") >= 1.0
                    && worker.metric("flightline_decoded_messages_total") >= 1.0
            });
        }
        worker.kill();
        worker.restart();
    }
    well.store(true, Ordering::Relaxed);
    publisher.wait_all_acked(|| worker.log()).await;
    let letters = dead_letters(&nats).await;
    let killer = Refused {
        reason: "kills_workers",
        line: None,
        payload: sent[0].payload.clone(),
    };
    assert_eq!(letters, [killer]);
    let stored: BTreeSet<String> = store.stored().into_iter().collect();
    let neighbours = sent[1..]
        .iter()
        .map(|message| String::from_utf8(message.payload.clone()).unwrap());
    assert_eq!(stored, neighbours.collect());
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
}
