//! A server that is away, or has lost the table: whoever reads a lane goes on with it.

use std::time::Duration;

use proptest::prelude::*;

use super::World;
use crate::source::lease::LOOK;

#[test]
fn who_is_always_late_learns_of_the_dead_all_the_same() {
    let mut world = World::new(2);
    world.join();
    world.join();
    world.settle();
    world.workers.remove(1);
    for _ in 0..4 {
        world.now += LOOK * 3;
        world.turn(0);
    }
    assert_eq!(world.shares(), [2]);
}

#[test]
fn lanes_of_who_died_while_the_server_was_away_are_taken_over() {
    for table in [World::emptied, World::kept] {
        let mut world = World::new(4);
        world.join();
        world.join();
        world.settle();
        table(&mut world);
        world.now += Duration::from_secs(30);
        world.workers.remove(1);
        world.round();
        assert_eq!(world.shares(), [2], "it may only be on its way");
        world.silence();
        world.silence();
        assert_eq!(world.shares(), [4]);
    }
}

proptest! {
    #[test]
    fn no_lane_changes_hands_because_the_server_was_away(
        lanes in 1_usize..12,
        workers in 1_usize..6,
        outage in 0_u32..120,
        lost: bool,
        pauses in prop::collection::vec(0_u64..4_000, 6),
        first in 0_usize..6,
    ) {
        let mut world = World::new(lanes);
        (0..workers).for_each(|_| world.join());
        world.settle();
        let before = world.reading();
        if lost {
            world.emptied();
        }
        world.now += LOOK * outage;
        // They come back one after the other, whoever is first; the others go on meanwhile.
        let mut late: Vec<_> = (0..workers).map(|worker| (pauses[worker], (worker + first) % workers)).collect();
        late.sort_unstable();
        let back = world.now;
        for millis in (0..4_000).step_by(100) {
            world.now = back + Duration::from_millis(millis);
            for (pause, worker) in &late {
                if millis >= *pause && (millis - pause) / 100 % 10 == 0 {
                    world.turn(*worker);
                }
            }
            prop_assert_eq!(&world.reading(), &before, "{:?}", world.table);
        }
        world.stays();
    }
}
