//! Promise: SIGTERM drains. What was received is stored and acked before the process ends; if a store does not let it, the exit
//! code says so and nothing is lost.

#[path = "rig/support.rs"]
mod support;

use std::time::{Duration, Instant};

use flightline_fixtures::generator::{Generator, Message, Settings, golden};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::worker::Worker;
use support::{BINARY, Publisher, config};

fn messages() -> Vec<Message> {
    Generator::new(Settings {
        messages: 20_000,
        ..Settings::default()
    })
    .collect()
}

fn sink(influx: &Influxd) -> String {
    format!(
        "[source]\nack_wait = \"6s\"\n[run]\ndrain = \"3s\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n",
        influx.url()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_in_the_middle_leaves_nothing_received_un_acked() {
    let (nats, influx) = (Nats::start(), Influxd::start());
    influx.create_database("flight");
    let publisher = Publisher::new(&nats).await;
    let mut worker = Worker::start(BINARY, &config(&nats, &sink(&influx).replace("3s", "60s")));
    let messages = messages();
    publisher.publish(&messages).await;
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    publisher.wait_acks_worked_off().await;
    worker.restart();
    publisher.wait_all_acked(|| worker.log()).await;
    assert_eq!(golden(&messages).difference(&influx.points("flight")), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_ends_the_drain_at_its_deadline_with_exit_75() {
    let (nats, mut influx) = (Nats::start(), Influxd::start());
    influx.create_database("flight");
    let publisher = Publisher::new(&nats).await;
    let mut worker = Worker::start(BINARY, &config(&nats, &sink(&influx)));
    influx.server().pause();
    let messages = messages();
    publisher.publish(&messages).await;
    worker.wait_for("messages are received", Duration::from_secs(30), || {
        worker.metric("flightline_received_messages_total") > 0.0
    });
    let start = Instant::now();
    assert_eq!(worker.stop().code(), Some(75), "{}", worker.log());
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "one deadline for all of it"
    );
    influx.server().unpause();
    worker.restart();
    publisher.wait_all_acked(|| worker.log()).await;
    assert_eq!(golden(&messages).difference(&influx.points("flight")), None);
}
