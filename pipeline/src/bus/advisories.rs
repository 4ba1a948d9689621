//! What the server says of messages that a consumer will not deliver any more: delivered as often as it may be, or terminated. Where a
//! consumer has such a limit the sayings are kept in a stream of their own, so that none is missed while no worker is there; else a
//! saying is heard by one worker of those that are there.

use std::num::NonZeroU64;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::StorageType;
use async_nats::{Message, Subject, Subscriber};
use futures_util::StreamExt;
use futures_util::stream::{SelectAll, select_all};
use serde::Deserialize;

use super::history::{consumer_is_absent, stream_is_absent};
use super::{Bus, EnsureError, StreamConfig};

/// The kinds of sayings, as nats-server names them in their subjects.
const KINDS: [&str; 2] = ["MAX_DELIVERIES", "MSG_TERMINATED"];
/// The durable consumer of the stream that keeps them.
const READER: &str = "flightline";
/// How many are kept. The oldest lose: a worker takes each within seconds, unless there is none.
const KEPT: i64 = 1_000_000;
/// For a letter to be kept before another worker gets the same saying.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// Whether a consumer gives messages up by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GivesUp {
    /// After so many deliveries.
    After(i64),
    /// Never.
    Never,
}

/// A message that will not be delivered any more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Saying {
    /// The consumer that it was for.
    pub(crate) consumer: String,
    /// Its sequence in the stream.
    #[serde(rename = "stream_seq")]
    pub(crate) sequence: NonZeroU64,
    /// How often it was delivered.
    #[serde(default)]
    pub(crate) deliveries: u64,
    /// Why it was terminated, if somebody said so.
    #[serde(default)]
    pub(crate) reason: String,
}

/// Where sayings come from.
pub(crate) enum Advisories {
    /// Those who are there hear them.
    Heard(SelectAll<Subscriber>),
    /// A stream keeps them.
    Kept(Box<pull::Stream>),
}

impl Bus {
    /// Whether `consumer` gives messages up by itself; `None` if it is not there yet.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn gives_up(
        &self,
        stream: &str,
        consumer: &str,
    ) -> Result<Option<GivesUp>, EnsureError> {
        let failed = |reason: String| unavailable(consumer, reason);
        let handle = self.jetstream.get_stream_no_info(stream).await;
        let handle = handle.map_err(|error| failed(error.to_string()))?;
        match handle.consumer_info(consumer).await {
            Ok(info) => Ok(Some(match info.config.max_deliver {
                limit @ 1.. => GivesUp::After(limit),
                _ => GivesUp::Never,
            })),
            Err(error) if consumer_is_absent(&error) => Ok(None),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// What is said of `consumer`, or of any consumer of `stream` without one, to one of its workers.
    ///
    /// # Errors
    /// When the connection does not allow it.
    pub(crate) async fn hear_advisories(
        &self,
        stream: &str,
        consumer: &str,
    ) -> Result<Advisories, EnsureError> {
        let group = format!("given-up-{consumer}");
        let mut subscriptions = Vec::new();
        for pattern in patterns(stream, "*") {
            let heard = self.queue_subscribe(&pattern, &group).await;
            subscriptions.push(heard.map_err(|e| unavailable(consumer, e.to_string()))?);
        }
        Ok(Advisories::Heard(select_all(subscriptions)))
    }

    /// What is said of `consumer`, kept in a stream that is created if absent, with as many replicas as `stream` has.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn keep_advisories(
        &self,
        stream: &str,
        consumer: &str,
    ) -> Result<Advisories, EnsureError> {
        let failed = |reason: String| unavailable(consumer, reason);
        let name = format!("{stream}-{consumer}-given-up");
        let kept = match self.jetstream.get_stream(&name).await {
            Ok(kept) => kept,
            Err(error) if stream_is_absent(&error) => {
                let original = self.jetstream.get_stream(stream).await;
                let original = original.map_err(|error| failed(error.to_string()))?;
                let config = StreamConfig {
                    name,
                    description: Some(format!("messages that {consumer} gave up")),
                    subjects: patterns(stream, consumer).to_vec(),
                    max_messages: KEPT,
                    storage: StorageType::File,
                    num_replicas: original.cached_info().config.num_replicas,
                    ..StreamConfig::default()
                };
                let created = self.jetstream.create_stream(config).await;
                created.map_err(|error| failed(error.to_string()))?
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        let config = pull::Config {
            durable_name: Some(READER.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            ..pull::Config::default()
        };
        let reader = kept.get_or_create_consumer(READER, config).await;
        let reader = reader.map_err(|error| failed(error.to_string()))?;
        let sayings = reader.messages().await;
        let sayings = sayings.map_err(|error| failed(error.to_string()))?;
        Ok(Advisories::Kept(Box::new(sayings)))
    }
}

impl Advisories {
    /// The next one, and where it is acknowledged, if anybody waits for that; `None` when the connection is closed for good. Anybody may
    /// publish there: what cannot be read is no saying, and is to be acknowledged, too, for it would stop those behind it.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when they do not come at the moment.
    pub(crate) async fn next(
        &mut self,
    ) -> Result<Option<(Option<Saying>, Option<Subject>)>, EnsureError> {
        let (message, reply): (Message, _) = match self {
            Self::Heard(heard) => match heard.next().await {
                Some(message) => (message, None),
                None => return Ok(None),
            },
            Self::Kept(kept) => match kept.next().await {
                Some(Ok(message)) => {
                    let message = message.message;
                    let reply = message.reply.clone();
                    (message, reply)
                }
                Some(Err(error)) => return Err(unavailable("advisories", error.to_string())),
                None => return Ok(None),
            },
        };
        let saying = serde_json::from_slice(&message.payload).ok();
        if saying.is_none() {
            tracing::debug!(subject = %message.subject, "an advisory that says nothing");
        }
        Ok(Some((saying, reply)))
    }
}

fn patterns(stream: &str, consumer: &str) -> [String; 2] {
    KINDS.map(|kind| format!("$JS.EVENT.ADVISORY.CONSUMER.{kind}.{stream}.{consumer}"))
}

fn unavailable(what: &str, reason: String) -> EnsureError {
    EnsureError::Unavailable {
        what: format!("what {what} gave up"),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sayings_of_the_server_are_read() {
        // As nats-server 2.9 and 2.10 publish them.
        let most = r#"{"type":"io.nats.jetstream.advisory.v1.max_deliver","id":"x","timestamp":"2023-01-01T00:00:00Z","stream":"T","consumer":"c","stream_seq":7,"deliveries":2}"#;
        let terminated = r#"{"type":"io.nats.jetstream.advisory.v1.terminated","id":"x","timestamp":"2023-01-01T00:00:00Z","stream":"T","consumer":"c","consumer_seq":3,"stream_seq":8,"deliveries":1,"reason":"no"}"#;
        let most: Saying = serde_json::from_str(most).unwrap();
        let terminated: Saying = serde_json::from_str(terminated).unwrap();
        assert_eq!((most.sequence.get(), most.deliveries), (7, 2));
        assert_eq!(
            (terminated.sequence.get(), terminated.reason.as_str()),
            (8, "no")
        );
        assert!(serde_json::from_str::<Saying>(r#"{"consumer":"c","stream_seq":0}"#).is_err());
    }
}
