//! One ack-all consumer as its owner has it: its ledger, shared by the session that receives, the deliveries that are on their way
//! and the stage that acks. Nothing is lost: a ticket that is dropped un-settled holds every later ack until its message has
//! come again.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use async_nats::Subject;

use super::ledger::{Arrival, Counts, Due, Ledger, Period, Question, Taken};
use super::reply::Form;
use crate::bus::{ConsumerState, Line};

/// What one owner has in hand of one ack-all consumer.
#[derive(Default)]
pub struct Lane(Mutex<Books>);

#[derive(Default)]
struct Books {
    ledger: Ledger,
    /// Of which consumer of which stream it is kept.
    of: Option<Identity>,
    /// Which ledger it is, of those that the lane has had: a ticket of a former one settles nothing.
    generation: u64,
    acks: Acks,
    /// Messages that were in hand when a ledger was given up.
    forgotten: u64,
    /// Over which connection the consumer was looked at. A server that was killed may have forgotten what it delivered, and 2.9
    /// takes an ack of that all the same: what it delivers again is then below its ack floor, and comes for ever.
    line: Option<Line>,
    /// How acks are addressed; known from the first message on.
    form: Option<Form>,
}

/// When the stream and the consumer were created.
#[derive(Debug, Clone, Copy)]
struct Identity {
    stream: i64,
    consumer: i64,
}

impl Identity {
    fn of(state: &ConsumerState) -> Self {
        Self {
            stream: state.stream_created,
            consumer: state.consumer_created,
        }
    }

    fn is_of(self, state: &ConsumerState) -> bool {
        self.stream == state.stream_created && state.is_born(self.consumer)
    }
}

/// Whether acks may be sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Acks {
    /// Between sessions nobody knows whether the consumer is still the one whose messages are in hand.
    Wait,
    #[default]
    Flow,
}

/// How a session begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// With what is in hand.
    On,
    /// With nothing: the consumer, or its stream, is not the one of the last session. What was in hand comes again if it is still there.
    Anew,
}

/// What became of a delivery.
#[derive(Debug)]
pub(crate) enum Delivered {
    /// It is to be stored.
    New(Ticket),
    /// It is in hand already.
    Again,
    /// It shows that the stream is another one. The session is to end, and what else it brings is to be left to the next one.
    Stranger,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let books = self.books();
        f.debug_struct("Lane")
            .field("messages", &books.ledger.len())
            .finish_non_exhaustive()
    }
}

/// The right to say that one message of a lane is stored. Dropping it means redelivery, never "done".
#[derive(Debug)]
#[must_use = "a dropped ticket is a redelivery"]
pub struct Ticket {
    /// `None` once it is used.
    lane: Option<Arc<Lane>>,
    claim: Claim,
}

/// Which message of a lane is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Of which of the lane's ledgers.
    pub(crate) generation: u64,
    /// The stream sequence.
    pub(crate) stream: u64,
}

impl Ticket {
    /// Whose it is.
    pub(crate) fn lane(&self) -> Option<&Arc<Lane>> {
        self.lane.as_ref()
    }

    /// Which message it is.
    pub(crate) fn claim(&self) -> Claim {
        self.claim
    }

    /// Gives up the right: for whoever settles it next.
    pub(crate) fn used(mut self) -> Option<(Arc<Lane>, Claim)> {
        self.lane.take().map(|lane| (lane, self.claim))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take() {
            let mut books = lane.books();
            if books.generation == self.claim.generation {
                books.ledger.give_back(self.claim.stream);
            }
        }
    }
}

