//! Checks, thresholds, readiness, maintenance.

use std::sync::Arc;

use crate::config::{Health, Job, OnFailure, Readiness, Restarts};
use crate::control::command::Maintenance;
use crate::event::Code;

use super::world::{World, checked, each, job, served};
use super::{ms, s};

fn with(job: Job, change: impl Fn(&mut Health)) -> Job {
    let mut job = job;
    change(job.health.as_mut().expect("it has a check"));
    job
}

fn maintain(world: &mut World, maintenance: Maintenance) {
    let actions = world.fleet.maintain(maintenance, world.now);
    world.act(actions);
}

#[test]
fn every_pass_is_healthy_and_the_first_is_another_event_besides() {
    let follower = each(job("follower", "run 1 0"), Code::StatusHealthy, "app");
    let mut world = World::start(vec![checked(job("app", "serve")), follower]);
    world.pass(ms(4500));
    assert_eq!(world.count("event healthy app"), 4);
    assert_eq!(world.count("event becameHealthy app"), 1);
    assert_eq!(world.count("event exitSuccess check.app"), 4);
    assert_eq!(world.count("start follower"), 4);
}

#[test]
fn the_events_of_a_failed_check_come_in_containerpilots_order() {
    let mut world = World::start(vec![checked(job("app", "serve"))]);
    world.failing.push("app".to_owned());
    world.pass(ms(1500));
    let expected = [
        "event exitFailed check.app",
        "event error check.app",
        "event unhealthy app",
        "event becameUnhealthy app",
    ];
    assert_eq!(world.said(&["event"])[1..], expected);
}

#[test]
fn a_job_that_was_not_started_is_not_checked() {
    let app = each(checked(job("app", "serve")), Code::Signal, "SIGHUP");
    let mut world = World::start(vec![app]);
    world.pass(s(5));
    assert_eq!(world.count("event healthy app"), 0);
    world.hangup();
    world.pass(ms(5500));
    assert_eq!(world.count("event healthy app"), 5);
}

#[test]
fn a_service_is_told_of_every_pass_and_of_no_failure() {
    let mut world = World::start(vec![served(job("app", "serve"))]);
    world.pass(ms(2500));
    world.failing.push("app".to_owned());
    world.pass(s(2));
    assert_eq!(world.said(&["report"]), ["report app Passing"; 2]);
}

#[test]
fn a_service_that_wants_it_is_critical_at_once() {
    let app = with(served(job("app", "serve")), |health| {
        health.on_failure = OnFailure::Critical;
    });
    let mut world = World::start(vec![app]);
    world.failing.push("app".to_owned());
    world.pass(ms(1500));
    assert_eq!(world.said(&["report"]), ["report app Critical"]);
}

#[test]
fn failures_below_the_threshold_keep_a_service_alive() {
    let app = with(served(job("app", "serve")), |health| {
        health.failures = 3;
        health.successes = 2;
    });
    let mut world = World::start(vec![app]);
    world.pass(ms(1500));
    world.failing.push("app".to_owned());
    world.pass(s(2));
    assert_eq!(world.said(&["report"]), ["report app Passing"; 3]);
    assert_eq!(world.count("event unhealthy app"), 0);
    world.pass(s(1));
    assert_eq!(world.count("event becameUnhealthy app"), 1);
    world.failing.clear();
    world.pass(s(1));
    assert_eq!(world.count("app: unhealthy -> healthy (check)"), 0);
    world.pass(s(1));
    assert_eq!(world.count("app: unhealthy -> healthy (check)"), 1);
}

#[test]
fn failures_in_the_start_period_count_for_nothing_until_the_first_pass() {
    let app = with(checked(job("app", "serve")), |health| {
        health.start_period = s(10);
    });
    let mut world = World::start(vec![app]);
    world.failing.push("app".to_owned());
    world.pass(ms(9500));
    assert_eq!(world.count("event unhealthy app"), 0);
    world.pass(s(1));
    assert_eq!(world.count("event unhealthy app"), 1);
}

