//! The worker ends or stands still, at each step of a message's way.

use std::time::Duration;

use flightline_fixtures::process::Signal;

use crate::fault::Fault;
use crate::scene::Scene;
use crate::step::Step;

/// For a drain with servers that answer.
const DRAINED: Duration = Duration::from_secs(30);

/// More than the deliveries from which on a message goes alone (`reply::OFTEN`).
const DEATHS: u32 = 8;

/// The faults of this family.
pub(crate) fn faults() -> Vec<Fault> {
    let at = |what: &str, steps: &[Step], act: fn(&mut Scene, Step)| {
        let named = steps.iter().map(|step| {
            let (step, name) = (*step, format!("worker::{what}_when_{}", step.as_str()));
            Fault::new(name, move |scene| act(scene, step))
        });
        named.collect::<Vec<_>>()
    };
    let held = [Step::Batched, Step::Sent, Step::Answered];
    let mut faults = at("killed", &Step::ALL, killed);
    faults.extend(at("stopped", &Step::ALL, stopped));
    faults.extend(at("ended", &held, ended));
    faults.extend(at("killed_in_its_drain", &held, killed_in_its_drain));
    let again = Fault::new(
        "worker::killed_again_and_again_in_an_outage",
        again_and_again,
    );
    faults.push(again.long());
    faults
}

pub(crate) fn killed(scene: &mut Scene, step: Step) {
    scene.reach(step);
    scene.kill_worker();
}

/// SIGKILL to one after the other while the store is away: their messages are delivered so often that each is looked at alone, and none of
/// them is to blame.
fn again_and_again(scene: &mut Scene) {
    scene.influx.server().stop();
    for _ in 0..DEATHS {
        scene.worker().wait_for("messages come", DRAINED, || {
            scene.worker().metric("flightline_received_messages_total") > 0.0
        });
        scene.kill_worker();
        Scene::pass(scene.longer_than_ack_wait());
    }
    scene.influx.server().resume_service();
}

/// SIGSTOP; the servers go on, and in half of the runs deliver again what the worker holds.
pub(crate) fn stopped(scene: &mut Scene, step: Step) {
    scene.reach(step);
    scene.worker().signal(Signal::Stop);
    scene.calm();
    let long = scene.longer_than_ack_wait();
    Scene::pass(if scene.random.bool() { long } else { long / 4 });
    scene.worker().signal(Signal::Cont);
}

/// SIGTERM, and a successor in its place.
fn ended(scene: &mut Scene, step: Step) {
    scene.reach(step);
    let mut worker = scene.workers.pop().expect("a scene has a worker");
    scene.note_memory_of(&worker);
    worker.signal(Signal::Term);
    scene.calm();
    let status = worker.wait(DRAINED);
    scene.exited(status);
    worker.restart();
    scene.workers.push(worker);
}

/// SIGTERM, and SIGKILL to a worker that has stopped to pull and still waits for a store or a server.
fn killed_in_its_drain(scene: &mut Scene, step: Step) {
    scene.reach(step);
    let worker = scene.worker();
    worker.signal(Signal::Term);
    worker.wait_for("the drain begins", DRAINED, || {
        worker.log().contains("told to stop")
    });
    scene.kill_worker();
}
