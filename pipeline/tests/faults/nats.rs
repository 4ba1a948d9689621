//! nats-server ends or stands still, at each step of a message's way. What it acknowledged is in the page cache, so that a kill
//! loses nothing; only a power cut could.

use std::time::Duration;

use flightline_fixtures::wait;

use crate::fault::Fault;
use crate::scene::Scene;
use crate::step::Step;

/// For a lame duck to send its clients away, one after the other, and to end.
const GONE: Duration = Duration::from_secs(60);

/// The faults of this family.
pub(crate) fn faults() -> Vec<Fault> {
    let at = |what: &str, act: fn(&mut Scene, Step)| {
        let named = Step::ALL.into_iter().map(|step| {
            let name = format!("nats::{what}_when_{}", step.as_str());
            Fault::new(name, move |scene| act(scene, step))
        });
        named.collect::<Vec<_>>()
    };
    let mut faults = at("killed", killed);
    faults.extend(at("stopped", stopped));
    faults.push(Fault::new("nats::restarted_when_sent", restarted));
    faults.push(Fault::new("nats::lame_duck", lame_duck));
    faults
}

pub(crate) fn killed(scene: &mut Scene, step: Step) {
    scene.reach(step);
    scene.nats.server().kill();
    scene.wire_nats.cut();
    scene.calm();
    scene.nats.server().resume_service();
}

/// SIGSTOP, and in half of the runs for longer than the ack wait.
pub(crate) fn stopped(scene: &mut Scene, step: Step) {
    scene.reach(step);
    scene.nats.server().pause();
    scene.calm();
    let long = scene.longer_than_ack_wait();
    Scene::pass(if scene.random.bool() { long } else { long / 4 });
    scene.nats.server().unpause();
}

/// SIGTERM and a start, while the store holds its answer back.
fn restarted(scene: &mut Scene) {
    scene.reach(Step::Sent);
    scene.nats.server().restart();
    scene.calm();
}

/// It sends its clients away, ends, and is there again a while later.
fn lame_duck(scene: &mut Scene) {
    scene.nats.lame_duck();
    let gone = wait::until(GONE, || scene.nats.server().has_ended());
    assert!(gone.is_ok(), "the lame duck does not end");
    scene.nats.server().stop();
    scene.nats.server().resume_service();
}
