//! Promise: on core subjects nothing is lost in silence. What a slow worker drops is counted exactly and said once per interval; at
//! a modest rate nothing is dropped; workers of one queue group share the work, and no message is handled twice.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flightline::bus::{Bus, SUBSCRIPTION_CAPACITY};
use flightline::config::Core;
use flightline::metrics::Metrics;
use flightline::source::core::Source;
use flightline::source::handoff::handoff;
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use flightline_link::nats::{INBOX_PREFIX, Nats as NatsConfig, NatsAuth};
use flightline_link::tls::Tls;
use support::BINARY;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(15);
const PATTERN: &str = "telemetry.>";
/// Messages in one go at a modest rate, and how often: 10,000 a second.
const BURST: u64 = 100;
const BURST_EVERY: Duration = Duration::from_millis(10);

fn core_server() -> Nats {
    Options::default().core().start()
}

async fn connect(server: &Nats, capacity: usize) -> Bus {
    let config = NatsConfig {
        urls: vec![server.url()],
        auth: NatsAuth::None,
        tls: Tls::default(),
        name: "test".to_owned(),
        inbox_prefix: INBOX_PREFIX.to_owned(),
    };
    Bus::connect(&config, capacity).await.unwrap()
}

fn config(server: &Nats, source: &str, sink: &str) -> String {
    format!(
        "[nats]\nurl = \"{}\"\n[deadletter]\nkind = \"file\"\npath = \"dead.ndjson\"\n[source]\nkind = \"core\"\n{source}\n[sink]\n{sink}\n",
        server.url()
    )
}

/// Waits until `count` subscriptions to our subjects are there.
async fn subscribed(server: &Nats, count: usize) {
    let there = wait::until_async(PATIENCE, || async {
        let subscriptions = server.monitor("/subsz?subs=true");
        let list = subscriptions["subscriptions_list"].as_array();
        let ours = |list: &Vec<serde_json::Value>| {
            list.iter().filter(|one| one["subject"] == PATTERN).count()
        };
        list.map_or(0, ours) == count
    });
    there.await.unwrap();
}

/// A line nobody else publishes, `padding` bytes longer than it must be.
fn line(number: u64, padding: usize) -> Bytes {
    let pad = "x".repeat(padding);
    Bytes::from(format!("m,pad=p{pad} v={number} {}\n", number + 1))
}

async fn publish(bus: &Bus, numbers: std::ops::Range<u64>, padding: usize) {
    for number in numbers {
        bus.publish("telemetry.app.s.t".into(), line(number, padding))
            .await
            .unwrap();
    }
    bus.flush().await.unwrap();
}

