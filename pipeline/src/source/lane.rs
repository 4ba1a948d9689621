//! One ack-all consumer as its owner has it: its ledger, shared by the session that receives, the deliveries that are on their way
//! and the stage that acks. Nothing is lost: a ticket that is dropped un-settled holds every later ack until its message has
//! come again.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use async_nats::Subject;

use super::ledger::{Arrival, Counts, Due, Ledger, Question, Taken};
use super::reply::Form;

/// What one owner has in hand of one ack-all consumer.
#[derive(Default)]
pub struct Lane(Mutex<Books>);

#[derive(Default)]
struct Books {
    ledger: Ledger,
    /// How acks are addressed; known from the first message on.
    form: Option<Form>,
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
    stream: u64,
}

impl Ticket {
    /// Whose it is.
    pub(crate) fn lane(&self) -> Option<&Arc<Lane>> {
        self.lane.as_ref()
    }

    /// The message's stream sequence.
    pub(crate) fn stream(&self) -> u64 {
        self.stream
    }

    /// Gives up the right: for whoever settles it next.
    pub(crate) fn used(mut self) -> Option<(Arc<Lane>, u64)> {
        self.lane.take().map(|lane| (lane, self.stream))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take() {
            lane.books().ledger.give_back(self.stream);
        }
    }
}

impl Lane {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().expect("no holder panics")
    }

    /// A session starts: what was on its way in the last one may be lost.
    pub(crate) fn doubt(&self) {
        self.books().ledger.doubt();
    }

    /// Takes note of a delivery that came with `reply`; `None` if it is in hand already.
    pub(crate) fn deliver(self: &Arc<Self>, arrival: Arrival, reply: &str) -> Option<Ticket> {
        let mut books = self.books();
        if books.form.is_none() {
            books.form = Form::of(reply);
        }
        let taken = books.ledger.deliver(arrival);
        drop(books);
        (taken == Taken::New).then(|| Ticket {
            lane: Some(Arc::clone(self)),
            stream: arrival.stream,
        })
    }

    /// These are stored; gives what is to be acked now, and how many messages are done with since the last call.
    pub(crate) fn settle(&self, streams: &[u64]) -> (Option<Subject>, u64) {
        let mut books = self.books();
        for stream in streams {
            books.ledger.settle(*stream);
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

    /// A third of the ack wait has passed: whose wait has to be started again.
    pub(crate) fn prolong(&self) -> Vec<Subject> {
        let mut books = self.books();
        let waiting = books.ledger.prolong();
        let form = books.form.as_ref();
        waiting
            .into_iter()
            .filter_map(|due| Some(form?.subject(due)))
            .collect()
    }

    /// Messages on their way to the stores.
    pub(crate) fn held(&self) -> usize {
        self.books().ledger.held()
    }
}

impl Books {
    fn due(&mut self) -> (Option<Subject>, u64) {
        let due: Option<Due> = self.ledger.due();
        let subject = due.and_then(|due| Some(self.form.as_ref()?.subject(due)));
        (subject, self.ledger.take_acked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Attempt;

    fn arrival(number: u64) -> Arrival {
        Arrival {
            stream: number,
            consumer: number,
            attempt: Attempt::First,
        }
    }

    fn sound() -> Arc<Lane> {
        let lane = Arc::new(Lane::default());
        let counts = Counts {
            pending: 0,
            delivered: 0,
            floor: 0,
        };
        lane.confirm(lane.asks().unwrap(), counts);
        lane
    }

    const REPLY: &str = "$JS.ACK.T.c.1.1.1.1700000000000000000.9";

    #[test]
    fn a_dropped_ticket_holds_every_later_ack() {
        let lane = sound();
        let mut tickets = (1..=3).map(|number| lane.deliver(arrival(number), REPLY).unwrap());
        let first = tickets.next().unwrap().used().unwrap().1;
        drop(tickets.next());
        let third = tickets.next().unwrap().used().unwrap().1;
        let (subject, acked) = lane.settle(&[first, third]);
        assert_eq!(subject.unwrap().as_str(), "$JS.ACK.T.c.1.1.1.0.0");
        assert_eq!((acked, lane.held()), (1, 0));
        assert!(
            lane.asks().is_some(),
            "only the server knows when it comes again"
        );
    }
}
