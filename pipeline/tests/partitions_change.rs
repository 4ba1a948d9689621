//! Promise: how a stream is divided can be changed at any time, and nothing is lost: from one shared consumer to partitions, to
//! more, to fewer, to one owner, and back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/divided.rs"]
mod divided;
#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;

use async_nats::jetstream::consumer::pull;
use divided::{dividing_servers, wait_all_acked, wait_reads};
use flightline_fixtures::generator::Message;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::worker::Worker;
use support::{BINARY, PATIENCE, Publisher};

/// Messages on 50 subjects of the contract, and every tenth on a mapped one, if there are any.
fn messages(numbers: Range<u64>, mapped: &[&str]) -> Vec<Message> {
    let message = |number| {
        let mapped = mapped.iter().cycle().nth((number / 10) as usize);
        let (subject, payload) = match (number % 10, mapped) {
            (0, Some(subject)) => (
                (*subject).to_owned(),
                format!("{{\"v\":{number},\"time\":{number}}}"),
            ),
            _ => (
                format!("telemetry.app.s.t{}", number % 50),
                format!("m v={number} {number}\n"),
            ),
        };
        Message {
            subject,
            content_type: None,
            payload: payload.into_bytes(),
            points: Vec::new(),
            refused: Vec::new(),
        }
    };
    numbers.map(message).collect()
}

struct Scene {
    nats: Nats,
    publisher: Publisher,
    published: u64,
    /// The subjects that workers have mappings for, and that are published on.
    mapped: Vec<&'static str>,
    /// How often each message was stored.
    stored: BTreeMap<u64, u64>,
}

impl Scene {
    fn worker(&self, partitions: &str) -> Worker {
        let mut config = format!(
            "[nats]\nurl = \"{}\"\n[source]\nack_wait = \"5s\"\n{partitions}\n[sink]\nkind = \"file\"\ndir = \"out\"\n\
             [batch]\nage = \"100ms\"\n",
            self.nats.url()
        );
        for subject in &self.mapped {
            config.push_str(&format!(
                "[[mapping]]\nsubjects = [\"{subject}\"]\nservice = \"{subject}\"\nmeasurement = \"m\"\nfields = [\"v\"]\n\
                 time = \"$.time\"\ntime_unit = \"ns\"\n"
            ));
        }
        Worker::start(BINARY, &config)
    }

    async fn publish(&mut self, count: u64) {
        let messages = messages(self.published + 1..self.published + count + 1, &self.mapped);
        self.publisher.publish(&messages).await;
        self.published += count;
    }

    /// Takes in what a worker has stored.
    fn take(&mut self, worker: &mut Worker) {
        let log = worker.folder().join("flightline.log");
        let log = fs::read_to_string(log).unwrap();
        assert!(!log.contains("cannot be read"), "{log}");
        assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
        for file in fs::read_dir(worker.folder().join("out")).unwrap() {
            for line in fs::read_to_string(file.unwrap().path()).unwrap().lines() {
                let time = line.rsplit(' ').next().unwrap().parse().unwrap();
                *self.stored.entry(time).or_default() += 1;
            }
        }
    }

    /// A worker with `partitions` reads everything that is there and `count` more messages; `ack` are then acked.
    async fn epoch(&mut self, partitions: &str, count: u64, consumers: &[&str]) {
        let worker = self.worker(partitions);
        self.publish(count).await;
        self.finish(worker, consumers);
        let missing: Vec<_> = (1..=self.published)
            .filter(|number| !self.stored.contains_key(number))
            .collect();
        assert!(
            missing.is_empty(),
            "after {partitions:?}: {} are missing: {missing:?}",
            missing.len()
        );
    }

    /// A worker is stopped once all is acked, and what it has stored is taken in.
    fn finish(&mut self, mut worker: Worker, consumers: &[&str]) {
        tokio::task::block_in_place(|| {
            wait_all_acked(&self.nats, consumers, PATIENCE, || worker.log());
        });
        let lettered = worker.metric("flightline_dead_lettered_messages_total");
        assert_eq!(
            lettered,
            0.0,
            "subjects are as they were published: {}",
            worker.log()
        );
        self.take(&mut worker);
    }

    /// A worker that is killed with messages un-acked.
    async fn die_in_the_middle(&mut self, partitions: &str, count: u64) {
        let mut worker = self.worker(partitions);
        self.publish(count).await;
        tokio::task::block_in_place(|| worker.kill());
    }

    fn twice(&self) -> usize {
        self.stored.values().filter(|times| **times > 1).count()
    }
}

const TWO: [&str; 3] = ["flightline-0", "flightline-1", "flightline-rest"];

