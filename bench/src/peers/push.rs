//! A setting comes in; on its stream there is then a durable push consumer with room for many un-acked messages. A client of the
//! older NATS API makes one itself, but with room for 1,000 only, and deletes it when it stops.

use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, push};

use super::template::{ACK_PENDING, Names};
use crate::program::Setting;

/// As of the trial's own pull consumer.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// Makes the consumer; one that is there already, as it should be, stays.
///
/// # Errors
/// What the server says.
pub(super) fn consumer(setting: &Setting, names: &Names) -> anyhow::Result<()> {
    let making = || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(make(setting, names))
    };
    // A thread of its own: the caller may stand within a runtime, which can't wait for another.
    let made = thread::scope(|scope| scope.spawn(making).join());
    made.map_err(|_| anyhow!("making a consumer panicked"))?
        .with_context(|| format!("making the push consumer {}", names.consumer))
}

async fn make(setting: &Setting, names: &Names) -> anyhow::Result<()> {
    let client = async_nats::connect(&setting.nats).await?;
    let config = push::Config {
        durable_name: Some(names.consumer.clone()),
        deliver_subject: format!("deliver.{}", names.consumer),
        deliver_group: Some(names.consumer.clone()),
        filter_subject: names.subject.clone(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: i64::from(ACK_PENDING),
        ..push::Config::default()
    };
    let stream = jetstream::new(client).get_stream(&setting.stream).await?;
    stream.create_consumer(config).await?;
    Ok(())
}
