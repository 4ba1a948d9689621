//! Promise: what a consumer will not deliver any more is a dead letter, once, whoever made the consumer and whether or not a worker was
//! there when it was given up; its neighbours are stored.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, AckKind, consumer};
use flightline_fixtures::generator::{LINE_PROTOCOL, Message, Refused};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::stub::Stub;
use flightline_fixtures::stub::answer::{Answer, Keep};
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use futures_util::StreamExt;
use support::{BINARY, PATIENCE, Publisher, config, dead_letters};

fn message(number: u64) -> Message {
    Message {
        subject: "telemetry.app.s.t".to_owned(),
        content_type: Some(LINE_PROTOCOL),
        payload: format!("m v={number} {number}").into_bytes(),
        points: Vec::new(),
        refused: Vec::new(),
    }
}

fn given_up(number: u64) -> Refused {
    Refused {
        reason: "given_up",
        line: None,
        payload: message(number).payload,
    }
}

fn to(url: &str) -> String {
    format!(
        "[source]\nack_wait = \"1s\"\n[batch]\nage = \"100ms\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{url}\"\ndb = \"flight\"\n"
    )
}

async fn streams(nats: &Nats) -> jetstream::Context {
    jetstream::new(async_nats::connect(nats.url()).await.unwrap())
}

/// As somebody else would make the worker's consumer.
async fn foreign_consumer(nats: &Nats, max_deliver: i64) {
    let stream = streams(nats).await.get_stream("TELEMETRY").await.unwrap();
    let config = consumer::pull::Config {
        durable_name: Some("flightline".to_owned()),
        ack_wait: Duration::from_secs(1),
        max_deliver,
        ..consumer::pull::Config::default()
    };
    stream.create_consumer(config).await.unwrap();
}

async fn letters(nats: &Nats, count: usize) -> Vec<Refused> {
    let came = wait::until_async(PATIENCE, async || dead_letters(nats).await.len() >= count).await;
    came.unwrap();
    dead_letters(nats).await
}

/// Where anybody may publish, more than the server hands out to one that acks nothing.
async fn say_junk(nats: &Nats, publisher: &Publisher) {
    let streams = streams(nats).await;
    let kept = async || {
        streams
            .get_stream("TELEMETRY-flightline-given-up")
            .await
            .is_ok()
    };
    wait::until_async(PATIENCE, kept).await.unwrap();
    let subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.TELEMETRY.flightline";
    for _ in 0..1100 {
        let junk = publisher
            .bus
            .store(subject.into(), HeaderMap::new(), "junk".into());
        junk.await.unwrap().wait().await.unwrap();
    }
}

fn stored(influx: &Influxd) -> Vec<String> {
    let points = influx.points("flight");
    points.iter().map(|(key, _)| key.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_in_hand_when_two_workers_died_is_a_letter_of_a_consumer_that_allows_two_deliveries()
 {
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
    foreign_consumer(&nats, 2).await;
    let settings = config(&nats, &to(&store.url()));
    let mut worker = Worker::start(BINARY, &settings);
    say_junk(&nats, &publisher).await;
    publisher.publish(&[message(1)]).await;
    for _ in 0..2 {
        worker.wait_for("the message comes", PATIENCE, || {
            worker.metric("flightline_received_messages_total") >= 1.0
        });
        worker.kill();
        worker.restart();
    }
    let mut second = Worker::start(BINARY, &settings);
    let given_up_messages = "flightline_given_up_messages_total";
    let found = letters(&nats, 1).await;
    assert_eq!(found, [given_up(1)]);
    well.store(true, Ordering::Relaxed);
    publisher.publish(&[message(2), message(3)]).await;
    let stored = || store.stored().into_iter().collect::<BTreeSet<_>>();
    let done = wait::until_async(PATIENCE, async || stored().len() >= 2).await;
    done.unwrap_or_else(|_| panic!("{:?}\n{}", stored(), worker.log()));
    let neighbours = ["m v=2 2", "m v=3 3"].map(str::to_owned);
    assert_eq!(stored(), BTreeSet::from(neighbours));
    let counted = || worker.metric(given_up_messages) + second.metric(given_up_messages);
    let told = wait::until(PATIENCE, || counted() >= 1.0);
    told.unwrap();
    assert_eq!(counted(), 1.0);
    assert_eq!(dead_letters(&nats).await, [given_up(1)]);
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    assert_eq!(second.stop().code(), Some(0), "{}", second.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_somebody_terminates_is_a_letter() {
    let (nats, influx) = (Nats::start(), Influxd::start());
    influx.create_database("flight");
    let publisher = Publisher::new(&nats).await;
    let mut worker = Worker::start(BINARY, &config(&nats, &to(&influx.url())));
    publisher.publish(&[message(1)]).await;
    publisher.wait_all_acked(|| worker.log()).await;
    worker.kill();
    publisher.publish(&[message(2)]).await;
    // Somebody else takes it, and has nothing to do with it.
    let stream = streams(&nats).await.get_stream("TELEMETRY").await.unwrap();
    let consumer: consumer::PullConsumer = stream.get_consumer("flightline").await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    let taken = messages.next().await.unwrap().unwrap();
    worker.restart();
    // It listens when it has looked at its consumer.
    worker.wait_for("the worker listens", PATIENCE, || {
        let connections = nats.monitor("/connz?subs=true");
        connections.to_string().contains("MSG_TERMINATED")
    });
    taken.ack_with(AckKind::Term).await.unwrap();
    assert_eq!(letters(&nats, 1).await, [given_up(2)]);
    let counted = worker.status()["stages"][0]["counters"]["given_up_messages"].clone();
    assert_eq!(counted, 1, "{}", worker.status());
    assert_eq!(stored(&influx), ["\"m\" {} at 1"]);
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
}
