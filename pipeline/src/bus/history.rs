//! Streams and consumers: looked at, created if absent, never deleted, never changed.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::context::{ConsumerInfoError, ConsumerInfoErrorKind};
use async_nats::jetstream::context::{CreateStreamError, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::RawMessageErrorKind;
use async_nats::jetstream::{ErrorCode, consumer, stream};

use flightline_contract::filter::covers;
use serde::{Deserialize, Serialize};
use tracing::{error, warn};

use super::{Bus, StreamConfig};

/// Nanoseconds: up to 2.10, nats-server remembers a consumer's birth a little later (0.4 ms were seen) than it tells it before its first
/// restart. It never does so with a stream's.
const SAME_BIRTH: u64 = 100_000_000;

/// What a stream must be if it has to be created, and must capture in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSpec {
    /// Its name.
    pub name: String,
    /// The subjects it captures.
    pub subjects: Vec<String>,
    /// How long it keeps messages; for ever if zero.
    pub max_age: Duration,
    /// How many bytes it keeps; no limit if -1.
    pub max_bytes: i64,
    /// On how many servers of a cluster it is kept.
    pub replicas: usize,
}

/// Whether something was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existed {
    /// It was there.
    Before,
    /// It has just been created.
    Created,
}

/// A consumer or stream could not be looked at or created.
#[derive(Debug, thiserror::Error)]
pub enum EnsureError {
    /// The server does not answer, or not yet: try again.
    #[error("{what}: {reason}")]
    Unavailable {
        /// What was asked.
        what: String,
        /// The client's words.
        reason: String,
    },
    /// It is there, but cannot do what is asked of it.
    #[error("{0}")]
    Unfit(String),
}

/// What the server says of a consumer and its stream at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerState {
    /// When the stream was created: another time is another stream of the same name.
    pub stream_created: i64,
    /// When the consumer was created.
    pub consumer_created: i64,
    /// The stream's first sequence still there.
    pub first_sequence: u64,
    /// The stream's last sequence, before the consumer was looked at.
    pub last_sequence: u64,
    /// The same, after that: what came meanwhile may be in the consumer's counts or not.
    pub last_after: u64,
    /// How many messages the stream had then.
    pub messages: u64,
    /// When the message of `last_sequence` was stored, in nanoseconds since the Unix epoch.
    pub last_time: i64,
    /// All up to here is acknowledged.
    pub ack_floor: u64,
    /// Not yet delivered.
    pub pending: u64,
    /// Delivered and not acknowledged.
    pub ack_pending: u64,
    /// How many deliveries there have been, redeliveries included.
    pub delivered_consumer: u64,
    /// The last sequence of the stream that was delivered.
    pub delivered_stream: u64,
    /// The subjects the consumer takes; all of them if empty.
    pub filters: Vec<String>,
    /// The server removes the consumer when nobody has asked it for anything for so long; never if zero.
    pub idle_limit: Duration,
}

impl ConsumerState {
    /// Whether this consumer is the one that was born then, as far as births tell.
    pub(crate) fn is_born(&self, birth: i64) -> bool {
        self.consumer_created.abs_diff(birth) <= SAME_BIRTH
    }
}

/// What tells one history of a stream from another of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamState {
    /// When it was created, in nanoseconds since the Unix epoch.
    pub created: i64,
    /// Its last sequence.
    pub last_sequence: u64,
}

impl Bus {
    /// How a stream stands now.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when it is not there or there is no answer.
    pub async fn stream_state(&self, stream: &str) -> Result<StreamState, EnsureError> {
        match self.jetstream.get_stream(stream).await {
            Ok(found) => {
                let info = found.cached_info();
                let created = nanos(info.created.unix_timestamp_nanos());
                Ok(StreamState {
                    created,
                    last_sequence: info.state.last_sequence,
                })
            }
            Err(e) => Err(EnsureError::Unavailable {
                what: format!("stream {stream}"),
                reason: e.to_string(),
            }),
        }
    }

