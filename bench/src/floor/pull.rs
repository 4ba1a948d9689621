//! Pull requests of the floor: the product's own account of what is open, and its own requests. Nothing waits here for decode, so
//! nothing is held that would have to be counted besides.

use async_nats::{Message, Subject};
use flightline::bus::{Bus, BusError};
use flightline::config::JetStream;
use flightline::source::pulls::{self, Told};

use super::FloorError;

/// The account of open requests.
#[derive(Debug)]
pub struct Pulls {
    stream: String,
    consumer: String,
    inbox: Subject,
    open: pulls::Pulls,
}

impl Pulls {
    /// For the consumer of `source`, answered on `inbox`, as far ahead as `source` says, from a server that takes payloads up to
    /// `max_payload`.
    pub fn new(source: &JetStream, inbox: Subject, max_payload: usize) -> Self {
        Self {
            stream: source.stream.clone(),
            consumer: source.consumer.clone(),
            inbox,
            open: pulls::Pulls::new(source.prefetch_bytes, max_payload),
        }
    }

    /// Asks for more, if there is room.
    ///
    /// # Errors
    /// When the connection is closed for good.
    pub async fn ask(&mut self, bus: &Bus) -> Result<(), BusError> {
        while let Some(bytes) = self.open.next(0) {
            let inbox = self.inbox.clone();
            bus.pull(&self.stream, &self.consumer, inbox, pulls::request(bytes))
                .await?;
        }
        Ok(())
    }

    /// Counts what came; gives it back if it is a message, not a status.
    ///
    /// # Errors
    /// When the server does not serve the pull.
    pub fn take(&mut self, message: Message) -> Result<Option<Message>, FloorError> {
        let Some(status) = message.status else {
            self.open.arrived(message.length);
            return Ok(Some(message));
        };
        match self.open.told(status, &message) {
            Told::Understood => Ok(None),
            Told::Refused => {
                let description = message.description.as_deref().unwrap_or_default();
                Err(FloorError::Pull(format!("{status} {description}")))
            }
        }
    }
}
