//! Changes, results of checks and samples come in, messages on NATS go out: life-cycle in order and numbered, stored once by a stream that
//! takes it; health and metrics after it, only the latest of each check or series. Who hands something in never waits: what is not sent yet is kept
//! in bounded room, and what there is no room for is counted. NATS may be away, also at the start.
//!
//! What the server refuses for good is logged once for each cause, counted and dropped, so that it holds nothing up: a subject that we may
//! not publish to, a message larger than the server or the stream takes, a stream that is sealed. All else (no space, no leader, no answer)
//! is tried again, with pauses, until the ring overflows.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use flightline_contract::health::Health;
use flightline_contract::lifecycle::LifecycleChange;
use flightline_contract::metric::Sample;
use flightline_contract::value::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use crate::config::{self, PublishMetrics};
use crate::lifecycle::timestamp;
use message::{CAUSE_LIMIT, OUTPUT_LIMIT, cut};
use queue::Queue;

/// Changes in their order, one on its way at a time. Pure.
pub mod ring;
/// Which results of checks are published. Pure.
pub mod beat;
/// All that waits, and what is next. Pure.
pub mod queue;
/// What a metric shows, as samples.
pub mod sample;
/// Headers and payloads.
pub mod message;
/// What JetStream's answers mean. Pure.
pub mod answer;
/// Whether a stream takes our changes. Pure.
pub mod belief;
/// The one place that talks to NATS.
pub mod door;
/// Delivers what is next, over one connection after the other.
pub mod session;
/// The task: waits for a connection and for something to send.
pub mod task;

/// What is handed in, and the task that sends it. Dropped, it sends no more; see [`Publisher::drain`].
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
    wanted: watch::Sender<config::Nats>,
    task: AbortOnDropHandle<()>,
}

/// What the handle and the task share.
#[derive(Debug)]
pub struct Shared {
    queue: Mutex<Queue>,
    news: Notify,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue
            .lock()
            .expect("nothing that can panic runs under this lock")
    }
}

/// What became of all that was handed in, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Changes that arrived.
    pub published: u64,
    /// Changes that newer ones pushed out of the ring; nobody may have seen them.
    pub lost: u64,
    /// Changes that the server refuses for good.
    pub refused: u64,
    /// Changes that wait, with the one on its way.
    pub waiting: usize,
    /// Results and samples that were refused, that are no numbers, or of which there are too many series.
    pub dropped: u64,
}

/// What was left when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Changes that may not have arrived.
    pub changes: usize,
    /// Results and samples that did not.
    pub others: usize,
}

/// A word for this start of the process: with it, the sequence of a change is told from the same one of an earlier start.
pub fn process_id() -> String {
    format!("{:016x}", fastrand::u64(..))
}

impl Publisher {
    /// Starts to publish as `config` says, and connects in the background for ever. `process` is the same for the life of this process:
    /// [`process_id`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(config: &config::Nats, process: &str) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new(config.ring, config.beat)),
            news: Notify::new(),
        });
        let (wanted, newest) = watch::channel(config.clone());
        let task = task::run(newest, process.to_owned(), Arc::clone(&shared));
        Self {
            shared,
            wanted,
            task: AbortOnDropHandle::new(tokio::spawn(task)),
        }
    }

    /// Publishes as `config` says from now on. What waits is kept, counts go on, and no two connections publish at a time: what is on its way
    /// has two seconds to arrive, and what did not is sent again over the new connection, under the new subjects. A stream that has it
    /// already does not store it twice, unless the subjects are other ones. A smaller ring loses the oldest.
    pub fn change(&self, config: &config::Nats) {
        self.shared.queue().resize(config.ring, config.beat);
        self.wanted.send_replace(config.clone());
    }

    /// A change, in the order of its sequence. If too many wait, the oldest is lost and counted.
    pub fn lifecycle(&self, mut change: LifecycleChange<'static>) {
        cut(&mut change.cause, CAUSE_LIMIT);
        change.time = Some(change.time.unwrap_or_else(now));
        self.shared.queue().change(change);
        self.shared.news.notify_one();
    }

    /// A result. It is published if it is the first of its check, has another status than the last, or is due as a beat; of those that
    /// wait, only the latest.
    pub fn health(&self, mut health: Health<'static>) {
        if let Some(output) = &mut health.output {
            cut(output, OUTPUT_LIMIT);
        }
        health.time = Some(health.time.unwrap_or_else(now));
        self.shared.queue().health(health, Instant::now());
        self.shared.news.notify_one();
    }

    /// Samples; counters tell their total. Of those of one series that wait, only the latest is published. Nothing happens where the
    /// configuration keeps metrics local.
    pub fn metrics(&self, samples: impl IntoIterator<Item = Sample<'static>>) {
        if self.wanted.borrow().metrics == PublishMetrics::Local {
            return;
        }
        let now = now();
        let mut queue = self.shared.queue();
        for mut sample in samples {
            sample.time = sample.time.or(Some(now));
            queue.sample(sample);
        }
        drop(queue);
        self.shared.news.notify_one();
    }

    /// What became of all until now.
    pub fn counts(&self) -> Counts {
        let queue = self.shared.queue();
        let tally = queue.tally();
        Counts {
            published: tally.delivered,
            lost: tally.lost,
            refused: tally.refused,
            waiting: queue.left().0,
            dropped: queue.dropped(),
        }
    }

    /// Sends what waits, until `deadline`, and closes the connection.
    pub async fn drain(self, deadline: Instant) -> Drained {
        let Self { shared, task, .. } = self;
        shared.queue().end();
        shared.news.notify_one();
        // A task that only waits for a connection would not end by itself.
        if shared.queue().left() != (0, 0) {
            // Late or not, what is left is said below.
            timeout_at(deadline, task).await.ok();
        }
        let (changes, others) = shared.queue().left();
        Drained { changes, others }
    }
}

fn now() -> Timestamp {
    timestamp(SystemTime::now())
}
