//! What could not be stored, kept with its reason, original bytes, subject and sequence. Letters come from decode (in their
//! batch) and from sinks; a batch is settled only after its letters are kept, so that nothing is lost between two stores.

use async_nats::Subject;
use bytes::Bytes;
use flightline_contract::deadletter::Reason;

use tokio::sync::{mpsc, oneshot};

/// The stage itself.
pub mod store;
/// Letters as messages of a stream.
pub mod jetstream;
/// Letters as a recorded stream.
pub mod file;
mod headers;

use crate::delivery::{Declared, Delivery, Stamp};
use crate::sink::share::Share;

/// One message or line that could not be stored.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Why.
    pub reason: Reason,
    /// One sentence for a person.
    pub detail: String,
    /// The subject the message came on.
    pub subject: Subject,
    /// Where and when it entered its stream.
    pub stamp: Stamp,
    /// The line within the message, from 1; `None` when the whole message is meant.
    pub line: Option<u32>,
    /// What the message's headers said of its encoding.
    pub declared: Declared,
    /// The original bytes: of the line, or of the message.
    pub payload: Bytes,
}

impl Letter {
    /// The whole of `delivery`, refused.
    pub fn message(delivery: &Delivery, reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            subject: delivery.subject.clone(),
            stamp: delivery.stamp,
            line: None,
            declared: delivery.declared,
            payload: delivery.payload.clone(),
        }
    }

    /// Line `line` (from 1) of `delivery`, which stands at `range` of its payload, refused.
    pub fn line(
        delivery: &Delivery,
        line: u32,
        range: std::ops::Range<usize>,
        reason: Reason,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            line: Some(line),
            payload: delivery.payload.slice(range),
            ..Self::message(delivery, reason, detail)
        }
    }

    /// What it costs to hold it, in bytes, without its payload: that is shared with the message.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.detail.len()
    }
}

/// What the dead-letter stage works on.
#[derive(Debug)]
pub enum Mail {
    /// Keep the letters of this batch, then settle the share.
    Batch(Share),
    /// Keep these, then say so.
    Letters(Vec<Letter>, oneshot::Sender<()>),
}

/// Where letters are handed in.
#[derive(Debug, Clone)]
pub struct Office(mpsc::Sender<Mail>);

/// The dead-letter stage has ended: what was handed in is not kept, so nothing that depends on it may be settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("dead letters are not taken any more")]
pub struct Closed;

/// Letters wait in memory for the store that keeps them: a few hands-in suffice, since those who hand in wait.
const QUEUE: usize = 4;

impl Office {
    /// An office, and the stage's end of it.
    pub fn open() -> (Self, mpsc::Receiver<Mail>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Returns when all `letters` are durably kept.
    ///
    /// # Errors
    /// [`Closed`] when the stage has ended; the letters' messages must not be settled then.
    pub async fn keep(&self, letters: Vec<Letter>) -> Result<(), Closed> {
        let (kept, answer) = oneshot::channel();
        self.0
            .send(Mail::Letters(letters, kept))
            .await
            .map_err(|_| Closed)?;
        answer.await.map_err(|_| Closed)
    }

    /// Hands in the letters of a batch; the share is settled when they are kept.
    ///
    /// # Errors
    /// [`Closed`] when the stage has ended; the share is dropped with it.
    pub async fn keep_of(&self, share: Share) -> Result<(), Closed> {
        self.0.send(Mail::Batch(share)).await.map_err(|_| Closed)
    }
}
