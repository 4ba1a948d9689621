//! What one owner of an ack-all consumer has in hand: deliveries and settled messages come in, the sequence up to which an ack may
//! be sent goes out. Pure. An ack covers everything below it at the server, so one is given only for a sequence up to which every
//! message of the consumer is settled here or was acked before; whoever else reads the consumer at the same time can therefore
//! make no ack false, and the lease on it is a matter of progress only.
//!
//! The server's rules that this rests on (nats-server 2.12.1, server/consumer.go):
//! - first deliveries take rising stream and consumer sequences (`deliverMsg`); a redelivery takes a new consumer sequence, but
//!   the pending entry keeps its first one (`trackPending`);
//! - an ack takes everything up to its stream sequence out of pending, unless its stream *or consumer* sequence is not above the
//!   floor's, in which case nothing happens (`processAckMsg`). So an ack has to name the first consumer sequence of its message:
//!   with that of a redelivery the floor would overtake later messages, and their acks would do nothing;
//! - what is pending and not acked for `ack_wait` is delivered again (`checkPending`), before anything new (`getNextMsg`).

use std::collections::VecDeque;

use crate::delivery::Attempt;

/// One message that the server may still wait for.
#[derive(Debug, Clone, Copy)]
struct Entry {
    stream: u64,
    /// The consumer sequence of its first delivery; of the first that was seen here until [`Ledger::confirm`] has put it right.
    consumer: u64,
    /// The period in which it came or was last said to be worked on.
    period: u32,
    state: State,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// On its way to the stores.
    Held,
    /// In every store that takes it.
    Settled,
    /// Given up here: it has to come again.
    Returned,
}

/// One delivery, as its reply subject tells it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// The stream sequence.
    pub(crate) stream: u64,
    /// The consumer sequence.
    pub(crate) consumer: u64,
    /// Whether the server has delivered it before.
    pub(crate) attempt: Attempt,
}

/// What is to be done with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It goes on its way.
    New,
    /// It is in hand already: nothing.
    Again,
}

/// The message that an ack has to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// Its stream sequence.
    pub(crate) stream: u64,
    /// The consumer sequence of its first delivery.
    pub(crate) consumer: u64,
}

/// What the server says of the consumer at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Messages delivered and not acked.
    pub(crate) pending: u64,
    /// The last consumer sequence.
    pub(crate) delivered: u64,
    /// The stream sequence up to which all is acked.
    pub(crate) floor: u64,
}

/// A question to the server, and the session it belongs to: an answer from before a new start says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question(u64);

/// How often in a row the server must have pending what is in hand. Twice: in a cluster its leader tells the floor of the
/// replicated state and the pending messages of its own, which is a moment ahead.
const AGREED: u32 = 2;

/// The messages in hand, by stream sequence.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: VecDeque<Entry>,
    /// Where the next settled message is expected: they come in runs.
    next: usize,
    /// The consumer sequence of the latest delivery.
    last: u64,
    /// The highest stream sequence delivered here.
    top: u64,
    /// Up to this stream sequence the server waits for nothing that is not in `entries`; `u64::MAX`: nowhere.
    sound_to: u64,
    /// Up to this stream sequence all is acked, as the server said last.
    floor: u64,
    /// The consumer sequence behind the last gap: counts taken before it know nothing of what was lost there.
    behind_gap: u64,
    /// Counts for which not every delivery has come in yet.
    open: Option<Counts>,
    /// How often in a row the server had pending what is in hand.
    agreed: u32,
    /// Sessions so far.
    session: u64,
    held: usize,
    acked: u64,
    period: u32,
}

impl Ledger {
    /// A session starts: what was on its way in the last one may be lost.
    pub(crate) fn doubt(&mut self) {
        self.sound_to = self.sound_to.min(self.top);
        self.behind_gap = 0;
        self.session += 1;
        self.disagree();
    }

    fn disagree(&mut self) {
        self.open = None;
        self.agreed = 0;
    }

    /// Takes note of a delivery.
    pub(crate) fn deliver(&mut self, arrival: Arrival) -> Taken {
        let place = self.place(arrival.stream);
        self.follow(arrival, place);
        let taken = match place {
            Ok(index) => self.known(index, arrival),
            // It was on its way when it was acked.
            Err(_) if arrival.stream <= self.floor => Taken::Again,
            Err(index) => {
                self.insert(index, arrival);
                Taken::New
            }
        };
        self.top = self.top.max(arrival.stream);
        if let Some(counts) = self.open
            && self.last >= counts.delivered
        {
            self.open = None;
            self.compare(counts);
        }
        taken
    }

    /// Keeps count of consumer sequences, and starts to doubt where one is missing.
    fn follow(&mut self, arrival: Arrival, place: Result<usize, usize>) {
        let known = place.is_ok();
        if arrival.consumer == self.last + 1 {
            self.last = arrival.consumer;
        } else if arrival.consumer > self.last {
            // What was lost in between is either above all that has come, or a redelivery of something known.
            self.sound_to = self.sound_to.min(self.top);
            self.behind_gap = arrival.consumer;
            self.last = arrival.consumer;
            self.disagree();
        } else if !known {
            // The server counts anew: nothing known of it holds any more.
            self.sound_to = 0;
            self.floor = 0;
            self.behind_gap = arrival.consumer;
            self.last = arrival.consumer;
            self.disagree();
        }
        // Delivered before, but not (or no more) known here: an ack has not reached the server, or somebody else has had it. A
        // message that the server could not hand to anybody comes as if for the first time.
        let old = arrival.attempt == Attempt::Again || arrival.stream <= self.top;
        let open = !known && arrival.stream > self.floor;
        if open && old && arrival.stream <= self.sound_to {
            self.sound_to = 0;
            self.disagree();
        }
    }

