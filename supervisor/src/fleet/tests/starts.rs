//! Starts, budgets, restarts and exits: the cases of ContainerPilot's unit tests and those of its faults.

use crate::config::{Restarts, When};
use crate::event::{Code, SignalEvent};

use super::world::{World, each, job, once, trigger};
use super::{ms, s};

fn restarting(command: &str, restarts: Restarts) -> World {
    let mut job = job("app", command);
    job.restarts = restarts;
    World::start(vec![job])
}

#[test]
fn restarts_are_runs_on_top_of_the_first() {
    for (restarts, runs) in [(0, 1), (1, 2), (3, 4)] {
        let mut world = restarting("run 2000 0", Restarts::Times(restarts));
        world.pass(s(60));
        assert_eq!(world.count("start app"), runs, "{restarts} restarts");
        assert!(world.ended.is_some(), "all jobs have ended, and so has it");
    }
}

#[test]
fn a_periodic_job_runs_once_more_than_it_restarts_and_ends_with_the_next_tick() {
    let mut plan = job("app", "run 10 0");
    plan.when = When::Interval(ms(250));
    plan.restarts = Restarts::Times(2);
    let mut world = World::start(vec![plan]);
    world.pass(ms(700));
    assert_eq!(world.count("start app"), 3);
    assert!(world.ended.is_none(), "the third run ended before the tick");
    world.pass(ms(100));
    assert!(world.ended.is_some());
}

#[test]
fn ticks_that_come_during_a_run_are_one_further_run() {
    let mut plan = job("app", "run 1050 0");
    plan.when = When::Interval(ms(250));
    plan.restarts = Restarts::Unlimited;
    let mut world = World::start(vec![plan]);
    world.pass(ms(4300));
    assert_eq!(
        world.count("start app"),
        5,
        "back to back, never two at once"
    );
}

#[test]
fn ticks_that_are_one_further_run_cost_one_restart() {
    let mut plan = job("app", "run 1050 0");
    plan.when = When::Interval(ms(250));
    plan.restarts = Restarts::Times(3);
    let mut world = World::start(vec![plan]);
    world.pass(s(10));
    assert_eq!(world.count("start app"), 4);
    assert!(world.ended.is_some());
}

#[test]
fn bug396_a_missing_binary_with_unlimited_restarts_is_no_busy_loop() {
    let mut world = restarting("missing", Restarts::Unlimited);
    world.pass(s(60));
    let tries = world.count("missing app");
    assert!((8..=20).contains(&tries), "{tries} tries in a minute");
}

#[test]
fn a_steady_run_makes_the_next_restart_immediate_again() {
    let mut world = restarting("run 1500 1", Restarts::Unlimited);
    world.pass(s(60));
    assert_eq!(world.count("start app"), 41);
}

#[test]
fn a_quick_loop_that_ends_well_is_held_up_no_longer_than_a_steady_run_takes() {
    let mut world = restarting("run 100 0", Restarts::Unlimited);
    world.pass(s(60));
    let runs = world.count("start app");
    assert!((55..=70).contains(&runs), "{runs}");
}

#[test]
fn two_jobs_that_start_each_other_do_not_spin() {
    let a = each(job("a", "missing"), Code::ExitFailed, "b");
    let b = each(job("b", "missing"), Code::ExitFailed, "a");
    let first = once(job("first", "run 1 0"), Code::Startup, "global");
    let mut a = a;
    a.when = When::Each {
        trigger: trigger(Code::ExitFailed, "b"),
        timeout: Some(ms(100)),
    };
    let kick = each(job("b", "missing"), Code::ExitSuccess, "first");
    let mut world = World::start(vec![a, b, kick, first]);
    world.pass(s(60));
    let tries = world.count("missing a");
    // Ten times a second, where nothing held them up before.
    assert!((3..=610).contains(&tries), "{tries}");
}

#[test]
fn bug417_a_repeated_once_event_changes_nothing() {
    let source = each(job("source", "run 10 0"), Code::Signal, "SIGHUP");
    let mut app = once(job("app", "serve"), Code::ExitSuccess, "source");
    app.restarts = Restarts::Times(2);
    let mut world = World::start(vec![source, app]);
    for _ in 0..3 {
        world.hangup();
        world.pass(ms(1100));
    }
    assert_eq!(world.count("start app"), 1);
    for _ in 0..3 {
        world.exit("app", 0);
        world.pass(ms(1));
    }
    assert_eq!(world.count("start app"), 3, "the third exit ends it");
    assert_eq!(world.count("event stopped app"), 1);
}

