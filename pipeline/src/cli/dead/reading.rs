//! Where the configuration keeps dead letters, opened for reading: letters come out in their order, or one by its number.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::SystemTime;

use super::filed::Filed;
use crate::bus::{Bus, Reading, SUBSCRIPTION_CAPACITY};
use crate::cli::run::unavailable;
use crate::cli::{Exit, Failure};
use crate::config::{Config, DeadLetters};
use crate::stream::read::Reader;

/// Where letters are kept.
#[derive(Debug)]
pub(super) enum Shelf {
    /// A stream, over this connection.
    Stream(Box<Bus>, String),
    /// A file.
    File(PathBuf),
}

/// Letters in their order.
#[derive(Debug)]
pub(super) enum Letters {
    Stream(Box<Reading>),
    File(Box<Reader>, u64),
    /// There is no such stream: nothing was ever filed.
    None,
}

impl Shelf {
    /// Opens what `config` names.
    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        match &config.deadletter {
            DeadLetters::File { path } => Ok(Self::File(path.clone())),
            DeadLetters::JetStream { stream, .. } => {
                let bus = connect(config).await?;
                Ok(Self::Stream(Box::new(bus), stream.clone()))
            }
        }
    }

    /// All letters, or those filed since then.
    pub(super) async fn letters(&self, since: Option<SystemTime>) -> Result<Letters, Failure> {
        match self {
            Self::Stream(bus, stream) => {
                let reading = bus.read(stream, since).await.map_err(unavailable)?;
                Ok(reading.map_or(Letters::None, |reading| Letters::Stream(Box::new(reading))))
            }
            Self::File(path) if since.is_none() => {
                let reader = Reader::open(path).map_err(unavailable)?;
                Ok(Letters::File(Box::new(reader), 0))
            }
            Self::File(_) => {
                let text =
                    "a dead-letter file does not tell when a letter was filed: leave out --since";
                Err(Failure::new(Exit::Usage, text))
            }
        }
    }

    /// The letter of that number.
    pub(super) async fn letter(&self, number: NonZeroU64) -> Result<Filed, Failure> {
        let found = match self {
            Self::Stream(bus, stream) => {
                let kept = bus.kept(stream, number).await.map_err(unavailable)?;
                kept.map(Filed::from)
            }
            Self::File(_) => {
                let mut letters = self.letters(None).await?;
                let mut found = None;
                while let Some(letter) = letters.next().await? {
                    if letter.number == number.get() {
                        found = Some(letter);
                        break;
                    }
                }
                found
            }
        };
        found.ok_or_else(|| {
            let text = format!("there is no dead letter {number}: see `flightline dead list`");
            Failure::new(Exit::Usage, text)
        })
    }
}

impl Letters {
    /// The next one.
    pub(super) async fn next(&mut self) -> Result<Option<Filed>, Failure> {
        match self {
            Self::None => Ok(None),
            Self::Stream(reading) => {
                let kept = reading.next().await.map_err(unavailable)?;
                Ok(kept.map(Filed::from))
            }
            Self::File(reader, number) => {
                let Some(record) = reader.next() else {
                    return Ok(None);
                };
                *number += 1;
                let record = record.map_err(unavailable)?;
                Ok(Some(Filed::of_record(*number, record)))
            }
        }
    }
}

/// A connection for a verb that is over soon.
pub(super) async fn connect(config: &Config) -> Result<Bus, Failure> {
    Bus::connect(&config.nats, SUBSCRIPTION_CAPACITY)
        .await
        .map_err(unavailable)
}
