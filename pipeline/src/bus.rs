//! The one door to NATS: no other file calls a raw publish, subscribe or request. Nothing is retried here except the
//! connection itself; who publishes learns whether it worked.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, ErrorCode, stream};
use async_nats::{Client, HeaderMap, Subject, Subscriber};
use bytes::Bytes;
use flightline_link::nats::voice::Voice;
use flightline_link::nats::{ConnectError, Echo, Nats, connect};

/// Streams and consumers: looked at, created if absent, never deleted.
mod history;
/// What a divided stream must be.
mod divided;
/// Its consumers.
mod lanes;
/// What a stream keeps, read through once.
mod kept;
/// What the server says of messages that are given up.
mod advisories;
/// What is there, for who examines it.
mod survey;
/// Questions to all servers.
mod servers;
/// Small values kept by the server.
mod cell;

pub(crate) use advisories::{Advisories, GivesUp, Saying};
pub(crate) use cell::{Bucket, Cell, Written};
pub(crate) use divided::Division;
pub use history::{ConsumerState, EnsureError, Existed, StreamSpec, StreamState};
pub use kept::{Kept, Reading};
pub(crate) use servers::{Answers, Patience, Question};
pub(crate) use survey::{ConsumerFacts, ConsumerSettings, Stores, StreamFacts, Untold};

/// Messages the client holds per subscription before it drops new ones; lower values lose at full speed (65,536 lost none
/// where 1,024 lost a fifth).
pub const SUBSCRIPTION_CAPACITY: usize = 65_536;
/// Pauses between tries to get what is needed: the first and the longest.
pub(crate) const PAUSES: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(5));
/// For one publish to be acknowledged by JetStream, and for one API request.
const ANSWER: Duration = Duration::from_secs(5);

/// A connection to NATS.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    voice: Arc<Voice>,
    jetstream: jetstream::Context,
}

/// A message could not be handed to the server.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The subject, size or connection does not allow it.
    #[error("publish to {subject}: {reason}")]
    Publish {
        /// Where to.
        subject: String,
        /// The client's words.
        reason: String,
    },
    /// The server or the stream takes no message of this size: a smaller one may pass.
    #[error("publish to {subject}: {reason}")]
    TooLarge {
        /// Where to.
        subject: String,
        /// The client's words.
        reason: String,
    },
    /// No stream takes its subject.
    #[error("publish to {subject}: no stream takes it")]
    NoStream {
        /// Where to.
        subject: String,
    },
    /// The pattern or connection does not allow it.
    #[error("subscribe to {subject}: {reason}")]
    Subscribe {
        /// The pattern.
        subject: String,
        /// The client's words.
        reason: String,
    },
    /// What was written could not be flushed.
    #[error("flush: {0}")]
    Flush(String),
}

/// A JetStream publish that waits for its acknowledgement.
#[derive(Debug)]
pub struct Stored(PublishAckFuture);

