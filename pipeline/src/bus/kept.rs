//! What a stream keeps, for who reads it through once: in order, with a reader that the server forgets by itself, and one by one.

use std::num::NonZeroU64;
use std::time::{Duration, SystemTime};

use async_nats::HeaderMap;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use async_nats::jetstream::stream::RawMessageErrorKind;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::history::{nanos, stream_is_absent};
use super::{Bus, EnsureError};

/// For the next message of a stream that has one.
const NEXT: Duration = Duration::from_secs(10);

/// A message as its stream keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its sequence.
    pub sequence: NonZeroU64,
    /// When it entered the stream, in nanoseconds since the Unix epoch.
    pub time: i64,
    /// Its subject.
    pub subject: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its payload.
    pub payload: Bytes,
}

/// The messages of a stream, up to the last that it had when the reading began.
pub struct Reading {
    stream: String,
    messages: Option<Ordered>,
    /// The sequence of that last one. What comes behind it is for another reading: a reader that publishes again what it reads may
    /// cause it.
    last: u64,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reading({})", self.stream)
    }
}

impl Bus {
    /// Reads `stream` in its order, from `since` on if given; `None` if there is no such stream.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub async fn read(
        &self,
        stream: &str,
        since: Option<SystemTime>,
    ) -> Result<Option<Reading>, EnsureError> {
        let failed = |reason: String| unavailable(stream, reason);
        let found = match self.jetstream.get_stream(stream).await {
            Ok(found) => found,
            Err(error) if stream_is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
        };
        let last = found.cached_info().state.last_sequence;
        let deliver_policy = since.map_or(DeliverPolicy::All, |since| {
            let start_time = since.into();
            DeliverPolicy::ByStartTime { start_time }
        });
        let config = OrderedConfig {
            deliver_policy,
            ..OrderedConfig::default()
        };
        let consumer = found.create_consumer(config).await;
        let consumer = consumer.map_err(|error| failed(error.to_string()))?;
        let messages = if consumer.cached_info().num_pending == 0 {
            None
        } else {
            let messages = consumer.messages().await;
            Some(messages.map_err(|error| failed(error.to_string()))?)
        };
        Ok(Some(Reading {
            stream: stream.to_owned(),
            messages,
            last,
        }))
    }

    /// The message of that sequence; `None` if the stream does not have it any more, or is gone.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub async fn kept(
        &self,
        stream: &str,
        sequence: NonZeroU64,
    ) -> Result<Option<Kept>, EnsureError> {
        let failed = |reason: String| unavailable(stream, reason);
        let handle = self.jetstream.get_stream_no_info(stream).await;
        let handle = handle.map_err(|error| failed(error.to_string()))?;
        match handle.get_raw_message(sequence.get()).await {
            Ok(message) => Ok(Some(Kept {
                sequence,
                time: nanos(message.time.unix_timestamp_nanos()),
                subject: message.subject.to_string(),
                headers: message.headers,
                payload: message.payload,
            })),
            Err(error) => match error.kind() {
                RawMessageErrorKind::NoMessageFound => Ok(None),
                RawMessageErrorKind::JetStream(error)
                    if [ErrorCode::NO_MESSAGE_FOUND, ErrorCode::STREAM_NOT_FOUND]
                        .contains(&error.error_code()) =>
                {
                    Ok(None)
                }
                _ => Err(failed(error.to_string())),
            },
        }
    }

    /// Takes one message out of `stream`, for good.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer, or the server refuses.
    pub async fn remove(&self, stream: &str, sequence: NonZeroU64) -> Result<(), EnsureError> {
        let failed = |reason: String| unavailable(stream, reason);
        let handle = self.jetstream.get_stream_no_info(stream).await;
        let handle = handle.map_err(|error| failed(error.to_string()))?;
        let removed = handle.delete_message(sequence.get()).await;
        match removed.map_err(|error| failed(error.to_string()))? {
            true => Ok(()),
            false => Err(failed(format!("message {sequence} was not removed"))),
        }
    }
}

impl Reading {
    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when it does not come.
    pub async fn next(&mut self) -> Result<Option<Kept>, EnsureError> {
        let Some(messages) = &mut self.messages else {
            return Ok(None);
        };
        let failed = |reason: String| unavailable(&self.stream, reason);
        let next = timeout(NEXT, messages.next()).await;
        let next = next.map_err(|_| failed("its next message does not come".to_owned()))?;
        let Some(message) = next else {
            return Err(failed("the reading was cut off".to_owned()));
        };
        let message = message.map_err(|error| failed(error.to_string()))?;
        let info = message.info().map_err(|error| failed(error.to_string()))?;
        let sequence = NonZeroU64::new(info.stream_sequence);
        let sequence = sequence.ok_or_else(|| failed("a message without sequence".to_owned()))?;
        let time = nanos(info.published.unix_timestamp_nanos());
        if info.pending == 0 || sequence.get() >= self.last {
            self.messages = None;
        }
        // The last may have been removed since.
        let is_of_this_reading = sequence.get() <= self.last;
        Ok(is_of_this_reading.then(|| kept(message.message, sequence, time)))
    }
}

fn kept(message: async_nats::Message, sequence: NonZeroU64, time: i64) -> Kept {
    Kept {
        sequence,
        time,
        subject: message.subject.to_string(),
        headers: message.headers.unwrap_or_default(),
        payload: message.payload,
    }
}

fn unavailable(stream: &str, reason: String) -> EnsureError {
    EnsureError::Unavailable {
        what: format!("stream {stream}"),
        reason,
    }
}
