//! A queue group on core subjects in, chunks of deliveries out. At most once by nature: what comes faster than the path takes
//! it is dropped, here when as many bytes are held as may be and by the client when its queues are full; counted exactly and said
//! once per interval. The limit in bytes is ours, because the client's is one of messages, of whatever size.
//!
//! Its connection must carry nothing else: the count rests on it (see `drops`).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::{Message, Subscriber};
use futures_util::{FutureExt, StreamExt};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::arrivals::Arrivals;
use super::drops::{Drops, Queues};
use super::handoff::Handoff;
use super::merged::Merged;
use super::said::Said;
use crate::bus::{Bus, BusError};
use crate::config::Core;
use crate::delivery::{Ack, Attempt, CHUNK, Delivery, Stamp};
use crate::metrics::Metrics;

/// How often a subscription that the server refuses is asked for again: somebody may have allowed it.
const AGAIN: Duration = Duration::from_secs(5);
/// How often the client's account is compared with ours.
const LOOK: Duration = Duration::from_millis(50);

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
    pub async fn run(self, handoff: Handoff, stop: CancellationToken) -> Result<(), BusError> {
        let mut subscriptions = Vec::new();
        for pattern in &self.patterns {
            subscriptions.push(
                self.bus
                    .queue_subscribe(pattern, &self.config.queue_group)
                    .await?,
            );
        }
        let mut messages = Merged::new(subscriptions);
        let capacity = (self.config.capacity * self.patterns.len()) as u64;
        let mut hands = Hands {
            handoff,
            drops: Drops::new(capacity),
            arrivals: Arrivals::default(),
        };
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut report = interval(self.config.report_interval);
        let mut again = interval(AGAIN);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut said = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                handed = hands.handoff.hand_over(), if !hands.handoff.is_empty() => if handed.is_err() { return Ok(()) },
                message = messages.next() => {
                    let Some(message) = message else { break };
                    self.take_together(message, &mut messages, &mut hands);
                }
                _ = looks.tick() => self.look(&mut messages, &mut hands),
                _ = again.tick() => self.subscribe_again(&mut messages).await?,
                _ = report.tick() => said = self.say(said),
            }
            self.metrics
                .held_bytes
                .set(i64::try_from(hands.handoff.bytes()).unwrap_or(i64::MAX));
        }
        for subscription in messages.iter_mut() {
            subscription.drain().await.ok();
        }
        while let Ok(Some(message)) =
            tokio::time::timeout(Duration::from_secs(1), messages.next()).await
        {
            self.take_together(message, &mut messages, &mut hands);
        }
        // The queues are dry and closed: what was carried and has not come is lost.
        let lost = hands.drops.end(self.bus.messages_in());
        self.metrics.dropped.inc_by(lost);
        self.say(said);
        // Dropping the handoff is the end of input.
        hands.handoff.hand_over_all().await.ok();
        Ok(())
    }

    /// In place of the subscriptions that the server refuses: it does not come back to them by itself.
    async fn subscribe_again(&self, messages: &mut Subscriptions) -> Result<(), BusError> {
        // In their order: none ends before the connection does.
        for (pattern, subscription) in self.patterns.iter().zip(messages.iter_mut()) {
            if self.bus.is_deaf_to(pattern) {
                let group = &self.config.queue_group;
                *subscription = self.bus.queue_subscribe(pattern, group).await?;
            }
        }
        Ok(())
    }

    /// Takes `first` and what else is there already: one turn of the loop, one look at the clock and one count for many messages.
    fn take_together(&self, first: Message, messages: &mut Subscriptions, hands: &mut Hands) {
        hands.arrivals.at(now());
        let (mut count, mut taken, mut bytes) = (0, 0, 0);
        let mut next = Some(first);
        while let Some(message) = next {
            count += 1;
            if hands.handoff.bytes() < self.config.buffer {
                taken += 1;
                bytes += message.payload.len() as u64;
                hands.take(message);
            }
            if count == CHUNK as u64 {
                break;
            }
            next = at_once(messages);
        }
        hands.drops.received(count);
        self.metrics.received.inc_by(taken);
        self.metrics.received_bytes.inc_by(bytes);
        self.metrics.dropped.inc_by(count - taken);
    }

    fn look(&self, messages: &mut Subscriptions, hands: &mut Hands) {
        let carried = self.bus.messages_in();
        // Looking takes messages.
        let queues = match at_once(messages) {
            Some(message) => {
                self.take_together(message, messages, hands);
                Queues::Busy
            }
            None => Queues::Empty,
        };
        self.metrics
            .dropped
            .inc_by(hands.drops.look(carried, queues));
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

/// The connection's subscriptions.
type Subscriptions = Merged<Subscriber>;

/// What the source has received, and its accounts.
struct Hands {
    handoff: Handoff,
    drops: Drops,
    arrivals: Arrivals,
}

impl Hands {
    fn take(&mut self, message: Message) {
        let said = Said::by(message.headers.as_ref());
        self.handoff.hold(Delivery {
            subject: message.subject,
            payload: message.payload,
            declared: said.encoding,
            stamp: said.stamp(Stamp {
                time: self.arrivals.stamp(),
                sequence: None,
                attempt: Attempt::First,
            }),
            ack: Ack::none(),
        });
    }
}

/// A message that is there already. Without the runtime's budget, which when used up makes a full queue look empty.
fn at_once(messages: &mut Subscriptions) -> Option<Message> {
    tokio::task::unconstrained(messages.next())
        .now_or_never()
        .flatten()
}

/// Core NATS has no time of its own: lines without a timestamp get that of their arrival.
fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
