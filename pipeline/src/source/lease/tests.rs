//! Several workers on one table: each lane has one owner, soon everybody has a fair share, and nothing stays with who is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Aim, Holding, LOOK, Member, TTL, Table};

/// A worker as the loop around the decisions runs it.
struct Worker {
    member: Member,
    held: BTreeMap<String, Holding>,
    aim: Aim,
}

struct World {
    table: Table,
    workers: Vec<Worker>,
    wanted: BTreeSet<String>,
    now: Instant,
    next: u32,
}

impl World {
    fn new(lanes: usize) -> Self {
        Self {
            table: Table::default(),
            workers: Vec::new(),
            wanted: (0..lanes).map(|lane| lane.to_string()).collect(),
            now: Instant::now(),
            next: 0,
        }
    }

    fn join(&mut self) {
        self.next += 1;
        self.workers.push(Worker {
            member: Member::new(format!("w{}", self.next)),
            held: BTreeMap::new(),
            aim: Aim::Share,
        });
    }

    fn turn(&mut self, which: usize) {
        let worker = &mut self.workers[which];
        worker.member.look(&self.table, self.now);
        // What was being given back is done by the next look.
        worker
            .held
            .retain(|_, holding| *holding == Holding::Reading);
        let plan = worker.member.plan(
            &self.table,
            &self.wanted,
            &worker.held,
            worker.aim,
            self.now,
        );
        for lane in plan.begin(worker.member.me(), &worker.held) {
            worker.held.insert(lane, Holding::Reading);
        }
        for lane in &plan.give_back {
            worker.held.insert(lane.clone(), Holding::Ending);
        }
        if worker.aim == Aim::Leave {
            worker.held.clear();
        }
        self.table = plan.table;
    }

    fn round(&mut self) {
        for which in 0..self.workers.len() {
            self.now += LOOK / u32::try_from(self.workers.len()).unwrap();
            self.turn(which);
        }
    }

    fn settle(&mut self) {
        for _ in 0..40 {
            self.round();
        }
    }

    fn shares(&self) -> Vec<usize> {
        let reading = self.workers.iter().map(|worker| worker.held.len());
        reading.collect()
    }

    /// Everybody reads what the table says, everything is read, and evenly.
    fn is_even(&self) -> bool {
        let shares = self.shares();
        let all: usize = shares.iter().sum();
        let even = shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1;
        all == self.wanted.len() && even && self.table.lanes.len() == all
    }
}

#[test]
fn who_comes_gets_a_share_and_who_dies_leaves_it() {
    let mut world = World::new(5);
    world.join();
    world.round();
    assert_eq!(world.shares(), [5]);
    world.join();
    (0..4).for_each(|_| world.round());
    assert_eq!(world.shares(), [3, 2]);
    world.workers.remove(0);
    world.round();
    assert_eq!(world.shares(), [2], "it may only be slow");
    world.now += TTL;
    world.round();
    assert_eq!(world.shares(), [5]);
}

#[test]
fn who_leaves_gives_everything_back_and_is_forgotten() {
    let mut world = World::new(4);
    world.join();
    world.join();
    world.settle();
    world.workers[0].aim = Aim::Leave;
    world.turn(0);
    world.turn(0);
    assert!(!world.table.workers.contains_key("w1"), "{:?}", world.table);
    world.workers.remove(0);
    world.round();
    assert_eq!(world.shares(), [4]);
}

#[test]
fn who_was_taken_for_dead_gives_up_what_another_has() {
    let mut world = World::new(1);
    world.join();
    world.round();
    world.join();
    world.now += Duration::from_millis(1);
    world.turn(1);
    world.now += TTL + LOOK;
    world.turn(1);
    assert_eq!(world.workers[1].held.len(), 1, "taken over");
    world.turn(0);
    let holding = world.workers[0].held.get("0");
    assert_eq!(holding, Some(&Holding::Ending));
    world.turn(0);
    assert!(world.workers[0].held.is_empty());
    assert_eq!(world.table.lanes["0"], "w2");
}

#[test]
fn lanes_that_are_no_more_are_given_back() {
    let mut world = World::new(3);
    world.join();
    world.settle();
    world.wanted.remove("1");
    world.settle();
    assert_eq!(world.table.lanes.keys().collect::<Vec<_>>(), ["0", "2"]);
}

proptest! {
    #[test]
    fn the_lanes_are_soon_spread_evenly_whatever_came_before(
        lanes in 1_usize..20,
        steps in prop::collection::vec((0_u8..5, 0_usize..8), 1..60),
    ) {
        let mut world = World::new(lanes);
        world.join();
        for (step, which) in steps {
            match step {
                0 => world.join(),
                1 if world.workers.len() > 1 => drop(world.workers.remove(which % world.workers.len())),
                2 => world.now += Duration::from_millis(700) * u32::try_from(which).unwrap(),
                _ => world.turn(which % world.workers.len()),
            }
        }
        world.now += TTL;
        world.settle();
        world.settle();
        prop_assert!(world.is_even(), "{:?} {:?}", world.shares(), world.table);
    }
}
