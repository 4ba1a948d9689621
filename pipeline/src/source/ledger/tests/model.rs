//! Random histories: two owners at once, drops, lost connections, crashes, acks under way or lost, purges by subject. The model of the server follows
//! nats-server 2.12.1, server/consumer.go. Promises: nothing leaves the server's pending messages before it is stored or removed
//! from the stream, and in the end nothing stays there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::super::{Arrival, Counts, Due, Holes, Ledger, Question, Taken};
use super::stored;
use crate::delivery::Attempt;

/// More may not be pending: `max_ack_pending`.
const MAX_PENDING: usize = 40;

#[derive(Debug, Default)]
struct Server {
    published: u64,
    next: u64,
    delivered: u64,
    floor: (u64, u64),
    /// By stream sequence: the first consumer sequence.
    pending: BTreeMap<u64, u64>,
    again: VecDeque<u64>,
    /// Could not be handed to anybody: comes as if for the first time (`didNotDeliver`).
    bounced: BTreeSet<u64>,
    /// Not in the stream any more.
    removed: BTreeSet<u64>,
}

/// What a purge by subject does to messages that are not acked (`purge`): it depends on where the ack floor is.
#[derive(Debug, Clone, Copy)]
enum Unacked {
    /// They stay pending for ever: `getNextMsg` skips them.
    Stay,
    /// They are pending no more, and the floor of consumer sequences is behind them.
    Leave,
}

impl Server {
    fn deliver(&mut self) -> Option<Arrival> {
        while let Some(stream) = self.again.pop_front() {
            if self.pending.contains_key(&stream) && !self.removed.contains(&stream) {
                self.delivered += 1;
                let attempt = match self.bounced.remove(&stream) {
                    true => Attempt::First,
                    false => Attempt::Again,
                };
                return Some(self.arrival(stream, attempt));
            }
        }
        if self.pending.len() >= MAX_PENDING {
            return None;
        }
        while self.removed.contains(&(self.next + 1)) {
            self.next += 1;
        }
        if self.next >= self.published {
            return None;
        }
        self.next += 1;
        self.delivered += 1;
        self.pending.insert(self.next, self.delivered);
        Some(self.arrival(self.next, Attempt::First))
    }

    fn arrival(&self, stream: u64, attempt: Attempt) -> Arrival {
        Arrival {
            stream,
            consumer: self.delivered,
            time: stored(stream),
            attempt,
        }
    }

    /// Every fifth message but the last is gone.
    fn purge(&mut self, share: u64, unacked: Unacked) {
        let purged = (1..self.published).filter(|stream| stream % 5 == share);
        self.removed.extend(purged);
        if let Unacked::Leave = unacked {
            for stream in &self.removed {
                if let Some(consumer) = self.pending.remove(stream) {
                    self.floor.0 = self.floor.0.max(consumer);
                }
            }
        }
    }

    fn next_message(&self, from: u64) -> Option<u64> {
        (from..=self.published).find(|stream| !self.removed.contains(stream))
    }

    /// What the ack takes out of pending.
    fn ack(&mut self, due: Due) -> Vec<u64> {
        if due.stream > self.next || due.consumer <= self.floor.0 || due.stream <= self.floor.1 {
            return Vec::new();
        }
        self.floor = (due.consumer, due.stream);
        let rest = self.pending.split_off(&(due.stream + 1));
        std::mem::replace(&mut self.pending, rest)
            .into_keys()
            .collect()
    }

    fn expire(&mut self, share: u64) {
        for stream in self.pending.keys() {
            if stream % 3 != share && !self.again.contains(stream) {
                self.again.push_back(*stream);
            }
        }
        self.again.make_contiguous().sort_unstable();
        if self.pending.is_empty() {
            self.floor = (self.delivered, self.next);
        }
    }

    fn counts(&self) -> Counts {
        Counts {
            pending: self.pending.len() as u64,
            delivered: self.delivered,
            through: self.next,
            floor: self.floor.1,
            holes: if self.removed.is_empty() {
                Holes::None
            } else {
                Holes::Some
            },
        }
    }
}

#[derive(Debug, Default)]
struct Owner {
    ledger: Ledger,
    under_way: VecDeque<Arrival>,
    held: Vec<u64>,
    answer: Option<(Question, Counts)>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Publish(u64),
    Deliver(usize),
    Arrive(usize),
    Drop(usize),
    Bounce,
    Reconnect(usize),
    Crash,
    Store(usize),
    GiveBack(usize),
    Due,
    Acks(usize),
    AcksLost,
    Expire(u64),
    Ask,
    Answer,
    Search,
    Purge(u64, Unacked),
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let step = prop_oneof![
        4 => (1..20_u64).prop_map(Step::Publish),
        8 => (1..20_usize).prop_map(Step::Deliver),
        8 => (1..25_usize).prop_map(Step::Arrive),
        2 => (0..10_usize).prop_map(Step::Drop),
        1 => Just(Step::Bounce),
        1 => (0..10_usize).prop_map(Step::Reconnect),
        1 => Just(Step::Crash),
        8 => (1..20_usize).prop_map(Step::Store),
        2 => (0..10_usize).prop_map(Step::GiveBack),
        6 => Just(Step::Due),
        6 => (1..4_usize).prop_map(Step::Acks),
        1 => Just(Step::AcksLost),
        3 => (0..4_u64).prop_map(Step::Expire),
        6 => Just(Step::Ask),
        6 => Just(Step::Answer),
        3 => Just(Step::Search),
        1 => (0..5_u64).prop_map(|share| Step::Purge(share, Unacked::Stay)),
        1 => (0..5_u64).prop_map(|share| Step::Purge(share, Unacked::Leave)),
    ];
    (prop_oneof![3 => Just(0_usize), 1 => Just(1_usize)], step)
}

