//! Batches come in; each share is settled once its lines are on the disk (fsync), in line-protocol files that are rotated by size and age.
//! Batches that wait while others are written share the next fsync. Nothing is lost but by the declared policy `keep_bytes`, which
//! deletes the oldest files and says so; a full disk stops the path until there is room.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use prometheus::{Histogram, IntCounter};
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio::time::Instant;
use tracing::{error, warn};

use super::retry::Backoff;
use super::share::Share;
use crate::config::LineFile;
use crate::metrics::{Metrics, RetryReason, Stage};
use journal::Journal;

/// The files: the one being written, rotation, and what is kept.
pub mod journal;
/// What a crash left behind.
pub mod recovery;
/// File names that sort by time.
pub mod name;

/// The longest pause between two tries: a disk that has room again is used soon.
const MAX_BACKOFF: std::time::Duration = std::time::Duration::from_secs(10);
/// Batches that share one fsync, at most: what is in flight is bounded already, this bounds the time of one write.
const GROUP: usize = 64;
/// Bytes that share one fsync, roughly.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// Writes batches to files in one folder.
#[derive(Debug)]
pub struct Writer {
    name: String,
    config: LineFile,
    journal: Journal,
    /// When the current file is full of age.
    rotate_at: Option<Instant>,
    backoff: Backoff,
    stored_lines: IntCounter,
    stored_bytes: IntCounter,
    retries: IntCounter,
    files_deleted: IntCounter,
    write_seconds: Histogram,
    metrics: Arc<Metrics>,
}

impl Writer {
    /// A writer into the folder of `config`, which is made if absent; files that a crash left behind are finished. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open(name: &str, config: &LineFile, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let journal = Journal::open(config)?;
        let disk = RetryReason::Disk.as_str();
        Ok(Self {
            name: name.to_owned(),
            config: config.clone(),
            journal,
            rotate_at: None,
            backoff: Backoff::new(MAX_BACKOFF),
            stored_lines: metrics.stored_lines.with_label_values(&[name]),
            stored_bytes: metrics.stored_bytes.with_label_values(&[name]),
            retries: metrics.retries.with_label_values(&[name, disk]),
            files_deleted: metrics.files_deleted.with_label_values(&[name]),
            write_seconds: metrics.write_seconds.with_label_values(&[name]),
            metrics: Arc::clone(metrics),
        })
    }

    /// Works until `input` has ended and everything is on the disk. Aborting it drops what is not settled.
    pub async fn run(self, input: mpsc::Receiver<Share>) {
        let name = self.name.clone();
        if let Err(error) = self.work(input).await {
            // What was not settled is delivered again, to whoever runs next.
            error!(sink = name, %error, "the file sink has ended badly");
        }
    }

    async fn work(mut self, mut input: mpsc::Receiver<Share>) -> Result<(), JoinError> {
        loop {
            let rotate_at = self.rotate_at;
            let first = tokio::select! {
                share = input.recv() => match share {
                    Some(share) => share,
                    None => break,
                },
                () = sleep_until(rotate_at) => {
                    self = self.rotate().await?;
                    continue;
                }
            };
            let group = gather(first, &mut input, GROUP_BYTES.min(self.room()));
            self = self.store(group).await?;
        }
        if self.journal.has_file() {
            self.rotate().await?;
        }
        Ok(())
    }

    fn room(&self) -> usize {
        usize::try_from(self.config.max_bytes).unwrap_or(usize::MAX)
    }

    /// Writes `group` until the disk has it.
    async fn store(mut self, group: Vec<Share>) -> Result<Self, JoinError> {
        let segments = group.iter().flat_map(|share| share.batch().segments.iter());
        let segments: Arc<[Bytes]> = segments.cloned().collect();
        let mut failures = 0;
        loop {
            let started = Instant::now();
            let data = Arc::clone(&segments);
            let written;
            (self, written) = self
                .block(move |journal| journal.commit(&data, SystemTime::now()))
                .await?;
            match written {
                Ok(()) => {
                    self.write_seconds.observe(started.elapsed().as_secs_f64());
                    break;
                }
                Err(error) => {
                    failures += 1;
                    self.retries.inc();
                    let said = format!("{}: {error}", self.name);
                    self.metrics
                        .errors
                        .record(Stage::Sink.as_str(), SystemTime::now(), &said);
                    let pause = self.backoff.pause(failures, fastrand::f64());
                    error!(sink = self.name, %error, ?pause, "the disk takes no data; nothing is lost, the write is tried again");
                    tokio::time::sleep(pause).await;
                }
            }
        }
        // The batches' buffers are used again once nothing else looks at them.
        drop(segments);
        for share in group {
            self.stored_lines.inc_by(share.batch().lines as u64);
            self.stored_bytes.inc_by(share.batch().bytes as u64);
            share.stored().await;
        }
        if self.rotate_at.is_none() {
            self.rotate_at = Some(Instant::now() + self.config.max_age);
        }
        if self.journal.is_full() {
            self = self.rotate().await?;
        }
        Ok(self)
    }

    /// Finishes the current file. What is in it is on the disk already, so that a failure costs only time.
    async fn rotate(self) -> Result<Self, JoinError> {
        let (mut this, rotated) = self.block(|journal| journal.finish()).await?;
        match rotated {
            Ok(deleted) => {
                this.files_deleted.inc_by(deleted as u64);
                this.rotate_at = None;
            }
            Err(error) => {
                warn!(sink = this.name, %error, "a file could not be finished yet");
                this.rotate_at = Some(Instant::now() + MAX_BACKOFF);
            }
        }
        Ok(this)
    }

    /// Does `job` on a thread where it may block.
    async fn block<T: Send + 'static>(
        mut self,
        job: impl FnOnce(&mut Journal) -> T + Send + 'static,
    ) -> Result<(Self, T), JoinError> {
        tokio::task::spawn_blocking(move || {
            let result = job(&mut self.journal);
            (self, result)
        })
        .await
    }
}

async fn sleep_until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

/// `first` and what waits behind it.
fn gather(first: Share, input: &mut mpsc::Receiver<Share>, limit: usize) -> Vec<Share> {
    let mut bytes = first.batch().bytes;
    let mut group = vec![first];
    while group.len() < GROUP && bytes < limit {
        let Ok(share) = input.try_recv() else { break };
        bytes += share.batch().bytes;
        group.push(share);
    }
    group
}
