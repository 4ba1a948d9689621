//! Which jobs are not as they should be, to who asks whether the whole supervisor is well.

use crate::config::{Job, Restarts};
use crate::control::command::{Action, Maintenance, Trouble};
use crate::event::Code;

use super::world::{World, checked, each, job};
use super::{ms, s};

fn trouble(world: &World, name: &str) -> Option<Trouble> {
    let views = world.fleet.views(Some(name), world.now);
    views.first().expect("the job is there").trouble
}

fn failing(app: Job) -> World {
    let mut world = World::start(vec![app]);
    world.failing.push("app".to_owned());
    world
}

#[test]
fn a_job_has_its_start_period_to_get_healthy_and_at_least_its_first_check() {
    let mut slow = checked(job("app", "serve"));
    if let Some(health) = &mut slow.health {
        (health.start_period, health.failures) = (s(5), 3);
    }
    let mut world = failing(slow);
    world.pass(ms(4900));
    assert_eq!(trouble(&world, "app"), None);
    world.pass(ms(200));
    assert_eq!(trouble(&world, "app"), Some(Trouble::Unready));
    world.pass(s(5));
    assert_eq!(trouble(&world, "app"), Some(Trouble::Unhealthy));
    world.failing.clear();
    world.pass(ms(1100));
    assert_eq!(trouble(&world, "app"), None);
    // A check each second that may take another: the first has had its time after two.
    let mut patient = checked(job("app", "serve"));
    if let Some(health) = &mut patient.health {
        health.failures = 3;
    }
    let mut world = failing(patient);
    world.pass(ms(1900));
    assert_eq!(trouble(&world, "app"), None);
    world.pass(ms(200));
    assert_eq!(trouble(&world, "app"), Some(Trouble::Unready));
}

#[test]
fn what_pauses_before_its_next_start_is_down_and_what_is_not_started_again_has_failed() {
    let mut flapping = job("app", "run 1 3");
    flapping.restarts = Restarts::Unlimited;
    flapping.backoff.free = 0;
    let mut world = World::start(vec![
        flapping,
        job("once", "run 1 3"),
        job("well", "run 1 0"),
    ]);
    world.pass(ms(50));
    assert_eq!(trouble(&world, "app"), Some(Trouble::Down));
    assert_eq!(trouble(&world, "once"), Some(Trouble::Failed));
    assert_eq!(trouble(&world, "well"), None);
}

#[test]
fn who_waits_is_in_maintenance_or_was_stopped_is_well() {
    let waits = each(checked(job("waits", "serve")), Code::Signal, "SIGHUP");
    let mut world = World::start(vec![waits, checked(job("app", "serve"))]);
    world.failing.push("app".to_owned());
    world.pass(s(9));
    assert_eq!(trouble(&world, "waits"), None);
    assert_eq!(trouble(&world, "app"), Some(Trouble::Unhealthy));
    let actions = world.fleet.maintain(Maintenance::Enter, world.now);
    world.act(actions);
    assert_eq!(trouble(&world, "app"), None);
    let actions = world.fleet.maintain(Maintenance::Exit, world.now);
    world.act(actions);
    world.pass(s(3));
    let actions = world.fleet.order("app", Action::Stop, world.now).unwrap();
    world.act(actions);
    world.pass(s(9));
    assert_eq!(trouble(&world, "app"), None);
}