#[derive(Debug, Default)]
struct World {
    server: Server,
    owners: [Owner; 2],
    stored: BTreeSet<u64>,
    acks: VecDeque<(usize, Due)>,
}

impl World {
    fn take(&mut self, who: usize, step: Step) {
        let owner = &mut self.owners[who];
        match step {
            Step::Publish(count) => self.server.published += count,
            Step::Deliver(count) => {
                let server = &mut self.server;
                owner
                    .under_way
                    .extend((0..count).map_while(|_| server.deliver()));
            }
            Step::Arrive(count) => {
                let count = count.min(owner.under_way.len());
                for arrival in owner.under_way.drain(..count) {
                    if owner.ledger.deliver(arrival) == Taken::New {
                        owner.held.push(arrival.stream);
                    }
                }
            }
            Step::Drop(which) => {
                if which < owner.under_way.len() {
                    owner.under_way.remove(which);
                }
            }
            Step::Bounce => {
                if let Some(arrival) = owner.under_way.pop_back()
                    && self.server.pending.contains_key(&arrival.stream)
                    && !self.server.again.contains(&arrival.stream)
                {
                    self.server.again.push_back(arrival.stream);
                    if arrival.attempt == Attempt::First {
                        self.server.bounced.insert(arrival.stream);
                    }
                }
            }
            Step::Reconnect(kept) => {
                owner.under_way.truncate(kept);
                owner.ledger.doubt();
            }
            Step::Crash => *owner = Owner::default(),
            Step::Store(count) => {
                let count = count.min(owner.held.len());
                for stream in owner.held.drain(..count) {
                    self.stored.insert(stream);
                    owner.ledger.settle(stream);
                }
            }
            Step::GiveBack(which) => {
                if which < owner.held.len() {
                    owner.ledger.give_back(owner.held.remove(which));
                }
            }
            Step::Due => self.acks.extend(owner.ledger.due().map(|due| (who, due))),
            Step::Acks(count) => self.work_off(count),
            Step::AcksLost => self.acks.retain(|(sender, _)| *sender != who),
            Step::Expire(share) => self.server.expire(share),
            Step::Ask => {
                let counts = self.server.counts();
                owner.answer = owner.ledger.asks().map(|question| (question, counts));
            }
            Step::Answer => {
                if let Some((question, counts)) = owner.answer.take() {
                    owner.ledger.confirm(question, counts);
                }
            }
            Step::Search => self.search(who),
            Step::Purge(share, unacked) => self.server.purge(share, unacked),
        }
    }

    /// As the tender does it, with an answer that has not been taken yet.
    fn search(&mut self, who: usize) {
        let Owner { ledger, answer, .. } = &mut self.owners[who];
        let Some((question, counts)) = *answer else {
            return;
        };
        if counts.holes == Holes::None {
            return;
        }
        while let Some(stream) = ledger.first_returned(question)
            && self.server.next_message(stream) != Some(stream)
        {
            ledger.is_gone(question, stream);
        }
        let mut from = counts.floor + 1;
        while let Some(unknown) = ledger.first_unknown(from, counts.through) {
            let next = self.server.next_message(unknown);
            match next.filter(|next| *next <= counts.through) {
                None => break,
                Some(next) if ledger.first_unknown(next, next).is_some() => return,
                Some(next) => from = next + 1,
            }
        }
        ledger.nothing_is_missing(question, counts);
    }

    fn work_off(&mut self, count: usize) {
        for _ in 0..count {
            let Some((_, due)) = self.acks.pop_front() else {
                break;
            };
            for stream in self.server.ack(due) {
                assert!(
                    self.stored.contains(&stream) || self.server.removed.contains(&stream),
                    "{stream} was acked and is nowhere"
                );
            }
        }
    }

    /// One owner is left, and nothing goes wrong any more.
    fn calm_down(&mut self) {
        self.take(1, Step::Crash);
        self.take(0, Step::Reconnect(usize::MAX));
        for _ in 0..40 {
            for _ in 0..self.server.published {
                self.take(0, Step::Deliver(20));
                self.take(0, Step::Arrive(20));
                self.take(0, Step::Store(20));
                self.take(0, Step::Due);
                self.take(0, Step::Acks(20));
            }
            // Far more often than an ack wait passes.
            for _ in 0..4 {
                self.take(0, Step::Ask);
                self.take(0, Step::Search);
                self.take(0, Step::Answer);
                self.take(0, Step::Due);
                self.take(0, Step::Acks(20));
            }
            if self.server.pending.is_empty() && self.server.next == self.server.published {
                return;
            }
            self.take(0, Step::Expire(9));
        }
        panic!("not everything is acked in the end: {self:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_acked_before_it_is_stored_and_everything_in_the_end(
        steps in prop::collection::vec(step(), 1..150)
    ) {
        let mut world = World::default();
        for (who, step) in steps {
            world.take(who, step);
        }
        world.calm_down();
    }
}
