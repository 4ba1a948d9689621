//! How it all ends, and what never hangs: H1 to H8 by name.

use crate::action::ShutdownCause;
use crate::config::{ExitWhen, Job, Restarts, Role, When};
use crate::control::command::{Action, Maintenance};
use crate::event::Code;

use super::world::{World, checked, config, each, job, once, served};
use super::{ms, s};

fn unlimited(mut job: Job) -> Job {
    job.restarts = Restarts::Unlimited;
    job
}

#[test]
fn h1_without_jobs_sigterm_ends_it() {
    let mut world = World::start(Vec::new());
    world.pass(s(60));
    assert!(world.ended.is_none(), "without jobs it runs");
    assert!(world.terminate() < ms(10));
}

#[test]
fn h2_a_hook_of_a_job_that_does_not_exist_is_not_waited_for() {
    let hook = once(job("hook", "run 10 0"), Code::Stopping, "nobody");
    let mut world = World::start(vec![job("app", "serve"), hook]);
    assert!(world.terminate() < ms(100));
    assert_eq!(world.count("start hook"), 0);
}

#[test]
fn h3_an_each_hook_of_a_job_that_ended_earlier_is_not_waited_for() {
    let hook = each(job("hook", "run 10 0"), Code::Stopped, "task");
    let mut world = World::start(vec![job("app", "serve"), job("task", "run 10 0"), hook]);
    world.pass(s(1));
    assert_eq!(world.count("start hook"), 1);
    assert!(world.terminate() < ms(100));
    assert_eq!(world.count("start hook"), 1);
}

#[test]
fn h4_jobs_that_outlast_their_interval_delay_nobody() {
    let mut slow = unlimited(job("slow", "run 30000 0"));
    slow.when = When::Interval(ms(10));
    let mut world = World::start(vec![slow, checked(job("app", "serve"))]);
    world.pass(ms(600_500));
    assert_eq!(world.count("event healthy app"), 600);
    assert!(world.terminate() < ms(100));
}

#[test]
fn h5_a_running_command_hears_of_the_shutdown_at_once() {
    let task = each(job("task", "serve"), Code::Signal, "SIGHUP");
    let mut world = World::start(vec![task]);
    world.hangup();
    world.hangup();
    assert!(world.terminate() < ms(100));
    assert_eq!(world.count("SIGTERM task"), 1);
    assert_eq!(world.count("start task"), 1);
}

#[test]
fn h7_a_consul_that_never_answers_holds_nobody_up_for_long() {
    let mut world = World::start(vec![served(job("app", "serve"))]);
    world.consul = s(3600);
    world.pass(s(2));
    assert!(world.terminate() <= s(7));
    assert_eq!(world.count("SIGTERM app"), 1);
}

#[test]
fn the_answer_to_maintenance_is_not_taken_for_that_to_an_end() {
    let mut world = World::start(vec![served(job("app", "serve"))]);
    world.pass(s(2));
    world.consul = ms(900);
    let actions = world.fleet.maintain(Maintenance::Enter, world.now);
    world.act(actions);
    world.pass(ms(500));
    // Asked again at 500 ms: the first answer comes at 900, that to this at 1400.
    assert_eq!(world.terminate(), ms(901));
}

#[test]
fn h8_a_hook_with_unlimited_restarts_runs_once() {
    let hook = unlimited(once(job("hook", "run 10 0"), Code::Stopping, "app"));
    let mut world = World::start(vec![job("app", "serve"), hook]);
    assert!(world.terminate() < ms(100));
    assert_eq!(world.count("start hook"), 1);
}

#[test]
fn hooks_that_wait_for_each_other_are_ended() {
    let a = once(job("a", "run 10 0"), Code::Stopped, "b");
    let b = once(job("b", "run 10 0"), Code::Stopped, "a");
    let mut world = World::start(vec![a, b]);
    assert!(world.terminate() < ms(100));
}

#[test]
fn pre_stop_runs_before_the_stop_signal_and_post_stop_after_the_process_is_gone() {
    let pre = once(job("pre", "run 500 0"), Code::Stopping, "app");
    let post = once(job("post", "run 300 0"), Code::Stopped, "app");
    let mut world = World::start(vec![pre, served(job("app", "serve")), post]);
    world.pass(ms(1500));
    let took = world.terminate();
    assert!(took < s(1), "{took:?}");
    assert!(world.before("start pre", "withdraw app"));
    assert!(world.before("event stopped pre", "SIGTERM app"));
    assert!(world.before("withdraw app", "SIGTERM app"));
    assert!(world.before("event stopped app", "start post"));
    assert_eq!(world.count("SIGKILL app"), 0);
}

#[test]
fn bug_stopped_is_said_when_the_process_is_gone() {
    let mut world = World::start(vec![job("app", "deaf")]);
    world.terminate();
    assert!(world.before("SIGKILL app", "event stopped app"));
}

#[test]
fn every_hook_of_a_job_is_waited_for_not_only_the_last() {
    let a = once(job("a", "run 500 0"), Code::Stopping, "app");
    let b = once(job("b", "run 100 0"), Code::Stopping, "app");
    let mut world = World::start(vec![job("app", "serve"), a, b]);
    world.terminate();
    assert!(world.before("event stopped a", "SIGTERM app"));
}

