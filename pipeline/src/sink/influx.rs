//! Batches come in; each share is settled once InfluxDB has every line that it will ever take and the dead-letter office has the
//! others. Nothing is lost: whatever else is answered, the lines are sent again, and a share that is dropped is a redelivery.

use std::sync::Arc;
use std::time::Duration;

use prometheus::IntCounter;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{error, warn};

use super::client::OpenError;
use super::lines::Miscounted;
use super::share::Share;
use super::trial::Trial;
use super::work::{Part, Work};
use crate::batch::Batch;
use crate::config::Influx;
use crate::deadletter::Office;
use crate::metrics::Metrics;
use deliver::{Deliverer, Reply};
use sorter::{Outcome, Sorter};

/// One request, repeated until it is answered.
mod deliver;
/// Refused lines from the others.
mod sorter;

/// Writes batches to one InfluxDB.
#[derive(Debug)]
pub struct Writer {
    name: String,
    in_flight: usize,
    line_patience: Duration,
    deliverer: Deliverer,
    stored_lines: IntCounter,
    stored_bytes: IntCounter,
}

impl Writer {
    /// A writer for `config`; does not connect.
    ///
    /// # Errors
    /// [`OpenError`] says what to correct in the configuration.
    pub fn open(name: &str, config: &Influx, metrics: &Arc<Metrics>) -> Result<Self, OpenError> {
        Ok(Self {
            name: name.to_owned(),
            in_flight: config.in_flight.max(1),
            line_patience: config.line_patience,
            deliverer: Deliverer::open(name, config, metrics)?,
            stored_lines: metrics.stored_lines.with_label_values(&[name]),
            stored_bytes: metrics.stored_bytes.with_label_values(&[name]),
        })
    }

    /// Works until `input` has ended and everything is settled. Aborting it drops what is not settled.
    pub async fn run(self, mut input: mpsc::Receiver<Share>, office: Office) {
        let in_flight = self.in_flight;
        let writer = Arc::new(self);
        let mut working = JoinSet::new();
        loop {
            tokio::select! {
                // Ended work first, so that its place is free.
                biased;
                Some(ended) = working.join_next() => {
                    if let Err(error) = ended {
                        // Its share is gone with it, so its messages are delivered again.
                        error!(sink = writer.name, %error, "a write ended badly");
                    }
                }
                share = input.recv(), if working.len() < in_flight => match share {
                    Some(share) => {
                        working.spawn(settle(Arc::clone(&writer), share, office.clone()));
                    }
                    None => break,
                },
            }
        }
        while let Some(ended) = working.join_next().await {
            if let Err(error) = ended {
                error!(sink = writer.name, %error, "a write ended badly");
            }
        }
    }

    /// Sends `batch` until every line of it is stored or refused.
    async fn write(&self, batch: &Batch) -> Outcome {
        let mut work = Work::whole(batch.lines);
        let mut sorter = Sorter::new(batch);
        let mut trial = Trial::new(self.line_patience);
        while let Some(part) = work.take() {
            trial.begin(part.len());
            let written = self.write_part(part, &mut work, &mut sorter, &mut trial);
            if let Err(miscounted) = written.await {
                return sorter.give_up(miscounted);
            }
        }
        sorter.finish()
    }

    async fn write_part(
        &self,
        part: Part,
        work: &mut Work,
        sorter: &mut Sorter<'_>,
        trial: &mut Trial,
    ) -> Result<(), Miscounted> {
        let batch = sorter.batch();
        let segments = if part.len() == batch.lines {
            batch.segments.clone()
        } else {
            sorter.lines()?.segments(&part)
        };
        match self.deliverer.deliver(segments, trial).await {
            Reply::Stored => Ok(()),
            Reply::Later => {
                work.later(part);
                Ok(())
            }
            Reply::Failing(detail) => {
                sorter.failing(work, part, &detail);
                Ok(())
            }
            Reply::TooLarge(complaint) => sorter.too_large(work, part, &complaint),
            Reply::Refused(complaint) => sorter.refused(work, part, &complaint),
        }
    }
}

async fn settle(writer: Arc<Writer>, share: Share, office: Office) {
    let batch = share.batch();
    let Outcome {
        refused,
        refused_bytes,
        letters,
    } = writer.write(batch).await;
    writer.stored_lines.inc_by((batch.lines - refused) as u64);
    writer
        .stored_bytes
        .inc_by((batch.bytes - refused_bytes) as u64);
    if let Some(first) = letters.first() {
        warn!(
            sink = writer.name,
            lines = refused,
            reason = first.reason.as_str(),
            detail = first.detail,
            subject = first.subject.as_str(),
            "the store refused lines"
        );
        if let Err(error) = office.keep(letters).await {
            warn!(sink = writer.name, %error, "refused lines could not be kept: their batch will be delivered again");
            return;
        }
    }
    share.stored().await;
}
