//! Corners that were wrong once.

use std::sync::Arc;

use crate::config::{Config, Readiness, Restarts, Role, When};
use crate::control::command::{Action, Maintenance, Reload};
use crate::event::Code;

use super::world::{World, config, each, job, once, served, trigger};
use super::{ms, s};

fn reload(world: &mut World, config: Config, how: Reload) {
    let actions = world.fleet.reload(&Arc::new(config), None, how, world.now);
    world.act(actions);
}

#[test]
fn a_start_that_fails_is_tried_again_in_a_turn_of_its_own_however_many_tries_are_free() {
    let mut app = job("app", "missing");
    app.restarts = Restarts::Unlimited;
    app.backoff.free = u32::MAX;
    let mut world = World::start(vec![app]);
    world.pass(s(1));
    let tries = world.count("missing app");
    assert!((50..=101).contains(&tries), "{tries}");
    assert!(world.terminate() < ms(10));
}

#[test]
fn the_hooks_of_the_consul_agent_run() {
    let leave = once(job("leave", "run 10 0"), Code::Stopping, "consul-agent");
    let post = once(job("post", "run 10 0"), Code::Stopped, "consul-agent");
    let last = once(job("last", "run 10 0"), Code::Stopped, "post");
    let jobs = vec![
        job("consul-agent", "serve"),
        served(job("app", "serve")),
        leave,
        post,
        last,
    ];
    let mut world = World::start(jobs);
    assert!(world.terminate() < s(1));
    assert!(world.before("event stopped app", "start leave"));
    assert!(world.before("start leave", "SIGTERM consul-agent"));
    assert!(world.before("event stopped consul-agent", "start post"));
    assert!(world.before("event stopped post", "start last"));
}

#[test]
fn the_consul_agent_has_its_time_though_it_answers_nothing() {
    let own = served(job("own", "")).service;
    let jobs = vec![job("consul-agent", "serve"), served(job("app", "serve"))];
    let mut world = World::owning(&config(jobs), own);
    world.consul = s(60);
    let taken = world.terminate();
    assert!(taken < ms(4500), "{taken:?}");
    assert!(world.before("event stopped app", "SIGTERM consul-agent"));
    assert_eq!(world.count("SIGKILL consul-agent"), 0);
}

#[test]
fn a_hook_of_several_ends_runs_after_the_last_of_them() {
    let mut post = job("post", "run 10 0");
    post.when = When::All {
        triggers: vec![trigger(Code::Stopped, "a"), trigger(Code::Stopped, "b")],
        timeout: None,
    };
    let mut world = World::start(vec![job("a", "serve"), job("b", "deaf"), post]);
    world.terminate();
    assert!(world.before("event stopped b", "start post"));
}

#[test]
fn what_a_reload_takes_away_cannot_be_started_behind_it() {
    let mut world = World::start(vec![job("slow", "deaf"), job("app", "serve")]);
    let next = vec![job("slow", "serve x"), job("app", "serve x")];
    reload(&mut world, config(next), Reload::Changed);
    world.pass(s(1));
    assert!(world.fleet.order("app", Action::Start, world.now).is_err());
    world.pass(s(20));
    assert_eq!(world.count("start app"), 2);
}

#[test]
fn a_main_job_that_never_started_is_no_success() {
    let mut app = once(job("app", "serve"), Code::StatusHealthy, "db");
    app.role = Role::Main;
    app.when = When::Once {
        trigger: trigger(Code::StatusHealthy, "db"),
        timeout: Some(ms(100)),
    };
    let mut world = World::start(vec![app, job("db", "serve")]);
    world.pass(s(5));
    assert_eq!(world.ended.and_then(|end| end.main), Some(1));
}

#[test]
fn an_alarm_on_the_end_of_the_main_job_may_finish() {
    let mut app = job("app", "run 100 3");
    app.role = Role::Main;
    let alarm = once(job("alarm", "run 500 0"), Code::ExitFailed, "app");
    let mut world = World::start(vec![app, alarm, job("sidecar", "serve")]);
    world.pass(s(5));
    assert_eq!(world.count("SIGTERM alarm"), 0);
    assert_eq!(world.count("SIGTERM sidecar"), 1);
    assert_eq!(world.ended.and_then(|end| end.main), Some(3));
}

