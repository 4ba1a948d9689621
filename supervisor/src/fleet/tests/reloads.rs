//! One configuration after another.

use std::sync::Arc;

use crate::config::{Config, Job, Restarts};
use crate::control::command::Reload;
use crate::event::{Checked, Code, ExitStatus, RunId};

use super::world::{World, checked, config, each, job, once, served};
use super::{ms, s};

fn reload(world: &mut World, config: Config, how: Reload) {
    let actions = world.fleet.reload(&Arc::new(config), None, how, world.now);
    world.act(actions);
}

fn unlimited(mut job: Job) -> Job {
    job.restarts = Restarts::Unlimited;
    job
}

#[test]
fn what_did_not_change_runs_on() {
    let old = vec![served(job("app", "serve")), job("b", "serve")];
    let mut world = World::start(old);
    world.pass(ms(1500));
    let new = vec![
        job("c", "serve"),
        served(job("app", "serve")),
        job("b", "serve x"),
    ];
    reload(&mut world, config(new), Reload::Changed);
    world.pass(s(1));
    assert_eq!(world.count("start app"), 1);
    assert_eq!(world.count("withdraw app"), 0);
    assert_eq!(world.count("start b"), 2);
    assert_eq!(world.count("start c"), 1);
    assert_eq!(world.count("event startup global"), 2);
    let names: Vec<_> = world
        .fleet
        .views(None, world.now)
        .into_iter()
        .map(|view| view.name)
        .collect();
    assert_eq!(names, ["c", "app", "b"]);
}

#[test]
fn a_hard_reload_restarts_everything() {
    let mut world = World::start(vec![job("app", "serve")]);
    reload(
        &mut world,
        config(vec![job("app", "serve")]),
        Reload::Everything,
    );
    world.pass(s(1));
    assert_eq!(world.count("start app"), 2);
    assert!(world.before("SIGTERM app", "event stopped app"));
}

#[test]
fn bug505_an_old_process_and_its_successor_never_meet() {
    let mut world = World::start(vec![job("app", "deaf")]);
    reload(
        &mut world,
        config(vec![job("app", "serve")]),
        Reload::Changed,
    );
    world.pass(s(4));
    assert_eq!(world.count("start app"), 1, "the old one has not ended");
    world.pass(s(2));
    assert_eq!(world.count("SIGKILL app"), 1);
    assert_eq!(world.count("start app"), 2);
}

#[test]
fn two_hundred_reloads_in_a_row_are_survived() {
    let mut world = World::start(vec![job("app", "serve"), served(job("db", "serve"))]);
    for number in 0..200 {
        let app = job("app", &format!("serve {number}"));
        let how = if number % 3 == 0 {
            Reload::Everything
        } else {
            Reload::Changed
        };
        reload(
            &mut world,
            config(vec![app, served(job("db", "serve"))]),
            how,
        );
        world.pass(ms(number % 7));
    }
    world.pass(ms(500));
    let states: Vec<_> = world
        .fleet
        .views(None, world.now)
        .into_iter()
        .map(|view| view.state)
        .collect();
    assert_eq!(states, ["running", "starting"]);
    world.terminate();
}

#[test]
fn a_changed_job_whose_dependency_was_met_long_ago_starts_at_once() {
    let jobs = |arg: &str| {
        let app = once(
            job("app", &format!("serve {arg}")),
            Code::ExitSuccess,
            "prestart",
        );
        let follower = once(
            job("follower", &format!("serve {arg}")),
            Code::StatusHealthy,
            "db",
        );
        vec![
            job("prestart", "run 10 0"),
            checked(job("db", "serve")),
            app,
            follower,
        ]
    };
    let mut world = World::start(jobs("a"));
    world.pass(ms(1500));
    reload(&mut world, config(jobs("b")), Reload::Changed);
    world.pass(ms(100));
    assert_eq!(world.count("start prestart"), 1);
    assert_eq!(world.count("start app"), 2);
    assert_eq!(world.count("start follower"), 2);
}

