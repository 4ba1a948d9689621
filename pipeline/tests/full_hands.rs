//! Promise: while the stores are away and a worker's hands are full, so that it asks for nothing more, a consumer or stream that is
//! deleted is said and made again all the same; what is in hand is stored when the stores are back, and its acks do not fall on what the
//! new stream has under the same sequences. On every installed nats-server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/past.rs"]
mod past;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::PullConsumer;
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use past::{Past, found};

const PATIENCE: Duration = Duration::from_secs(60);
/// A look is due every two seconds; a debug build on a busy machine is late.
const SOON: Duration = Duration::from_secs(10);
const MESSAGES: usize = 2_500;

/// One line each, of which no two are the same point.
fn lines(run: &str, count: usize) -> Vec<String> {
    let filler = "x".repeat(4_000);
    let line = |number| format!("m,run={run},number={number} s=\"{filler}\" 1\n");
    (0..count).map(line).collect()
}

/// A worker whose store is away and that has all it takes.
struct Full<'a> {
    past: Past<'a>,
    influx: Influxd,
    worker: Worker,
}

impl<'a> Full<'a> {
    async fn start(server: &'a Nats, name: &'static str) -> Self {
        let mut influx = Influxd::start();
        influx.create_database("db");
        let mut past = Past::new(server, name).await;
        past.source = format!(
            "prefetch = \"256KiB\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"db\"",
            influx.url()
        );
        influx.server().stop();
        let worker = past.worker();
        past.publish_each("t", lines("old", MESSAGES)).await;
        let full = Self {
            past,
            influx,
            worker,
        };
        let asks_nothing = || async { full.pulls().await == Some(0) };
        wait::until_async(PATIENCE, asks_nothing).await.unwrap();
        let received = full.received();
        assert!(
            received > 0 && received < MESSAGES,
            "{received} are in hand"
        );
        full
    }

    fn received(&self) -> usize {
        self.worker.metric("flightline_received_messages_total") as usize
    }

    /// How many pulls the server has open; `None` without a consumer.
    async fn pulls(&self) -> Option<usize> {
        let stream = self.past.context.get_stream(self.past.name).await.ok()?;
        let mut consumer: PullConsumer = stream.get_consumer("flightline").await.ok()?;
        Some(consumer.info().await.ok()?.num_waiting)
    }

    /// The kind of damage is said everywhere, and the consumer is there again, while the store is still away.
    async fn says_soon(&self, kind: &str) {
        let (version, since) = (self.past.server.version(), Instant::now());
        let series = format!("flightline_history_damage_total{{kind=\"{kind}\"}}");
        self.worker
            .wait_for(&series, PATIENCE, || self.worker.metric(&series) == 1.0);
        let took = since.elapsed();
        assert!(took < SOON, "{version}: said after {took:?}");
        assert_eq!(found(&self.worker.log()), [kind], "{version}");
        let history = &self.worker.status()["history"];
        assert_eq!(history[0]["kind"], kind, "{version}");
        assert_eq!(history.as_array().map(Vec::len), Some(1), "{version}");
        let there = || async { self.pulls().await.is_some() };
        wait::until_async(PATIENCE, there).await.unwrap();
    }

    /// The points of a run in the store, as their numbers.
    fn stored(&self, run: &str) -> BTreeSet<usize> {
        let query = format!("SELECT s, number FROM m WHERE run = '{run}' GROUP BY number");
        let answer = self.influx.query("db", &query);
        let series = answer["results"][0]["series"].as_array();
        let numbers = series.into_iter().flatten().map(|series| {
            let number = series["tags"]["number"].as_str().unwrap();
            number.parse().unwrap()
        });
        numbers.collect()
    }

    /// The store is back: everything that is still in the stream is acked, and the worker ends clean.
    async fn heals(&mut self) {
        tokio::task::block_in_place(|| self.influx.server().restart());
        self.past.all_acked("flightline", &self.worker).await;
    }

    fn ends(mut self) {
        assert_eq!(self.worker.stop().code(), Some(0), "{}", self.worker.log());
    }
}

async fn a_deleted_consumer(server: &Nats) {
    let mut full = Full::start(server, "consumer").await;
    let stream = full.past.handle().await;
    stream.delete_consumer("flightline").await.unwrap();
    full.says_soon("consumer_deleted").await;
    full.heals().await;
    assert_eq!(full.stored("old"), (0..MESSAGES).collect());
    assert_eq!(
        full.worker.status()["history"].as_array().map(Vec::len),
        Some(1)
    );
    full.ends();
}

async fn a_deleted_stream(server: &Nats) {
    let mut full = Full::start(server, "stream").await;
    let in_hand = full.received();
    full.past.context.delete_stream("stream").await.unwrap();
    full.says_soon("stream_replaced").await;
    full.past.publish_each("t", lines("new", 10)).await;
    full.heals().await;
    assert_eq!(full.stored("new"), (0..10).collect());
    let old: BTreeSet<usize> = (0..in_hand).collect();
    full.worker
        .wait_for("what was in hand is stored", PATIENCE, || {
            full.stored("old").is_superset(&old)
        });
    let forgotten = full.worker.metric("flightline_forgotten_messages_total");
    assert_eq!(forgotten as usize, in_hand, "no ack of theirs is sent");
    full.ends();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_deleted_under_full_hands_is_said_and_made_again() {
    for options in Options::default().each_version() {
        a_deleted_consumer(&options.start()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_deleted_under_full_hands_is_said_and_made_again() {
    for options in Options::default().each_version() {
        a_deleted_stream(&options.start()).await;
    }
}
