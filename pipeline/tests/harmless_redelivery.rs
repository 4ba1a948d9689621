//! Promise: a redelivery changes nothing. Points without a time of their own get that of their message, so that a message that is
//! stored twice leaves the same points; what has been counted is not counted again.

#[path = "rig/support.rs"]
mod support;

use std::time::Duration;

use flightline_fixtures::chaos::{Chaos, Weather};
use flightline_fixtures::generator::{Generator, JSON, Message, Settings, golden};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::points::{Point, Points};
use flightline_fixtures::process::Signal;
use flightline_fixtures::stub::Stub;
use flightline_fixtures::stub::answer::{Answer, Keep};
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use support::{BINARY, Publisher, config};

const PATIENCE: Duration = Duration::from_secs(60);
/// So short that a test can wait for it, so long that the worker's promptness is not what is tested.
const ACK_WAIT: &str = "[source]\nack_wait = \"2s\"\n[batch]\nage = \"200ms\"\n";

/// The service of the JSON without a time.
const TIMELESS: &str = "unstamped";

fn sink(url: &str) -> String {
    format!(
        "{ACK_WAIT}[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{url}\"\ndb = \"flight\"\ntimeout = \"2s\"\n"
    )
}

fn json(subject: &str, payload: String) -> Message {
    Message {
        subject: subject.to_owned(),
        content_type: Some(JSON),
        payload: payload.into_bytes(),
        points: Vec::new(),
        refused: Vec::new(),
    }
}

/// JSON of all classes without a time: so many messages, so many points.
fn timeless_json() -> (Vec<Message>, usize) {
    let mut messages = Vec::new();
    for number in 0..50 {
        messages.push(json(
            "telemetry.app.unstamped.points",
            format!(r#"[{{"fields":{{"v":{number}}}}},{{"fields":{{"v":-{number}}}}}]"#),
        ));
        messages.push(json(
            "telemetry.metric.unstamped.i-1",
            format!(r#"{{"samples":[{{"name":"level","kind":"gauge","value":{number}}}]}}"#),
        ));
        messages.push(json(
            "telemetry.health.unstamped.i-1",
            r#"{"check":"http","status":"passing"}"#.to_owned(),
        ));
        messages.push(json(
            "telemetry.lifecycle.unstamped.i-1",
            format!(
                r#"{{"from":"starting","to":"running","cause":"started","sequence":{number}}}"#
            ),
        ));
    }
    let points = messages.len() + 50;
    (messages, points)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_store_and_ack_leaves_every_point_once() {
    let (nats, mut influx) = (Nats::start(), Influxd::start());
    influx.create_database("flight");
    let publisher = Publisher::new(&nats).await;
    let network = Chaos::before(&nats.address());
    let config = config(&nats, &sink(&influx.url())).replace(&nats.address(), &network.address());
    let mut worker = Worker::start(BINARY, &config);

    let generated: Vec<Message> = Generator::new(Settings {
        messages: 2_000,
        unstamped_per_mille: 500,
        ..Settings::default()
    })
    .collect();
    let expected = golden(&generated);
    let (timeless, more) = timeless_json();
    let points = expected.len() + more;

    // Everything is received before anything is stored, and no ack reaches the server.
    influx.server().pause();
    publisher.publish(generated.iter().chain(&timeless)).await;
    let messages = f64::from(u32::try_from(generated.len() + timeless.len()).unwrap());
    worker.wait_for("everything is received", PATIENCE, || {
        worker.metric("flightline_received_messages_total") >= messages
    });
    network.set(Weather::Stalled);
    influx.server().unpause();
    let lines = f64::from(u32::try_from(points).unwrap());
    worker.wait_for("everything is stored", PATIENCE, || {
        worker.metric("flightline_stored_lines_total{sink=\"main\"}") >= lines
    });
    worker.kill();
    network.cut();
    network.set(Weather::Fine);
    let before = influx.points("flight");
    assert_eq!(before.len(), points);
    let state = publisher.consumer().await.unwrap();
    assert_eq!(state.ack_floor, 0, "nothing is acked: {state:?}");

    worker.restart();
    publisher.wait_all_acked(|| worker.log()).await;
    assert!(worker.metric("flightline_redelivered_messages_total") >= messages);
    let after = influx.points("flight");
    assert_eq!(
        before.difference(&after),
        None,
        "what is stored again is the same"
    );

    let generated: Points = after
        .iter()
        .filter(|(key, _)| key.tags.get("service").is_none_or(|name| name != TIMELESS))
        .map(|(key, fields)| Point {
            key: key.clone(),
            fields: fields.clone(),
        })
        .collect();
    let timeless = expected.timeless();
    assert_eq!(
        expected.difference(&generated.without_time_of(&timeless)),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_stores_and_hangs_up_gets_the_same_lines_again() {
    let nats = Nats::start();
    let publisher = Publisher::new(&nats).await;
    let store = Stub::scripted([
        Answer::HangUp(Keep::Everything),
        Answer::HangUp(Keep::Everything),
    ]);
    let worker = Worker::start(BINARY, &config(&nats, &sink(&store.url())));
    let (messages, lines) = timeless_json();
    publisher.publish(&messages).await;
    publisher.wait_all_acked(|| worker.log()).await;
    let mut stored = store.stored();
    assert!(stored.len() > lines, "some were written twice");
    stored.sort();
    stored.dedup();
    assert_eq!(stored.len(), lines, "with the same timestamps");
}

#[tokio::test(flavor = "multi_thread")]
async fn deltas_are_counted_once_although_their_messages_come_twice() {
    let nats = Nats::start();
    let publisher = Publisher::new(&nats).await;
    let store = Stub::start();
    store.hold();
    let mut worker = Worker::start(BINARY, &config(&nats, &sink(&store.url())));
    let messages: Vec<Message> = (0..100)
        .map(|_| {
            json(
                "telemetry.metric.shop.i-1",
                r#"{"samples":[{"name":"sales","kind":"counter","temporality":"delta","value":3}]}"#
                    .to_owned(),
            )
        })
        .collect();
    publisher.publish(&messages).await;
    let sales = r#"sales_total{instance="i-1",service="shop"}"#;
    worker.wait_for("the deltas are counted", PATIENCE, || {
        worker.metric(sales) == 300.0
    });

    // A worker that stands still for longer than the ack wait cannot say that it is still at it.
    worker.signal(Signal::Stop);
    let redelivered = || {
        let status = nats.monitor("/jsz?consumers=true");
        let consumer = &status["account_details"][0]["stream_detail"];
        let streams = consumer.as_array().unwrap().iter();
        streams
            .flat_map(|stream| stream["consumer_detail"].as_array().into_iter().flatten())
            .any(|consumer| consumer["num_redelivered"].as_u64().unwrap_or_default() > 0)
    };
    let came = wait::until(Duration::from_secs(30), redelivered);
    worker.signal(Signal::Cont);
    came.unwrap();
    worker.wait_for("messages come again", PATIENCE, || {
        worker.metric("flightline_redelivered_messages_total") > 0.0
    });
    store.release();
    publisher.wait_all_acked(|| worker.log()).await;
    assert_eq!(worker.metric(sales), 300.0);
    let mut stored = store.stored();
    stored.sort();
    stored.dedup();
    assert_eq!(stored.len(), 100);
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
}
