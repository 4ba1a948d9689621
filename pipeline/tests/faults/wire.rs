//! All programs run, and the network between them does not do what they expect of it.

use std::time::Duration;

use flightline_fixtures::chaos::Weather;
use flightline_fixtures::chaos::trap::{Hold, Sign, Trap, Way};

use crate::fault::Fault;
use crate::scene::Scene;
use crate::step::Step;

/// The faults of this family.
pub(crate) fn faults() -> Vec<Fault> {
    vec![
        Fault::new("wire::cut_within_a_body", cut_within_a_body),
        Fault::new("wire::cut_before_the_answer", cut_before_the_answer),
        Fault::new("wire::answer_dropped", answer_dropped),
        Fault::new("wire::answer_too_late", answer_too_late),
        Fault::new("wire::store_unreachable", store_unreachable),
        Fault::new("wire::nats_cut_within_a_message", nats_cut_within_a_message),
        Fault::new("wire::nats_cut_within_the_acks", nats_cut_within_the_acks),
        Fault::new("wire::nats_stalled", nats_stalled),
        Fault::new("wire::nats_unreachable", nats_unreachable),
        Fault::new("wire::cut_again_and_again", cut_again_and_again),
    ]
}

fn cut_within_a_body(scene: &mut Scene) {
    scene.reach_within_a_body();
    scene.wire_store.cut();
    scene.calm();
}

fn cut_before_the_answer(scene: &mut Scene) {
    scene.reach(Step::Sent);
    scene.wire_store.cut();
    scene.calm();
}

/// The store has answered, the connection stays, and the answer never comes.
fn answer_dropped(scene: &mut Scene) {
    scene.reach(Step::Sent);
    Scene::pass(scene.longer_than_an_answer());
    scene.wire_store.cut();
    scene.calm();
}

/// It comes when nobody waits for it any more.
fn answer_too_late(scene: &mut Scene) {
    scene.reach(Step::Sent);
    Scene::pass(scene.longer_than_an_answer());
    scene.calm();
}

fn store_unreachable(scene: &mut Scene) {
    scene.wire_store.set(Weather::Refusing);
    scene.wire_store.cut();
    Scene::pass(scene.longer_than_ack_wait());
    scene.wire_store.set(Weather::Fine);
}

fn nats_cut_within_a_message(scene: &mut Scene) {
    scene.wire_nats.arm(Trap {
        // In a payload, so that the message's head has passed.
        sign: Sign::Bytes(Way::Down, b"number"),
        nth: scene.random.u32(1..100),
        hold: Hold::Way(Way::Down),
    });
    scene.wait_sprung(&scene.wire_nats, "being delivered");
    scene.wire_nats.cut();
    scene.calm();
}

fn nats_cut_within_the_acks(scene: &mut Scene) {
    scene.reach(Step::Answered);
    scene.wire_nats.cut();
    scene.calm();
}

/// Connections stay open, nothing passes, and messages that were under way are delivered again beside those that still come.
fn nats_stalled(scene: &mut Scene) {
    scene.wire_nats.set(Weather::Stalled);
    Scene::pass(scene.longer_than_ack_wait());
    scene.wire_nats.set(Weather::Fine);
}

fn nats_unreachable(scene: &mut Scene) {
    scene.wire_nats.set(Weather::Refusing);
    scene.wire_nats.cut();
    Scene::pass(scene.longer_than_ack_wait());
    scene.wire_nats.set(Weather::Fine);
}

/// Both sides, at any step.
fn cut_again_and_again(scene: &mut Scene) {
    for _ in 0..10 {
        let wire = if scene.random.bool() {
            &scene.wire_nats
        } else {
            &scene.wire_store
        };
        wire.cut();
        Scene::pass(Duration::from_millis(scene.random.u64(10..400)));
    }
}
