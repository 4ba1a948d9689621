//! What a source knows of its stream's history: the watch over it, begun with what was remembered, and kept for whoever comes next.
//! Looks at the server come in; what was damaged is told.
//!
//! A mark is read, then the server is looked at, then the mark is replaced: so each mark was seen after the one before, whoever wrote
//! them, and workers that share a consumer need no common clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::damage::{Damage, Kind, Toll, tell};
use super::era::Eras;
use super::mark::{Keeper, Mark, Read};
use super::watch::{Resume, Watch};
use crate::bus::{Bus, ConsumerState, EnsureError, Existed, StreamState, Written};
use crate::config::JetStream;
use crate::metrics::Metrics;

/// How often a mark is replaced at most. What happens in the last of these before a crash is compared with a state that is so old.
const KEEP: Duration = Duration::from_secs(10);
/// Before a second look at what may be a server that has not caught up.
const AGAIN: Duration = Duration::from_millis(300);

/// See the module.
#[derive(Debug)]
pub(super) struct History {
    bus: Bus,
    config: JetStream,
    metrics: Arc<Metrics>,
    eras: Eras,
    watch: Mutex<Watch>,
    memory: AsyncMutex<Memory>,
    /// Held while the consumer may be made: what is seen meanwhile would be taken for somebody else's doing.
    making: AsyncMutex<()>,
}

#[derive(Debug)]
struct Memory {
    keeper: Keeper,
    recalled: Recalled,
    /// The mark's revision when it was last read or written here.
    revision: u64,
    /// One look too low may be a server that has not caught up.
    fallen: Option<u64>,
    kept: Option<(Instant, ConsumerState)>,
    /// When the last state was seen, by whoever saw it.
    age: Option<(Instant, Duration)>,
    failed: Failed,
}

/// Whether the mark was read since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recalled {
    Yes,
    No,
}

/// Whether it was said that nothing can be remembered: once, until it works again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    Said,
    No,
}

impl History {
    /// Of the consumer of `config`.
    pub(super) fn new(bus: Bus, config: JetStream, metrics: Arc<Metrics>, eras: Eras) -> Self {
        let memory = Memory {
            keeper: Keeper::of(&bus, &config),
            recalled: Recalled::No,
            revision: 0,
            fallen: None,
            kept: None,
            age: None,
            failed: Failed::No,
        };
        Self {
            bus,
            config,
            metrics,
            eras,
            watch: Mutex::default(),
            memory: AsyncMutex::new(memory),
            making: AsyncMutex::default(),
        }
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the regular looks away until it is dropped.
    pub(super) async fn making(&self) -> AsyncMutexGuard<'_, ()> {
        self.making.lock().await
    }

    /// A regular look.
    pub(super) async fn regular_look(&self) -> Result<Option<ConsumerState>, EnsureError> {
        let _nobody_makes_it = self.making.lock().await;
        let seen = self.look().await?;
        if seen.is_none() {
            self.watch().misses();
        }
        Ok(seen)
    }

    /// Whether a regular look has not found the consumer. Whoever asks for nothing, because the stores are away, learns it in no other
    /// way.
    pub(super) fn is_gone(&self) -> bool {
        self.watch().is_gone()
    }

    /// The eras of what comes.
    pub(super) fn eras(&self) -> &Eras {
        &self.eras
    }

    /// Says it.
    pub(super) fn tell(&self, damage: Damage) {
        if damage.kind.ends_era() {
            self.eras.end();
        }
        tell(
            &self.metrics,
            &self.config.stream,
            &self.config.consumer,
            damage,
        );
    }

    /// Before the consumer is touched: takes over what was remembered, the first time. That it cannot be read must not stop the data.
    pub(super) async fn recall(&self) {
        let mut memory = self.memory.lock().await;
        if memory.recalled == Recalled::No
            && let Some(read) = memory.read().await
        {
            self.take(&mut memory, &read);
        }
    }

    fn take(&self, memory: &mut Memory, read: &Read) {
        memory.recalled = Recalled::Yes;
        memory.revision = read.revision;
        if let Some(mark) = &read.mark {
            let since = mark.age(SystemTime::now());
            memory.age = Some((Instant::now(), since));
            let damage = self.watch().remember(mark.state.clone(), since);
            if let Some(damage) = damage {
                self.tell(damage);
            }
        }
    }

    /// Where a consumer that is not there has to start.
    pub(super) async fn resume(&self, stream: StreamState) -> Resume {
        let age = self.memory.lock().await.age;
        let since = age.map_or(Duration::ZERO, |(at, before)| at.elapsed() + before);
        self.watch().resume(stream, since)
    }

