//! A job that is unhealthy: what everybody is told of it, how it is stopped for it, and who else may want it to stop.

use crate::config::{Health, Job, OnFailure, Restarts};
use crate::control::command::Action;

use super::world::{World, job, served};
use super::{ms, s};

fn app(command: &str, change: impl Fn(&mut Health)) -> Job {
    let mut app = served(job("app", command));
    change(app.health.as_mut().expect("it has a check"));
    app
}

/// A job that is stopped by its third failure, at 3 s, and does not listen.
fn stubborn() -> Job {
    let mut app = app("deaf", |health| health.restart_after = Some(3));
    app.stop.timeout = Some(s(3));
    app
}

fn failing(app: Job) -> World {
    let mut world = World::start(vec![app]);
    world.failing.push("app".to_owned());
    world
}

fn order(world: &mut World, action: Action) {
    let actions = world.fleet.order("app", action, world.now).unwrap();
    world.act(actions);
}

#[test]
fn a_failure_between_passes_that_do_not_count_yet_is_no_warning() {
    let mut world = World::start(vec![app("serve", |health| {
        health.failures = 2;
        health.successes = 3;
        health.on_failure = OnFailure::Critical;
    })]);
    world.pass(ms(1500));
    for is_failing in [true, true, false, true, false] {
        world.failing.clear();
        if is_failing {
            world.failing.push("app".to_owned());
        }
        world.pass(s(1));
    }
    assert_eq!(
        world.said(&["health"]),
        [
            "health app Passing",
            "health app Warning",
            "health app Critical",
            "health app Critical",
            "health app Critical",
            "health app Critical",
        ]
    );
    assert_eq!(
        world.said(&["report"]),
        [
            "report app Passing",
            "report app Passing",
            "report app Critical",
            "report app Critical",
        ]
    );
    assert_eq!(world.count("event unhealthy app"), 2);
    assert_eq!(world.count("event becameUnhealthy app"), 1);
    assert_eq!(world.told("app"), "unhealthy");
}

#[test]
fn a_job_that_is_stopped_for_its_failures_is_unhealthy_until_it_is_gone() {
    let mut app = stubborn();
    let health = app.health.as_mut().unwrap();
    health.failures = 2;
    health.on_failure = OnFailure::Critical;
    app.stop.timeout = Some(s(10));
    let mut world = failing(app);
    world.pass(ms(9500));
    let critical = ["health app Critical"; 8];
    assert_eq!(world.said(&["health"])[1..], critical);
    assert_eq!(world.said(&["report"]), ["report app Critical"; 8]);
    assert_eq!(world.count("event unhealthy app"), 8);
    assert_eq!(world.said(&["RestartUnhealthy"]).len(), 1);
    assert_eq!(world.count("SIGTERM app"), 1);
}

#[test]
fn a_stop_for_failures_is_told_with_its_cause() {
    let mut app = app("serve", |health| health.restart_after = Some(3));
    app.restarts = Restarts::Times(1);
    let mut world = failing(app);
    world.pass(s(10));
    assert_eq!(
        world.said(&["app:"]),
        [
            "app: pending -> starting (startup of global)",
            "app: starting -> unhealthy (check)",
            "app: unhealthy -> backoff (too many failed checks)",
            "app: backoff -> starting (restart)",
            "app: starting -> unhealthy (check)",
            "app: unhealthy -> stopping (too many failed checks)",
            "app: stopping -> failed (too many failed checks)",
        ]
    );
    assert_eq!(world.fleet.jobs()[0].exit(), Some(143));
}

#[test]
fn a_restart_by_a_person_outlives_failures_of_what_is_being_stopped() {
    let mut world = failing(stubborn());
    world.pass(ms(2500));
    order(&mut world, Action::Restart);
    world.pass(ms(3500));
    assert_eq!(world.count("SIGKILL app"), 1);
    assert_eq!(world.count("start app"), 2);
    assert!(world.said(&["RestartUnhealthy"]).is_empty());
    assert_eq!(world.told("app"), "starting");
}

#[test]
fn a_restart_by_a_person_starts_what_is_being_stopped_for_its_failures() {
    let mut world = failing(stubborn());
    world.pass(ms(3500));
    assert_eq!(world.said(&["RestartUnhealthy"]).len(), 1);
    order(&mut world, Action::Restart);
    world.pass(s(3));
    assert_eq!(world.count("SIGKILL app"), 1);
    assert_eq!(world.count("start app"), 2);
}

#[test]
fn a_stop_by_a_person_is_told_as_his_whatever_the_checks_found() {
    let mut world = failing(stubborn());
    world.pass(ms(3500));
    order(&mut world, Action::Stop);
    world.pass(s(10));
    assert_eq!(world.told("app"), "complete");
    assert_eq!(world.count("app: stopping -> complete (operator)"), 1);
    assert_eq!(world.count("start app"), 1);
}
