//! What travels: one message with its stamp and its ack. Nothing here is copied from the connection's read buffer.

use std::num::NonZeroU64;

use async_nats::Subject;
use bytes::Bytes;
use flightline_contract::encoding::Encoding;

use crate::source::era::{Era, Eras};
use crate::source::lane::Ticket;

/// One message on its way from a source to the stores.
#[derive(Debug)]
pub struct Delivery {
    /// The subject it was published on.
    pub subject: Subject,
    /// The payload, shared with the connection's read buffer.
    pub payload: Bytes,
    /// What its headers say of its encoding.
    pub declared: Declared,
    /// Where and when it entered the stream.
    pub stamp: Stamp,
    /// The right to say that it is stored.
    pub ack: Ack,
}

/// What a message's headers say of its encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// No `Content-Type`: the subject's configuration or the first byte decides.
    Nothing,
    /// A type that the contract knows.
    Known(Encoding),
    /// A type that nothing here decodes.
    Unknown,
}

/// Where and when a message entered its stream. For core NATS and files: when it was received, without a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds since the Unix epoch. Lines without a timestamp are stamped from it, so that a redelivery changes nothing.
    pub time: i64,
    /// The stream's sequence.
    pub sequence: Option<NonZeroU64>,
    /// Whether the server has delivered it before.
    pub attempt: Attempt,
}

/// Whether the server has delivered a message before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The first time.
    First,
    /// A redelivery: deltas may have been counted already.
    Again,
    /// A redelivery, more often than deaths of its workers by chance would explain.
    Often,
}

impl Attempt {
    /// Whether the server has delivered it before.
    pub const fn is_again(self) -> bool {
        match self {
            Self::First => false,
            Self::Again | Self::Often => true,
        }
    }
}

/// The right to tell the server that a message is stored. Dropping it means redelivery, never "done".
#[derive(Debug)]
#[must_use = "a dropped ack is a redelivery"]
pub struct Ack(Right);

/// What an ack comes down to.
#[derive(Debug)]
pub(crate) enum Right {
    /// A publish to the message's reply subject, while that is the message's.
    Reply(Subject, Era),
    /// An entry in the ledger of a lane, which acks many at once.
    Ticket(Ticket),
    /// Nobody waits for it.
    Nobody,
}

impl Ack {
    /// Acknowledged by a publish to `reply` (JetStream, explicit acks), of a message that came in `era`.
    pub fn by_reply(reply: Subject, era: Era) -> Self {
        Self(Right::Reply(reply, era))
    }

    /// Acknowledged together with its neighbours (JetStream, ack-all).
    pub fn by_ticket(ticket: Ticket) -> Self {
        Self(Right::Ticket(ticket))
    }

    /// Nobody waits for it (core NATS, files).
    pub fn none() -> Self {
        Self(Right::Nobody)
    }

    /// Gives up the right.
    pub(crate) fn into_right(self) -> Right {
        self.0
    }

    /// What the right is.
    pub(crate) fn right(&self) -> &Right {
        &self.0
    }

    /// Where the message's own acknowledgement goes, if it has one and anybody waits for it.
    pub fn reply(&self) -> Option<&Subject> {
        match &self.0 {
            Right::Reply(reply, _) => Some(reply),
            Right::Ticket(_) | Right::Nobody => None,
        }
    }

    /// The same, unless the stream has another message there by now.
    pub fn reply_in(&self, eras: &Eras) -> Option<&Subject> {
        match &self.0 {
            Right::Reply(reply, era) if !eras.is_over(*era) => Some(reply),
            Right::Reply(..) | Right::Ticket(_) | Right::Nobody => None,
        }
    }
}

/// The messages that a source hands over in one go: one queue operation for many messages.
pub type Chunk = Vec<Delivery>;

/// The most messages in a [`Chunk`]: large enough that the queue's cost vanishes, small enough to reach the batch soon.
pub const CHUNK: usize = 256;
