//! Promise: a lane has one owner and keeps the order of its stream up to the store, with every server; a stream can be divided by
//! subjects with every server, and by a number with those that can do it. The others are refused with the cure.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/divided.rs"]
mod divided;
#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;

use divided::wait_all_acked;
use flightline_fixtures::generator::Message;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::worker::Worker;
use support::{BINARY, PATIENCE, Publisher};

const MESSAGES: u64 = 20_000;
/// Series, each of which has its order.
const SERIES: u64 = 20;

fn messages() -> Vec<Message> {
    let message = |number| Message {
        subject: match number % 2 {
            0 => format!("telemetry.app.s.t{}", number % SERIES),
            _ => format!("telemetry.metric.s.t{}", number % SERIES),
        },
        content_type: None,
        payload: format!("m,t={} v={number} {}\n", number % SERIES, number + 1).into_bytes(),
        points: Vec::new(),
        refused: Vec::new(),
    };
    (0..MESSAGES).map(message).collect()
}

fn config(server: &Nats, partitions: &str) -> String {
    format!(
        "[nats]\nurl = \"{}\"\n[source]\npartitions = {partitions}\n[sink]\nkind = \"file\"\ndir = \"out\"\n[batch]\nage = \"100ms\"\n",
        server.url()
    )
}

/// Each series' numbers as they stand in the files of a stopped worker.
fn stored(worker: &Worker) -> BTreeMap<String, Vec<u64>> {
    let mut files: Vec<_> = fs::read_dir(worker.folder().join("out"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let mut series: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for file in files {
        for line in fs::read_to_string(file).unwrap().lines() {
            let (key, rest) = line.split_once(" v=").unwrap();
            let value = rest.split(' ').next().unwrap().parse().unwrap();
            series.entry(key.to_owned()).or_default().push(value);
        }
    }
    series
}

async fn keeps_the_order(partitions: &str, consumers: &[&str], version: &Options) {
    let server = version.clone().start();
    let publisher = Publisher::new(&server).await;
    let messages = messages();
    // Half of them are there before anybody reads, and come as fast as they can.
    let (first, second) = messages.split_at(messages.len() / 2);
    publisher.publish(first).await;
    let mut worker = Worker::start(BINARY, &config(&server, partitions));
    publisher.publish(second).await;
    let context = || format!("nats-server {}:\n{}", server.version(), worker.log());
    tokio::task::block_in_place(|| wait_all_acked(&server, consumers, PATIENCE, context));
    let received = worker.metric("flightline_received_messages_total");
    assert_eq!(received, MESSAGES as f64, "each message comes once");
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    let series = stored(&worker);
    assert_eq!(
        series.values().map(Vec::len).sum::<usize>() as u64,
        MESSAGES
    );
    for (series, numbers) in series {
        assert!(
            numbers.is_sorted(),
            "{series} of {partitions}, nats-server {}",
            server.version()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_owner_keeps_the_order_of_the_stream() {
    for version in Options::default().each_version() {
        keeps_the_order("1", &["flightline-all"], &version).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subjects_divide_a_stream_with_every_server() {
    let partitions = r#"["telemetry.app.>", "telemetry.metric.>", "telemetry.health.>", "telemetry.lifecycle.>"]"#;
    let consumers = ["app", "metric", "health", "lifecycle"];
    let consumers = consumers.map(|class| format!("flightline-telemetry={class}=++"));
    let consumers = consumers.each_ref().map(String::as_str);
    for version in Options::default().each_version() {
        keeps_the_order(partitions, &consumers, &version).await;
    }
}

/// A worker is stopped in the middle while another one is there.
async fn keeps_the_order_across_a_hand_over(partitions: &str, consumers: &[&str], server: Nats) {
    let publisher = Publisher::new(&server).await;
    // Before the one is stopped, meanwhile, and after that.
    let mut messages = messages();
    let third = messages.split_off(messages.len() / 4 * 3);
    let second = messages.split_off(messages.len() / 2);
    let workers = [(); 2].map(|()| Worker::start(BINARY, &config(&server, partitions)));
    let [mut leaving, mut staying] = workers;
    leaving.wait_for("the lanes are spread", divided::SOON, || {
        let reads = [&leaving, &staying].map(|worker| divided::reads(worker).len());
        reads[0] + reads[1] == consumers.len() && reads[0].abs_diff(reads[1]) <= 1
    });
    if divided::reads(&leaving).is_empty() {
        std::mem::swap(&mut leaving, &mut staying);
    }
    publisher.publish(&messages).await;
    leaving.wait_for("some lines are stored", PATIENCE, || {
        leaving.metric(r#"flightline_stored_lines_total{sink="main"}"#) > 0.0
    });
    let publishing = tokio::spawn(async move {
        publisher.publish(&second).await;
        publisher
    });
    let code = tokio::task::block_in_place(|| leaving.stop().code());
    assert_eq!(code, Some(0), "{}", leaving.log());
    publishing.await.unwrap().publish(&third).await;
    let context = || format!("nats-server {}:\n{}", server.version(), staying.log());
    tokio::task::block_in_place(|| wait_all_acked(&server, consumers, PATIENCE, context));
    assert_eq!(staying.stop().code(), Some(0), "{}", staying.log());
    let (mut series, after) = (stored(&leaving), stored(&staying));
    assert!(!series.is_empty() && !after.is_empty(), "both have stored");
    for (key, numbers) in after {
        series.entry(key).or_default().extend(numbers);
    }
    let count: usize = series.values().map(Vec::len).sum();
    assert_eq!(count as u64, MESSAGES, "each message comes once");
    for (series, numbers) in series {
        let context = format!("{series} of {partitions}, nats-server {}", server.version());
        // A lane was with the one that stays all the time, or came to it from the other.
        assert!(numbers.is_sorted(), "{context}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_hand_over_keeps_the_order() {
    for version in Options::default().each_version() {
        keeps_the_order_across_a_hand_over("1", &["flightline-all"], version.start()).await;
    }
    for server in divided::dividing_servers() {
        keeps_the_order_across_a_hand_over("4", &divided::FOUR, server).await;
    }
}

#[test]
fn an_old_server_is_refused_with_the_cure() {
    for version in Options::default().each_version() {
        let server = version.start();
        if !server.version().starts_with("2.9.") {
            continue;
        }
        let mut worker = Worker::launch(BINARY, &config(&server, "4"), "");
        assert_eq!(worker.wait(PATIENCE).code(), Some(69), "{}", worker.log());
        let log = worker.log();
        assert!(log.contains("needs nats-server 2.10"), "{log}");
        for class in ["metric", "health", "app", "lifecycle"] {
            assert!(log.contains(&format!("telemetry.{class}.>")), "{log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_removes_single_messages_is_not_read() {
    let plain = async_nats::jetstream::stream::Config {
        name: "TELEMETRY".to_owned(),
        subjects: vec!["telemetry.>".to_owned()],
        ..Default::default()
    };
    let limited = async_nats::jetstream::stream::Config {
        max_messages_per_subject: 5,
        ..plain.clone()
    };
    let rolled_up = async_nats::jetstream::stream::Config {
        allow_rollup: true,
        ..plain
    };
    for (setting, stream) in [
        ("max_msgs_per_subject", limited),
        ("allow_rollup_hdrs", rolled_up),
    ] {
        let server = Nats::start();
        let client = async_nats::connect(server.url()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        context.create_stream(stream).await.unwrap();
        let worker = Worker::start(BINARY, &config(&server, "1"));
        worker.wait_for("it says so", PATIENCE, || {
            let said = format!("removes single messages ({setting})");
            worker.log().contains(&said)
        });
        assert!(divided::consumers(&server).is_empty());
    }
}