#[test]
fn each_event_that_comes_during_a_run_is_one_further_run() {
    let app = each(job("app", "run 1000 0"), Code::Signal, "SIGHUP");
    let mut world = World::start(vec![app]);
    for _ in 0..5 {
        world.hangup();
    }
    world.pass(s(5));
    assert_eq!(world.count("start app"), 2);
}

#[test]
fn the_restarts_of_an_each_job_are_shared_over_its_life() {
    let mut app = each(job("app", "run 1000 1"), Code::Signal, "SIGHUP");
    app.restarts = Restarts::Times(3);
    let mut world = World::start(vec![app]);
    world.hangup();
    world.pass(s(10));
    assert_eq!(world.count("start app"), 4);
    world.hangup();
    world.pass(s(10));
    assert_eq!(
        world.count("start app"),
        5,
        "none were left for the second start"
    );
}

#[test]
fn a_job_does_not_react_to_its_own_exit() {
    let app = each(job("app", "run 10 0"), Code::ExitSuccess, "app");
    let kick = once(job("kick", "run 10 0"), Code::Startup, "global");
    let mut world = World::start(vec![app, kick]);
    world.pass(s(5));
    assert_eq!(world.count("start app"), 0);
}

#[test]
fn an_event_comes_after_what_caused_it_and_before_what_it_causes() {
    let first = job("first", "run 10 3");
    let then = once(job("then", "run 10 0"), Code::ExitFailed, "first");
    let mut world = World::start(vec![first, then]);
    world.pass(s(5));
    let expected = [
        "event startup global",
        "start first",
        "event exitFailed first",
        "start then",
        "event error first",
        "event stopping first",
        "event stopped first",
        "event exitSuccess then",
        "event stopping then",
        "event stopped then",
        "event shutdown global",
    ];
    assert_eq!(world.said(&["event", "start "]), expected);
}

#[test]
fn a_start_that_does_not_come_in_time_ends_the_job_with_one_event() {
    let mut app = once(job("app", "serve"), Code::StatusHealthy, "nobody");
    app.when = When::Once {
        trigger: trigger(Code::StatusHealthy, "nobody"),
        timeout: Some(ms(100)),
    };
    let mut world = World::start(vec![app]);
    world.pass(s(1));
    let expected = [
        "event startup global",
        "event timerExpired app",
        "event stopping app",
        "event stopped app",
        "event shutdown global",
    ];
    assert_eq!(world.said(&["event", "start "]), expected);
    assert_eq!(
        world.said(&["app:"]),
        [
            "app: pending -> stopping (start timeout)",
            "app: stopping -> failed (start timeout)"
        ]
    );
}

#[test]
fn a_start_in_time_is_not_given_up_however_long_it_runs() {
    let mut app = job("app", "serve");
    app.when = When::Signal {
        signal: SignalEvent::Hangup,
        timeout: Some(ms(100)),
    };
    let mut world = World::start(vec![app]);
    world.pass(ms(50));
    world.hangup();
    world.pass(s(10));
    assert_eq!(world.count("event timerExpired app"), 0);
}

#[test]
fn a_job_with_several_dependencies_starts_when_the_last_of_them_is_met_and_only_once() {
    let mut app = job("app", "serve");
    app.when = When::All {
        triggers: vec![
            trigger(Code::ExitSuccess, "a"),
            trigger(Code::ExitSuccess, "b"),
        ],
        timeout: None,
    };
    let a = each(job("a", "run 1000 0"), Code::Signal, "SIGHUP");
    let mut world = World::start(vec![app, a, job("b", "run 5000 0")]);
    world.hangup();
    world.pass(s(4));
    assert_eq!(world.count("start app"), 0);
    world.pass(s(2));
    assert_eq!(world.count("start app"), 1);
    world.hangup();
    world.pass(s(4));
    assert_eq!(world.count("start app"), 1);
}

#[test]
fn every_restart_shows_how_the_last_run_ended() {
    let mut world = restarting("run 2000 7", Restarts::Times(1));
    world.pass(s(10));
    assert_eq!(
        world.said(&["app:"]),
        [
            "app: pending -> running (startup of global)",
            "app: running -> backoff (exit)",
            "app: backoff -> running (restart)",
            "app: running -> stopping (exit)",
            "app: stopping -> failed (exit)",
        ]
    );
}
