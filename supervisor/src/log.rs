//! Lines of jobs and checks, and the supervisor's own records, come in; one thread writes them out. Nothing that calls in here waits
//! for the output but the lines of jobs: their pipes fill up, and they wait. The supervisor's own records lose, and are counted.

/// A stream of bytes to lines.
pub mod lines;
/// A record to bytes.
mod format;
/// From `tracing` to records.
mod layer;
/// Where the bytes go.
pub mod output;
/// What is logged.
mod record;
/// The thread.
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{Semaphore, mpsc};
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt as _;

use self::layer::Records;
use self::output::Output;
use self::record::Record;
use self::writer::{Ended, Entry, Writer};
use crate::config::{LogFormat, LogOutput, Logging};

/// Bytes of lines that wait for the output: what does not fit waits in the pipe of its job.
const LINE_BYTES: usize = 1024 * 1024;
/// What a line counts at least: its record takes memory, too.
const LINE_COST: usize = 1024;
/// The supervisor's own records that wait for the output. The newest is lost.
const RECORDS: usize = 512;
/// Lines that wait have their places beside the records, so that a job that floods the log takes none of theirs.
const QUEUE: usize = RECORDS + LINE_BYTES / LINE_COST;
/// How long the output may take for what waits when the supervisor ends.
const FLUSH: Duration = Duration::from_secs(2);

/// Why there is no log, or not as asked for.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file.
    #[error("logging.output: cannot open {}: {error}; name a file that can be written", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Standard output or standard error.
    #[error("logging.output: cannot use {name}: {error}; name a file instead")]
    Standard {
        /// Which.
        name: &'static str,
        /// What the system says.
        error: std::io::Error,
    },
    /// The thread.
    #[error("cannot start the thread that writes the log: {0}")]
    Thread(std::io::Error),
    /// Somebody else takes this process's records.
    #[error("a log was started before")]
    Started,
}

/// Whose a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// A job or its check.
    pub kind: Kind,
    /// The job's name.
    pub name: Arc<str>,
    /// The process that wrote it, or its leader.
    pub pid: u32,
}

/// Who writes lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A job's own process.
    Job,
    /// A job's check.
    Check,
}

/// The way to the log; clones lead to the same.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: mpsc::Sender<Entry>,
    line_bytes: Arc<Semaphore>,
    level: AtomicU8,
    orders: Mutex<Orders>,
    losses: Arc<Losses>,
}

/// What the thread is to do before it writes on; the latest word counts.
#[derive(Debug, Default)]
struct Orders {
    format: Option<LogFormat>,
    output: Option<Output>,
    reopen: Option<Reopen>,
    close: Option<Close>,
}

#[derive(Debug)]
struct Reopen;

#[derive(Debug)]
struct Close;

/// Records that were not written.
#[derive(Debug, Default)]
struct Losses {
    total: AtomicU64,
    /// Those that the log has not told of yet.
    unsaid: AtomicU64,
}

impl Losses {
    fn add(&self, count: u64) {
        self.total.fetch_add(count, Ordering::Relaxed);
        self.unsaid.fetch_add(count, Ordering::Relaxed);
    }
}

/// Dropped, it waits until what was logged is written, two seconds at most.
#[derive(Debug)]
#[must_use = "dropped, it ends the log"]
pub struct Guard {
    log: Log,
    ended: Arc<Ended>,
}

impl Log {
    /// Starts the log and makes it that of the process: `tracing::info!(job = "app", pid = 12, "text")` becomes a record.
    ///
    /// # Errors
    /// See [`Self::open`]; and [`LogError::Started`] the second time.
    pub fn start(logging: &Logging) -> Result<(Self, Guard), LogError> {
        let (log, guard) = Self::open(logging)?;
        tracing::subscriber::set_global_default(log.subscriber()).map_err(|_| LogError::Started)?;
        Ok((log, guard))
    }

