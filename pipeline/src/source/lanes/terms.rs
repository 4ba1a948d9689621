//! What a divided stream must have on the server, seen to before anything is read and again from time to time: the stream, its
//! transform, the bucket of the leases; and which lanes there are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::bus::{Bucket, Bus, Cell, Division, EnsureError, Existed, StreamSpec};
use crate::config::{JetStream, Partitions};
use crate::source::jetstream::Owned;
use crate::source::plan::{self, Extent, Found, Lane};

/// How often former lanes are looked for.
const LOOK: Duration = Duration::from_secs(5);
/// The smallest budget of a lane: one pull.
const LEAST: usize = 64 * 1024;
/// So many batches must fit into what a lane may have un-acked, as in the whole configuration: others would never fill.
const BATCHES: usize = 2;

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// Nothing that was not known.
    AsBefore,
    /// There may be other lanes, or a bucket where there was none.
    Anew,
}

/// Whether what is needed was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Footing {
    /// It was.
    Sure,
    /// Not yet, or something of it may be gone.
    Unsure,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Terms {
    bus: Bus,
    config: JetStream,
    partitions: Partitions,
    stream: StreamSpec,
    prefix: String,
    leases: Option<Cell>,
    footing: Footing,
    lanes: Vec<Lane>,
    start: Option<u64>,
    /// Those that start at the beginning all the same.
    new: BTreeSet<String>,
    looked: Option<Instant>,
    batch_lines: usize,
}

impl Terms {
    pub(super) fn new(
        bus: Bus,
        config: JetStream,
        partitions: Partitions,
        stream: StreamSpec,
        prefix: String,
    ) -> Self {
        Self {
            bus,
            config,
            partitions,
            stream,
            prefix,
            leases: None,
            footing: Footing::Unsure,
            lanes: Vec::new(),
            start: None,
            new: BTreeSet::new(),
            looked: None,
            batch_lines: 0,
        }
    }

    /// The most lines in a batch.
    pub(super) fn with_batches_of(mut self, lines: usize) -> Self {
        self.batch_lines = lines;
        self
    }

    /// The bucket, once it is there.
    pub(super) fn leases(&self) -> Option<Cell> {
        self.leases.clone()
    }

    /// The bucket may be gone: with the next look, everything is seen to again.
    pub(super) fn doubt(&mut self) {
        self.footing = Footing::Unsure;
        self.looked = None;
    }

