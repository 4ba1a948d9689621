//! Promise: a lane that acks nothing, because the server waits for messages that somebody else has, says so after two ack waits,
//! shows it in the metrics, and goes on when they come.

#[path = "rig/divided.rs"]
mod divided;
#[path = "rig/reading.rs"]
mod reading;
#[path = "rig/support.rs"]
mod support;

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, AckKind, consumer};
use divided::consumers;
use flightline::bus::SUBSCRIPTION_CAPACITY;
use flightline_fixtures::generator::Message;
use flightline_fixtures::nats::Options;
use futures_util::StreamExt;
use reading::{Reading, floor};
use support::{PATIENCE, Publisher};

const MESSAGES: u64 = 100;
/// Less than a third of the lane's ack wait.
const PACE: Duration = Duration::from_millis(200);

fn messages() -> Vec<Message> {
    let message = |number: u64| Message {
        subject: "telemetry.app.s.t".to_owned(),
        content_type: None,
        payload: format!("m v={number} {number}\n").into_bytes(),
        points: Vec::new(),
        refused: Vec::new(),
    };
    (1..=MESSAGES).map(message).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn a_lane_says_that_it_waits_for_what_does_not_come() {
    for version in Options::default().each_version() {
        let server = version.start();
        let publisher = Publisher::new(&server).await;
        let mut reading = Reading::start(&server, SUBSCRIPTION_CAPACITY).await;
        while consumers(&server).is_empty() {
            reading.next(PACE).await;
        }
        reading.end().await;
        publisher.publish(&messages()).await;
        let context = jetstream::new(async_nats::connect(server.url()).await.unwrap());
        let lane: consumer::PullConsumer = context
            .get_consumer_from_stream("flightline-all", "TELEMETRY")
            .await
            .unwrap();
        let few = lane.fetch().max_messages(5).messages().await.unwrap();
        let elsewhere: Vec<_> = few.map(Result::unwrap).collect().await;
        assert_eq!(elsewhere.len(), 5);

        let mut reading = Reading::start(&server, SUBSCRIPTION_CAPACITY).await;
        let deadline = Instant::now() + PATIENCE;
        while reading.metrics.lanes_stuck.get() == 0 {
            assert!(Instant::now() < deadline, "{:?}", consumers(&server));
            for message in &elsewhere {
                message.ack_with(AckKind::Progress).await.unwrap();
            }
            if let Some(chunk) = reading.next(PACE).await {
                reading.store(chunk).await;
            }
            assert_eq!(floor(&server), 0);
        }
        while floor(&server) < MESSAGES || reading.metrics.lanes_stuck.get() > 0 {
            assert!(Instant::now() < deadline, "{:?}", consumers(&server));
            if let Some(chunk) = reading.next(PACE).await {
                reading.store(chunk).await;
            }
        }
        reading.end().await;
    }
}
