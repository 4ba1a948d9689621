//! Promise: a message that is alone in a worker's hands each time the worker dies is a dead letter in the end; those that were only
//! nearby are stored, however often they were delivered.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/support.rs"]
mod support;

use flightline_fixtures::generator::{LINE_PROTOCOL, Message, Refused};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
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
    let (nats, mut influx) = (Nats::start(), Influxd::start());
    influx.create_database("flight");
    let publisher = Publisher::new(&nats).await;
    let sink = format!(
        "[source]\nack_wait = \"1s\"\n[batch]\nage = \"100ms\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n",
        influx.url()
    );
    // Nothing is stored, and so nothing acked.
    influx.server().pause();
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
    influx.server().unpause();
    publisher.wait_all_acked(|| worker.log()).await;
    let letters = dead_letters(&nats).await;
    let killer = Refused {
        reason: "kills_workers",
        line: None,
        payload: sent[0].payload.clone(),
    };
    assert_eq!(letters, [killer]);
    assert_eq!(influx.points("flight").len(), 9);
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
}
