//! HAProxy before the workers, driven by a supervisor's watches, as the shipped example has it: clients write to it and know of nobody
//! else. Workers are overloaded, killed, restarted and come back; clients see 2xx for every write, and every write is stored exactly
//! once. What it costs are retries, which HAProxy has counted. Needs consul, nats-server, influxd and haproxy
//! (`fixtures/install-servers`), and the pipeline's program.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "autopilot/crew.rs"]
mod crew;
#[path = "balancer/front.rs"]
mod front;

use flightline_fixtures::chaos::Weather;
use flightline_fixtures::consul::Consul;
use flightline_fixtures::http;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::steps::Steps;
use flightline_fixtures::writers::{Outcome, Writers};

use crew::Crew;
use front::Front;

/// Writes that the balancer must have taken before the next step is one.
const SOME: usize = 60;
/// The balancer as clients find it.
const BALANCER: &str = "balancer-balancer-1";

fn taken(writers: &Writers) -> usize {
    writers.count(BALANCER, |outcome| outcome == Outcome::Taken)
}

/// Waits until clients have written more.
fn more(steps: &Steps, writers: &Writers, step: &str) {
    let enough = taken(writers) + SOME;
    steps.until(step, || taken(writers) >= enough);
}

/// Ends the story: each write was answered 2xx, at its first try, and is stored once. What was refused was tried again by HAProxy.
fn judge(crew: Crew, front: Front, writers: Writers) {
    let tries = crew.judge(writers);
    // Reloads are not restarts.
    assert!(!front.log().contains("balancer exited"), "{}", front.log());
    let failed: Vec<_> = tries
        .iter()
        .filter(|tried| tried.outcome != Outcome::Taken)
        .collect();
    assert!(failed.is_empty(), "{failed:?}: {}", front.log());
    let retries = front.retries();
    Steps::begin("the story").note(&format!(
        "has {} writes, all of them 2xx, with {retries} retries of HAProxy,",
        tries.len()
    ));
    front.end();
    drop(crew);
}

#[test]
fn clients_of_the_balancer_see_no_overload_and_no_death_of_a_worker() {
    let mut crew = Crew::start();
    let front = Front::start(&crew.consul, &crew.nats);
    let steps = Steps::begin("a balancer starts before three workers");
    steps.until("it knows them all", || front.servers("ingest") == 3);
    steps.until("it knows their pages", || front.servers("status") == 3);
    let writers = Crew::writers_to(&front.passing);
    more(&steps, &writers, "clients have written");
    assert_eq!(http::get(&front.url("/status")).unwrap().status, 200);
    assert_eq!(http::get(&front.url("/")).unwrap().status, 200);
    assert_eq!(http::post(&front.url("/"), b"").unwrap().status, 405);
    assert_eq!(http::get(&front.url("/metrics")).unwrap().status, 404);

    let before = front.retries();
    let overloaded = &crew.workers[1];
    let steps = Steps::begin("a worker's way to NATS stands still");
    overloaded.network.set(Weather::Stalled);
    steps.until("HAProxy has tried a write elsewhere", || {
        front.retries() > before
    });
    steps.until("its check is critical in Consul", || {
        crew.status(overloaded).as_deref() == Some("critical")
    });
    steps.until("HAProxy has left it out", || {
        !front.configuration().contains(&overloaded.id)
    });
    more(&steps, &writers, "the others have taken writes");

    let steps = Steps::begin("it goes on");
    overloaded.network.set(Weather::Fine);
    steps.until("HAProxy has them all", || front.has_all(&crew.workers));

    let before = front.retries();
    let steps = Steps::begin("another worker is killed with its supervisor");
    crew.workers[0].kill();
    steps.until("HAProxy has tried a write elsewhere", || {
        front.retries() > before
    });
    let killed = &crew.workers[0];
    steps.until("HAProxy has left it out", || {
        !front.configuration().contains(&killed.id)
    });
    more(&steps, &writers, "the others have taken writes");

    let steps = Steps::begin("both are started again");
    crew.revive(0);
    steps.until("HAProxy has them all", || front.has_all(&crew.workers));
    more(&steps, &writers, "clients have written");
    judge(crew, front, writers);
}

#[test]
fn a_rolling_restart_of_all_workers_is_seen_by_no_client() {
    let mut crew = Crew::start();
    let front = Front::start(&crew.consul, &crew.nats);
    let steps = Steps::begin("a balancer starts before three workers");
    steps.until("it knows them all", || front.servers("ingest") == 3);
    let writers = Crew::writers_to(&front.passing);
    more(&steps, &writers, "clients have written");
    for index in 0..crew.workers.len() {
        let steps = Steps::begin("a worker is restarted");
        crew.workers[index].restart();
        let worker = &crew.workers[index];
        steps.until("it passes in Consul", || {
            crew.status(worker).as_deref() == Some("passing")
        });
        steps.until("HAProxy has them all", || front.has_all(&crew.workers));
        more(&steps, &writers, "clients have written");
    }
    judge(crew, front, writers);
}

#[test]
fn a_balancer_without_workers_is_well_and_says_when_to_come_again() {
    let (consul, nats) = (Consul::start(), Nats::start());
    let front = Front::start(&consul, &nats);
    let answer = front.write("flight");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(http::get(&front.url("/status")).unwrap().status, 503);
    assert_eq!(http::get(&front.url("/nothing")).unwrap().status, 404);
    assert!(front.passing.has(BALANCER));
    Steps::begin("a balancer starts").until("Prometheus finds it, too", || {
        consul.status("haproxy-balancer-1").as_deref() == Some("passing")
    });
    front.end();
}
