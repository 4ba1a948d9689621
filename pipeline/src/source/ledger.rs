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

/// What only the server can say.
mod doubt;

/// One message that the server may still wait for.
#[derive(Debug, Clone, Copy)]
struct Entry {
    stream: u64,
    /// The consumer sequence of its first delivery; of the first that was seen here until [`Ledger::confirm`] has put it right.
    consumer: u64,
    /// See [`mark`].
    mark: u32,
    /// The period in which it came.
    period: u16,
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
    /// When it was stored, which tells it from another message of the same number.
    pub(crate) time: i64,
    /// Whether the server has delivered it before.
    pub(crate) attempt: Attempt,
}

/// What is remembered of the time a message was stored: its low half, so that a message in hand takes 24 bytes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the low bits are what differs"
)]
fn mark(time: i64) -> u32 {
    time as u32
}

/// What is to be done with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It goes on its way.
    New,
    /// It is in hand already: nothing.
    Again,
    /// It is another message than the one in hand of this number: the stream is not the one that the ledger was kept of.
    Stranger,
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
    /// The last stream sequence delivered.
    pub(crate) through: u64,
    /// The stream sequence up to which all is acked.
    pub(crate) floor: u64,
    /// Whether the stream had lost messages from its middle by then.
    pub(crate) holes: Holes,
}

/// Whether messages were removed from the middle of a stream. They may stay among the pending for ever, or leave without an ack
/// (`purge` and `getNextMsg` in server/consumer.go): the number of pending messages then tells nothing about which they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holes {
    /// None were: what is pending is there, and comes again.
    None,
    /// Some were.
    Some,
}

/// A third of an ack wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Period(u16);

/// A question to the server, and the session it belongs to: an answer from before a new start says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question {
    session: u64,
    /// Changes with every sign that the doubt goes on for a reason: it began anew, or something came again.
    pub(crate) signs: u64,
}

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
    /// Up to this stream sequence everything is stored, as was found out here.
    passed: u64,
    /// The consumer sequence behind the last gap: counts taken before it know nothing of what was lost there.
    behind_gap: u64,
    /// Counts for which not every delivery has come in yet.
    open: Option<Counts>,
    /// How often in a row the server had pending what is in hand.
    agreed: u32,
    /// Sessions so far.
    session: u64,
    signs: u64,
    held: usize,
    acked: u64,
    period: u16,
}

impl Ledger {
    /// A session starts: what was on its way in the last one may be lost.
    pub(crate) fn doubt(&mut self) {
        self.sound_to = self.sound_to.min(self.top);
        self.behind_gap = 0;
        self.session += 1;
        self.disagree();
    }

    /// The consumer or its stream is another one: nothing that is known holds.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            session: self.session + 1,
            signs: self.signs + 1,
            acked: self.acked,
            period: self.period,
            ..Self::default()
        };
    }

    fn disagree(&mut self) {
        self.signs += 1;
        self.open = None;
        self.agreed = 0;
    }

    /// Takes note of a delivery.
    pub(crate) fn deliver(&mut self, arrival: Arrival) -> Taken {
        let place = self.place(arrival.stream);
        if place.is_ok_and(|index| self.entries[index].mark != mark(arrival.time)) {
            return Taken::Stranger;
        }
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
            self.passed = 0;
            self.behind_gap = arrival.consumer;
            self.last = arrival.consumer;
            self.session += 1;
            self.disagree();
        }
        // Delivered before, but not (or no more) known here: an ack has not reached the server, or somebody else has had it. A
        // message that the server could not hand to anybody comes as if for the first time.
        let old = arrival.attempt.is_again() || arrival.stream <= self.top;
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
        self.signs += u64::from(arrival.attempt.is_again());
        let entry = Entry {
            stream: arrival.stream,
            consumer: arrival.consumer,
            mark: mark(arrival.time),
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
            self.passed = entry.stream;
            self.acked += 1;
            self.entries.pop_front();
            self.next = self.next.saturating_sub(1);
        }
        due
    }

    /// A third of the ack wait has passed. What [`Ledger::waiting`] is to be asked for: the period that has just ended.
    pub(crate) fn end_period(&mut self) -> Period {
        let ended = Period(self.period);
        self.period = self.period.wrapping_add(1);
        ended
    }

    /// At most so many messages above a stream sequence that were in hand before that period began.
    pub(crate) fn waiting(&self, period: Period, above: u64, most: usize) -> Vec<Due> {
        let from = self.entries.partition_point(|entry| entry.stream <= above);
        let now = self.period;
        let waiting = self.entries.range(from..).filter(|entry| {
            let late = entry.period == period.0 || entry.period == now;
            entry.state != State::Returned && !late
        });
        waiting
            .map(|entry| Due {
                stream: entry.stream,
                consumer: entry.consumer,
            })
            .take(most)
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

    /// The consumer sequence of the latest delivery.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The highest stream sequence delivered here.
    pub(crate) fn top(&self) -> u64 {
        self.top
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
