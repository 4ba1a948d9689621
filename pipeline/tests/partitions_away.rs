//! Promise: a nats-server that restarts, is away for long or loses the table of the leases takes no lane from who reads it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/divided.rs"]
mod divided;
#[path = "rig/support.rs"]
mod support;

use std::fs;
use std::time::{Duration, Instant};

use divided::{FOUR, dividing_servers, reads, wait_all_acked};
use flightline_fixtures::generator::{Generator, Settings};
use flightline_fixtures::nats::Nats;
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use support::{BINARY, PATIENCE, Publisher};

/// Longer than a worker may be silent.
const LONG: Duration = Duration::from_secs(7);
/// A worker that is taken for gone has lost its lanes by then, and been given its share again.
const OBSERVED: Duration = Duration::from_secs(9);

struct Scene {
    nats: Nats,
    publisher: Publisher,
    workers: [Worker; 2],
    owned: Vec<Vec<String>>,
}

impl Scene {
    async fn new(nats: Nats, partitions: u32, shares: [usize; 2]) -> Self {
        let config = format!(
            "[nats]\nurl = \"{}\"\n[source]\npartitions = {partitions}\nack_wait = \"5s\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n",
            nats.url()
        );
        let publisher = Publisher::new(&nats).await;
        let workers = [(); 2].map(|()| Worker::start(BINARY, &config));
        let mut scene = Self {
            nats,
            publisher,
            workers,
            owned: Vec::new(),
        };
        scene.workers[0].wait_for("the lanes are spread", divided::SOON, || {
            let mut sizes = scene.owned_now().iter().map(Vec::len).collect::<Vec<_>>();
            sizes.sort_unstable();
            sizes == shares
        });
        scene.owned = scene.owned_now();
        scene
    }

    fn owned_now(&self) -> Vec<Vec<String>> {
        self.workers.iter().map(reads).collect()
    }

    fn log(&self, worker: usize) -> String {
        let log = self.workers[worker].folder().join("flightline.log");
        fs::read_to_string(log).unwrap()
    }

    /// How often somebody has begun to read a lane, or given one back.
    fn moves(&self) -> usize {
        let moves = |worker| {
            let log = self.log(worker);
            let moves = log.lines().filter(|line| {
                line.contains("reading a lane") || line.contains("giving a lane back")
            });
            moves.count()
        };
        (0..self.workers.len()).map(moves).sum()
    }

    /// What happens moves no lane, and they are read on.
    async fn no_lane_changes_hands(&mut self, what: &str, happens: impl AsyncFnOnce(&mut Self)) {
        let before = self.moves();
        happens(self).await;
        let moved = tokio::task::block_in_place(|| wait::until(OBSERVED, || self.moves() > before));
        let context = || {
            format!(
                "{what}, nats-server {}:\n{}\n-----\n{}",
                self.nats.version(),
                self.log(0),
                self.log(1)
            )
        };
        assert!(moved.is_err(), "a lane changes hands: {}", context());
        assert_eq!(self.owned_now(), self.owned, "{}", context());
        let settings = Settings {
            messages: 500,
            ..Settings::default()
        };
        let messages: Vec<_> = Generator::new(settings).collect();
        self.publisher.publish(&messages).await;
        let lanes: &[&str] = match self.owned.concat().len() {
            1 => &["flightline-all"],
            _ => &FOUR,
        };
        tokio::task::block_in_place(|| wait_all_acked(&self.nats, lanes, PATIENCE, context));
    }

    fn restart(&mut self, away: Duration) {
        tokio::task::block_in_place(|| {
            self.nats.server().stop();
            let stopped = Instant::now();
            wait::until(away + LONG, || stopped.elapsed() >= away).unwrap();
            self.nats.server().restart();
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lane_changes_hands_when_the_server_restarts() {
    for nats in dividing_servers() {
        let mut scene = Scene::new(nats, 4, [2, 3]).await;
        let at_once = async |scene: &mut Scene| scene.restart(Duration::ZERO);
        scene.no_lane_changes_hands("a restart", at_once).await;
        let later = async |scene: &mut Scene| scene.restart(LONG);
        scene.no_lane_changes_hands("an outage", later).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lane_changes_hands_when_the_table_is_lost() {
    let mut scene = Scene::new(Nats::start(), 1, [0, 1]).await;
    let client = async_nats::connect(scene.nats.url()).await.unwrap();
    let context = async_nats::jetstream::new(client);
    // Whoever stands by may be the first to see it.
    for _ in 0..3 {
        let lost = async |_: &mut Scene| {
            context.delete_key_value("lanes-TELEMETRY").await.unwrap();
        };
        scene.no_lane_changes_hands("a lost table", lost).await;
    }
}
