//! `flightline record`: live subjects into a stream that `replay` can play. On core NATS: it takes no consumer's messages away.

use std::time::Duration;

use async_nats::Message;
use flightline_contract::filter::Filter;
use flightline_contract::token::Prefix;
use futures_util::StreamExt;
use futures_util::stream::select_all;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::args::Record as Args;
use super::run::{Signals, unavailable};
use super::{Exit, Failure, out};
use crate::bus::{Bus, SUBSCRIPTION_CAPACITY};
use crate::config::Config;
use crate::stream::Record;
use crate::stream::write::Writer;
use crate::worker::stream_of;

/// Records that wait for the disk before the client's own queue fills.
const AHEAD: usize = 4_096;

/// Writes what is published until it is told to stop.
///
/// # Errors
/// When the file cannot be written or there is no connection.
pub async fn run(config: &Config, args: &Args) -> Result<Exit, Failure> {
    let signals = Signals::watch()?;
    if let Some((one, two)) = overlapping(&args.subjects) {
        let text = format!("{one} and {two} overlap: some messages would be recorded twice");
        return Err(Failure::new(Exit::Usage, text));
    }
    let bus = Bus::connect(&config.nats, SUBSCRIPTION_CAPACITY)
        .await
        .map_err(unavailable)?;
    let patterns = if args.subjects.is_empty() {
        let prefix = Prefix::new(&config.prefix).map_err(unavailable)?;
        stream_of(config, &prefix, "").subjects
    } else {
        args.subjects.clone()
    };
    let mut subscriptions = Vec::new();
    for pattern in &patterns {
        subscriptions.push(bus.subscribe(pattern).await.map_err(unavailable)?);
    }
    bus.flush().await.map_err(unavailable)?;
    // Only now: an earlier recording is not to be lost to a server that is not there.
    let mut writer = Writer::create(&args.out)
        .map_err(|error| unavailable(format!("{}: {error}", args.out.display())))?;
    out::complain(&format!(
        "recording {} into {}",
        patterns.join(", "),
        args.out.display()
    ))?;

    let (records, mut waiting) = mpsc::channel::<Record>(AHEAD);
    let disk = tokio::task::spawn_blocking(move || {
        while let Some(record) = waiting.blocking_recv() {
            writer.write(&record)?;
        }
        let count = writer.records();
        writer.finish().map(|()| count)
    });
    let mut messages = select_all(subscriptions);
    let start = Instant::now();
    let end = async {
        match args.length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let limit = args.count.map_or(u64::MAX, std::num::NonZeroU64::get);
    let mut taken = 0;
    while taken < limit {
        let message = tokio::select! {
            () = &mut end => break,
            () = signals.stop.cancelled() => break,
            message = messages.next() => message,
        };
        let Some(message) = message else { break };
        taken += 1;
        if records
            .send(record(message, start.elapsed()))
            .await
            .is_err()
        {
            break;
        }
    }
    drop(records);
    let written = disk
        .await
        .map_err(unavailable)?
        .map_err(|error| unavailable(format!("{}: {error}", args.out.display())))?;
    out::say(&format!("{written} messages recorded"))?;
    Ok(Exit::Ok)
}

/// Two of these patterns that match the same subject.
fn overlapping(patterns: &[String]) -> Option<(&str, &str)> {
    let filters: Vec<_> = patterns
        .iter()
        .filter_map(|pattern| Some((pattern.as_str(), Filter::parse(pattern).ok()?)))
        .collect();
    filters
        .iter()
        .enumerate()
        .find_map(|(index, (one, filter))| {
            let mut others = filters.iter().skip(index + 1);
            let (two, _) = others.find(|(_, other)| filter.overlaps(other))?;
            Some((*one, *two))
        })
}

fn record(message: Message, offset: Duration) -> Record {
    let headers = message
        .headers
        .iter()
        .flat_map(|headers| headers.iter())
        .flat_map(|(name, values)| {
            values
                .iter()
                .map(move |value| (name.to_string(), value.as_str().to_owned()))
        });
    Record {
        // Microseconds are as exact as a recording gets.
        offset_ms: (offset.as_secs_f64() * 1e6).round() / 1e3,
        headers: headers.collect(),
        subject: message.subject.to_string(),
        payload: message.payload,
    }
}
