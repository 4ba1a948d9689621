//! A look at the consumer and its stream from time to time: how far behind it is goes to the status, damage to the log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tracing::error;

use crate::admin::status::Lag;
use crate::bus::Bus;
use crate::config::JetStream;
use crate::console::LastLag;
use crate::metrics::Metrics;
use crate::source::portion::Portion;
use crate::source::watch::{Damage, Watch};

/// How often the consumer and the stream's history are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Looks at the consumer and its stream from time to time, for the lag and for signs of damage.
pub(super) struct Looker {
    pub(super) bus: Bus,
    pub(super) config: JetStream,
    pub(super) watch: Arc<Mutex<Watch>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) pending: Arc<Portion>,
    pub(super) lag: LastLag,
}

impl Looker {
    /// Never ends.
    pub(super) async fn run(self) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        loop {
            looks.tick().await;
            if !self.bus.is_connected() {
                continue;
            }
            // An unavailable server shows in the source itself; an absent consumer is made anew by the next session.
            let Ok(Some(state)) = self.bus.consumer_state(stream, consumer).await else {
                continue;
            };
            self.pending.set(state.pending);
            *self.lag.lock().expect("no holder panics") = Some(Lag {
                stream: stream.clone(),
                consumer: consumer.clone(),
                pending: state.pending,
                ack_pending: state.ack_pending,
                ack_floor: state.ack_floor,
            });
            let damage = self.watch.lock().expect("no holder panics").look(state);
            if let Some(damage) = damage {
                self.metrics.history_damage.inc();
                say(&self.config, &damage);
            }
        }
    }
}

/// Says what was found.
pub(super) fn say(config: &JetStream, damage: &Damage) {
    let (stream, consumer) = (&config.stream, &config.consumer);
    match damage {
        Damage::StreamReplaced => error!(
            stream,
            "the stream was deleted and made anew: what it held is gone"
        ),
        Damage::StreamShortened { from, to } => error!(
            stream,
            from, to, "the stream lost its end: sequences are used again"
        ),
        Damage::Purged { messages } => error!(
            stream,
            messages, "messages were removed before they were acknowledged"
        ),
        Damage::ConsumerReplaced => {
            error!(stream, consumer, "somebody else made the consumer anew")
        }
        Damage::AckFloorMovedBack { from, to } => {
            error!(
                stream,
                consumer, from, to, "the consumer forgot acks: messages will come again"
            );
        }
    }
}
