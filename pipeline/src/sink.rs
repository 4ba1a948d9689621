//! Batches come in; each is settled once its store said that it has the data and the dead-letter office has what the store will never
//! take. Nothing is lost: a share that is dropped un-settled is a redelivery.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::config::{Sink, SinkKind};
use crate::deadletter::Office;
use crate::metrics::Metrics;
use share::Share;

/// One sink's part in one batch.
pub mod share;

/// What a status code says of the lines that were sent.
pub mod verdict;
/// How long to wait before the next try.
pub mod retry;
/// One probe at a time while a store does not answer.
pub mod breaker;
/// The segments of a batch as a request's body.
pub mod body;
/// Which lines of a batch are left to send.
pub mod work;
/// A batch's lines, one by one.
pub mod lines;
/// Which lines a refusal names.
pub mod blame;
/// Whether a store fails on a line or as a whole.
pub mod trial;
/// A line of our own.
pub mod probe;
/// Dead letters of refused lines.
pub mod letters;
/// Compressed bodies.
pub mod gzip;
/// One request, one answer.
pub mod client;
/// InfluxDB's write APIs.
pub mod influx;
/// Line-protocol files.
pub mod file;

/// A sink cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration of an InfluxDB is wrong.
    #[error("sink {sink}: {source}")]
    Influx {
        /// The sink.
        sink: String,
        /// What to correct.
        source: client::OpenError,
    },
    /// The folder cannot be used.
    #[error("sink {sink}: {folder}: {source}")]
    File {
        /// The sink.
        sink: String,
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
}

/// An opened sink.
#[derive(Debug)]
pub enum Writer {
    /// To an InfluxDB.
    Influx(Box<influx::Writer>),
    /// To files.
    File(Box<file::Writer>),
}

impl Writer {
    /// Opens `sink` and checks what can be checked without a connection. Blocks on the disk.
    ///
    /// # Errors
    /// [`OpenError`] says what to correct.
    pub fn open(sink: &Sink, metrics: &Arc<Metrics>) -> Result<Self, OpenError> {
        match &sink.kind {
            SinkKind::Influx(config) => influx::Writer::open(&sink.name, config, metrics)
                .map(|writer| Self::Influx(Box::new(writer)))
                .map_err(|source| OpenError::Influx {
                    sink: sink.name.clone(),
                    source,
                }),
            SinkKind::File(config) => file::Writer::open(&sink.name, config, metrics)
                .map(|writer| Self::File(Box::new(writer)))
                .map_err(|source| OpenError::File {
                    sink: sink.name.clone(),
                    folder: config.dir.display().to_string(),
                    source,
                }),
        }
    }

    /// Works until `input` has ended and everything is settled. Aborting it drops what is not settled.
    pub async fn run(self, input: mpsc::Receiver<Share>, office: Office) {
        match self {
            Self::Influx(writer) => writer.run(input, office).await,
            Self::File(writer) => writer.run(input).await,
        }
    }
}
