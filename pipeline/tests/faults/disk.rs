//! The disk under the file sink is full, and has room again.

use crate::fault::Fault;
use crate::outlet::Outlet;
use crate::scene::Scene;
use crate::setting::Setting;
use crate::step::REACH;

/// The writes that failed because of the disk.
const FAILED: &str = "flightline_sink_retries_total{reason=\"disk\",sink=\"main\"}";

/// The faults of this family.
pub(crate) fn faults() -> Vec<Fault> {
    let fault = |name: &str, act: fn(&mut Scene)| {
        let setting = Setting {
            outlet: Outlet::Files,
            ..Setting::default()
        };
        Fault::within(setting, format!("disk::{name}"), act)
    };
    vec![
        fault("full", |scene| {
            for _ in 0..2 {
                fill(scene);
                scene.ground.disk().clear();
            }
        }),
        fault("full_and_the_worker_killed", |scene| {
            fill(scene);
            scene.kill_worker();
            wait_failed(scene, 0.0);
            scene.ground.disk().clear();
        }),
    ]
}

fn fill(scene: &Scene) {
    let before = scene.worker().metric(FAILED);
    scene.ground.disk().fill();
    wait_failed(scene, before);
}

fn wait_failed(scene: &Scene, before: f64) {
    let worker = scene.worker();
    worker.wait_for("writes fail", REACH, || {
        worker.metric(FAILED) >= before + 3.0
    });
}
