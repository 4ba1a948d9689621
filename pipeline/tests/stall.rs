//! Promise: the source does not stall. Whatever happens between worker and server, messages go on soon after it is over, and a lost
//! pull is noticed by the missing heartbeats. Messages that were under way wait for the consumer's ack wait only if the connection
//! that carried them was lost.

#[path = "rig/support.rs"]
mod support;

use std::ops::Range;
use std::time::Duration;

use flightline_fixtures::chaos::{Chaos, Weather};
use flightline_fixtures::generator::Message;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use support::{BINARY, Publisher};

/// From the end of a disturbance to the last ack: about 2 s on an idle machine, and far less than the default ack wait of 30 s.
const RESUMED: Duration = Duration::from_secs(10);
/// For what is not measured.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longer than a back-off takes to reach its longest pause.
const OUTAGE: Duration = Duration::from_secs(8);

struct Scene {
    nats: Nats,
    chaos: Chaos,
    publisher: Publisher,
    worker: Worker,
    published: u64,
}

/// A worker behind a network of changing weather; the publisher is not. 2,000 messages are through.
async fn scene(source: &str) -> Scene {
    let nats = Nats::start();
    let chaos = Chaos::before(&nats.address());
    let publisher = Publisher::new(&nats).await;
    let config = format!(
        "[nats]\nurl = \"nats://{}\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n[batch]\nage = \"100ms\"\n[source]\n{source}\n",
        chaos.address()
    );
    let worker = Worker::start(BINARY, &config);
    let mut scene = Scene {
        nats,
        chaos,
        publisher,
        worker,
        published: 0,
    };
    scene.publish(2_000).await;
    scene.all_acked_within(PATIENCE).await;
    assert_eq!(scene.stalls(), 0.0, "nothing has happened yet");
    scene
}

fn messages(numbers: Range<u64>) -> Vec<Message> {
    let message = |number| Message {
        subject: "telemetry.app.s.t".to_owned(),
        content_type: None,
        payload: format!("m v={number} {}\n", number + 1).into_bytes(),
        points: Vec::new(),
        refused: Vec::new(),
    };
    numbers.map(message).collect()
}

impl Scene {
    async fn publish(&mut self, count: u64) {
        let end = self.published + count;
        self.publisher.publish(&messages(self.published..end)).await;
        self.published = end;
    }

    async fn all_acked_within(&self, limit: Duration) {
        let floor = || async {
            let bus = &self.publisher.bus;
            let state = bus.consumer_state("TELEMETRY", "flightline").await;
            matches!(state, Ok(Some(state)) if state.ack_floor == self.published)
        };
        let acked = wait::until_async(limit, floor).await;
        let seen = self.publisher.bus.consumer_state("TELEMETRY", "flightline");
        let seen = seen.await;
        assert!(
            acked.is_ok(),
            "{} not acked within {limit:?}: {seen:?}\n{}",
            self.published,
            self.worker.log()
        );
    }

    /// Until the server knows that the worker is gone: what it sends before is lost on the way, and comes again only after the ack wait.
    fn wait_until_noticed(&self) {
        let only_the_publisher = || self.nats.monitor("/connz")["num_connections"] == 1;
        wait::until(PATIENCE, only_the_publisher).expect("the server notices");
    }

    fn stalls(&self) -> f64 {
        self.worker.metric("flightline_source_stalls_total")
    }

    fn wait_for_a_stall(&self, before: f64) {
        self.worker
            .wait_for("the silence is noticed", PATIENCE, || {
                self.stalls() > before
            });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_on_after_connections_were_cut() {
    // What a lost connection carried comes again only after this.
    let mut scene = scene("ack_wait = \"2s\"").await;
    for _ in 0..3 {
        scene.publish(2_000).await;
        scene.chaos.cut();
        scene.publish(2_000).await;
    }
    scene.all_acked_within(RESUMED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_on_after_the_network_stood_still() {
    let mut scene = scene("").await;
    for _ in 0..2 {
        let before = scene.stalls();
        scene.chaos.set(Weather::Stalled);
        scene.publish(2_000).await;
        scene.wait_for_a_stall(before);
        scene.chaos.set(Weather::Fine);
        scene.all_acked_within(RESUMED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_on_after_the_server_stood_still() {
    let mut scene = scene("").await;
    let before = scene.stalls();
    scene.nats.server().pause();
    scene.wait_for_a_stall(before);
    // Until the source has tried to start over, too.
    wait::until(Duration::from_secs(2), || false).unwrap_err();
    scene.nats.server().unpause();
    scene.publish(2_000).await;
    scene.all_acked_within(RESUMED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_on_soon_after_a_long_outage() {
    let mut scene = scene("").await;
    scene.chaos.set(Weather::Refusing);
    scene.chaos.cut();
    scene.wait_until_noticed();
    scene.publish(2_000).await;
    wait::until(OUTAGE, || false).unwrap_err();
    scene.chaos.set(Weather::Fine);
    scene.all_acked_within(RESUMED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgot_the_pulls_is_asked_again() {
    let mut scene = scene("").await;
    tokio::task::block_in_place(|| {
        scene.nats.server().kill();
        scene.nats.server().restart();
    });
    scene.publisher = Publisher::new(&scene.nats).await;
    scene.publish(2_000).await;
    // Not by acks: those that the killed server had not yet written are lost with it.
    scene.worker.wait_for("the source goes on", RESUMED, || {
        scene.worker.metric("flightline_received_messages_total") >= scene.published as f64
    });
}
