//! The worker ends or stands still, at each step of a message's way.

use flightline_fixtures::process::Signal;

use crate::fault::Fault;
use crate::scene::Scene;
use crate::step::Step;

/// The faults of this family.
pub(crate) fn faults() -> Vec<Fault> {
    let killed = Step::ALL.into_iter().map(|step| {
        let name = format!("worker::killed_when_{}", step.as_str());
        Fault::new(name, move |scene| killed_at(scene, step))
    });
    let stopped = Step::ALL.into_iter().map(|step| {
        let name = format!("worker::stopped_when_{}", step.as_str());
        Fault::new(name, move |scene| stopped_at(scene, step))
    });
    killed.chain(stopped).collect()
}

fn killed_at(scene: &mut Scene, step: Step) {
    scene.reach(step);
    scene.kill_worker();
    scene.restart_worker();
}

/// SIGSTOP; the servers go on, and in half of the runs deliver again what the worker holds.
fn stopped_at(scene: &mut Scene, step: Step) {
    scene.reach(step);
    scene.worker().signal(Signal::Stop);
    scene.calm();
    let long = scene.longer_than_ack_wait();
    Scene::pass(if scene.random.bool() { long } else { long / 4 });
    scene.worker().signal(Signal::Cont);
}
