//! Records in the order of their file, each at its time: what `replay` and `demo` send.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use async_nats::{HeaderMap, HeaderName, HeaderValue, Subject};
use flightline_contract::encoding::{CONTENT_TYPE, Encoding};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::args::Speed;
use crate::bus::{Bus, BusError, Stored};
use crate::source::handoff::PathEnded;
use crate::source::memory::Feeder;
use crate::stream::Record;
use crate::stream::blocks::{BLOCK, Blocks};
use crate::stream::is_line_protocol;
use crate::stream::read::{Reader, StreamError};

/// Publishes whose acknowledgement is waited for at once.
const WINDOW: usize = 1_000;

/// A message could not be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Path(#[from] PathEnded),
    #[error("subject {0:?} cannot be published to")]
    Subject(String),
    #[error("header {0:?} has a name or value that NATS cannot carry")]
    Header(String),
}

/// Where records go.
#[derive(Debug)]
pub(super) enum Outlet<'f> {
    /// To streams of a server, with every acknowledgement waited for.
    Streams(Bus, Vec<Stored>),
    /// To core subjects.
    Core(Bus),
    /// Into a path of this process.
    Path(&'f mut Feeder),
}

impl Outlet<'_> {
    /// Sends one record. After `stop` a path that stands still is not waited for: it holds the record all the same.
    pub(super) async fn send(
        &mut self,
        record: Record,
        stop: &CancellationToken,
    ) -> Result<(), SendError> {
        let subject = publishable(record.subject)?;
        match self {
            Self::Streams(bus, under_way) => {
                let stored = bus
                    .store(subject, headers(&record.headers)?, record.payload)
                    .await?;
                under_way.push(stored);
                if under_way.len() == WINDOW {
                    self.settle(stop).await
                } else {
                    Ok(())
                }
            }
            Self::Core(bus) => Ok(bus
                .publish_with(subject, headers(&record.headers)?, record.payload)
                .await?),
            Self::Path(feeder) => {
                let content_type = record
                    .headers
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE));
                let content_type = content_type.map(|(_, value)| value.as_str());
                taken(feeder.feed(subject, content_type, record.payload), stop).await
            }
        }
    }

    /// Returns when everything sent is with whoever takes it; a path is not waited for after `stop`.
    pub(super) async fn settle(&mut self, stop: &CancellationToken) -> Result<(), SendError> {
        match self {
            Self::Streams(_, under_way) => {
                for stored in under_way.drain(..) {
                    stored.wait().await?;
                }
                Ok(())
            }
            Self::Core(bus) => Ok(bus.flush().await?),
            Self::Path(feeder) => taken(feeder.flush(), stop).await,
        }
    }
}

/// What a path says, or nothing if it is still busy at `stop`.
async fn taken(
    work: impl Future<Output = Result<(), PathEnded>>,
    stop: &CancellationToken,
) -> Result<(), SendError> {
    tokio::select! {
        biased;
        taken = work => Ok(taken?),
        () = stop.cancelled() => Ok(()),
    }
}

/// The subject that `text` is, if one can publish to it.
pub(super) fn publishable(text: String) -> Result<Subject, SendError> {
    let subject = Subject::from(text);
    if subject.is_valid() && !subject.contains(['*', '>']) {
        Ok(subject)
    } else {
        Err(SendError::Subject(subject.to_string()))
    }
}

/// A file may say anything; the client panics at what it cannot write.
pub(super) fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, SendError> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let unwritable = || SendError::Header(name.clone());
        let key = HeaderName::from_str(name).map_err(|_| unwritable())?;
        let value = HeaderValue::from_str(value).map_err(|_| unwritable())?;
        headers.append(key, value);
    }
    Ok(headers)
}

/// When records are due.
#[derive(Debug)]
pub(super) struct Pace {
    start: Instant,
    speed: Speed,
}

impl Pace {
    /// Starts now.
    pub(super) fn start(speed: Speed) -> Self {
        Self {
            start: Instant::now(),
            speed,
        }
    }

    /// When a record of that offset is due; `None` if at once.
    pub(super) fn due(&self, offset: Duration) -> Option<Instant> {
        let due = self.start.checked_add(self.speed.due(offset))?;
        (due > Instant::now()).then_some(due)
    }
}

/// The records of a file, whatever it holds.
pub(super) fn records(
    path: &Path,
    subject: &str,
) -> Result<Box<dyn Iterator<Item = Result<Record, StreamError>> + Send>, StreamError> {
    if !is_line_protocol(path) {
        return Ok(Box::new(Reader::open(path)?));
    }
    let subject = subject.to_owned();
    Ok(Box::new(Blocks::open(path, BLOCK)?.map(move |block| {
        Ok(Record {
            offset_ms: 0.0,
            subject: subject.clone(),
            headers: vec![(
                CONTENT_TYPE.to_owned(),
                Encoding::LineProtocol.content_type().to_owned(),
            )],
            payload: block?,
        })
    })))
}
