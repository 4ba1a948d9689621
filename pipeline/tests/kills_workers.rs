//! Promise: a message that is alone in a worker's hands each time the worker dies is a dead letter in the end; those that were only
//! nearby are stored, however often they were delivered.

#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flightline_fixtures::chaos::Chaos;
use flightline_fixtures::chaos::trap::{Hold, Sign, Trap, Way};
use flightline_fixtures::generator::{LINE_PROTOCOL, Message, Refused};
use flightline_fixtures::nats::Nats;
use flightline_fixtures::stub::Stub;
use flightline_fixtures::stub::answer::{Answer, Keep};
use flightline_fixtures::worker::Worker;
use support::{BINARY, PATIENCE, Publisher, config, dead_letters};

/// Deliveries of everything before the first goes alone, and deaths alone.
const DEATHS: usize = 4 + 3;

/// A note that a message is decoded alone, or is no more.
const NOTE: Sign = Sign::Bytes(Way::Up, b"PUB $KV.lanes-TELEMETRY.alone-");

/// A store that first takes nothing, so that nothing is acked; and what makes it well.
fn store() -> (Stub, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&well);
    let store = Stub::answering(move |_| {
        if seen.load(Ordering::Relaxed) {
            Answer::stored()
        } else {
            Answer::Silence(Keep::Nothing)
        }
    });
    (store, well)
}

fn sink(store: &Stub) -> String {
    format!(
        "[source]\nack_wait = \"1s\"\n[run]\ndrain = \"500ms\"\n[batch]\nage = \"100ms\"\n[sink]\nkind = \"influxdb\"\napi = \"v2\"\nurl = \"{}\"\norg = \"o\"\nbucket = \"b\"\ntimeout = \"500ms\"\nmax_backoff = \"500ms\"\n",
        store.url()
    )
}

fn all_came(worker: &Worker) {
    worker.wait_for("the messages come", PATIENCE, || {
        worker.metric("flightline_received_messages_total") >= 10.0
    });
}

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
    let wire = Chaos::before(&nats.address());
    let (store, well) = store();
    let publisher = Publisher::new(&nats).await;
    let through = config(&nats, &sink(&store)).replace(&nats.address(), &wire.address());
    let mut worker = Worker::start(BINARY, &through);
    let sent: Vec<_> = (1..=10).map(message).collect();
    publisher.publish(&sent).await;
    for death in 1..=DEATHS {
        if death > 4 {
            // Written down, and nobody learns that it is decoded.
            wire.wait_sprung(PATIENCE).unwrap();
        } else {
            all_came(&worker);
        }
        worker.kill();
        wire.cut();
        wire.release();
        if (4..DEATHS).contains(&death) {
            wire.arm(Trap {
                sign: NOTE,
                nth: 2,
                hold: Hold::Way(Way::Up),
            });
        }
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
    assert_eq!(stored(&store), payloads(&sent[1..]));
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_while_the_store_is_away_convict_nobody() {
    let nats = Nats::start();
    let (store, well) = store();
    let publisher = Publisher::new(&nats).await;
    let mut worker = Worker::start(BINARY, &config(&nats, &sink(&store)));
    let sent: Vec<_> = (1..=10).map(message).collect();
    publisher.publish(&sent).await;
    for end in 0..DEATHS + 2 {
        all_came(&worker);
        if end >= 4 {
            worker.wait_for("one has gone alone", PATIENCE, || {
                worker.metric("flightline_isolated_messages_total") >= 1.0
                    && worker.metric("flightline_decoded_messages_total") >= 1.0
            });
        }
        assert_eq!(worker.stop().code(), Some(75), "{}", worker.log());
        worker.restart();
    }
    well.store(true, Ordering::Relaxed);
    publisher.wait_all_acked(|| worker.log()).await;
    assert_eq!(dead_letters(&nats).await, []);
    assert_eq!(stored(&store), payloads(&sent));
}

fn stored(store: &Stub) -> BTreeSet<String> {
    store.stored().into_iter().collect()
}

fn payloads(messages: &[Message]) -> BTreeSet<String> {
    let texts = messages
        .iter()
        .map(|message| String::from_utf8(message.payload.clone()));
    texts.map(Result::unwrap).collect()
}
