//! Where a consumer's messages arrive: one subscription for as long as the source lives. What the server had sent when a session
//! was given up is still taken by the next one, instead of waiting for the consumer's ack wait; only the statuses of a former
//! session's pulls mean nothing any more and are skipped.

use async_nats::{Message, Subject, Subscriber};
use futures_util::StreamExt;

use super::era::Era;
use crate::bus::{Bus, BusError};

/// One subscription to `name.*`; each session's pulls are answered on a subject of its own.
#[derive(Debug)]
pub(crate) struct Inbox {
    name: String,
    era: Era,
    subscription: Subscriber,
    session: u64,
    reply: Subject,
}

impl Inbox {
    /// Subscribes; what comes is of `era`.
    ///
    /// # Errors
    /// When the connection is closed for good.
    pub(crate) async fn open(bus: &Bus, era: Era) -> Result<Self, BusError> {
        let name = bus.inbox();
        let subscription = bus.subscribe(&format!("{name}.*")).await?;
        Ok(Self {
            reply: Subject::from(format!("{name}.0")),
            name,
            era,
            subscription,
            session: 0,
        })
    }

    /// In which history of the stream its messages come.
    pub(crate) fn era(&self) -> Era {
        self.era
    }

    /// From now on, only what is asked for from now on has a status.
    pub(crate) fn start_session(&mut self) {
        self.session += 1;
        self.reply = Subject::from(format!("{}.{}", self.name, self.session));
    }

    /// Where the answers to this session's pulls go.
    pub(crate) fn reply(&self) -> &Subject {
        &self.reply
    }

    /// The next message, or status of this session; `None` when the connection is closed for good or the inbox was drained.
    /// Cancelling it loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            let message = self.subscription.next().await?;
            if message.status.is_none() || message.subject == self.reply {
                return Some(message);
            }
        }
    }

    /// Takes no more than the server has sent by now.
    ///
    /// # Errors
    /// When the connection is closed for good.
    pub(crate) async fn drain(&mut self) -> Result<(), BusError> {
        let drained = self.subscription.drain().await;
        drained.map_err(|error| BusError::Flush(error.to_string()))
    }
}
