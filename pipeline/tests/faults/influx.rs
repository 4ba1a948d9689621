//! influxd ends or stands still, with a write on its way to it, in it or behind it.

use crate::fault::Fault;
use crate::scene::Scene;
use crate::step::Step;

/// Where a write is.
#[derive(Debug, Clone, Copy)]
enum Write {
    /// On its way: nothing of it has come.
    Outside,
    /// A part of its body has come.
    Within,
    /// All of it has come; whether it is stored is up to chance.
    Inside,
}

/// The faults of this family.
pub(crate) fn faults() -> Vec<Fault> {
    let places = [
        (Write::Outside, "before_a_write"),
        (Write::Within, "within_a_body"),
        (Write::Inside, "after_a_body"),
    ];
    let at = |what: &str, act: fn(&mut Scene, Write)| {
        let named = places.into_iter().map(|(write, place)| {
            Fault::new(format!("influx::{what}_{place}"), move |scene| {
                act(scene, write)
            })
        });
        named.collect::<Vec<_>>()
    };
    let mut faults = at("killed", killed);
    faults.extend(at("stopped", stopped));
    faults.push(Fault::new(
        "influx::away_for_longer_than_the_ack_wait",
        away,
    ));
    faults
}

fn reach(scene: &mut Scene, write: Write) {
    match write {
        Write::Outside => scene.reach(Step::Batched),
        Write::Inside => scene.reach(Step::Sent),
        Write::Within => scene.reach_within_a_body(),
    }
}

fn killed(scene: &mut Scene, write: Write) {
    reach(scene, write);
    scene.influx.server().kill();
    scene.wire_store.cut();
    scene.calm();
    scene.influx.server().resume_service();
}

/// SIGSTOP for longer than the worker waits for an answer, and goes on with what it was at.
fn stopped(scene: &mut Scene, write: Write) {
    reach(scene, write);
    scene.influx.server().pause();
    scene.calm();
    Scene::pass(scene.longer_than_an_answer());
    scene.influx.server().unpause();
}

fn away(scene: &mut Scene) {
    scene.influx.server().stop();
    Scene::pass(scene.longer_than_ack_wait());
    scene.influx.server().resume_service();
}
