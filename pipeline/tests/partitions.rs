//! Promise: a divided stream has one owner for each of its lanes, nothing is lost or doubled when owners come, are killed or stand
//! still, and nothing is acked before it is stored.

#[path = "rig/divided.rs"]
mod divided;
#[path = "rig/support.rs"]
mod support;

use std::time::Duration;

use divided::{FOUR, consumers, dividing_servers, reads, wait_all_acked, wait_reads};
use flightline_fixtures::generator::{Generator, Message, Settings, golden};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::process::Signal;
use flightline_fixtures::worker::Worker;
use support::{BINARY, PATIENCE, Publisher, config, dead_letters, difference};

/// Enough that a worker is in the middle of it for seconds.
const MESSAGES: usize = 12_000;
/// Shorter than waiting for the other owner's messages takes otherwise.
const ACK_WAIT: Duration = Duration::from_secs(6);

struct Scene {
    nats: Nats,
    influx: Influxd,
    publisher: Publisher,
    workers: Vec<Worker>,
    messages: Vec<Message>,
}

async fn scene(nats: Nats, seed: u64) -> Scene {
    let settings = Settings {
        seed,
        messages: MESSAGES,
        poison_per_mille: 5,
        ..Settings::default()
    };
    let influx = Influxd::start();
    influx.create_database("flight");
    let publisher = Publisher::new(&nats).await;
    let sink = format!(
        "[source]\npartitions = 4\nack_wait = \"{}s\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n\
         [batch]\nlines = 1000\nage = \"500ms\"\n",
        ACK_WAIT.as_secs(),
        influx.url()
    );
    let config = config(&nats, &sink);
    let workers: Vec<_> = (0..2)
        .map(|_| Worker::launch(BINARY, &config, ""))
        .collect();
    workers.iter().for_each(Worker::wait_ready);
    let scene = Scene {
        nats,
        influx,
        publisher,
        workers,
        messages: Generator::new(settings).collect(),
    };
    scene.is_shared();
    scene
}

impl Scene {
    /// Four partitions and the rest, spread over two workers.
    fn is_shared(&self) {
        let [first, second] = &self.workers[..] else {
            panic!("two workers");
        };
        first.wait_for("the lanes are spread", divided::SOON, || {
            let mut sizes = [reads(first).len(), reads(second).len()];
            sizes.sort_unstable();
            sizes == [2, 3]
        });
        let mut all = [reads(first), reads(second)].concat();
        all.sort_unstable();
        assert_eq!(all, ["0", "1", "2", "3", "rest"]);
    }

    fn wait_for_the_middle(&self) {
        for worker in &self.workers {
            worker.wait_for("some lines are stored", PATIENCE, || {
                worker.metric(r#"flightline_stored_lines_total{sink="main"}"#) >= 500.0
            });
        }
    }

    fn logs(&self) -> String {
        let logs: Vec<_> = self.workers.iter().map(Worker::log).collect();
        logs.join("\n-----\n")
    }

    async fn everything_is_there_once(&mut self) {
        tokio::task::block_in_place(|| {
            wait_all_acked(&self.nats, &FOUR, PATIENCE, || self.logs());
        });
        let expected = golden(&self.messages);
        assert_eq!(expected.difference(&self.influx.points("flight")), None);
        let refused = self
            .messages
            .iter()
            .flat_map(|message| message.refused.clone());
        let found = dead_letters(&self.nats).await;
        assert_eq!(
            difference(refused.collect(), found),
            None,
            "each dead letter once"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_of_a_killed_owner_are_taken_over_and_nothing_is_lost() {
    for nats in dividing_servers() {
        let mut scene = scene(nats, 31).await;
        let (first, second) = scene.messages.split_at(MESSAGES / 2);
        scene.publisher.publish(first).await;
        scene.wait_for_the_middle();
        scene.workers[0].kill();
        scene.publisher.publish(second).await;
        wait_reads(&scene.workers[1], 5);
        scene.workers.remove(0);
        scene.everything_is_there_once().await;
        let code = scene.workers[0].stop().code();
        assert_eq!(code, Some(0), "{}", scene.logs());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_stood_still_while_others_took_over_makes_no_false_ack() {
    for nats in dividing_servers() {
        let mut scene = scene(nats, 32).await;
        let (first, second) = scene.messages.split_at(MESSAGES / 2);
        scene.publisher.publish(first).await;
        scene.wait_for_the_middle();
        scene.workers[0].signal(Signal::Stop);
        scene.publisher.publish(second).await;
        wait_reads(&scene.workers[1], 5);
        scene.workers[0].signal(Signal::Cont);
        scene.is_shared();
        scene.everything_is_there_once().await;
        for worker in &mut scene.workers {
            worker.stop();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_stopped_gives_its_lanes_back_and_leaves_nothing_un_acked() {
    for nats in dividing_servers() {
        let mut scene = scene(nats, 33).await;
        let (first, second) = scene.messages.split_at(MESSAGES / 2);
        scene.publisher.publish(first).await;
        scene.wait_for_the_middle();
        let mut leaving = scene.workers.remove(0);
        let code = tokio::task::block_in_place(|| leaving.stop().code());
        assert_eq!(code, Some(0), "{}", leaving.log());
        scene.publisher.publish(second).await;
        wait_reads(&scene.workers[0], 5);
        scene.everything_is_there_once().await;
        let taken = |name| scene.workers[0].metric(name);
        assert_eq!(
            taken("flightline_redelivered_messages_total"),
            0.0,
            "{}",
            scene.logs()
        );
        assert!(
            consumers(&scene.nats)
                .iter()
                .all(|consumer| consumer.ack_pending == 0)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_for_longer_than_the_ack_wait_brings_no_redelivery() {
    let (nats, influx) = (Nats::start(), Influxd::start());
    influx.create_database("flight");
    let publisher = Publisher::new(&nats).await;
    let sink = format!(
        "[source]\npartitions = 1\nack_wait = \"2s\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n\
         max_backoff = \"1s\"\n[batch]\nage = \"100ms\"\n",
        influx.url()
    );
    let mut worker = Worker::start(BINARY, &config(&nats, &sink));
    let mut scene = Scene {
        messages: Generator::new(Settings {
            seed: 34,
            messages: 2_000,
            ..Settings::default()
        })
        .collect(),
        nats,
        influx,
        publisher,
        workers: Vec::new(),
    };
    tokio::task::block_in_place(|| scene.influx.server().stop());
    scene.publisher.publish(&scene.messages).await;
    let prolonged = || worker.metric("flightline_prolonged_messages_total") >= 8_000.0;
    worker.wait_for(
        "the wait was started again several times",
        PATIENCE,
        prolonged,
    );
    tokio::task::block_in_place(|| scene.influx.server().restart());
    tokio::task::block_in_place(|| {
        wait_all_acked(&scene.nats, &["flightline-all"], PATIENCE, || worker.log());
    });
    assert_eq!(worker.metric("flightline_redelivered_messages_total"), 0.0);
    let expected = golden(&scene.messages);
    assert_eq!(expected.difference(&scene.influx.points("flight")), None);
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
}