#[test]
fn repeated_failures_restart_the_process_by_the_rules_for_exits() {
    let mut app = with(checked(job("app", "serve")), |health| {
        health.restart_after = Some(3);
    });
    app.restarts = Restarts::Times(1);
    let mut world = World::start(vec![app]);
    world.failing.push("app".to_owned());
    world.pass(ms(3500));
    assert_eq!(world.count("SIGTERM app"), 1);
    assert_eq!(world.count("start app"), 2);
    world.pass(s(10));
    assert_eq!(world.count("start app"), 2);
    assert!(world.ended.is_some(), "no restarts are left");
}

#[test]
fn a_job_that_says_when_it_is_ready_is_not_checked_before() {
    let app = with(served(job("app", "serve")), |health| {
        health.readiness = Readiness::Notify;
        health.check = None;
    });
    let mut world = World::start(vec![app]);
    world.pass(s(5));
    assert!(world.said(&["report"]).is_empty());
    world.say_ready("app");
    assert_eq!(world.count("app: starting -> healthy (ready)"), 1);
    world.pass(ms(2500));
    assert_eq!(world.said(&["report"]), ["report app Passing"; 3]);
}

#[test]
fn in_maintenance_services_are_gone_and_checks_rest_until_it_ends() {
    let mut world = World::start(vec![served(job("app", "serve"))]);
    world.pass(ms(1500));
    maintain(&mut world, Maintenance::Enter);
    world.pass(s(5));
    assert_eq!(
        world.said(&["report", "withdraw"]),
        ["report app Passing", "withdraw app"]
    );
    assert_eq!(world.count("start app"), 1, "its process goes on");
    maintain(&mut world, Maintenance::Exit);
    world.pass(s(1));
    assert_eq!(world.said(&["report"]), ["report app Passing"; 2]);
    assert_eq!(
        world.said(&["app:"])[2..],
        [
            "app: healthy -> maintenance (maintenance)",
            "app: maintenance -> starting (maintenance)",
            "app: starting -> healthy (check)",
        ]
    );
    assert_eq!(
        world.said(&["supervisor:"])[2..],
        [
            "supervisor: running -> maintenance (maintenance)",
            "supervisor: maintenance -> running (maintenance)"
        ]
    );
}

#[test]
fn a_check_that_was_under_way_when_maintenance_began_does_not_end_it() {
    let mut world = World::start(vec![checked(job("app", "serve"))]);
    world.pass(s(1));
    maintain(&mut world, Maintenance::Enter);
    world.pass(ms(500));
    assert_eq!(world.count("event healthy app"), 0);
    assert_eq!(world.fleet.views(None, world.now)[0].state, "maintenance");
}

#[test]
fn maintenance_starts_the_jobs_that_wait_for_it() {
    let page = each(job("page", "run 10 0"), Code::EnterMaintenance, "global");
    let mut world = World::start(vec![page, job("app", "serve")]);
    maintain(&mut world, Maintenance::Enter);
    world.pass(ms(100));
    maintain(&mut world, Maintenance::Exit);
    maintain(&mut world, Maintenance::Enter);
    world.pass(ms(100));
    assert_eq!(world.count("start page"), 2);
}

#[test]
fn a_restart_makes_what_was_known_worthless() {
    let mut app = checked(job("app", "serve"));
    app.restarts = Restarts::Unlimited;
    let mut world = World::start(vec![app]);
    world.pass(ms(1500));
    world.exit("app", 1);
    world.pass(s(1));
    assert_eq!(
        world.said(&["app:"]),
        [
            "app: pending -> starting (startup of global)",
            "app: starting -> healthy (check)",
            "app: healthy -> backoff (exit)",
            "app: backoff -> starting (restart)",
            "app: starting -> healthy (check)",
        ]
    );
}

#[test]
fn a_service_with_a_status_is_announced_before_its_job_starts() {
    let mut app = each(served(job("app", "serve")), Code::Signal, "SIGHUP");
    let mut service = app.service.as_deref().cloned().unwrap();
    service.initial_status = Some(crate::config::InitialStatus::Warning);
    app.service = Some(Arc::new(service));
    let world = World::start(vec![app]);
    assert_eq!(world.said(&["announce"]), ["announce app"]);
}
