//! Several workers on one table: each lane has one owner, soon everybody has a fair share, and nothing stays with who is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Aim, Holding, LOOK, Member, TTL, Table};

mod away;

/// A worker as the loop around the decisions runs it.
struct Worker {
    member: Member,
    wanted: BTreeSet<String>,
    held: BTreeMap<String, Holding>,
    /// Lanes that are not soon done with when they are given back.
    slow: BTreeSet<String>,
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
        self.join_dividing(lanes(&[]));
    }

    /// With lanes of its own; those of the world if there are none.
    fn join_dividing(&mut self, wanted: BTreeSet<String>) {
        self.next += 1;
        let division = format!("{wanted:?}");
        self.workers.push(Worker {
            member: Member::new(format!("w{}", self.next), division),
            wanted,
            held: BTreeMap::new(),
            slow: BTreeSet::new(),
            aim: Aim::Share,
        });
    }

    /// The table is lost.
    fn emptied(&mut self) {
        self.table = Table::default();
    }

    /// It is not.
    fn kept(&mut self) {}

    fn turn(&mut self, which: usize) {
        let worker = &mut self.workers[which];
        worker.member.look(&self.table, self.now);
        // What was being given back is done by the next look.
        let slow = &worker.slow;
        worker
            .held
            .retain(|lane, holding| *holding == Holding::Reading || slow.contains(lane));
        let wanted = match worker.wanted.is_empty() {
            true => &self.wanted,
            false => &worker.wanted,
        };
        let plan = worker
            .member
            .plan(&self.table, wanted, &worker.held, worker.aim, self.now);
        for lane in plan.begin(worker.member.me(), &worker.held) {
            worker.held.insert(lane, Holding::Reading);
        }
        for lane in &plan.give_back {
            worker.held.insert(lane.clone(), Holding::Ending);
        }
        if worker.aim == Aim::Leave {
            let held = worker.held.values_mut();
            held.for_each(|holding| *holding = Holding::Ending);
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
        (0..40).for_each(|_| self.round());
    }

    /// The next rounds change nothing.
    fn stays(&mut self) {
        let before = self.reading();
        for round in 0..40 {
            self.round();
            assert_eq!(self.reading(), before, "round {round}: {:?}", self.table);
        }
    }

    /// As many rounds as it takes for a worker that is silent to be gone.
    fn silence(&mut self) {
        let rounds = TTL.as_secs() / LOOK.as_secs() + 1;
        (0..rounds).for_each(|_| self.round());
    }

    /// What each worker reads.
    fn reading(&self) -> Vec<BTreeSet<String>> {
        let held = self.workers.iter().map(|worker| &worker.held);
        let reading = held.map(|held| {
            held.iter()
                .filter(|(_, holding)| **holding == Holding::Reading)
        });
        reading
            .map(|lanes| lanes.map(|(lane, _)| lane.clone()).collect())
            .collect()
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

fn lanes(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
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
    world.silence();
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
    while world.workers[1].held.is_empty() {
        world.now += LOOK;
        world.turn(1);
    }
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

#[test]
fn who_leaves_slowly_keeps_no_other_lane_from_being_read() {
    let mut world = World::new(5);
    world.join();
    world.join();
    world.settle();
    let leaving = &mut world.workers[0];
    leaving.aim = Aim::Leave;
    leaving.slow = lanes(&["0"]);
    assert!(leaving.held.contains_key("0"), "{:?}", leaving.held);
    (0..4).for_each(|_| world.round());
    assert_eq!(world.shares(), [1, 4]);
}

#[test]
fn workers_of_another_division_keep_no_lane_from_being_read() {
    for (old, new, read) in [
        (
            lanes(&["0", "1", "rest"]),
            lanes(&["0", "1", "2", "3", "4", "5", "6", "rest"]),
            [3, 5],
        ),
        (
            lanes(&["a", "b"]),
            lanes(&["0", "1", "2", "3", "rest"]),
            [2, 5],
        ),
        (lanes(&["0", "1", "rest"]), lanes(&["all"]), [3, 1]),
    ] {
        let mut world = World::new(0);
        world.join_dividing(old);
        world.settle();
        world.join_dividing(new.clone());
        (0..4).for_each(|_| world.round());
        assert_eq!(world.shares(), read);
        world.stays();
        world.workers[0].aim = Aim::Leave;
        world.settle();
        world.workers.remove(0);
        assert_eq!(world.reading(), [new]);
    }
}

#[test]
fn a_lane_that_the_next_in_turn_does_not_take_is_taken_by_another() {
    let mut world = World::new(1);
    world.join();
    world.join();
    world.settle();
    assert_eq!(world.shares(), [1, 0]);
    // Only the first has seen that there is another lane.
    world.workers[0].wanted = lanes(&["0", "former"]);
    world.round();
    assert_eq!(world.shares(), [1, 0], "it is the other's turn");
    world.silence();
    assert_eq!(world.shares(), [2, 0]);
}

proptest! {
    #[test]
    fn the_lanes_are_soon_spread_evenly_whatever_came_before(
        lanes in 1_usize..20,
        steps in prop::collection::vec((0_u8..6, 0_usize..8), 1..60),
    ) {
        let mut world = World::new(lanes);
        world.join();
        for (step, which) in steps {
            match step {
                0 => world.join(),
                1 if world.workers.len() > 1 => drop(world.workers.remove(which % world.workers.len())),
                2 => world.now += Duration::from_millis(700) * u32::try_from(which).unwrap(),
                3 if which == 0 => world.emptied(),
                _ => world.turn(which % world.workers.len()),
            }
        }
        world.settle();
        world.settle();
        prop_assert!(world.is_even(), "{:?} {:?}", world.shares(), world.table);
    }
}
