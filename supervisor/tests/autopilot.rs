//! The autopilot story: three workers with a write front, each supervised as the shipped example says and registered in a real Consul,
//! and clients that write to whoever passes there. One worker cannot take any more, or is killed: traffic moves, every write that was
//! answered 2xx is stored exactly once, and the worker is used again when it is well. The pipeline is run as the program it is: no
//! line of it is used here.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "autopilot/crew.rs"]
mod crew;

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use flightline_fixtures::chaos::Weather;
use flightline_fixtures::steps::Steps;
use flightline_fixtures::wait;
use flightline_fixtures::writers::Outcome;

use crew::{Crew, EXAMPLE, SUPERVISOR};

/// How long requests to a worker may stay unanswered, and longer: what it says then must be no better.
const LONGER_THAN_ANY_ANSWER: Duration = Duration::from_secs(8);
/// Writes that an instance must have taken before the next step is one.
const SOME: usize = 20;

fn refused(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Refused(_))
}

fn broken(outcome: Outcome) -> bool {
    outcome == Outcome::Broken
}

#[test]
fn an_overloaded_worker_gets_no_more_writes_until_it_is_well_and_nothing_is_lost() {
    let crew = Crew::start();
    let writers = crew.writers();
    let worker = &crew.workers[1];
    crew.everybody_takes(&writers, SOME);

    // Its way to NATS stands still: no PubAck comes, and what it holds passes its high-water mark.
    let steps = Steps::begin("a worker's way to NATS stands still");
    worker.network.set(Weather::Stalled);
    steps.until("a write is answered 503", || {
        writers.count(&worker.id, refused) > 0
    });
    steps.until("/readyz answers 503", || worker.readiness() == 503);
    steps.until("its check is critical in Consul", || {
        crew.status(worker).as_deref() == Some("critical")
    });
    let output = crew.output(worker);
    assert!(output.contains("HTTP 503"), "{output}");
    steps.until("the clients have heard of it", || !crew.passes(worker));
    let left = Instant::now();
    crew.others_take(&writers, worker, SOME);
    steps.note("the others took the writes");
    let back = wait::until(LONGER_THAN_ANY_ANSWER, || {
        crew.passes(worker) || worker.readiness() != 503
    });
    assert!(back.is_err(), "it came back before it was well");

    let lifted = Instant::now();
    let before = writers.count(&worker.id, |outcome| outcome == Outcome::Taken);
    let steps = Steps::begin("it goes on");
    worker.network.set(Weather::Fine);
    steps.until("/readyz answers 200", || worker.readiness() == 200);
    steps.until("its check passes in Consul", || {
        crew.status(worker).as_deref() == Some("passing")
    });
    steps.until("the clients have heard of it", || crew.passes(worker));
    steps.until("it takes writes again", || {
        writers.count(&worker.id, |outcome| outcome == Outcome::Taken) > before + SOME
    });

    let written = crew.judge(writers);
    let meanwhile = written
        .iter()
        .filter(|tried| tried.instance == worker.id)
        .filter(|tried| tried.begun > left && tried.begun < lifted);
    assert_eq!(meanwhile.count(), 0, "writes to a worker that was critical");
    crew.end();
}

#[test]
fn a_worker_that_is_killed_with_its_supervisor_loses_nothing_that_it_took() {
    let mut crew = Crew::start();
    let writers = crew.writers();
    crew.everybody_takes(&writers, SOME);

    let steps = Steps::begin("a supervisor and its worker are killed");
    crew.workers[0].kill();
    let killed = &crew.workers[0];
    steps.until("a write is not answered", || {
        writers.count(&killed.id, broken) > 0
    });
    crew.others_take(&writers, killed, SOME);
    steps.note("the others took the writes");
    steps.until("its TTL has run out in Consul", || {
        crew.status(killed).as_deref() == Some("critical")
    });
    steps.until("the clients have heard of it", || !crew.passes(killed));

    let before = writers.count(&killed.id, |outcome| outcome == Outcome::Taken);
    let steps = Steps::begin("both are started again");
    crew.revive(0);
    let revived = &crew.workers[0];
    steps.until("its check passes in Consul", || {
        crew.status(revived).as_deref() == Some("passing")
    });
    steps.until("it takes writes again", || {
        writers.count(&revived.id, |outcome| outcome == Outcome::Taken) > before + SOME
    });
    crew.judge(writers);
    crew.end();
}

/// The program on the shipped example, with these variables and no others.
fn check(variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(SUPERVISOR);
    let command = command
        .env_clear()
        .args(["check", "--strict", "-c", EXAMPLE]);
    command.envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn the_example_is_taken_and_says_what_it_is_about() {
    let flightline = crew::flightline();
    let program = [
        ("FLIGHTLINE", flightline.to_str().unwrap()),
        ("INTERFACE", "lo"),
    ];
    let output = check(&program);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    for word in ["ingest", "8186", "localhost:8500"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}