    /// How long the server waits for an ack of an existing consumer's messages; `None` if there is no such consumer yet.
    pub async fn ack_wait(&self, stream: &str, consumer: &str) -> Option<Duration> {
        let handle = self.jetstream.get_stream_no_info(stream).await.ok()?;
        Some(handle.consumer_info(consumer).await.ok()?.config.ack_wait)
    }

    /// Sees to it that a stream is there. One that is there stays as it is.
    ///
    /// # Errors
    /// [`EnsureError::Unfit`] if it does not capture what it must; its owner has to add the subjects.
    pub async fn ensure_stream(&self, spec: &StreamSpec) -> Result<Existed, EnsureError> {
        let unavailable = |reason: String| EnsureError::Unavailable {
            what: format!("stream {}", spec.name),
            reason,
        };
        let found = match self.jetstream.get_stream(&spec.name).await {
            Ok(found) => found,
            Err(e) if stream_is_absent(&e) => {
                let config = StreamConfig {
                    name: spec.name.clone(),
                    subjects: spec.subjects.clone(),
                    max_age: spec.max_age,
                    max_bytes: spec.max_bytes,
                    storage: stream::StorageType::File,
                    num_replicas: spec.replicas,
                    // Who may read one subject of the stream and no more, as a supervisor its own changes, can only ask this way.
                    allow_direct: true,
                    ..StreamConfig::default()
                };
                self.jetstream
                    .create_stream(config)
                    .await
                    .map_err(|e: CreateStreamError| unavailable(e.to_string()))?;
                return Ok(Existed::Created);
            }
            Err(e) => return Err(unavailable(e.to_string())),
        };
        let captured = &found.cached_info().config.subjects;
        let missing: Vec<_> = spec
            .subjects
            .iter()
            .filter(|subject| !captured.iter().any(|have| covers(have, subject)))
            .cloned()
            .collect();
        if missing.is_empty() {
            Ok(Existed::Before)
        } else {
            Err(EnsureError::Unfit(format!(
                "stream {} does not capture {}: add it to the stream's subjects (it has {})",
                spec.name,
                missing.join(", "),
                captured.join(", "),
            )))
        }
    }

    /// Sees to it that a durable pull consumer with explicit acks is there. One that is there stays as it is.
    ///
    /// # Errors
    /// [`EnsureError::Unfit`] if it is of another kind.
    pub async fn ensure_consumer(
        &self,
        stream: &str,
        consumer: &str,
        wanted: &crate::config::JetStream,
        start: Option<u64>,
    ) -> Result<Existed, EnsureError> {
        let unavailable = |reason: String| EnsureError::Unavailable {
            what: format!("consumer {consumer}"),
            reason,
        };
        let handle = self
            .jetstream
            .get_stream_no_info(stream)
            .await
            .map_err(|e| unavailable(e.to_string()))?;
        match handle.consumer_info(consumer).await {
            Ok(info) if info.config.deliver_subject.is_some() => Err(EnsureError::Unfit(format!(
                "consumer {consumer} of stream {stream} is a push consumer: name another one, or delete it"
            ))),
            Ok(info) if info.config.ack_policy != AckPolicy::Explicit => {
                Err(EnsureError::Unfit(format!(
                    "consumer {consumer} of stream {stream} does not ack explicitly: name another one, or delete it"
                )))
            }
            Ok(info) => {
                say_what_is_lost(stream, consumer, &info.config);
                Ok(Existed::Before)
            }
            Err(e) if consumer_is_absent(&e) => {
                let config = pull::Config {
                    durable_name: Some(consumer.to_owned()),
                    ack_policy: AckPolicy::Explicit,
                    ack_wait: wanted.ack_wait,
                    max_ack_pending: wanted.max_ack_pending,
                    deliver_policy: start.map_or(DeliverPolicy::All, |sequence| {
                        DeliverPolicy::ByStartSequence {
                            start_sequence: sequence,
                        }
                    }),
                    ..pull::Config::default()
                };
                handle
                    .create_consumer(config)
                    .await
                    .map_err(|e| unavailable(e.to_string()))?;
                Ok(Existed::Created)
            }
            Err(e) => Err(unavailable(e.to_string())),
        }
    }