    fn known(&mut self, index: usize, arrival: Arrival) -> Taken {
        let entry = &mut self.entries[index];
        if arrival.attempt == Attempt::First {
            // The server has forgotten the delivery that we know.
            entry.consumer = arrival.consumer;
            self.sound_to = 0;
        }
        if entry.state != State::Returned {
            return Taken::Again;
        }
        entry.state = State::Held;
        entry.period = self.period;
        self.held += 1;
        Taken::New
    }

    fn insert(&mut self, index: usize, arrival: Arrival) {
        let entry = Entry {
            stream: arrival.stream,
            consumer: arrival.consumer,
            period: self.period,
            state: State::Held,
        };
        self.held += 1;
        if index == self.entries.len() {
            self.entries.push_back(entry);
        } else {
            self.entries.insert(index, entry);
        }
    }

    /// A message is in every store.
    pub(crate) fn settle(&mut self, stream: u64) {
        let index = match self.entries.get(self.next) {
            Some(entry) if entry.stream == stream => self.next,
            _ => match self.place(stream) {
                Ok(index) => index,
                // Somebody else has acked it meanwhile.
                Err(_) => {
                    self.acked += 1;
                    return;
                }
            },
        };
        self.next = index + 1;
        let entry = &mut self.entries[index];
        self.held -= usize::from(entry.state == State::Held);
        entry.state = State::Settled;
    }

    /// A message was given up on its way: no ack passes it until it has come again.
    pub(crate) fn give_back(&mut self, stream: u64) {
        if let Ok(index) = self.place(stream)
            && self.entries[index].state == State::Held
        {
            self.held -= 1;
            self.entries[index].state = State::Returned;
        }
    }

    /// The ack that may be sent now; it must be.
    pub(crate) fn due(&mut self) -> Option<Due> {
        let mut due = None;
        while let Some(entry) = self.entries.front()
            && entry.state == State::Settled
            && entry.stream <= self.sound_to
        {
            due = Some(Due {
                stream: entry.stream,
                consumer: entry.consumer,
            });
            self.acked += 1;
            self.entries.pop_front();
            self.next = self.next.saturating_sub(1);
        }
        due
    }

    /// What only the server can say: how it goes on. Its answer goes to [`Ledger::confirm`].
    pub(crate) fn asks(&self) -> Option<Question> {
        let front = self.entries.front();
        let stuck = front.is_some_and(|entry| entry.state == State::Returned);
        (self.sound_to != u64::MAX || stuck).then_some(Question(self.session))
    }

    /// Takes the server's answer.
    pub(crate) fn confirm(&mut self, question: Question, counts: Counts) {
        if question.0 != self.session {
            return;
        }
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
        self.compare(counts);
        // Deliveries may be under way that the server has counted: they decide when they are here.
        let open = self.sound_to != u64::MAX && self.last < counts.delivered && self.agreed == 0;
        self.open = open.then_some(counts);
    }

    /// What is in hand, delivered up to the server's count and above its floor, is pending there. If it is as much as the server
    /// has pending, then there is nothing else.
    fn compare(&mut self, counts: Counts) {
        let in_hand = self
            .entries
            .iter()
            .filter(|entry| entry.consumer <= counts.delivered && entry.stream > counts.floor);
        match (in_hand.count() as u64).cmp(&counts.pending) {
            std::cmp::Ordering::Equal => {
                self.agreed += 1;
                if counts.pending == 0 || self.agreed >= AGREED {
                    self.is_sound(counts.delivered);
                }
            }
            std::cmp::Ordering::Less => self.agreed = 0,
            // Messages were removed from the stream. Which ones is not told: what is settled is stored, and if it is still
            // pending it comes again, which changes nothing.
            std::cmp::Ordering::Greater => {
                let before = self.entries.len();
                self.entries.retain(|entry| entry.state == State::Held);
                self.acked += (before - self.entries.len()) as u64;
                self.next = 0;
                self.agreed = 0;
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
            entry.consumer = entry.consumer.min(above - 1);
            above = entry.consumer;
        }
    }

    /// A third of the ack wait has passed: what is in hand and was so before the last third began.
    pub(crate) fn prolong(&mut self) -> Vec<Due> {
        let last = self.period;
        self.period = self.period.wrapping_add(1);
        let waiting = self
            .entries
            .iter()
            .filter(|entry| entry.state != State::Returned && entry.period != last);
        waiting
            .map(|entry| Due {
                stream: entry.stream,
                consumer: entry.consumer,
            })
            .collect()
    }

    /// Messages on their way to the stores.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Messages the server may still wait for.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Messages acked since the last call.
    pub(crate) fn take_acked(&mut self) -> u64 {
        std::mem::take(&mut self.acked)
    }

    fn place(&self, stream: u64) -> Result<usize, usize> {
        match self.entries.back() {
            Some(back) if back.stream >= stream => self
                .entries
                .binary_search_by_key(&stream, |entry| entry.stream),
            _ => Err(self.entries.len()),
        }
    }
}

#[cfg(test)]
mod tests;
