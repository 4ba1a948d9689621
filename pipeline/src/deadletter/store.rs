//! The dead-letter stage: letters in, durably kept letters out, each before its batch is settled. A store that does not take
//! them now is tried again until it does; nothing is dropped.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::warn;

use super::file::LetterFile;
use super::jetstream::{Due, LetterStream};
use super::{Letter, Mail};
use crate::bus::BusError;
use crate::decode::route::Router;
use crate::metrics::{Metrics, Stage};

/// Pauses between tries: the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Letters under way to the server at once; each holds its payload.
const WINDOW: usize = 256;

/// Where letters are kept.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one per process")]
pub enum Store {
    /// Subjects `deadletter.>`, captured by a stream.
    JetStream(LetterStream),
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

/// Keeps what comes on `mail` until it is closed, on the topics that `router` tells.
pub async fn run(
    mut mail: mpsc::Receiver<Mail>,
    store: Store,
    router: Arc<Router>,
    metrics: Arc<Metrics>,
) {
    while let Some(mail) = mail.recv().await {
        match mail {
            Mail::Batch(share) => {
                keep(&store, &router, &share.batch().letters, &metrics).await;
                share.stored().await;
            }
            Mail::Letters(letters, kept) => {
                keep(&store, &router, &letters, &metrics).await;
                // Who does not wait any more has given its share up.
                kept.send(()).ok();
            }
        }
    }
}

async fn keep(store: &Store, router: &Router, letters: &[Letter], metrics: &Metrics) {
    for window in letters.chunks(WINDOW) {
        let mut due: Vec<_> = window.iter().map(Due::new).collect();
        let mut pause = PAUSES.0;
        while let Err(error) = try_keep(store, router, &mut due, window).await {
            metrics.failed(Stage::Sink, &error);
            warn!(%error, letters = due.len(), "dead letters cannot be kept now; trying again");
            if let Store::JetStream(stream) = store {
                stream.mend().await;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
        for letter in window {
            metrics
                .dead_lettered
                .with_label_values(&[letter.reason.as_str()])
                .inc();
        }
    }
    metrics.dead_lettered_messages.inc_by(messages_of(letters));
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

/// A stream keeps what is `due` of `window`; a file takes all of it or nothing.
async fn try_keep(
    store: &Store,
    router: &Router,
    due: &mut Vec<Due<'_>>,
    window: &[Letter],
) -> Result<(), Unkept> {
    match store {
        Store::File(file) => Ok(file.append(window).await?),
        Store::JetStream(stream) => Ok(stream.store(router, due).await?),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use bytes::Bytes;
    use flightline_contract::deadletter::Reason;

    use super::*;
    use crate::deadletter::Office;
    use crate::delivery::{Attempt, Declared, Stamp};

    fn letter(sequence: u64, line: u32) -> Letter {
        Letter {
            reason: Reason::LineSyntax,
            detail: "no".to_owned(),
            subject: "telemetry.app.a.b".into(),
            stamp: Stamp {
                time: 0,
                sequence: NonZeroU64::new(sequence),
                attempt: Attempt::First,
            },
            line: Some(line),
            declared: Declared::Nothing,
            payload: Bytes::from_static(b"x"),
        }
    }

    #[tokio::test]
    async fn a_message_with_more_letters_than_go_in_one_try_is_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = LetterFile::new(folder.path().join("letters.ndjson"), None);
        let metrics = Arc::new(Metrics::new());
        let (office, mail) = Office::open();
        let router = Arc::new(Router::of("telemetry", &[], &[]).unwrap());
        let stage = run(mail, Store::File(file), router, Arc::clone(&metrics));
        let stage = tokio::spawn(stage);
        let mut letters: Vec<_> = (1..=300).map(|line| letter(1, line)).collect();
        letters.push(letter(2, 1));
        office.keep(letters).await.unwrap();
        drop(office);
        stage.await.unwrap();
        assert_eq!(metrics.dead_lettered_messages.get(), 2);
        assert_eq!(metrics.dead_lettered_sum(), 301);
    }
}
