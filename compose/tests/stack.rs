//! Promise: `docker compose up` brings up a whole system, every part wired to every other, and it goes on without loss while it is scaled, overloaded,
//! restarted, and while workers and nodes of NATS are killed. Against a real engine, with the images that compose/images/debian/build makes; that
//! is why `make compose-test` runs it, and no other test run.

#[path = "stack/engine.rs"]
mod engine;
#[path = "stack/load.rs"]
mod load;
#[path = "stack/looks.rs"]
mod looks;

use std::sync::Arc;

use flightline_fixtures::discovery::Passing;
use flightline_fixtures::http;
use flightline_fixtures::steps::{self, Steps};
use flightline_fixtures::writers::{Outcome, Writers, Written};

use engine::{Parts, Stack};
use load::{Flood, Lines};
use looks::Looks;

/// Clients that write through the balancer.
const CLIENTS: usize = 8;
/// The bucket or database of `.env`.
const DB: &str = "telemetry";
/// Containers whose first process is a supervisor: nats, worker, sensors, observer, balancer, prometheus.
const SUPERVISED: usize = 6;
/// Writes that are enough to say that they are taken.
const SOME: usize = 50;

/// Clients that know the balancer, and no worker.
fn writers(looks: &Looks) -> Writers {
    let balancer = Arc::new(Passing::follow(&looks.consul, "balancer"));
    let there = || !balancer.instances().is_empty();
    Steps::begin("clients").until("they know the balancer", there);
    Writers::start(CLIENTS, &balancer, DB)
}

fn taken(writers: &Writers) -> usize {
    writers.count_all(|outcome| outcome == Outcome::Taken)
}

fn take_more(steps: &Steps, writers: &Writers, what: &str) {
    let enough = taken(writers) + SOME;
    steps.until(what, || taken(writers) >= enough);
}

/// Each write was answered 2xx at its first try, and the store has each of its points once and unaltered.
fn judge(looks: &Looks, written: &Written) {
    let bad: Vec<_> = written
        .tries
        .iter()
        .filter(|tried| tried.outcome != Outcome::Taken)
        .collect();
    let (all, first) = (written.tries.len(), bad.first());
    assert!(
        bad.is_empty(),
        "{} of {all} writes were not taken: {first:?}",
        bad.len()
    );
    assert_eq!(written.given_up, 0, "writes that nobody took");
    looks.has(&written.points);
    steps::figure(&format!(
        "{all} writes through the balancer, all answered 2xx at once; {} points, each stored once",
        written.points.len()
    ));
}

