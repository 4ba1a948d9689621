//! Pull requests of the floor: the server is asked for as many bytes ahead as the product asks for, in as many requests. What came
//! is counted here, as the server counts it.

use async_nats::{Message, Subject};
use bytes::Bytes;
use flightline::bus::{Bus, BusError};

/// Requests open at once, as many as the product's.
const SHARES: usize = 4;
/// Longer than a trial is silent: no heartbeats are needed then.
const EXPIRES_NS: u64 = 60_000_000_000;
/// No message is smaller to the server: bytes end a request before messages do.
const SMALLEST: usize = 32;
/// What a request has left when the server ends it.
const PENDING_BYTES: &str = "Nats-Pending-Bytes";

/// The account of open requests.
#[derive(Debug)]
pub struct Pulls {
    stream: String,
    consumer: String,
    inbox: Subject,
    budget: usize,
    open: usize,
}

impl Pulls {
    /// For `consumer` of `stream`, answered on `inbox`, at most `budget` bytes ahead.
    pub fn new(stream: String, consumer: String, budget: usize, inbox: Subject) -> Self {
        Self {
            stream,
            consumer,
            inbox,
            budget,
            open: 0,
        }
    }

    /// Asks for more, if there is room.
    ///
    /// # Errors
    /// When the connection is closed for good.
    pub async fn ask(&mut self, bus: &Bus) -> Result<(), BusError> {
        let share = self.budget / SHARES;
        while self.open + share <= self.budget {
            let request = format!(
                r#"{{"batch":{},"max_bytes":{share},"expires":{EXPIRES_NS}}}"#,
                share / SMALLEST
            );
            let inbox = self.inbox.clone();
            bus.pull(&self.stream, &self.consumer, inbox, Bytes::from(request))
                .await?;
            self.open += share;
        }
        Ok(())
    }

    /// Counts what came; gives it back if it is a message, not a status.
    pub fn take(&mut self, message: Message) -> Option<Message> {
        if message.status.is_none() {
            self.open = self.open.saturating_sub(message.length);
            return Some(message);
        }
        let left = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(PENDING_BYTES))
            .and_then(|left| left.as_str().parse().ok());
        self.open = self.open.saturating_sub(left.unwrap_or(0));
        None
    }
}