#[test]
fn bug479_a_jobs_own_stop_timeout_limits_the_wait_for_its_hooks_and_for_its_process() {
    let hook = once(job("hook", "serve"), Code::Stopping, "app");
    let mut app = job("app", "deaf");
    app.stop.timeout = Some(s(1));
    let mut world = World::start(vec![app, hook, job("other", "serve")]);
    let actions = world.fleet.order("app", Action::Stop, world.now).unwrap();
    world.act(actions);
    world.pass(ms(1500));
    assert_eq!(world.count("SIGTERM app"), 1);
    assert_eq!(world.count("SIGKILL app"), 0);
    world.pass(s(1));
    assert_eq!(world.count("SIGKILL app"), 1);
    assert_eq!(
        world.fleet.views(Some("app"), world.now)[0].state,
        "complete"
    );
}

#[test]
fn one_deadline_counts_from_the_signal_whatever_is_deaf() {
    let app = job("app", "deaf");
    let pre = once(job("pre", "deaf"), Code::Stopping, "app");
    let post = once(job("post", "deaf"), Code::Stopped, "app");
    let agent = job("consul-agent", "deaf");
    let mut world = World::start(vec![agent, app, pre, post]);
    let took = world.terminate();
    assert!(took <= ms(5050), "{took:?}");
    assert_eq!(world.count("start post"), 1);
}

#[test]
fn nothing_is_waited_for_once_all_is_gone() {
    let mut world = World::start(vec![job("app", "serve"), unlimited(job("b", "serve"))]);
    assert!(world.terminate() < ms(10));
}

#[test]
fn without_time_everything_is_killed_at_once() {
    let mut config = config(vec![job("app", "serve"), job("deaf", "deaf")]);
    config.stop_timeout = ms(0);
    let mut world = World::of(&config);
    assert!(world.terminate() < ms(10));
    assert_eq!(world.count("SIGKILL app"), 1);
}

#[test]
fn jobs_end_before_what_they_depend_on_and_the_agent_last() {
    let agent = unlimited(job("consul-agent", "serve"));
    let db = served(job("db", "serve"));
    let app = once(served(job("app", "serve")), Code::StatusHealthy, "db");
    let mut world = World::start(vec![agent, db, app]);
    world.consul = ms(50);
    world.pass(ms(2500));
    world.terminate();
    assert!(world.before("event stopped app", "withdraw db"));
    assert!(world.before("event stopped db", "SIGTERM consul-agent"));
}

#[test]
fn jobs_that_depend_on_each_other_in_a_circle_end_all_the_same() {
    let a = each(job("a", "serve"), Code::StatusHealthy, "b");
    let b = each(job("b", "serve"), Code::StatusHealthy, "a");
    let mut world = World::start(vec![a, b]);
    assert!(world.terminate() < ms(10));
}

#[test]
fn a_second_sigterm_changes_nothing() {
    let mut world = World::start(vec![job("app", "deaf")]);
    let actions = world.fleet.terminate(world.now);
    world.act(actions);
    world.pass(s(2));
    let actions = world.fleet.terminate(world.now);
    world.act(actions);
    assert_eq!(world.count("event shutdown global"), 1);
    world.pass(s(10));
    assert!(world.ended.is_some());
}

#[test]
fn bug526_the_end_tells_how_the_main_job_ended() {
    let mut app = job("app", "run 100 3");
    app.role = Role::Main;
    let mut world = World::start(vec![app, job("sidecar", "serve")]);
    world.pass(s(5));
    let end = world.ended.expect("it ended with its main job");
    assert_eq!((end.cause, end.main), (ShutdownCause::Main, Some(3)));
    assert_eq!(world.count("SIGTERM sidecar"), 1);
    assert_eq!(
        world.said(&["supervisor:"])[3],
        "supervisor: stopping -> failed (shutdown with the main job)"
    );
}

#[test]
fn it_ends_when_all_jobs_have_and_not_while_one_could_be_started() {
    let task = job("task", "run 10 0");
    let armed = each(job("armed", "run 10 0"), Code::StatusChanged, "watch.db");
    let mut world = World::start(vec![task.clone(), armed.clone()]);
    world.pass(s(60));
    assert!(world.ended.is_none());
    let mut config = config(vec![task, armed]);
    config.exit_when = ExitWhen::Idle;
    let mut world = World::of(&config);
    world.pass(s(60));
    assert_eq!(world.ended.map(|end| end.cause), Some(ShutdownCause::Idle));
}

#[test]
fn a_job_that_somebody_stopped_can_be_started_again() {
    let mut world = World::start(vec![job("app", "serve")]);
    for _ in 0..2 {
        let actions = world.fleet.order("app", Action::Stop, world.now).unwrap();
        world.act(actions);
        world.pass(s(60));
        assert!(world.ended.is_none(), "it is held, not over");
        let actions = world.fleet.order("app", Action::Start, world.now).unwrap();
        world.act(actions);
        world.pass(s(1));
    }
    assert_eq!(world.count("start app"), 3);
    let actions = world
        .fleet
        .order("app", Action::Restart, world.now)
        .unwrap();
    world.act(actions);
    world.pass(s(1));
    assert_eq!(world.count("start app"), 4);
    assert!(world.fleet.order("app", Action::Start, world.now).is_err());
    assert!(
        world
            .fleet
            .order("nobody", Action::Start, world.now)
            .is_err()
    );
}

#[test]
fn a_natural_end_runs_the_hooks_too() {
    let hook = once(job("hook", "run 10 0"), Code::Stopping, "app");
    let mut world = World::start(vec![served(job("app", "run 3000 0")), hook]);
    world.pass(s(10));
    assert!(world.before("event stopping app", "start hook"));
    assert!(world.before("start hook", "withdraw app"));
    assert!(world.ended.is_some());
}
