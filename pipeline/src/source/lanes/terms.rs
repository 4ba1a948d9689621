//! What a divided stream must have on the server, seen to before anything is read and again from time to time: the stream, its
//! transform, the bucket of the leases; and which lanes there are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::bus::{Bus, Division, EnsureError, Existed, Leases, StreamSpec};
use crate::config::{JetStream, Partitions};
use crate::source::jetstream::Owned;
use crate::source::plan::{self, Lane};

/// How often former lanes are looked for.
const LOOK: Duration = Duration::from_secs(5);
/// The smallest budget of a lane: one pull.
const LEAST: usize = 64 * 1024;
/// So many batches must fit into what a lane may have un-acked, as in the whole configuration: others would never fill.
const BATCHES: usize = 2;

/// See the module.
#[derive(Debug)]
pub(super) struct Terms {
    bus: Bus,
    config: JetStream,
    partitions: Partitions,
    stream: StreamSpec,
    prefix: String,
    leases: Option<Leases>,
    lanes: Vec<Lane>,
    start: Option<u64>,
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
            lanes: Vec::new(),
            start: None,
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
    pub(super) fn leases(&self) -> Option<Leases> {
        self.leases.clone()
    }

    /// The bucket may be gone: it is seen to again.
    pub(super) fn forget(&mut self) {
        self.leases = None;
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
            start: self.start,
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

    /// Sees to everything, if it is time to.
    pub(super) async fn look(&mut self) -> Result<(), EnsureError> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(());
        }
        if self.leases.is_none() {
            self.leases = Some(self.ensure().await?);
        }
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        let found = self.bus.found(stream, consumer).await?;
        let subjects = &self.stream.subjects;
        let mut lanes = plan::lanes(&self.partitions, consumer, &self.prefix, subjects);
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
        self.start = plan::start(&found, consumer);
        self.lanes = lanes;
        self.looked = Some(Instant::now());
        Ok(())
    }

    async fn ensure(&self) -> Result<Leases, EnsureError> {
        let stream = &self.config.stream;
        if self.bus.ensure_stream(&self.stream).await? == Existed::Created {
            info!(stream, subjects = ?self.stream.subjects, "created the stream");
        }
        let replicas = self.bus.ensure_lanes_are_safe(stream).await?;
        match self.partitions {
            Partitions::Hashed(count) if count > 1 => {
                let ensured = self.bus.ensure_divided(stream, &self.prefix, count);
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
        let bucket = format!("lanes-{stream}-{}", self.config.consumer);
        self.bus.leases(&bucket, replicas).await
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