    /// Starts a log beside that of the process.
    ///
    /// # Errors
    /// [`LogError`] when the output cannot be opened, or no thread can be had.
    pub fn open(logging: &Logging) -> Result<(Self, Guard), LogError> {
        let output = Output::open(&logging.output)?;
        let (sender, queue) = mpsc::channel(QUEUE);
        let log = Self {
            shared: Arc::new(Shared {
                queue: sender,
                line_bytes: Arc::new(Semaphore::new(LINE_BYTES)),
                level: AtomicU8::new(rank(logging.level)),
                orders: Mutex::default(),
                losses: Arc::default(),
            }),
        };
        let ended = Arc::new(Ended::default());
        let writer = Writer::new(
            queue,
            Arc::downgrade(&log.shared),
            Arc::clone(&log.shared.losses),
            logging.format,
            output,
        );
        writer.start(Arc::clone(&ended)).map_err(LogError::Thread)?;
        let guard = Guard {
            log: log.clone(),
            ended,
        };
        Ok((log, guard))
    }

    /// What turns `tracing` events into records of this log.
    pub fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + 'static {
        tracing_subscriber::registry().with(Records::new(self.clone()))
    }

    /// One line of a job's or a check's output, without its line end. Waits for room. Lines are records at INFO: a level above hides
    /// them, as it does in ContainerPilot.
    pub async fn line(&self, origin: &Origin, text: &[u8]) {
        if !self.shows(Level::INFO) {
            return;
        }
        let record = Record::line(OffsetDateTime::now_utc(), origin, text);
        let cost = u32::try_from(text.len().clamp(LINE_COST, LINE_BYTES)).unwrap_or(u32::MAX);
        let shared = &self.shared;
        let place = Arc::clone(&shared.line_bytes)
            .acquire_many_owned(cost)
            .await;
        let entry = Entry::Record {
            record,
            place: place.ok(),
        };
        if shared.queue.send(entry).await.is_err() {
            shared.losses.add(1);
        }
    }

    /// Takes another level, format and output for all that is written from now on.
    ///
    /// # Errors
    /// [`LogError`] when the output cannot be opened; then nothing changes.
    pub fn change(&self, logging: &Logging) -> Result<(), LogError> {
        let output = Output::open(&logging.output)?;
        self.order(|orders| {
            orders.format = Some(logging.format);
            orders.output = Some(output);
        });
        self.shared
            .level
            .store(rank(logging.level), Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }

    /// Opens the file again, for what is written from now on: somebody moved it.
    pub fn reopen(&self) {
        self.order(|orders| orders.reopen = Some(Reopen));
    }

    /// Records that were not written so far, because the output was too slow or refused them.
    pub fn lost(&self) -> u64 {
        self.shared.losses.total.load(Ordering::Relaxed)
    }

    /// Whether records of this level are written.
    fn shows(&self, level: Level) -> bool {
        rank(level) <= self.shared.level.load(Ordering::Relaxed)
    }

    /// One of the supervisor's own.
    fn record(&self, record: Record) {
        let entry = Entry::Record {
            record,
            place: None,
        };
        if self.shared.queue.try_send(entry).is_err() {
            self.shared.losses.add(1);
        }
    }

    fn order(&self, say: impl FnOnce(&mut Orders)) {
        say(&mut self.shared.orders());
        // When the queue is full, the thread has something to do and looks for orders first.
        if let Err(mpsc::error::TrySendError::Closed(_)) = self.shared.queue.try_send(Entry::Look) {
            tracing::debug!("the log has ended");
        }
    }
}

impl Shared {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders
            .lock()
            .expect("nothing that can panic runs under this lock")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.log.order(|orders| orders.close = Some(Close));
        self.ended.wait(FLUSH);
    }
}

/// The more is shown, the higher.
fn rank(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// The level of which this is the rank; the highest if there is none.
fn level_of(rank: u8) -> Level {
    match rank {
        1 => Level::ERROR,
        2 => Level::WARN,
        3 => Level::INFO,
        4 => Level::DEBUG,
        _ => Level::TRACE,
    }
}

/// What the file is called that a configuration names, for messages.
fn named(output: &LogOutput) -> String {
    match output {
        LogOutput::Stdout => "standard output".to_owned(),
        LogOutput::Stderr => "standard error".to_owned(),
        LogOutput::File(path) => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests;
