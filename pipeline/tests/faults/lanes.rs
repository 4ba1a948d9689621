//! The same faults with a worker that owns the only lane and acks in runs: an ack covers all before it, so a false one would lose
//! messages for good.

use crate::fault::Fault;
use crate::scene::Scene;
use crate::setting::{Reading, Setting};
use crate::step::Step;
use crate::{nats, worker};

/// What happens at a step.
type Act = fn(&mut Scene, Step);

/// The faults of this family. After a worker the steps between decode and store are those of the other reading: only in the long
/// form.
pub(crate) fn faults() -> Vec<Fault> {
    let mut faults = Vec::new();
    let acts: [(&str, Act); 4] = [
        ("worker_killed", worker::killed),
        ("worker_stopped", worker::stopped),
        ("nats_killed", nats::killed),
        ("nats_stopped", nats::stopped),
    ];
    for (what, act) in acts {
        for step in Step::ALL {
            let name = format!("lanes::{what}_when_{}", step.as_str());
            let fault = Fault::within(lane(), name, move |scene| act(scene, step));
            faults.push(match step {
                Step::Pulled | Step::Sent | Step::Answered => fault,
                Step::Decoded | Step::Batched | Step::Acked => fault.long(),
            });
        }
    }
    faults.push(Fault::within(lane(), "lanes::handed_over", handed_over));
    faults
}

fn lane() -> Setting {
    Setting {
        reading: Reading::Lane,
        ..Setting::default()
    }
}

/// A second worker waits for the lane; the first is killed, and the second takes it over with what is un-acked.
fn handed_over(scene: &mut Scene) {
    scene.add_worker();
    scene.workers.swap(0, 1);
    scene.reach(Step::Answered);
    let mut owner = scene.workers.pop().expect("there are two");
    scene.note_memory_of(&owner);
    owner.kill();
    scene.cut();
    scene.calm();
}