impl Lane {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().expect("no holder panics")
    }

    /// A session starts over `line`: on another connection its acks wait.
    pub(crate) fn over(&self, line: Line) {
        self.books().line = Some(line);
    }

    /// A session starts on a consumer that the server says this of. What was on its way in the last one may be lost.
    pub(crate) fn begin(&self, state: &ConsumerState) -> Begun {
        let mut books = self.books();
        // A history that was cut off may have the same name and birth; but then the server has forgotten what it once delivered.
        let ledger = &books.ledger;
        let cut = state.delivered_consumer < ledger.last()
            || state.delivered_stream.min(state.last_sequence) < ledger.top();
        let begun = match books.of {
            Some(of) if !of.is_of(state) || cut => Begun::Anew,
            _ => Begun::On,
        };
        if begun == Begun::Anew {
            books.forget();
        }
        books.of = Some(Identity::of(state));
        books.acks = Acks::Flow;
        books.ledger.doubt();
        begun
    }

    /// A session is over: no ack is sent before the next one has begun.
    pub(crate) fn pause(&self) {
        self.books().acks = Acks::Wait;
    }

    /// Takes note of a delivery that came with `reply`.
    pub(crate) fn deliver(self: &Arc<Self>, arrival: Arrival, reply: &str) -> Delivered {
        let mut books = self.books();
        if books.form.is_none() {
            books.form = Form::of(reply);
        }
        let taken = books.ledger.deliver(arrival);
        let generation = books.generation;
        match taken {
            Taken::New => Delivered::New(Ticket {
                lane: Some(Arc::clone(self)),
                claim: Claim {
                    generation,
                    stream: arrival.stream,
                },
            }),
            Taken::Again => Delivered::Again,
            Taken::Stranger => {
                books.forget();
                // The stranger itself: it is left to the next session, too.
                books.forgotten += 1;
                books.acks = Acks::Wait;
                Delivered::Stranger
            }
        }
    }

    /// These are stored; gives what is to be acked now, and how many messages are done with since the last call.
    pub(crate) fn settle(&self, generation: u64, streams: &[u64]) -> (Option<Subject>, u64) {
        let mut books = self.books();
        if books.generation == generation {
            for stream in streams {
                books.ledger.settle(*stream);
            }
        }
        books.due()
    }

    /// See [`Lane::settle`].
    pub(crate) fn due(&self) -> (Option<Subject>, u64) {
        self.books().due()
    }

    /// What only the server can say.
    pub(crate) fn asks(&self) -> Option<Question> {
        self.books().ledger.asks()
    }

    /// Takes its answer.
    pub(crate) fn confirm(&self, question: Question, counts: Counts) {
        self.books().ledger.confirm(question, counts);
    }

    /// See [`Ledger::first_unknown`].
    pub(crate) fn first_unknown(&self, from: u64, through: u64) -> Option<u64> {
        self.books().ledger.first_unknown(from, through)
    }

    /// See [`Ledger::nothing_is_missing`].
    pub(crate) fn nothing_is_missing(&self, question: Question, counts: Counts) {
        self.books().ledger.nothing_is_missing(question, counts);
    }

    /// See [`Ledger::first_returned`].
    pub(crate) fn first_returned(&self, question: Question) -> Option<u64> {
        self.books().ledger.first_returned(question)
    }

    /// See [`Ledger::is_gone`].
    pub(crate) fn is_gone(&self, question: Question, stream: u64) {
        self.books().ledger.is_gone(question, stream);
    }

    /// Whether everything up to this consumer sequence has come, or been missed.
    pub(crate) fn has_come(&self, delivered: u64) -> bool {
        self.books().ledger.last() >= delivered
    }

    /// A third of the ack wait has passed.
    pub(crate) fn end_period(&self) -> Period {
        self.books().ledger.end_period()
    }

    /// Whose wait has to be started again of those above a stream sequence, at most so many, and up to which sequence they are;
    /// `None`: nobody's.
    pub(crate) fn prolong(
        &self,
        period: Period,
        above: u64,
        most: usize,
    ) -> Option<(Vec<Subject>, u64)> {
        let books = self.books();
        let form = books.form.as_ref()?;
        let waiting = books.ledger.waiting(period, above, most);
        let last = waiting.last()?.stream;
        Some((
            waiting.into_iter().map(|due| form.subject(due)).collect(),
            last,
        ))
    }

    /// Messages whose fate is no more known here, since the last call.
    pub(crate) fn take_forgotten(&self) -> u64 {
        std::mem::take(&mut self.books().forgotten)
    }

    /// Messages that the server may still wait for.
    pub(crate) fn in_hand(&self) -> usize {
        self.books().ledger.len()
    }

    /// Messages on their way to the stores.
    pub(crate) fn held(&self) -> usize {
        self.books().ledger.held()
    }
}

impl Books {
    /// The next ledger: what is in hand comes again, if it is still there, and its tickets settle nothing.
    fn forget(&mut self) {
        self.forgotten += self.ledger.len() as u64;
        self.ledger.forget();
        self.generation += 1;
    }

    fn due(&mut self) -> (Option<Subject>, u64) {
        let due: Option<Due> = match self.acks {
            Acks::Flow if self.line.as_ref().is_none_or(Line::is_up) => self.ledger.due(),
            Acks::Flow | Acks::Wait => None,
        };
        let subject = due.and_then(|due| Some(self.form.as_ref()?.subject(due)));
        (subject, self.ledger.take_acked())
    }
}

#[cfg(test)]
mod tests;
