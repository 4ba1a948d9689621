//! One small value in a NATS key-value bucket, read and replaced as a whole: who owns which lane. A replacement fails when
//! somebody else was first, so nothing is ever overwritten unread.

use async_nats::jetstream::kv::{self, UpdateErrorKind};
use async_nats::jetstream::stream::{DiscardPolicy, StorageType};
use bytes::Bytes;

use super::{Bus, EnsureError, StreamConfig};

/// The key of the value.
const KEY: &str = "lanes";

/// The bucket.
#[derive(Debug, Clone)]
pub(crate) struct Leases(kv::Store);

/// What became of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It stands.
    Yes,
    /// Somebody else has written since it was read.
    No,
}

impl Bus {
    /// The bucket of that name, created if absent, with as many replicas as what it stands beside.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn leases(&self, bucket: &str, replicas: u64) -> Result<Leases, EnsureError> {
        if let Ok(store) = self.jetstream.get_key_value(bucket).await {
            return Ok(Leases(store));
        }
        // A bucket is a stream of this form; the client's own way to it wants an answer that 2.9 does not give.
        let config = StreamConfig {
            name: format!("KV_{bucket}"),
            description: Some("who owns which lane of a divided stream".to_owned()),
            subjects: vec![format!("$KV.{bucket}.>")],
            max_messages_per_subject: 1,
            discard: DiscardPolicy::New,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            // Leases need not outlive the server: whoever is there claims anew.
            storage: StorageType::Memory,
            num_replicas: usize::try_from(replicas).unwrap_or(1),
            ..StreamConfig::default()
        };
        let created = self.jetstream.create_stream(config).await;
        created.map_err(|error| unavailable(bucket, &error))?;
        let store = self.jetstream.get_key_value(bucket).await;
        store
            .map(Leases)
            .map_err(|error| unavailable(bucket, &error))
    }
}

impl Leases {
    /// The value and its revision; empty and 0 if there is none yet.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn read(&self) -> Result<(Bytes, u64), EnsureError> {
        match self.0.entry(KEY).await {
            Ok(Some(entry)) => Ok((entry.value, entry.revision)),
            Ok(None) => Ok((Bytes::new(), 0)),
            Err(error) => Err(unavailable(KEY, &error)),
        }
    }

    /// Replaces the value that was read at `revision`.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn write(&self, value: Bytes, revision: u64) -> Result<Written, EnsureError> {
        match self.0.update(KEY, value, revision).await {
            Ok(_) => Ok(Written::Yes),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(Written::No),
            Err(error) => Err(unavailable(KEY, &error)),
        }
    }
}

fn unavailable(what: &str, error: &impl std::fmt::Display) -> EnsureError {
    EnsureError::Unavailable {
        what: format!("leases ({what})"),
        reason: error.to_string(),
    }
}