    /// The consumer is there: found, or just made by us, in a stream that was like this before.
    pub(super) async fn ensured(
        &self,
        existed: Existed,
        stream: StreamState,
    ) -> Result<(), EnsureError> {
        match existed {
            Existed::Before => self.watch().found(stream),
            Existed::Created => {
                self.watch().made(stream);
                self.memory.lock().await.kept = None;
            }
        }
        self.first_look().await
    }

    /// Looks before anything is asked for: later, redeliveries hide what is missing, and what is not seen now is not remembered if this
    /// process is killed.
    async fn first_look(&self) -> Result<(), EnsureError> {
        self.look().await?;
        if self.watch().suspects() {
            tokio::time::sleep(AGAIN).await;
            self.look().await?;
        }
        Ok(())
    }

    /// Looks at the consumer and its stream, says what is damaged, and keeps what was seen if it is time to. `None`: there is no such
    /// consumer now.
    async fn look(&self) -> Result<Option<ConsumerState>, EnsureError> {
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        let mut memory = self.memory.lock().await;
        // There may be no stream yet, beside which it could be kept.
        if memory.recalled == Recalled::No
            && self.bus.consumer_state(stream, consumer).await?.is_none()
        {
            return Ok(None);
        }
        let before = if memory.is_due() {
            memory.read().await
        } else {
            None
        };
        if let Some(read) = &before {
            if memory.recalled == Recalled::No {
                self.take(&mut memory, read);
            }
            if let Some(damage) = memory.has_fallen(read) {
                self.tell(damage);
            }
        }
        let Some(state) = self.bus.consumer_state(stream, consumer).await? else {
            return Ok(None);
        };
        let asked = self.watch().asks(&state);
        let stored_at = match asked {
            Some(sequence) => self.stored_at(sequence).await,
            None => None,
        };
        let damage = self.watch().look(state.clone(), stored_at);
        if let Some(damage) = damage {
            self.tell(damage);
        }
        memory.age = Some((Instant::now(), Duration::ZERO));
        if let Some(read) = before
            && !self.watch().suspects()
        {
            memory.keep(&state, &read).await;
        }
        Ok(Some(state))
    }

    /// Who may not read single messages finds one kind of damage less.
    async fn stored_at(&self, sequence: u64) -> Option<i64> {
        let stream = &self.config.stream;
        match self.bus.time_of(stream, sequence).await {
            Ok(time) => time,
            Err(error) => {
                debug!(%error, "whether the stream was cut off and has grown again cannot be told");
                None
            }
        }
    }

    /// Keeps what is seen now, whenever that was done last.
    pub(super) async fn keep_now(&self) {
        self.memory.lock().await.kept = None;
        if let Err(error) = self.look().await {
            debug!(%error, "the last look failed: an older one is kept");
        }
    }
}

impl Memory {
    fn is_due(&self) -> bool {
        let rested = |(at, _): &(Instant, _)| at.elapsed() >= KEEP;
        self.kept.as_ref().is_none_or(rested)
    }

    async fn read(&mut self) -> Option<Read> {
        match self.keeper.read().await {
            Ok(read) => {
                self.failed = Failed::No;
                Some(read)
            }
            Err(error) => {
                if self.failed == Failed::No {
                    warn!(
                        %error,
                        "what happens to the stream while no worker runs will not be noticed: its history cannot be remembered \
                         (source.remember)"
                    );
                }
                self.failed = Failed::Said;
                // Not with every look.
                self.kept = Some((Instant::now(), ConsumerState::default()));
                None
            }
        }
    }

    /// Whether the mark has become older than it was here.
    fn has_fallen(&mut self, read: &Read) -> Option<Damage> {
        if !self.keeper.counts_revisions() || read.revision >= self.revision {
            self.revision = read.revision;
            self.fallen = None;
            return None;
        }
        self.fallen.replace(read.revision)?;
        let damage = Damage {
            kind: Kind::MemoryMovedBack,
            from: self.revision,
            to: read.revision,
            messages: Toll::Unknown,
        };
        self.revision = read.revision;
        self.fallen = None;
        Some(damage)
    }

    async fn keep(&mut self, state: &ConsumerState, read: &Read) {
        let unchanged = self.kept.as_ref().is_some_and(|(_, kept)| kept == state);
        // A mark that may be older than it should is not covered up before it was looked at again.
        if self.fallen.is_none() && !unchanged {
            let mark = Mark::of(state.clone(), SystemTime::now());
            match self.keeper.write(&mark, read).await {
                Ok(Written::Yes(revision)) => self.revision = revision,
                Ok(Written::No) => {}
                Err(error) => debug!(%error, "the stream's history is not kept this time"),
            }
        }
        self.kept = Some((Instant::now(), state.clone()));
    }
}
