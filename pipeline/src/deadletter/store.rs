//! The dead-letter stage: letters in, durably kept letters out, each before its batch is settled. A store that does not take
//! them now is tried again until it does; nothing is dropped.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{HeaderMap, Subject};
use flightline_contract::deadletter::{
    CUT, DETAIL, DETAIL_LIMIT, LINE, REASON, SEQUENCE, STREAM, SUBJECT,
};
use flightline_contract::token::Prefix;
use flightline_contract::topic::{Address, Topic};
use tokio::sync::mpsc;
use tracing::warn;

use super::file::LetterFile;
use super::{Letter, Mail};
use crate::bus::{Bus, BusError};
use crate::metrics::{Metrics, Stage};

/// Pauses between tries: the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// What our headers take at most: the detail, a subject and small change.
const HEADER_ROOM: usize = 4 * 1024;
/// Letters under way to the server at once; each holds its payload.
const WINDOW: usize = 256;

/// Where letters are kept.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one per process")]
pub enum Store {
    /// Subjects `deadletter.>`, captured by a stream.
    JetStream {
        /// The connection.
        bus: Bus,
        /// The prefix of the contract's subjects, to tell service and token.
        prefix: Prefix,
        /// The stream that the messages came from, if they came from one.
        origin: Option<String>,
    },
    /// A recorded stream.
    File(LetterFile),
}

/// Some letters could not be kept now.
#[derive(Debug, thiserror::Error)]
enum Unkept {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("write the dead-letter file: {0}")]
    File(#[from] std::io::Error),
}

/// Keeps what comes on `mail` until it is closed.
pub async fn run(mut mail: mpsc::Receiver<Mail>, mut store: Store, metrics: Arc<Metrics>) {
    while let Some(mail) = mail.recv().await {
        match mail {
            Mail::Batch(share) => {
                keep(&mut store, &share.batch().letters, &metrics).await;
                share.stored().await;
            }
            Mail::Letters(letters, kept) => {
                keep(&mut store, &letters, &metrics).await;
                // Who does not wait any more has given its share up.
                kept.send(()).ok();
            }
        }
    }
}

async fn keep(store: &mut Store, letters: &[Letter], metrics: &Metrics) {
    for window in letters.chunks(WINDOW) {
        let mut pause = PAUSES.0;
        while let Err(error) = try_keep(store, window).await {
            metrics.failed(Stage::Sink, &error);
            warn!(%error, letters = window.len(), "dead letters cannot be kept now; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
        metrics.dead_lettered_messages.inc_by(messages_of(window));
        for letter in window {
            metrics
                .dead_lettered
                .with_label_values(&[letter.reason.as_str()])
                .inc();
        }
    }
}

/// How many messages `letters` are from: those of one message stand together.
fn messages_of(letters: &[Letter]) -> u64 {
    let others = letters
        .windows(2)
        .filter(|pair| (pair[0].stamp, &pair[0].subject) != (pair[1].stamp, &pair[1].subject));
    if letters.is_empty() {
        0
    } else {
        1 + others.count() as u64
    }
}

async fn try_keep(store: &mut Store, letters: &[Letter]) -> Result<(), Unkept> {
    match store {
        Store::File(file) => Ok(file.append(letters.to_vec()).await?),
        Store::JetStream {
            bus,
            prefix,
            origin,
        } => {
            let mut under_way = Vec::with_capacity(letters.len());
            for letter in letters {
                let subject = Subject::from(topic(prefix, &letter.subject).into_string());
                let mut headers = headers(letter, origin.as_deref());
                // A message that was as large as the server allows leaves no room for our headers.
                let room = bus.max_payload().saturating_sub(HEADER_ROOM);
                let payload = letter.payload.slice(..letter.payload.len().min(room));
                if payload.len() < letter.payload.len() {
                    headers.insert(CUT, letter.payload.len().to_string().as_str());
                }
                under_way.push(bus.store(subject, headers, payload).await?);
            }
            for stored in under_way {
                stored.wait().await?;
            }
            Ok(())
        }
    }
}

fn topic(prefix: &Prefix, subject: &str) -> Topic {
    match Address::parse(prefix, subject) {
        Some(address) => Topic::dead_letter(Some(address.class), address.service, address.token),
        None => Topic::stray(subject),
    }
}

/// What the headers of a dead letter say. A try that is repeated after a crash is the same message to the server: its id is
/// made of stream, sequence and line.
pub(crate) fn headers(letter: &Letter, origin: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(REASON, letter.reason.as_str());
    headers.insert(DETAIL, one_line(&letter.detail).as_str());
    headers.insert(SUBJECT, letter.subject.as_str());
    let line = letter.line.map(|line| line.to_string());
    if let Some(line) = &line {
        headers.insert(LINE, line.as_str());
    }
    if let (Some(origin), Some(sequence)) = (origin, letter.stamp.sequence) {
        headers.insert(STREAM, origin);
        headers.insert(SEQUENCE, sequence.to_string().as_str());
        let id = format!(
            "{origin}:{}:{sequence}:{}",
            letter.stamp.time,
            line.as_deref().unwrap_or("all")
        );
        headers.insert(async_nats::header::NATS_MESSAGE_ID, id.as_str());
    }
    headers
}

/// Text from outside as one line of bounded length: control characters and what is not ASCII are escaped.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(DETAIL_LIMIT)
        .flat_map(char::escape_default)
        .collect();
    // Escaping leaves ASCII, so every index is a boundary.
    line.truncate(DETAIL_LIMIT);
    line
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_detail_cannot_break_out_of_its_header() {
        assert_eq!(one_line("bad\r\nInjected: yes"), "bad\\r\\nInjected: yes");
        assert_eq!(one_line(&"é".repeat(1000)).len(), 512);
    }
}
