//! Changes come in, in order; one at a time goes out, and comes back as delivered, refused or to be sent again. Pure. When there is no
//! room, the oldest that waits is lost: what a reader needs most is how things stand now. The gap shows in the sequence.

use std::collections::VecDeque;

/// What became of the one that was sent.
#[derive(Debug)]
pub enum Settled<T> {
    /// It arrived.
    Delivered,
    /// It never will.
    Refused,
    /// Perhaps it did not; it is the next to be sent again.
    Again(T),
}

/// Whether one is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flight {
    None,
    One,
}

/// What waits to be sent, the oldest first.
#[derive(Debug)]
pub struct Ring<T> {
    limit: usize,
    waiting: VecDeque<T>,
    flight: Flight,
    tally: Tally,
}

/// What became of those that waited no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// They arrived.
    pub delivered: u64,
    /// The server takes them never.
    pub refused: u64,
    /// There was no room for them any more.
    pub lost: u64,
}

impl<T> Ring<T> {
    /// Room for `limit`, at least one, beside the one that is on its way.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            waiting: VecDeque::new(),
            flight: Flight::None,
            tally: Tally::default(),
        }
    }

    /// Another limit, at least one. The oldest that wait are lost if there is no room for them any more.
    pub fn resize(&mut self, limit: usize) {
        self.limit = limit.max(1);
        while self.waiting.len() > self.limit {
            self.waiting.pop_front();
            self.tally.lost += 1;
        }
    }

    /// The newest. The oldest that waits is lost if there is no room.
    pub fn push(&mut self, item: T) {
        if self.waiting.len() >= self.limit {
            self.waiting.pop_front();
            self.tally.lost += 1;
        }
        self.waiting.push_back(item);
    }

    /// The oldest, to be sent and then settled; nothing while another is on its way.
    pub fn take(&mut self) -> Option<T> {
        if self.flight == Flight::One {
            return None;
        }
        let item = self.waiting.pop_front()?;
        self.flight = Flight::One;
        Some(item)
    }

    /// What became of the one that was taken.
    pub fn settle(&mut self, settled: Settled<T>) {
        self.flight = Flight::None;
        match settled {
            Settled::Delivered => self.tally.delivered += 1,
            Settled::Refused => self.tally.refused += 1,
            // It is older than all that came meanwhile.
            Settled::Again(_) if self.waiting.len() >= self.limit => self.tally.lost += 1,
            Settled::Again(item) => self.waiting.push_front(item),
        }
    }

    /// How many wait, with the one that is on its way.
    pub fn left(&self) -> usize {
        self.waiting.len() + usize::from(self.flight == Flight::One)
    }

    /// What became of the others.
    pub fn tally(&self) -> Tally {
        self.tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the loop and the server do.
    #[derive(Debug, Clone, Copy)]
    enum Act {
        Push,
        Deliver,
        Refuse,
        /// It arrived and nobody said so.
        LoseAnswer,
        /// It did not arrive.
        LoseMessage,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            3 => Just(Act::Push),
            2 => Just(Act::Deliver),
            1 => Just(Act::Refuse),
            1 => Just(Act::LoseAnswer),
            1 => Just(Act::LoseMessage),
        ]
    }

    /// A server that knows what it has: what is sent twice is stored once.
    #[derive(Debug, Default)]
    struct Stream {
        stored: Vec<u64>,
    }

    impl Stream {
        fn store(&mut self, item: u64) {
            if !self.stored.contains(&item) {
                self.stored.push(item);
            }
        }
    }

    proptest! {
        #[test]
        fn order_is_kept_nothing_is_stored_twice_and_all_are_accounted_for(
            limit in 1..6_usize, acts in prop::collection::vec(act(), 0..200), late in any::<prop::sample::Index>(),
        ) {
            let (mut ring, mut stream, mut pushed) = (Ring::new(limit), Stream::default(), 0);
            for (at, act) in acts.iter().enumerate() {
                if let Act::Push = act {
                    pushed += 1;
                    ring.push(pushed);
                } else if let Some(item) = ring.take() {
                    prop_assert_eq!(ring.take(), None);
                    // Something may happen while it is on its way.
                    if at == late.index(acts.len()) {
                        pushed += 1;
                        ring.push(pushed);
                    }
                    if matches!(act, Act::Deliver | Act::LoseAnswer) {
                        stream.store(item);
                    }
                    ring.settle(match act {
                        Act::Deliver => Settled::Delivered,
                        Act::Refuse => Settled::Refused,
                        Act::Push | Act::LoseAnswer | Act::LoseMessage => Settled::Again(item),
                    });
                }
                prop_assert!(ring.left() <= limit);
                let Tally { delivered, refused, lost } = ring.tally();
                prop_assert_eq!(delivered + refused + lost + ring.left() as u64, pushed);
            }
            prop_assert!(stream.stored.is_sorted());
            // The newest are never the ones that are lost.
            let mut rest = Vec::new();
            while let Some(item) = ring.take() {
                rest.push(item);
                ring.settle(Settled::Delivered);
            }
            let expected: Vec<u64> = (pushed + 1 - rest.len() as u64..=pushed).collect();
            prop_assert_eq!(rest, expected);
        }
    }

    #[test]
    fn a_smaller_ring_loses_the_oldest_and_counts_them() {
        let mut ring = Ring::new(4);
        for item in 1..=5 {
            ring.push(item);
        }
        let first = ring.take().unwrap();
        ring.resize(2);
        assert_eq!((first, ring.left(), ring.tally().lost), (2, 3, 2));
        ring.settle(Settled::Again(first));
        assert_eq!((ring.tally().lost, ring.take()), (3, Some(4)));
        ring.resize(8);
        ring.settle(Settled::Again(4));
        assert_eq!((ring.tally().lost, ring.left()), (3, 2));
    }

    #[test]
    fn what_is_to_be_sent_again_is_the_oldest_and_the_first_to_be_lost() {
        let mut ring = Ring::new(2);
        ring.push(1);
        let first = ring.take().unwrap();
        ring.push(2);
        ring.push(3);
        ring.settle(Settled::Again(first));
        assert_eq!((ring.tally().lost, ring.take()), (1, Some(2)));
    }
}
