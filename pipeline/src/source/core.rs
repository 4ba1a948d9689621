//! A queue group on core subjects in, chunks of deliveries out. At most once by nature: what comes faster than the path takes
//! it is dropped by the client, counted exactly and said once per interval.
//!
//! Its connection must carry nothing else: the count rests on it (see `drops`).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::Message;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::drops::{Drops, Queues};
use super::handoff::Handoff;
use super::jetstream::declared;
use super::merged::Merged;
use crate::bus::{Bus, BusError};
use crate::config::Core;
use crate::delivery::{Ack, Attempt, CHUNK, Declared, Delivery, Stamp};
use crate::metrics::Metrics;

/// How often the client's account is compared with ours.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes held here before the rest is left to the client's queues, which drop when full.
pub(crate) const HOLD: usize = 4 << 20;

/// Subscriptions of one queue group.
#[derive(Debug)]
pub struct Source {
    bus: Bus,
    config: Core,
    patterns: Vec<String>,
    metrics: Arc<Metrics>,
}

impl Source {
    /// For `patterns` (which must not overlap: each match is a copy) over a connection of its own.
    pub fn new(bus: Bus, config: Core, patterns: Vec<String>, metrics: Arc<Metrics>) -> Self {
        Self {
            bus,
            config,
            patterns,
            metrics,
        }
    }

    /// Hands over what is published until `stop`; then what was received by then.
    ///
    /// # Errors
    /// When a pattern cannot be subscribed to.
    pub async fn run(self, mut handoff: Handoff, stop: CancellationToken) -> Result<(), BusError> {
        let mut subscriptions = Vec::new();
        for pattern in &self.patterns {
            subscriptions.push(
                self.bus
                    .queue_subscribe(pattern, &self.config.queue_group)
                    .await?,
            );
        }
        let mut messages = Merged::new(subscriptions);
        let mut drops = Drops::new((self.config.capacity * self.patterns.len()) as u64);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut report = interval(self.config.report_interval);
        let mut said = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                handed = handoff.hand_over(), if !handoff.is_empty() => if handed.is_err() { return Ok(()) },
                message = messages.next(), if handoff.bytes() < HOLD => {
                    let Some(message) = message else { break };
                    self.take(message, &mut drops, &mut handoff);
                    for _ in 1..CHUNK {
                        let Some(Some(message)) = messages.next().now_or_never() else { break };
                        self.take(message, &mut drops, &mut handoff);
                    }
                }
                _ = looks.tick() => self.look(&mut messages, &mut drops, &mut handoff),
                _ = report.tick() => said = self.say(said),
            }
            self.metrics
                .held_bytes
                .set(i64::try_from(handoff.bytes()).unwrap_or(i64::MAX));
        }
        for subscription in messages.iter_mut() {
            subscription.drain().await.ok();
        }
        while let Ok(Some(message)) =
            tokio::time::timeout(Duration::from_secs(1), messages.next()).await
        {
            self.take(message, &mut drops, &mut handoff);
        }
        // The queues are dry and closed: what was carried and has not come is lost.
        let lost = drops.end(self.bus.messages_in());
        self.metrics.dropped.inc_by(lost);
        self.say(said);
        // Dropping the handoff is the end of input.
        handoff.hand_over_all().await.ok();
        Ok(())
    }

    fn take(&self, message: Message, drops: &mut Drops, handoff: &mut Handoff) {
        drops.received(1);
        self.metrics.received.inc();
        self.metrics
            .received_bytes
            .inc_by(message.payload.len() as u64);
        handoff.hold(Delivery {
            subject: message.subject,
            payload: message.payload,
            declared: message.headers.as_ref().map_or(Declared::Nothing, declared),
            stamp: Stamp {
                time: now(),
                sequence: None,
                attempt: Attempt::First,
            },
            ack: Ack::none(),
        });
    }

    fn look(
        &self,
        messages: &mut Merged<async_nats::Subscriber>,
        drops: &mut Drops,
        handoff: &mut Handoff,
    ) {
        let carried = self.bus.messages_in();
        if handoff.bytes() >= HOLD {
            // Looking takes a message, and there is no room for one.
            self.metrics
                .dropped
                .inc_by(drops.look(carried, Queues::Busy));
            return;
        }
        // Without the runtime's budget, which when used up makes a full queue look empty.
        let queues = match tokio::task::unconstrained(messages.next()).now_or_never() {
            Some(Some(message)) => {
                self.take(message, drops, handoff);
                Queues::Busy
            }
            _ => Queues::Empty,
        };
        self.metrics.dropped.inc_by(drops.look(carried, queues));
    }

    fn say(&self, said: u64) -> u64 {
        let dropped = self.metrics.dropped.get();
        if dropped > said {
            let more = dropped - said;
            warn!(
                more,
                total = dropped,
                "core messages were dropped: the worker is too slow; JetStream would keep them"
            );
        }
        dropped
    }
}

/// Core NATS has no time of its own: lines without a timestamp get that of their arrival.
fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