#[test]
fn a_changed_job_that_reacts_to_a_watch_reacts_to_what_it_shows_now() {
    let jobs = |arg: &str| {
        let hook = each(
            job("render", &format!("run 10 {arg}")),
            Code::StatusChanged,
            "watch.db",
        );
        let mut config = config(vec![job("app", "serve"), hook]);
        config.watches.push(crate::config::Watch {
            name: "db".into(),
            interval: s(1),
            tag: None,
            dc: None,
            render: Arc::default(),
        });
        config
    };
    let mut world = World::of(&jobs("0"));
    let actions = world.fleet.watched(&"db".into(), 1, world.now);
    world.act(actions);
    world.pass(s(1));
    reload(&mut world, jobs("1"), Reload::Changed);
    world.pass(s(1));
    assert_eq!(world.count("start render"), 2);
}

#[test]
fn the_hooks_of_a_job_that_goes_run_for_it_and_wait_again_for_the_one_that_comes() {
    let jobs = |arg: &str| {
        let hook = once(job("hook", "run 500 0"), Code::Stopping, "app");
        vec![job("app", &format!("serve {arg}")), hook]
    };
    let mut world = World::start(jobs("a"));
    reload(&mut world, config(jobs("b")), Reload::Changed);
    world.pass(s(1));
    assert!(world.before("start hook", "SIGTERM app"));
    assert_eq!(world.count("start hook"), 1);
    reload(&mut world, config(jobs("c")), Reload::Changed);
    world.pass(s(1));
    assert_eq!(world.count("start hook"), 2);
    world.terminate();
    assert_eq!(world.count("start hook"), 3);
}

#[test]
fn a_changed_job_has_its_restarts_again() {
    let plan = |arg: &str| {
        let mut job = job("co", &format!("serve {arg}"));
        job.restarts = Restarts::Times(1);
        job
    };
    let others = || unlimited(job("app", "serve"));
    let mut world = World::start(vec![plan("a"), others()]);
    world.exit("co", 137);
    world.exit("co", 137);
    world.pass(s(5));
    assert_eq!(world.count("start co"), 2);
    reload(
        &mut world,
        config(vec![plan("b"), others()]),
        Reload::Changed,
    );
    world.pass(s(5));
    world.exit("co", 137);
    world.pass(s(5));
    assert_eq!(world.count("start co"), 4);
    assert_eq!(world.count("start app"), 1);
}

#[test]
fn sigterm_during_a_reload_ends_it_all() {
    let mut world = World::start(vec![job("app", "deaf"), job("b", "serve")]);
    reload(
        &mut world,
        config(vec![job("c", "serve"), job("b", "serve")]),
        Reload::Changed,
    );
    world.pass(s(1));
    assert!(world.terminate() < s(6));
    assert_eq!(world.count("start c"), 0);
}

#[test]
fn what_was_stopped_by_hand_stays_so_over_a_reload() {
    let jobs = |arg: &str| vec![job("app", "serve"), job("b", &format!("serve {arg}"))];
    let mut world = World::start(jobs("a"));
    let stop = crate::control::command::Action::Stop;
    let actions = world.fleet.order("app", stop, world.now).unwrap();
    world.act(actions);
    reload(&mut world, config(jobs("b")), Reload::Changed);
    world.pass(s(1));
    assert_eq!(world.count("start app"), 1);
}

#[test]
fn h9_what_comes_late_from_before_a_reload_is_nobody_s() {
    let mut world = World::start(vec![checked(job("app", "deaf"))]);
    world.pass(s(3));
    reload(
        &mut world,
        config(vec![checked(job("app", "serve"))]),
        Reload::Changed,
    );
    // Until the old process has been killed, and its successor was started.
    world.pass(s(6));
    let before = world.log.len();
    let first = RunId(1);
    let status = ExitStatus::Code(1);
    let output = String::new();
    let late = [
        world.fleet.exited(first, status, world.now),
        world.fleet.ready(first, world.now),
        world.fleet.started(first, 1, world.now),
        world.fleet.not_started(first, world.now),
        world
            .fleet
            .checked(RunId(2), Checked::Failed { output }, world.now),
    ];
    for actions in late {
        assert_eq!(actions, Vec::new());
    }
    assert_eq!(world.log.len(), before);
    assert_eq!(world.count("start app"), 2);
}