    pub(super) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter()
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        self.lanes.iter().map(|lane| lane.name.clone()).collect()
    }

    pub(super) fn stream(&self) -> &StreamSpec {
        &self.stream
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A lane that has just become ours.
    pub(super) fn own(&self, name: &str) -> Option<Owned> {
        let lane = self.lanes.iter().find(|lane| lane.name == name)?;
        Some(Owned {
            lane: Arc::default(),
            plan: lane.clone(),
            description: plan::description(&self.config.consumer),
            start: self.start.filter(|_| !self.new.contains(name)),
        })
    }

    /// The configuration of one lane's consumer, with its share of the memory.
    pub(super) fn config_of(&self, lane: &Lane) -> JetStream {
        JetStream {
            consumer: lane.consumer.clone(),
            prefetch_bytes: (self.config.prefetch_bytes / self.lanes.len().max(1)).max(LEAST),
            max_ack_pending: un_acked(
                self.config.max_ack_pending,
                self.lanes.len(),
                self.batch_lines,
            ),
            ..self.config.clone()
        }
    }

    /// Sees to everything, if it is time to. After an error the lanes are those last known; what only an operator mends is not
    /// looked at again at once.
    pub(super) async fn look(&mut self) -> Result<Looked, EnsureError> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(Looked::AsBefore);
        }
        let before = self.leases.is_some().then(|| self.names());
        let looked = self.see().await;
        let is_to_wait = !matches!(looked, Err(EnsureError::Unavailable { .. }));
        self.looked = is_to_wait.then(Instant::now);
        looked?;
        Ok(match before {
            Some(names) if names == self.names() => Looked::AsBefore,
            _ => Looked::Anew,
        })
    }

    async fn see(&mut self) -> Result<(), EnsureError> {
        if self.footing == Footing::Unsure {
            self.leases = Some(self.ensure().await?);
            self.footing = Footing::Sure;
        }
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        let subjects = &self.stream.subjects;
        let mut lanes = plan::lanes(&self.partitions, consumer, &self.prefix, subjects);
        let found = self.bus.found(stream, consumer).await?;
        self.start = plan::start(&found, consumer);
        if plan::takes_over(&found, &lanes, consumer) {
            self.start = Some(self.first_open(&found).await?);
        }
        let is_new = |lane: &&Lane| plan::is_new(lane, &found, consumer);
        let new = lanes.iter().filter(is_new);
        self.new = new.map(|lane| lane.name.clone()).collect();
        self.widen(&lanes, &found).await?;
        let left = plan::leftover(&self.partitions, &lanes, &found, consumer, &self.prefix);
        for lane in &left {
            if !self.lanes.contains(lane) {
                info!(
                    lane = lane.name,
                    "reading what is left in a former partition"
                );
            }
        }
        lanes.extend(left);
        self.lanes = lanes;
        Ok(())
    }

    /// The first message that somebody before has not acked, or else the next to come. A floor does not tell: it stands where the last
    /// message of its consumer was, which may be long ago, or never. Nor do the counts, which the server tells a moment late.
    async fn first_open(&self, found: &[Found]) -> Result<u64, EnsureError> {
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        let mut first = self.bus.stream_state(stream).await?.last_sequence + 1;
        for before in plan::before(found, consumer) {
            let next = before.ack_floor + 1;
            if next >= first {
                continue;
            }
            match self.bus.first_from(stream, next, &before.filters).await {
                Ok(open) => first = open.map_or(first, |open| first.min(open)),
                Err(error) => {
                    warn!(%error, consumer = before.name, "what it has acked is read again");
                    first = next;
                }
            }
        }
        Ok(first)
    }

    /// Whoever owns them: what a new mapping names must not pass a consumer by until a worker that has it is the owner.
    async fn widen(&self, lanes: &[Lane], found: &[Found]) -> Result<(), EnsureError> {
        let ours = plan::description(&self.config.consumer);
        for lane in lanes.iter().filter(|lane| lane.extent == Extent::Growing) {
            let narrow = |found: &&Found| {
                found.name == lane.consumer
                    && found.description == ours
                    && !plan::suits(found, lane, &ours)
            };
            if found.iter().any(|found| narrow(&found)) {
                self.bus.widen(&self.config.stream, lane).await?;
                let (consumer, subjects) = (&lane.consumer, &lane.filters);
                info!(consumer, ?subjects, "the consumer takes new subjects, too");
            }
        }
        Ok(())
    }

    async fn ensure(&self) -> Result<Cell, EnsureError> {
        let stream = &self.config.stream;
        if self.bus.ensure_stream(&self.stream).await? == Existed::Created {
            info!(stream, subjects = ?self.stream.subjects, "created the stream");
        }
        self.bus.ensure_lanes_are_safe(stream).await?;
        match self.partitions {
            Partitions::Hashed(count) if count > 1 => {
                let consumer = &self.config.consumer;
                let ensured = self
                    .bus
                    .ensure_divided(stream, consumer, &self.prefix, count);
                if ensured.await? == Division::Changed {
                    warn!(
                        stream,
                        count, "the stream now stores subjects by partition (subject transform)"
                    );
                }
            }
            Partitions::Hashed(_) => {}
            Partitions::Filters(_) => self.bus.ensure_undivided(stream).await?,
        }
        // One bucket a stream and one key a consumer: put together into one name, two of them could be the same.
        let consumer = &self.config.consumer;
        self.bus.cell(Bucket::Lanes, stream, consumer).await
    }
}

/// What one of so many lanes may have un-acked of `all`: its owner remembers each message while it is in doubt.
fn un_acked(all: i64, lanes: usize, batch_lines: usize) -> i64 {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let least = number(batch_lines.saturating_mul(BATCHES));
    (all / number(lanes).max(1)).max(least).clamp(1, all.max(1))
}

#[cfg(test)]
mod tests {
    use super::un_acked;

    #[test]
    fn lanes_share_what_may_be_un_acked_and_each_can_fill_two_batches() {
        assert_eq!(un_acked(65_536, 1, 5_000), 65_536);
        assert_eq!(un_acked(65_536, 5, 5_000), 13_107);
        assert_eq!(un_acked(65_536, 65, 5_000), 10_000);
        assert_eq!(un_acked(65_536, 0, 5_000), 65_536);
        assert_eq!(un_acked(100, 65, 0), 1);
    }
}
