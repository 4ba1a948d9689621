//! Workers come and go on one durable consumer while the load goes on.

use crate::fault::Fault;
use crate::scene::Scene;
use crate::setting::Setting;

/// The most workers.
const MOST: usize = 4;

/// The faults of this family.
pub(crate) fn faults() -> Vec<Fault> {
    let busy = Setting {
        rate: 600,
        ..Setting::default()
    };
    vec![Fault::within(
        busy,
        "scale::one_to_four_to_one",
        one_to_four_to_one,
    )]
}

/// Three come, each gets its share; one of the four is killed, and two end as they should. The one that stays is any of them.
fn one_to_four_to_one(scene: &mut Scene) {
    while scene.workers.len() < MOST {
        scene.add_worker();
        scene.warm();
    }
    scene.random.clone().shuffle(&mut scene.workers);
    let mut killed = scene.workers.pop().expect("there are four");
    scene.note_memory_of(&killed);
    killed.kill();
    while scene.workers.len() > 1 {
        let ended = scene.workers.pop().expect("there is more than one");
        scene.end(ended);
    }
}