#[test]
fn the_stack_comes_up_whole_and_loses_nothing_while_it_is_scaled_overloaded_and_restarted() {
    let steps = Steps::begin("docker-compose up");
    let mut stack = Stack::up(&Parts::default());
    let looks = Looks::at(&stack);
    steps.until("every container is healthy", || stack.is_healthy());
    steps.until("everything passes in Consul", || {
        looks.pass(&[
            "nats",
            "ingest",
            "flightline",
            "containerpilot",
            "observer",
            "balancer",
            "haproxy",
            "influxdb",
            "prometheus",
        ])
    });
    steps.until("Prometheus has every target up, through Consul", || {
        looks.targets_up(&[
            "flightline",
            "containerpilot",
            "observer",
            "haproxy",
            "influxdb",
            "prometheus",
        ])
    });
    steps.until("each supervisor is one of them", || {
        looks.targets("containerpilot") == SUPERVISED
    });
    steps.until(
        "the life-cycle of every container's jobs is in the store",
        || {
            looks.lifecycle_of(&[
                "nats/nats",
                "flightline/ingest",
                "sensor/humidity",
                "sensor/motion",
                "sensor/temperature",
                "observer/observer",
                "balancer/balancer",
                "prometheus/prometheus",
            ])
        },
    );
    steps.until("and in Consul", || {
        looks.kept_in_consul(&[
            "nats",
            "flightline",
            "sensor",
            "observer",
            "balancer",
            "prometheus",
        ])
    });
    stack.sizes();
    stack.figures("idle");

    let steps = Steps::begin("100,000 points");
    let published = Lines::begin(&stack, 0, 100_000).end();
    steps.note("published and acknowledged");
    steps.until("all are in the store", || looks.count("load") == published);
    stack.figures("after 100,000 points");

    let steps = Steps::begin("scale 1, 4, 2 under load");
    // From here to the end, through everything that happens.
    let writers = writers(&looks);
    let lines = Lines::begin(&stack, published, 400_000);
    take_more(&steps, &writers, "one worker takes the writes");
    stack.scale("worker", 4);
    steps.until("four pass", || looks.passing("ingest") == 4);
    stack.figures("four workers under load");
    take_more(&steps, &writers, "four take the writes");
    let killed = stack.kill("worker");
    steps.note("one is killed, supervisor and all");
    take_more(&steps, &writers, "the others take the writes");
    steps.until("it is out of Consul's passing ones", || {
        looks.passing("ingest") == 3
    });
    stack.remove(&killed);
    stack.scale("worker", 2);
    steps.until("two pass", || looks.passing("ingest") == 2);
    take_more(&steps, &writers, "two take the writes");
    let published = lines.end();
    steps.until("all that was published is in the store", || {
        looks.count("load") == published
    });

    let steps = Steps::begin("a worker is overloaded");
    take_more(&steps, &writers, "both take writes");
    let worker = stack.containers("worker").remove(0);
    let before = stack.retries();
    let flood = Flood::of(&worker.address);
    steps.until("it answers 503", || flood.is_refused());
    steps.until("it is critical in Consul", || looks.passing("ingest") == 1);
    take_more(&steps, &writers, "the other one takes the writes");
    drop(flood);
    steps.until("it passes again", || looks.passing("ingest") == 2);
    take_more(&steps, &writers, "both take writes again");
    let retries = stack.retries() - before;
    assert!(retries > 0, "no write was refused: nobody was overloaded");
    steps::figure(&format!(
        "an overloaded worker cost the balancer {retries} retries"
    ));

    let steps = Steps::begin("rolling restart");
    for worker in stack.containers("worker") {
        take_more(&steps, &writers, "writes are taken");
        stack.stop(&worker);
        let start = Steps::begin("docker start of a worker");
        let worker = stack.start(&worker);
        let ready = format!("http://{}:9464/readyz", worker.address);
        start.until("it is ready", || http::answers(&ready, 200));
        steps.until("both pass", || looks.passing("ingest") == 2);
    }
    take_more(&steps, &writers, "writes are taken");
    judge(&looks, &writers.stop(steps::PATIENCE));

    let steps = Steps::begin("the sensors are stopped");
    let readings = stack.stop_sensors();
    assert!(readings > 0, "the sensors have published nothing");
    steps.until("all their readings are in the store", || {
        looks.count("sensor") == readings
    });
    steps::figure(&format!("{readings} readings of three sensors, all stored"));
    stack.down();
}

#[test]
fn a_cluster_loses_nothing_when_a_node_is_killed() {
    let steps = Steps::begin("docker-compose up with three nodes of NATS");
    let mut stack = Stack::up(&Parts::cluster());
    let looks = Looks::at(&stack);
    steps.until("every container is healthy", || stack.is_healthy());
    steps.until("three nodes pass in Consul", || looks.passing("nats") == 3);
    steps.until("the worker passes", || looks.passing("ingest") == 1);
    let writers = writers(&looks);
    take_more(&steps, &writers, "writes are taken");

    let steps = Steps::begin("a node is killed");
    let node = stack.kill("nats-2");
    steps.until("it is out of Consul's passing ones", || {
        looks.passing("nats") == 2
    });
    take_more(&steps, &writers, "writes are taken");
    stack.start(&node);
    steps.until("it is back", || looks.passing("nats") == 3);
    take_more(&steps, &writers, "writes are taken");
    let written = writers.stop(steps::PATIENCE);
    assert_eq!(written.given_up, 0, "writes that nobody took");
    looks.has(&written.points);
    let (tries, points) = (written.tries.len(), written.points.len());
    steps::figure(&format!(
        "a node killed and back: {points} points in {tries} requests, each stored once"
    ));
    stack.down();
}

#[test]
fn victoria_takes_the_place_of_influxdb() {
    let steps = Steps::begin("docker-compose up with VictoriaMetrics");
    let mut stack = Stack::up(&Parts::victoria());
    let looks = Looks::at(&stack);
    steps.until("every container is healthy", || stack.is_healthy());
    steps.until("readings are stored", || looks.count("sensor") > 0);
    let readings = stack.stop_sensors();
    steps.until("all readings are stored", || {
        looks.count("sensor") == readings
    });
    stack.down();
}