async fn scene(nats: Nats) -> Scene {
    Scene {
        publisher: Publisher::new(&nats).await,
        nats,
        published: 0,
        mapped: vec!["humidity"],
        stored: BTreeMap::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_one_consumer_to_partitions_to_more_and_to_fewer() {
    for nats in dividing_servers() {
        let mut scene = scene(nats).await;
        scene.epoch("", 1_000, &["flightline"]).await;
        scene.epoch("partitions = 2", 1_000, &TWO).await;
        scene.epoch("partitions = 4", 1_000, &divided::FOUR).await;
        assert_eq!(scene.twice(), 0, "what was acked is not read again");
        scene.die_in_the_middle("partitions = 4", 1_000).await;
        // Two partitions that there are no more still have something.
        scene.epoch("partitions = 2", 1_000, &divided::FOUR).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn to_one_owner_and_back_to_one_consumer() {
    for nats in dividing_servers() {
        let mut scene = scene(nats).await;
        scene.epoch("partitions = 2", 1_000, &TWO).await;
        scene.die_in_the_middle("partitions = 2", 500).await;
        scene
            .epoch("partitions = 1", 1_000, &["flightline-all"])
            .await;
        scene.die_in_the_middle("partitions = 1", 500).await;
        scene.epoch("", 1_000, &["flightline"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_never_had_anything_brings_nothing_back() {
    for nats in dividing_servers() {
        let mut scene = scene(nats).await;
        scene.mapped.clear();
        scene.epoch("partitions = 2", 1_000, &TWO).await;
        scene
            .epoch("partitions = 1", 500, &["flightline-all"])
            .await;
        assert_eq!(scene.twice(), 0, "what was acked is not read again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_in_a_new_partition_before_it_has_a_consumer_is_read() {
    for nats in dividing_servers() {
        let mut scene = scene(nats).await;
        let old = scene.worker("partitions = 2");
        wait_reads(&old, 3);
        scene.publish(500).await;
        // As the first worker with four partitions leaves it, if it dies at once.
        let client = async_nats::connect(scene.nats.url()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        let mut stream = context.get_stream("TELEMETRY").await.unwrap();
        let mut config = stream.info().await.unwrap().config.clone();
        let transform = config.subject_transform.as_mut().unwrap();
        transform.destination = transform
            .destination
            .replace("partition(2,", "partition(4,");
        context.update_stream(config).await.unwrap();
        scene.publish(500).await;
        scene.finish(old, &TWO);
        assert!(
            scene.stored.len() < 1_000,
            "the old worker does not read them"
        );
        scene.epoch("partitions = 4", 500, &divided::FOUR).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_are_added_removed_and_put_in_another_order() {
    for nats in dividing_servers() {
        let mut scene = scene(nats).await;
        for mapped in [
            &["humidity"][..],
            &["motion", "humidity"],
            &["humidity", "motion"],
            &["temperature"],
        ] {
            scene.mapped = mapped.to_vec();
            scene.epoch("partitions = 2", 500, &TWO).await;
        }
        assert_eq!(scene.twice(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_with_and_without_a_new_mapping_go_on_side_by_side() {
    for nats in dividing_servers() {
        let mut scene = scene(nats).await;
        let old = scene.worker("partitions = 2");
        scene.publish(200).await;
        wait_reads(&old, 3);
        scene.mapped = vec!["motion", "humidity"];
        let new = scene.worker("partitions = 2");
        wait_reads(&new, 1);
        wait_reads(&old, 2);
        // Whoever has the lane of the mapped subjects, each can read it after the other.
        scene.finish(old, &TWO);
        wait_reads(&new, 3);
        scene.publish(200).await;
        scene.mapped = vec!["humidity"];
        let old = scene.worker("partitions = 2");
        wait_reads(&old, 1);
        scene.finish(new, &TWO);
        wait_reads(&old, 3);
        scene.publish(200).await;
        scene.finish(old, &TWO);
        assert_eq!(scene.stored.len() as u64, scene.published);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_not_divided_as_long_as_somebody_else_would_get_nothing_more() {
    for nats in dividing_servers() {
        let scene = scene(nats).await;
        let client = async_nats::connect(scene.nats.url()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        let stream = context.get_stream("TELEMETRY").await.unwrap();
        let audit = |filters: &[&str]| pull::Config {
            durable_name: Some("audit".to_owned()),
            filter_subjects: filters.iter().map(|&filter| filter.to_owned()).collect(),
            ..pull::Config::default()
        };
        stream
            .create_consumer(audit(&["telemetry.app.>"]))
            .await
            .unwrap();
        let worker = scene.worker("partitions = 2");
        let says = || {
            worker
                .log()
                .contains("consumer audit of stream TELEMETRY takes telemetry.app.>")
        };
        worker.wait_for("it says who would", PATIENCE, says);
        let stored = stream.get_info().await.unwrap().config.subject_transform;
        assert!(stored.is_none(), "{stored:?}");
        stream
            .create_consumer(audit(&["telemetry.app.>", "*.telemetry.app.>"]))
            .await
            .unwrap();
        wait_reads(&worker, 3);
    }
}
