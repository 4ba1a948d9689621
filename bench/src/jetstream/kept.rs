//! A stream comes in, what it keeps comes out, message by message: to be held against what was to be stored there.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{AdminError, context};

/// For the next message: a server that has it sends it at once.
const NEXT: Duration = Duration::from_secs(30);

/// Gives each payload that `stream` has now to `take`, from the first to the last; how many there were.
///
/// # Errors
/// What the server says, or that it says nothing more.
pub async fn each(url: &str, stream: &str, mut take: impl FnMut(Bytes)) -> Result<u64, AdminError> {
    let failed = |error: &dyn std::fmt::Display| AdminError::new(stream, &error.to_string());
    let found = context(url).await?.get_stream(stream).await;
    let found = found.map_err(|error| failed(&error))?;
    let messages = found.cached_info().state.messages;
    let consumer = found.create_consumer(pull::OrderedConfig::default()).await;
    let consumer = consumer.map_err(|error| failed(&error))?;
    let mut kept = consumer.messages().await.map_err(|error| failed(&error))?;
    for number in 0..messages {
        let next = timeout(NEXT, kept.next()).await.ok().flatten();
        let next =
            next.ok_or_else(|| failed(&format!("it gives {number} of {messages} messages only")))?;
        let next = next.map_err(|error| failed(&error))?;
        take(next.message.payload.clone());
    }
    Ok(messages)
}