#[test]
fn a_service_that_says_when_it_is_ready_is_healthy_again_after_maintenance() {
    let mut app = served(job("app", "serve"));
    if let Some(health) = &mut app.health {
        health.readiness = Readiness::Notify;
        health.check = None;
    }
    let mut world = World::start(vec![app]);
    world.say_ready("app");
    for maintenance in [Maintenance::Enter, Maintenance::Exit] {
        let actions = world.fleet.maintain(maintenance, world.now);
        world.act(actions);
    }
    world.pass(s(2));
    assert_eq!(world.said(&["app: starting -> healthy"]).len(), 2);
}

#[test]
fn events_that_come_at_their_own_pace_are_never_held_up() {
    let hook = each(job("hook", "run 10 1"), Code::StatusChanged, "watch.db");
    let mut world = World::start(vec![hook, job("app", "serve")]);
    for passing in 0..40 {
        let actions = world.fleet.watched(&"db".into(), passing, world.now);
        world.act(actions);
        world.pass(ms(500));
    }
    assert_eq!(world.count("start hook"), 40);
}

#[test]
fn a_service_without_a_process_has_no_heartbeat() {
    let mut app = served(job("app", "run 5 1"));
    if let Some(health) = &mut app.health {
        health.check = None;
    }
    app.restarts = Restarts::Unlimited;
    let mut world = World::start(vec![app]);
    world.pass(s(40));
    let beats = world.count("report app Passing");
    assert!(beats < 5, "{beats}");
}

#[test]
fn a_reload_starts_nothing_again_that_runs_on() {
    let app = each(job("app", "serve"), Code::Startup, "global");
    let task = each(job("task", "run 10 0"), Code::Startup, "global");
    let mut world = World::start(vec![app.clone(), task.clone()]);
    world.pass(s(1));
    reload(&mut world, config(vec![app, task]), Reload::Changed);
    world.exit("app", 0);
    world.pass(s(5));
    assert_eq!(world.count("start app"), 1);
    assert_eq!(
        world.count("start task"),
        2,
        "it waits for each start of a generation"
    );
}

#[test]
fn a_hard_reload_stops_the_agent_after_those_that_deregister_through_it() {
    let jobs = || vec![job("consul-agent", "serve"), served(job("app", "serve"))];
    let mut world = World::start(jobs());
    world.consul = ms(50);
    world.pass(ms(1500));
    reload(&mut world, config(jobs()), Reload::Everything);
    world.pass(s(3));
    assert!(world.before("event stopped app", "SIGTERM consul-agent"));
    assert_eq!(world.count("start consul-agent"), 2);
}

#[test]
fn a_failure_below_the_threshold_is_told_once() {
    let mut app = served(job("app", "serve"));
    if let Some(health) = &mut app.health {
        health.failures = 3;
    }
    let mut world = World::start(vec![app]);
    world.pass(ms(1500));
    world.failing.push("app".to_owned());
    world.pass(s(1));
    assert_eq!(
        world.said(&["health app"]),
        ["health app Passing", "health app Warning"]
    );
}

#[test]
fn a_service_without_a_command_that_was_stopped_can_be_started_again() {
    let mut world = World::start(vec![served(job("app", "")), job("other", "serve")]);
    world.pass(ms(1500));
    for how in [Action::Start, Action::Restart] {
        let again = world.fleet.order("app", how, world.now).unwrap_err();
        assert!(format!("{again:?}").contains("no exec"), "{again:?}");
        let actions = world.fleet.order("app", Action::Stop, world.now).unwrap();
        world.act(actions);
        world.pass(s(2));
        assert_eq!(world.told("app"), "complete");
        let actions = world.fleet.order("app", how, world.now).unwrap();
        world.act(actions);
        assert_eq!(world.told("app"), "starting");
        world.pass(ms(1500));
        assert_eq!(world.told("app"), "healthy");
    }
    let told = ["report app Passing", "withdraw app"];
    assert_eq!(
        world.said(&["report", "withdraw"]),
        [told[0], told[1], told[0], told[1], told[0]]
    );
}