impl Stored {
    /// Returns when the stream has the message.
    ///
    /// # Errors
    /// When no stream took it in time; [`BusError::TooLarge`] when it never will.
    pub async fn wait(self) -> Result<(), BusError> {
        match self.0.await {
            Ok(_) => Ok(()),
            Err(e) => Err(store_error("a stream", &e)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one door")]
impl Bus {
    /// Connects once; the connection then keeps itself up for ever. `capacity` is what each subscription may hold.
    ///
    /// # Errors
    /// When no server takes us now; try again later.
    pub async fn connect(config: &Nats, capacity: usize) -> Result<Self, ConnectError> {
        Self::connect_with(config, capacity, Arc::default()).await
    }

    /// As [`Bus::connect`]; `voice` has spoken of earlier tries.
    ///
    /// # Errors
    /// As [`Bus::connect`].
    pub async fn connect_with(
        config: &Nats,
        capacity: usize,
        voice: Arc<Voice>,
    ) -> Result<Self, ConnectError> {
        let client = connect(config, capacity, Echo::Off, Arc::clone(&voice)).await?;
        Ok(Self::over(client, voice))
    }

    /// As [`Bus::connect`], however long that takes; `failed` hears of each try that came to nothing.
    pub(crate) async fn reach(
        config: &Nats,
        capacity: usize,
        mut failed: impl FnMut(&ConnectError),
    ) -> Self {
        let mut pause = PAUSES.0;
        let voice = Arc::<Voice>::default();
        loop {
            match Self::connect_with(config, capacity, Arc::clone(&voice)).await {
                Ok(bus) => return bus,
                Err(error) => {
                    voice.failed(&error);
                    failed(&error);
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    fn over(client: Client, voice: Arc<Voice>) -> Self {
        let mut context = jetstream::new(client.clone());
        context.set_timeout(ANSWER);
        Self {
            client,
            voice,
            jetstream: context,
        }
    }

    /// Acknowledges a JetStream message: it will not be delivered again.
    ///
    /// # Errors
    /// When the connection is closed for good.
    pub async fn ack(&self, reply: Subject) -> Result<(), BusError> {
        self.publish(reply, Bytes::from_static(b"+ACK")).await
    }

    /// Restarts the time the server waits for a message's ack.
    ///
    /// # Errors
    /// When the connection is closed for good.
    pub async fn prolong(&self, reply: Subject) -> Result<(), BusError> {
        self.publish(reply, Bytes::from_static(b"+WPI")).await
    }

    /// Publishes on core NATS.
    ///
    /// # Errors
    /// When the subject is no subject, the payload larger than the server takes, or the connection closed.
    pub async fn publish(&self, subject: Subject, payload: Bytes) -> Result<(), BusError> {
        self.client
            .publish(subject.clone(), payload)
            .await
            .map_err(|e| publish_error(&subject, &e))
    }

    /// Publishes on core NATS with headers.
    ///
    /// # Errors
    /// As [`Bus::publish`].
    pub async fn publish_with(
        &self,
        subject: Subject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), BusError> {
        self.client
            .publish_with_headers(subject.clone(), headers, payload)
            .await
            .map_err(|e| publish_error(&subject, &e))
    }

    /// Publishes into whatever stream takes `subject`; the answer is waited for apart, so that many can be under way.
    ///
    /// # Errors
    /// As [`Bus::publish`].
    pub async fn store(
        &self,
        subject: Subject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Stored, BusError> {
        let message = PublishMessage::build().headers(headers).payload(payload);
        self.jetstream
            .send_publish(subject.clone(), message)
            .await
            .map(Stored)
            .map_err(|e| store_error(&subject, &e))
    }

    /// Asks for `request` (JSON of the pull API) on behalf of a consumer; messages and statuses arrive on `inbox`.
    ///
    /// # Errors
    /// When the connection is closed for good.
    pub async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        inbox: Subject,
        request: Bytes,
    ) -> Result<(), BusError> {
        let subject = Subject::from(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"));
        self.client
            .publish_with_reply(subject.clone(), inbox, request)
            .await
            .map_err(|e| publish_error(&subject, &e))
    }

    /// Everything published on `pattern` from now on.
    ///
    /// # Errors
    /// When the pattern is no pattern or the connection closed.
    pub async fn subscribe(&self, pattern: &str) -> Result<Subscriber, BusError> {
        self.client
            .subscribe(pattern.to_owned())
            .await
            .map_err(|e| subscribe_error(pattern, &e))
    }

    /// A share of what is published on `pattern`, with the other members of `group`.
    ///
    /// # Errors
    /// As [`Bus::subscribe`].
    pub async fn queue_subscribe(
        &self,
        pattern: &str,
        group: &str,
    ) -> Result<Subscriber, BusError> {
        self.voice.asked_again(pattern);
        self.client
            .queue_subscribe(pattern.to_owned(), group.to_owned())
            .await
            .map_err(|e| subscribe_error(pattern, &e))
    }
}

impl Bus {
    /// A subject nobody else uses.
    pub fn inbox(&self) -> String {
        self.client.new_inbox()
    }

    /// Returns when all that was published and subscribed to before has left this process. Whether the server has dealt with it, only
    /// an answer of its own tells.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn flush(&self) -> Result<(), BusError> {
        self.client
            .flush()
            .await
            .map_err(|e| BusError::Flush(e.to_string()))
    }

    /// Whether the server refuses a subscription to `pattern`: it hears nothing then. The log has the cure.
    pub fn is_deaf_to(&self, pattern: &str) -> bool {
        self.voice.is_deaf_to(pattern)
    }

    /// The subscription that the server refuses, for who subscribes to nothing but answers: none arrives then. The log has the cure.
    pub(crate) fn deaf_to(&self) -> Option<String> {
        self.voice.deaf_to()
    }

    /// Whether what the server refused last to take was published on `subject`: nobody answers that. The log has the cure.
    pub(crate) fn is_mute_on(&self, subject: &str) -> bool {
        self.voice.is_mute_on(subject)
    }

    /// Whether there is a connection now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// The connection that there is now.
    pub(crate) fn line(&self) -> Line {
        Line {
            number: self.connects(),
            bus: self.clone(),
        }
    }

    fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// Messages this connection has received, those that were dropped behind it included.
    pub fn messages_in(&self) -> u64 {
        self.client.statistics().in_messages.load(Ordering::Relaxed)
    }

    /// The largest payload the server takes, in bytes.
    pub fn max_payload(&self) -> usize {
        self.client.server_info().max_payload
    }
}

/// One connection, until it is lost. The client makes another by itself, and hands over to it what was published in between.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    bus: Bus,
    number: u64,
}

impl Line {
    /// Whether it is still the one that there is.
    pub(crate) fn is_up(&self) -> bool {
        // In this order: the client counts a connection before it says that it is there.
        self.bus.is_connected() && self.bus.connects() == self.number
    }
}

fn publish_error(subject: &Subject, error: &impl std::fmt::Display) -> BusError {
    BusError::Publish {
        subject: subject.to_string(),
        reason: error.to_string(),
    }
}

/// What became of a publish into a stream.
fn store_error(subject: &str, error: &PublishError) -> BusError {
    let (subject, reason) = (subject.to_owned(), error.to_string());
    let code = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<jetstream::Error>())
        .map(jetstream::Error::error_code);
    if error.kind() == PublishErrorKind::MaxPayloadExceeded
        || code == Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
    {
        BusError::TooLarge { subject, reason }
    } else if error.kind() == PublishErrorKind::StreamNotFound {
        BusError::NoStream { subject }
    } else {
        BusError::Publish { subject, reason }
    }
}

fn subscribe_error(subject: &str, error: &impl std::fmt::Display) -> BusError {
    BusError::Subscribe {
        subject: subject.to_owned(),
        reason: error.to_string(),
    }
}

/// The stream's configuration in the client library.
type StreamConfig = stream::Config;
