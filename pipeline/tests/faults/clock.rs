//! The worker's wall clock jumps. Its monotonic clock does not: no pause, no age and no time of a line may follow the wall.

use flightline_fixtures::clock::NOTICED;

use crate::fault::Fault;
use crate::scene::Scene;
use crate::setting::{Setting, WallClock};
use crate::step::REACH;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The faults of this family.
pub(crate) fn faults() -> Vec<Fault> {
    let setting = Setting {
        wall_clock: WallClock::Jumping,
        ..Setting::default()
    };
    vec![Fault::within(setting, "clock::jumps", |scene| {
        let mut steps = [HOUR, -HOUR, DAY, -DAY];
        scene.random.shuffle(&mut steps);
        for step in steps {
            scene.clock().step(step);
            Scene::pass(NOTICED);
            let stored = scene.stored();
            let going_on = || scene.stored() > stored;
            scene.worker().wait_for("lines are stored", REACH, going_on);
        }
    })]
}
