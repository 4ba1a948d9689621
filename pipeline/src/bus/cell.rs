//! One small value in a NATS key-value bucket, read and replaced as a whole: who owns which lane, how far a stream had come. A
//! replacement fails when somebody else was first, so nothing is ever overwritten unread. No answer is waited for long: who waits
//! does not beat, and an answer may have been lost with its connection.

use std::time::Duration;

use async_nats::jetstream::kv::{self, UpdateErrorKind};
use async_nats::jetstream::stream::{DiscardPolicy, StorageType};
use bytes::Bytes;
use tokio::time::timeout;

use super::{Bus, EnsureError, StreamConfig};

/// For one answer: a beat that fails and its next try take less than what makes a worker gone.
const ANSWER: Duration = Duration::from_secs(2);

/// What a stream's bucket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// Who owns which lane.
    Lanes,
    /// How far the stream and its consumers had come.
    History,
}

impl Bucket {
    fn name(self, stream: &str) -> String {
        match self {
            Self::Lanes => format!("lanes-{stream}"),
            Self::History => format!("history-{stream}"),
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Lanes => {
                "who owns which lane of a divided stream, and which message is decoded alone"
            }
            Self::History => "how far a stream and its consumers had come when they were last seen",
        }
    }

    /// Whether any replica may answer: it may be behind, and would pass for a history that was rolled back.
    fn allows_direct(self) -> bool {
        match self {
            Self::Lanes => true,
            Self::History => false,
        }
    }
}

/// One key of a bucket.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    store: kv::Store,
    key: String,
}

/// What became of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It stands, as this revision.
    Yes(u64),
    /// Somebody else has written since it was read.
    No,
}

impl Bus {
    /// The value `key` in a stream's bucket, which is created if absent, with as many replicas as the stream has.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn cell(
        &self,
        bucket: Bucket,
        stream: &str,
        key: &str,
    ) -> Result<Cell, EnsureError> {
        let (name, key) = (&bucket.name(stream), key.to_owned());
        if let Ok(store) = self.jetstream.get_key_value(name).await {
            return Ok(Cell { store, key });
        }
        let of = self.jetstream.get_stream(stream).await;
        let of = of.map_err(|error| unavailable(name, &error))?;
        // A bucket is a stream of this form; the client's own way to it wants an answer that 2.9 does not give.
        let config = StreamConfig {
            name: format!("KV_{name}"),
            description: Some(bucket.description().to_owned()),
            subjects: vec![format!("$KV.{name}.>")],
            max_messages_per_subject: 1,
            discard: DiscardPolicy::New,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: bucket.allows_direct(),
            // A table that is lost with the server leaves nobody who knows that all lanes are read.
            storage: StorageType::File,
            num_replicas: of.cached_info().config.num_replicas,
            ..StreamConfig::default()
        };
        let created = self.jetstream.create_stream(config).await;
        created.map_err(|error| unavailable(name, &error))?;
        let store = self.jetstream.get_key_value(name).await;
        store
            .map(|store| Cell { store, key })
            .map_err(|error| unavailable(name, &error))
    }
}

impl Cell {
    /// The value and its revision; empty and 0 if there is none yet.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn read(&self) -> Result<(Bytes, u64), EnsureError> {
        let Self { store, key } = self;
        match timeout(ANSWER, store.entry(key)).await {
            Ok(Ok(Some(entry))) => Ok((entry.value, entry.revision)),
            Ok(Ok(None)) => Ok((Bytes::new(), 0)),
            Ok(Err(error)) => Err(unavailable(key, &error)),
            Err(error) => Err(unavailable(key, &error)),
        }
    }

    /// Replaces the value that was read at `revision`.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn write(&self, value: Bytes, revision: u64) -> Result<Written, EnsureError> {
        let Self { store, key } = self;
        match timeout(ANSWER, store.update(key, value, revision)).await {
            Ok(Ok(revision)) => Ok(Written::Yes(revision)),
            Ok(Err(error)) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(Written::No),
            Ok(Err(error)) => Err(unavailable(key, &error)),
            Err(error) => Err(unavailable(key, &error)),
        }
    }
}

fn unavailable(what: &str, error: &impl std::fmt::Display) -> EnsureError {
    EnsureError::Unavailable {
        what: format!("the value {what}"),
        reason: error.to_string(),
    }
}
