//! What a trial makes on a server before and between: the stream, and consumers for programs that want one to be there. A connection
//! of its own each time, closed before anything is measured.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::stream;

/// Un-acked messages a consumer may have: the product's own default.
const MAX_ACK_PENDING: i64 = 65_536;
/// The product's own default.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// The server did not do it.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct AdminError {
    what: String,
    reason: String,
}

impl AdminError {
    fn new(what: &str, reason: &impl std::fmt::Display) -> Self {
        Self {
            what: what.to_owned(),
            reason: reason.to_string(),
        }
    }
}

async fn context(url: &str) -> Result<Context, AdminError> {
    let servers: Vec<&str> = url.split(',').collect();
    let client = async_nats::connect(servers.as_slice())
        .await
        .map_err(|error| AdminError::new(url, &error))?;
    Ok(async_nats::jetstream::new(client))
}

/// Makes `stream` anew, empty, on disk, with all `subjects`.
///
/// # Errors
/// What the server says.
pub async fn fresh_stream(
    url: &str,
    stream: &str,
    subjects: Vec<String>,
) -> Result<(), AdminError> {
    let context = context(url).await?;
    // What is not there need not be deleted.
    context.delete_stream(stream).await.ok();
    let config = stream::Config {
        name: stream.to_owned(),
        subjects,
        storage: stream::StorageType::File,
        ..stream::Config::default()
    };
    let made = context.create_stream(config).await;
    made.map(drop)
        .map_err(|error| AdminError::new(stream, &error))
}

/// Deletes `stream`, if it is there.
///
/// # Errors
/// When the server cannot be reached.
pub async fn no_stream(url: &str, stream: &str) -> Result<(), AdminError> {
    context(url).await?.delete_stream(stream).await.ok();
    Ok(())
}

/// How many messages `stream` has.
///
/// # Errors
/// What the server says.
pub async fn messages(url: &str, stream: &str) -> Result<u64, AdminError> {
    let found = context(url).await?.get_stream(stream).await;
    let found = found.map_err(|error| AdminError::new(stream, &error))?;
    Ok(found.cached_info().state.messages)
}

/// A durable consumer whose messages are acknowledged one by one, for any number of workers.
///
/// # Errors
/// What the server says.
pub async fn shared(url: &str, stream: &str, consumer: &str) -> Result<(), AdminError> {
    durable(url, stream, consumer, AckPolicy::Explicit).await
}

/// A durable consumer for one owner, who acknowledges many messages at once.
///
/// # Errors
/// What the server says.
pub async fn one_owner(url: &str, stream: &str, consumer: &str) -> Result<(), AdminError> {
    durable(url, stream, consumer, AckPolicy::All).await
}

async fn durable(
    url: &str,
    stream: &str,
    consumer: &str,
    ack_policy: AckPolicy,
) -> Result<(), AdminError> {
    let handle = context(url).await?.get_stream_no_info(stream).await;
    let handle = handle.map_err(|error| AdminError::new(stream, &error))?;
    let config = pull::Config {
        durable_name: Some(consumer.to_owned()),
        ack_policy,
        ack_wait: ACK_WAIT,
        max_ack_pending: MAX_ACK_PENDING,
        ..pull::Config::default()
    };
    let made = handle.create_consumer(config).await;
    made.map(drop)
        .map_err(|error| AdminError::new(consumer, &error))
}

/// What a consumer waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// Its name.
    pub consumer: String,
    /// Messages it has not delivered.
    pub pending: u64,
    /// Messages it has delivered and nobody has acknowledged.
    pub ack_pending: u64,
}

impl std::fmt::Display for Unsettled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {} messages not delivered, {} not acknowledged",
            self.consumer, self.pending, self.ack_pending
        )
    }
}

/// The consumers of `stream` with names that begin with `name` which still wait for something. One that has delivered nothing is
/// nobody's: a program may read from one of its own instead of the one that was there for it.
///
/// # Errors
/// What the server says.
pub async fn unsettled(url: &str, stream: &str, name: &str) -> Result<Vec<Unsettled>, AdminError> {
    use futures_util::TryStreamExt;

    let handle = context(url).await?.get_stream_no_info(stream).await;
    let handle = handle.map_err(|error| AdminError::new(stream, &error))?;
    let consumers: Vec<_> = handle
        .consumers()
        .try_collect()
        .await
        .map_err(|error| AdminError::new(stream, &error))?;
    let named = consumers
        .into_iter()
        .filter(|info| info.name.starts_with(name) && info.delivered.consumer_sequence > 0);
    let left = named.map(|info| Unsettled {
        consumer: info.name,
        pending: info.num_pending,
        ack_pending: info.num_ack_pending as u64,
    });
    Ok(left
        .filter(|left| left.pending > 0 || left.ack_pending > 0)
        .collect())
}

/// Deletes every consumer of `stream`.
///
/// # Errors
/// What the server says.
pub async fn no_consumers(url: &str, stream: &str) -> Result<(), AdminError> {
    use futures_util::TryStreamExt;

    let handle = context(url).await?.get_stream_no_info(stream).await;
    let handle = handle.map_err(|error| AdminError::new(stream, &error))?;
    let failed = |error: &dyn std::error::Error| AdminError::new(stream, &error.to_string());
    let names: Vec<String> = handle
        .consumer_names()
        .try_collect()
        .await
        .map_err(|error| failed(&error))?;
    for name in names {
        handle
            .delete_consumer(&name)
            .await
            .map_err(|error| failed(&error))?;
    }
    Ok(())
}