    /// What the server says of a consumer and its stream now; `None` if one of them is gone.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub async fn consumer_state(
        &self,
        stream: &str,
        consumer: &str,
    ) -> Result<Option<ConsumerState>, EnsureError> {
        let unavailable = |reason: String| EnsureError::Unavailable {
            what: format!("consumer {consumer}"),
            reason,
        };
        let handle = match self.jetstream.get_stream(stream).await {
            Ok(handle) => handle,
            Err(e) if stream_is_absent(&e) => return Ok(None),
            Err(e) => return Err(unavailable(e.to_string())),
        };
        let stream = handle.cached_info();
        let info = match handle.consumer_info(consumer).await {
            Ok(info) => info,
            Err(e) if consumer_is_absent(&e) => return Ok(None),
            Err(e) => return Err(unavailable(e.to_string())),
        };
        let after = handle.get_info().await;
        let after = after.map_err(|e| unavailable(e.to_string()))?;
        Ok(Some(ConsumerState {
            last_after: after.state.last_sequence,
            ..state(stream, &info)
        }))
    }

    /// When the message of this sequence was stored, in nanoseconds since the Unix epoch; `None` if the stream does not have it.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn time_of(
        &self,
        stream: &str,
        sequence: u64,
    ) -> Result<Option<i64>, EnsureError> {
        let unavailable = |reason: String| EnsureError::Unavailable {
            what: format!("message {sequence} of stream {stream}"),
            reason,
        };
        let handle = self.jetstream.get_stream_no_info(stream).await;
        let handle = handle.map_err(|e| unavailable(e.to_string()))?;
        match handle.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(nanos(message.time.unix_timestamp_nanos()))),
            Err(e) if matches!(e.kind(), RawMessageErrorKind::NoMessageFound) => Ok(None),
            Err(e) => Err(unavailable(e.to_string())),
        }
    }
}

fn state(stream: &stream::Info, info: &consumer::Info) -> ConsumerState {
    ConsumerState {
        stream_created: nanos(stream.created.unix_timestamp_nanos()),
        consumer_created: nanos(info.created.unix_timestamp_nanos()),
        first_sequence: stream.state.first_sequence,
        last_sequence: stream.state.last_sequence,
        last_after: stream.state.last_sequence,
        messages: stream.state.messages,
        last_time: nanos(stream.state.last_timestamp.unix_timestamp_nanos()),
        ack_floor: info.ack_floor.stream_sequence,
        pending: info.num_pending,
        ack_pending: info.num_ack_pending as u64,
        delivered_consumer: info.delivered.consumer_sequence,
        delivered_stream: info.delivered.stream_sequence,
        idle_limit: info.config.inactive_threshold,
        filters: filters(&info.config),
    }
}

/// What a consumer takes; everything if empty.
pub(super) fn filters(config: &consumer::Config) -> Vec<String> {
    match config.filter_subject.as_str() {
        "" => config.filter_subjects.clone(),
        one => vec![one.to_owned()],
    }
}

/// A consumer that somebody made by hand may lose messages by its own settings. That is its owner's right, but no secret.
fn say_what_is_lost(stream: &str, consumer: &str, config: &consumer::Config) {
    if config.max_deliver > 0 {
        let max_deliver = config.max_deliver;
        error!(
            stream,
            consumer,
            max_deliver,
            "the consumer gives messages up after so many deliveries; set it to -1"
        );
    }
    if !config.filter_subject.is_empty() {
        let filter = &config.filter_subject;
        warn!(
            stream,
            consumer, filter, "the consumer takes only a part of its stream"
        );
    }
}

/// Nanoseconds since the Unix epoch, as far as 64 bits go.
pub(super) fn nanos(time: i128) -> i64 {
    i64::try_from(time).unwrap_or_default()
}

pub(super) fn stream_is_absent(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

pub(super) fn consumer_is_absent(error: &ConsumerInfoError) -> bool {
    match error.kind() {
        ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound => true,
        ConsumerInfoErrorKind::JetStream(e) => {
            matches!(
                e.error_code(),
                ErrorCode::CONSUMER_NOT_FOUND | ErrorCode::STREAM_NOT_FOUND
            )
        }
        _ => false,
    }
}
