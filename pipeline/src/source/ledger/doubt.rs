//! The ledger in doubt: what the server says comes in, and acks are free again once nothing can be missing. Either the server has
//! pending as many messages as are in hand; or, where that number tells nothing because messages were removed from the stream,
//! each one that the stream still has of those delivered is known here.

use std::cmp::Ordering;

use super::{Counts, Entry, Holes, Ledger, Question, State};

/// How often in a row the server must have pending what is in hand. Twice: in a cluster its leader tells the floor of the
/// replicated state and the pending messages of its own, which is a moment ahead.
const AGREED: u32 = 2;

impl Ledger {
    /// What only the server can say: how it goes on. Its answer goes to [`Ledger::confirm`].
    pub(crate) fn asks(&self) -> Option<Question> {
        let front = self.entries.front();
        let stuck = front.is_some_and(|entry| entry.state == State::Returned);
        (self.sound_to != u64::MAX || stuck).then_some(Question {
            session: self.session,
            signs: self.signs,
        })
    }

    /// Takes the server's answer.
    pub(crate) fn confirm(&mut self, question: Question, counts: Counts) {
        if question.session != self.session {
            return;
        }
        self.signs += u64::from(counts.floor > self.floor);
        self.floor = counts.floor;
        // Somebody acked these: nothing up to there will come again.
        let gone = self
            .entries
            .partition_point(|entry| entry.stream <= counts.floor);
        for entry in self.entries.drain(..gone) {
            self.held -= usize::from(entry.state == State::Held);
            self.acked += u64::from(entry.state == State::Settled);
        }
        self.next = self.next.saturating_sub(gone);
        if self.sound_to == u64::MAX || counts.delivered + 1 < self.behind_gap {
            return;
        }
        // Deliveries may be under way that the server has counted: they decide when they are here, and too little in hand until
        // then says nothing. In a steady flow there are always some.
        if self.last >= counts.delivered || self.weigh(counts) != Ordering::Less {
            self.compare(counts);
        } else {
            self.open.get_or_insert(counts);
        }
    }

    /// What is in hand, delivered up to the server's count and above its floor, is pending there.
    fn weigh(&self, counts: Counts) -> Ordering {
        let in_hand = self
            .entries
            .iter()
            .filter(|entry| entry.consumer <= counts.delivered && entry.stream > counts.floor);
        (in_hand.count() as u64).cmp(&counts.pending)
    }

    /// If the server has pending as much as is in hand, then there is nothing else.
    pub(super) fn compare(&mut self, counts: Counts) {
        self.open = None;
        match self.weigh(counts) {
            Ordering::Equal => {
                self.agreed += 1;
                let enough = self.agreed >= AGREED && counts.holes == Holes::None;
                if counts.pending == 0 || enough {
                    self.is_sound(counts.delivered);
                }
            }
            Ordering::Less => self.agreed = 0,
            // A part of what is in hand is not pending any more. Which is not told: what is settled is stored, and if it is
            // still pending it comes again, which changes nothing.
            Ordering::Greater => {
                self.agreed = 0;
                if counts.holes == Holes::None {
                    let before = self.entries.len();
                    self.entries.retain(|entry| entry.state == State::Held);
                    self.acked += (before - self.entries.len()) as u64;
                    self.next = 0;
                }
            }
        }
    }

    fn is_sound(&mut self, delivered: u64) {
        self.sound_to = u64::MAX;
        self.last = self.last.max(delivered);
        self.disagree();
        // First consumer sequences rise with stream sequences, so each is below that of the next message. With this bound an
        // ack is never below the server's floor, and never above that of a later message.
        let mut above = u64::MAX;
        for entry in self.entries.iter_mut().rev() {
            entry.consumer = entry.consumer.min(above.saturating_sub(1));
            above = entry.consumer;
        }
    }

    /// The first stream sequence of these that is neither stored nor in hand: if it is one of the consumer's messages, it is missing.
    pub(crate) fn first_unknown(&self, from: u64, through: u64) -> Option<u64> {
        let mut sequence = from.max(self.floor.max(self.passed) + 1);
        let known = self
            .entries
            .partition_point(|entry| entry.stream < sequence);
        for entry in self.entries.range(known..) {
            if entry.stream != sequence || sequence > through {
                break;
            }
            sequence += 1;
        }
        (sequence <= through).then_some(sequence)
    }

    /// The stream was looked through: nothing is missing of what had been delivered by these counts.
    pub(crate) fn nothing_is_missing(&mut self, question: Question, counts: Counts) {
        let current = question.session == self.session && counts.delivered + 1 >= self.behind_gap;
        if !current || self.sound_to == u64::MAX {
            return;
        }
        // The last of them may be gone and pending for ever, and with it others that nothing here stands behind: without an ack
        // of its own the server could stop at so many.
        if counts.through > self.floor.max(self.passed)
            && let Err(index) = self.place(counts.through)
        {
            let gone = Entry {
                stream: counts.through,
                consumer: counts.delivered,
                mark: 0,
                period: self.period,
                state: State::Settled,
            };
            self.entries.insert(index, gone);
            self.next = 0;
        }
        self.is_sound(counts.delivered);
    }

    /// The first message that was given up here and has not come again, while the question holds.
    pub(crate) fn first_returned(&self, question: Question) -> Option<u64> {
        if question.session != self.session {
            return None;
        }
        let mut entries = self.entries.iter();
        let first = entries.find(|entry| entry.state == State::Returned);
        first.map(|entry| entry.stream)
    }

    /// A message that was given up is not in the stream any more: it will not come again.
    pub(crate) fn is_gone(&mut self, question: Question, stream: u64) {
        if question.session == self.session
            && let Ok(index) = self.place(stream)
            && self.entries[index].state == State::Returned
        {
            self.entries.remove(index);
            self.next = 0;
        }
    }
}
