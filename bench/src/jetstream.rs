//! What a trial makes on a server before and between: the stream, and consumers for programs that want one to be there. A connection
//! of its own each time, closed before anything is measured. A stream that is made here says so of itself, and no other is deleted.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::context::{Context, GetStreamByNameErrorKind};
use async_nats::jetstream::stream;

/// What a stream keeps.
pub mod kept;

/// Un-acked messages a consumer may have: the product's own default.
const MAX_ACK_PENDING: i64 = 65_536;
/// The product's own default.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// Filters of consumers: one that lets all pass,
const EVERYTHING: &str = "";
/// and a subject that nobody publishes to, in what the stream captures.
const NOTHING: &str = "benches.nothing";

/// What a stream that is made here says of itself.
const MARK: &str = "made by flightline-bench, which deletes it";
/// What is said of any other.
const FOREIGN: &str = "it was not made by flightline-bench, which would delete it: leave --nats out, so that a server of its own is started, or name one without that stream";

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

async fn connect(url: &str) -> Result<Client, AdminError> {
    let servers: Vec<&str> = url.split(',').collect();
    let client = async_nats::connect(servers.as_slice()).await;
    client.map_err(|error| AdminError::new(url, &error))
}

async fn context(url: &str) -> Result<Context, AdminError> {
    Ok(async_nats::jetstream::new(connect(url).await?))
}

/// None where the server says that it has no JetStream: nobody would answer, and each question would take its time limit.
async fn context_if_any(url: &str) -> Result<Option<Context>, AdminError> {
    let client = connect(url).await?;
    let has_any = client.server_info().jetstream;
    Ok(has_any.then(|| async_nats::jetstream::new(client)))
}

/// Makes `stream` anew, empty, on disk, with all `subjects`.
///
/// # Errors
/// What the server says; when there is one that was not made here.
pub async fn fresh_stream(
    url: &str,
    stream: &str,
    subjects: Vec<String>,
) -> Result<(), AdminError> {
    let context = context(url).await?;
    delete(&context, stream).await?;
    let config = stream::Config {
        name: stream.to_owned(),
        description: Some(MARK.to_owned()),
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
/// When the server cannot be reached, or the stream was not made here.
pub async fn no_stream(url: &str, stream: &str) -> Result<(), AdminError> {
    match context_if_any(url).await? {
        Some(context) => delete(&context, stream).await,
        None => Ok(()),
    }
}

async fn delete(context: &Context, stream: &str) -> Result<(), AdminError> {
    // What is not there, or not to be seen, need not be deleted.
    let Ok(found) = context.get_stream(stream).await else {
        return Ok(());
    };
    if found.cached_info().config.description.as_deref() != Some(MARK) {
        return Err(AdminError::new(stream, &FOREIGN));
    }
    let deleted = context.delete_stream(stream).await;
    deleted
        .map(drop)
        .map_err(|error| AdminError::new(stream, &error))
}

/// Lets `stream`, which a program has made for a trial, say that it was made here.
///
/// # Errors
/// What the server says.
pub async fn mark(url: &str, stream: &str) -> Result<(), AdminError> {
    let context = context(url).await?;
    let found = context.get_stream(stream).await;
    let found = found.map_err(|error| AdminError::new(stream, &error))?;
    let config = stream::Config {
        description: Some(MARK.to_owned()),
        ..found.cached_info().config.clone()
    };
    let updated = context.update_stream(config).await;
    updated
        .map(drop)
        .map_err(|error| AdminError::new(stream, &error))
}

/// A stream that captures something of `pattern`, if there is one.
///
/// # Errors
/// When the server cannot be reached.
pub async fn capturing(url: &str, pattern: &str) -> Result<Option<String>, AdminError> {
    let Some(context) = context_if_any(url).await? else {
        return Ok(None);
    };
    match context.stream_by_subject(pattern).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if error.kind() == GetStreamByNameErrorKind::NotFound => Ok(None),
        Err(error) => Err(AdminError::new(pattern, &error)),
    }
}

/// Deletes `stream` if it is there and has no message.
///
/// # Errors
/// What the server says.
pub async fn no_empty_stream(url: &str, stream: &str) -> Result<(), AdminError> {
    let Some(context) = context_if_any(url).await? else {
        return Ok(());
    };
    let Ok(found) = context.get_stream(stream).await else {
        return Ok(());
    };
    if found.cached_info().state.messages == 0 {
        let deleted = context.delete_stream(stream).await;
        deleted.map_err(|error| AdminError::new(stream, &error))?;
    }
    Ok(())
}

/// Deletes the buckets whose names begin with `beginning`: programs leave them where they have divided a stream.
///
/// # Errors
/// What the server says.
pub async fn no_buckets(url: &str, beginning: &str) -> Result<(), AdminError> {
    use futures_util::TryStreamExt;

    let Some(context) = context_if_any(url).await? else {
        return Ok(());
    };
    let names: Vec<String> = context
        .stream_names()
        .try_collect()
        .await
        .map_err(|error| AdminError::new(beginning, &error))?;
    let beginning = format!("KV_{beginning}");
    for name in names.iter().filter(|name| name.starts_with(&beginning)) {
        let deleted = context.delete_stream(name).await;
        deleted.map_err(|error| AdminError::new(name, &error))?;
    }
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
    durable(url, stream, consumer, AckPolicy::Explicit, EVERYTHING).await
}

/// A durable consumer for one owner, who acknowledges many messages at once.
///
/// # Errors
/// What the server says.
pub async fn one_owner(url: &str, stream: &str, consumer: &str) -> Result<(), AdminError> {
    durable(url, stream, consumer, AckPolicy::All, EVERYTHING).await
}

/// A durable consumer that has nothing to deliver: whoever reads from it takes no part in what is measured.
///
/// # Errors
/// What the server says.
pub async fn idle(url: &str, stream: &str, consumer: &str) -> Result<(), AdminError> {
    durable(url, stream, consumer, AckPolicy::Explicit, NOTHING).await
}

async fn durable(
    url: &str,
    stream: &str,
    consumer: &str,
    ack_policy: AckPolicy,
    filter_subject: &str,
) -> Result<(), AdminError> {
    let handle = context(url).await?.get_stream_no_info(stream).await;
    let handle = handle.map_err(|error| AdminError::new(stream, &error))?;
    let config = pull::Config {
        durable_name: Some(consumer.to_owned()),
        ack_policy,
        ack_wait: ACK_WAIT,
        max_ack_pending: MAX_ACK_PENDING,
        filter_subject: filter_subject.to_owned(),
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

/// Deletes every consumer of `stream` whose name begins with `beginning`.
///
/// # Errors
/// What the server says.
pub async fn no_consumers(url: &str, stream: &str, beginning: &str) -> Result<(), AdminError> {
    use futures_util::TryStreamExt;

    let handle = context(url).await?.get_stream_no_info(stream).await;
    let handle = handle.map_err(|error| AdminError::new(stream, &error))?;
    let failed = |error: &dyn std::error::Error| AdminError::new(stream, &error.to_string());
    let names: Vec<String> = handle
        .consumer_names()
        .try_collect()
        .await
        .map_err(|error| failed(&error))?;
    for name in names.iter().filter(|name| name.starts_with(beginning)) {
        handle
            .delete_consumer(name)
            .await
            .map_err(|error| failed(&error))?;
    }
    Ok(())
}
