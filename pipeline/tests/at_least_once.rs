//! Promise: at least once, and a redelivery changes nothing. Whatever is killed or stopped in the middle of the stream, in the
//! end every point is there, and none twice.

#[path = "rig/support.rs"]
mod support;

use std::time::Duration;

use flightline_fixtures::generator::{Generator, Message, Settings, golden};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::worker::Worker;
use support::{BINARY, Publisher, config, dead_letters, difference};

/// Enough that a worker is in the middle of it for seconds.
const MESSAGES: usize = 20_000;

struct Scene {
    nats: Nats,
    influx: Influxd,
    publisher: Publisher,
    worker: Worker,
    messages: Vec<Message>,
}

async fn scene(seed: u64) -> Scene {
    let settings = Settings {
        seed,
        messages: MESSAGES,
        poison_per_mille: 5,
        ..Settings::default()
    };
    let messages: Vec<Message> = Generator::new(settings).collect();
    let (nats, influx) = (Nats::start(), Influxd::start());
    influx.create_database("flight");
    let publisher = Publisher::new(&nats).await;
    let sink = format!(
        "[source]\nack_wait = \"5s\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n",
        influx.url()
    );
    let worker = Worker::start(BINARY, &config(&nats, &sink));
    Scene {
        nats,
        influx,
        publisher,
        worker,
        messages,
    }
}

impl Scene {
    /// Waits until the worker is in the middle of the stream.
    fn wait_for_the_middle(&self, lines: f64) {
        self.worker
            .wait_for("some lines are stored", Duration::from_secs(60), || {
                self.worker
                    .metric(r#"flightline_stored_lines_total{sink="main"}"#)
                    >= lines
            });
    }

    async fn everything_is_there_once(mut self) {
        self.publisher.wait_all_acked(|| self.worker.log()).await;
        let expected = golden(&self.messages);
        assert_eq!(expected.difference(&self.influx.points("flight")), None);
        let refused: Vec<_> = self
            .messages
            .iter()
            .flat_map(|message| message.refused.clone())
            .collect();
        assert_eq!(
            difference(refused, dead_letters(&self.nats).await),
            None,
            "each dead letter once"
        );
        assert_eq!(self.worker.stop().code(), Some(0), "{}", self.worker.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_of_the_worker_loses_and_doubles_nothing() {
    let mut scene = scene(11).await;
    let (first, second) = scene.messages.split_at(MESSAGES / 2);
    scene.publisher.publish(first).await;
    scene.wait_for_the_middle(1_000.0);
    scene.worker.kill();
    scene.publisher.publish(second).await;
    scene.worker.restart();
    scene.everything_is_there_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_nats_loses_and_doubles_nothing() {
    let mut scene = scene(12).await;
    let (first, second) = scene.messages.split_at(MESSAGES / 2);
    scene.publisher.publish(first).await;
    scene.wait_for_the_middle(1_000.0);
    tokio::task::block_in_place(|| {
        scene.nats.server().stop();
        scene.nats.server().restart();
    });
    let publisher = Publisher::new(&scene.nats).await;
    publisher.publish(second).await;
    scene.publisher = publisher;
    scene.everything_is_there_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn influxdb_away_for_20_seconds_loses_and_doubles_nothing() {
    let mut scene = scene(13).await;
    let (first, second) = scene.messages.split_at(MESSAGES / 2);
    scene.publisher.publish(first).await;
    scene.wait_for_the_middle(1_000.0);
    tokio::task::block_in_place(|| scene.influx.server().stop());
    scene.publisher.publish(second).await;
    // The outage itself, not a wait for readiness: longer than the consumer's ack wait.
    tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_secs(20)).await;
    assert_eq!(
        scene.worker.get("/healthz").status,
        200,
        "a store that is away is no reason to be restarted"
    );
    tokio::task::block_in_place(|| scene.influx.server().restart());
    scene.everything_is_there_once().await;
}
