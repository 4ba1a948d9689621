//! The stream and its consumer are damaged while messages are on their way: what is gone is gone, but nothing else is, and the
//! worker says so.

use flightline_fixtures::chaos::Weather;
use serde_json::Value;

use crate::fault::Fault;
use crate::scene::Scene;
use crate::servers::{CONSUMER, STREAM};
use crate::setting::{Chance, Setting};
use crate::step::REACH;

/// So many messages are in the stream and not acked when it is purged or deleted: far more than a worker of these scenes takes.
const DOOMED: u64 = 1_500;
/// Messages a second.
const RATE: u32 = 600;
/// `source.prefetch`, the least there can be, and `batch.bytes`.
const PREFETCH: u64 = 64 << 10;
const BATCH: u64 = 16 << 10;
/// What a worker counts when it sees damage.
const DAMAGE: &str = "flightline_history_damage_total";

/// The faults of this family.
pub(crate) fn faults() -> Vec<Fault> {
    let setting = || Setting {
        rate: RATE,
        prefetch: PREFETCH,
        batch: BATCH,
        chance: Chance::None,
        ..Setting::default()
    };
    let doomed = |name: &str, act: fn(&mut Scene)| {
        let name = format!("history::{name}");
        Fault::within(setting(), name, act)
    };
    vec![
        consumer_is_deleted(),
        doomed("stream_purged", |scene| {
            doom(scene, |scene| {
                ask(scene, &format!("$JS.API.STREAM.PURGE.{STREAM}"));
            });
            wait_said(scene);
        }),
        doomed("stream_deleted", |scene| {
            doom(scene, delete_stream);
            wait_said(scene);
        }),
        doomed("stream_replaced", |scene| {
            doom(scene, |scene| {
                delete_stream(scene);
                scene.nats.create_stream();
            });
            wait_said(scene);
        }),
        // Its successor has of the old stream only what is remembered beside it.
        doomed("stream_replaced_and_the_worker_killed", |scene| {
            doom(scene, |scene| {
                delete_stream(scene);
                scene.nats.create_stream();
            });
            wait_said(scene);
            scene.kill_worker();
        }),
    ]
}

/// The consumer alone: nothing is gone.
pub(crate) fn consumer_is_deleted() -> Fault {
    Fault::new("history::consumer_deleted", consumer_deleted)
}

/// It starts again where acks were last seen: what comes again changes nothing.
fn consumer_deleted(scene: &mut Scene) {
    wait_looked_at(scene);
    let subject = format!("$JS.API.CONSUMER.DELETE.{STREAM}.{CONSUMER}");
    ask(scene, &subject);
    wait_said(scene);
}

/// What is in the stream while the store takes nothing may be gone after `damage`. What was acked before is stored, and everything
/// after it arrives.
fn doom(scene: &mut Scene, damage: fn(&mut Scene)) {
    wait_looked_at(scene);
    let kept = scene.load().pause();
    scene.worker().wait_for("everything is acked", REACH, || {
        scene.nats.progress().floor >= kept
    });
    scene.wire_store.set(Weather::Stalled);
    scene.load().resume();
    scene.worker().wait_for("messages wait", REACH, || {
        scene.nats.progress().last >= kept + DOOMED
    });
    // Nothing is under way: what the old stream took it has, and what comes later goes to the new one.
    let gone = scene.load().pause();
    scene.purged = kept..gone;
    damage(scene);
    scene.load().resume();
    scene.wire_store.set(Weather::Fine);
}

fn delete_stream(scene: &mut Scene) {
    ask(scene, &format!("$JS.API.STREAM.DELETE.{STREAM}"));
}

fn ask(scene: &Scene, subject: &str) -> Value {
    let answer = scene.nats.ask(subject, "");
    assert_eq!(answer["success"], true, "{subject}: {answer}");
    answer
}

/// Waits until the worker knows how the stream and its consumer are: it can see only what changes.
fn wait_looked_at(scene: &Scene) {
    let worker = scene.worker();
    worker.wait_for("the consumer is looked at", REACH, || {
        !worker.status()["consumer"].is_null()
    });
}

fn wait_said(scene: &Scene) {
    let worker = scene.worker();
    worker.wait_for("the damage is said", REACH, || {
        let metrics = worker.get("/metrics").text();
        // One series, or one for each kind.
        let mut lines = metrics.lines().filter(|line| line.starts_with(DAMAGE));
        lines.any(|line| !line.ends_with(" 0"))
    });
}