async fn publish_at_a_modest_rate(bus: &Bus, count: u64) {
    let mut ticks = tokio::time::interval(BURST_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for start in (0..count).step_by(usize::try_from(BURST).unwrap()) {
        ticks.tick().await;
        publish(bus, start..start + BURST, 0).await;
    }
}

fn received(worker: &Worker) -> f64 {
    worker.metric("flightline_received_messages_total")
}

fn dropped(worker: &Worker) -> f64 {
    worker.metric("flightline_dropped_messages_total")
}

/// Every line in the finished files of a stopped worker.
fn stored(worker: &Worker) -> Vec<String> {
    let files = fs::read_dir(worker.folder().join("out")).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stalled_store_makes_the_client_drop_is_counted_exactly_and_said_once_per_interval()
{
    const MESSAGES: u64 = 40_000;
    let (server, mut influx) = (core_server(), Influxd::start());
    influx.create_database("flight");
    let sink = format!(
        "kind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n[batch]\nbytes = \"64KiB\"",
        influx.url()
    );
    let source = "capacity = 100\nbuffer = \"64KiB\"\nreport_interval = \"1s\"";
    let start = Instant::now();
    let mut worker = Worker::start(BINARY, &config(&server, source, &sink));
    subscribed(&server, 1).await;
    influx.server().pause();
    let bus = connect(&server, SUBSCRIPTION_CAPACITY).await;
    publish(&bus, 0..MESSAGES, 400).await;
    worker.wait_for("messages are dropped", PATIENCE, || dropped(&worker) > 0.0);
    influx.server().unpause();
    let all = MESSAGES as f64;
    worker.wait_for("each message is received or dropped", PATIENCE, || {
        received(&worker) + dropped(&worker) >= all
    });
    worker.wait_for("what was received is stored", PATIENCE, || {
        worker.metric(r#"flightline_stored_lines_total{sink="main"}"#) >= received(&worker)
    });
    assert_eq!(received(&worker) + dropped(&worker), all);
    let lost = dropped(&worker);
    let file = worker.folder().join("flightline.log");
    let log = || fs::read_to_string(&file).unwrap();
    let in_full = format!("\"total\":{lost}");
    worker.wait_for("all of it is said", PATIENCE, || log().contains(&in_full));
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    let said = log().matches("core messages were dropped").count() as u64;
    let intervals = start.elapsed().as_secs() + 2;
    assert!(
        said <= intervals,
        "{lost} drops were said {said} times in {intervals} s:\n{}",
        worker.log()
    );
}

/// Messages of 400 bytes for a source that nobody takes anything from: how many of them it holds in the end.
async fn held_by(capacity: usize, buffer: usize) -> u64 {
    const MESSAGES: u64 = 20_000;
    let server = core_server();
    let source = Core {
        queue_group: "flightline".to_owned(),
        capacity,
        buffer,
        report_interval: Duration::from_secs(10),
    };
    let metrics = Arc::new(Metrics::new());
    let (hands, mut intake) = handoff();
    let stop = CancellationToken::new();
    let own = connect(&server, capacity).await;
    let patterns = vec![PATTERN.to_owned()];
    let source = Source::new(own.clone(), source, patterns, Arc::clone(&metrics));
    let task = tokio::spawn(source.run(hands, stop.clone()));
    subscribed(&server, 1).await;
    let bus = connect(&server, SUBSCRIPTION_CAPACITY).await;
    publish(&bus, 0..MESSAGES, 400).await;
    let arrived = wait::until_async(PATIENCE, || async { own.messages_in() == MESSAGES });
    arrived.await.unwrap();
    stop.cancel();
    let mut taken = 0;
    while let Some(chunk) = intake.next().await {
        taken += chunk.len() as u64;
    }
    task.await.unwrap().unwrap();
    assert_eq!(taken, metrics.received.get());
    assert!(taken < MESSAGES, "nothing was dropped: this shows nothing");
    assert_eq!(metrics.dropped.get(), MESSAGES - taken);
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_drops_before_the_end_is_counted_too() {
    held_by(50, 1 << 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_that_are_held_have_a_limit_however_many_messages_they_are() {
    const BUFFER: u64 = 1 << 20;
    let held = held_by(SUBSCRIPTION_CAPACITY, usize::try_from(BUFFER).unwrap()).await;
    // Beside it there are a chunk on its way and one that the path has.
    assert!(held * 400 < BUFFER + 2 * 256 * 1024, "{held} are held");
    assert!(held * 400 > BUFFER / 4, "{held} are held");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_modest_rate_nothing_is_dropped() {
    const MESSAGES: u64 = 20_000;
    let server = core_server();
    let sink = "kind = \"file\"\ndir = \"out\"";
    let mut worker = Worker::start(BINARY, &config(&server, "", sink));
    subscribed(&server, 1).await;
    let bus = connect(&server, SUBSCRIPTION_CAPACITY).await;
    publish_at_a_modest_rate(&bus, MESSAGES).await;
    worker.wait_for("everything is received", PATIENCE, || {
        received(&worker) >= MESSAGES as f64
    });
    assert_eq!(dropped(&worker), 0.0);
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    let stored = stored(&worker);
    assert_eq!(stored.len() as u64, MESSAGES);
    assert_eq!(BTreeSet::from_iter(stored).len() as u64, MESSAGES);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_of_one_queue_group_share_the_work() {
    const MESSAGES: u64 = 20_000;
    let server = core_server();
    let sink = "kind = \"file\"\ndir = \"out\"";
    let launch = |_| Worker::launch(BINARY, &config(&server, "", sink), "");
    let mut workers = [0, 1, 2].map(launch);
    subscribed(&server, 3).await;
    let bus = connect(&server, SUBSCRIPTION_CAPACITY).await;
    publish_at_a_modest_rate(&bus, MESSAGES).await;
    let all = || workers.iter().map(received).sum::<f64>();
    workers[0].wait_for("everything is received", PATIENCE, || {
        all() >= MESSAGES as f64
    });
    let mut lines = Vec::new();
    for worker in &mut workers {
        assert_eq!(dropped(worker), 0.0);
        assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
        let share = stored(worker);
        let fair = MESSAGES / 3;
        assert!(share.len() as u64 > fair / 2, "{} of {fair}", share.len());
        lines.extend(share);
    }
    assert_eq!(lines.len() as u64, MESSAGES, "no message twice");
    assert_eq!(BTreeSet::from_iter(lines).len() as u64, MESSAGES);
}
