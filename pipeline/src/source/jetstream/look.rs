//! A look at the consumer and its stream from time to time: how far behind it is goes to the status, damage to wherever it is told.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::admin::status::Lag;
use crate::bus::Bus;
use crate::config::JetStream;
use crate::console::LastLag;
use crate::source::history::History;
use crate::source::portion::Portion;

/// How often the consumer and the stream's history are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Looks at the consumer and its stream from time to time, for the lag and for signs of damage.
pub(super) struct Looker {
    pub(super) bus: Bus,
    pub(super) config: JetStream,
    pub(super) history: Arc<History>,
    pub(super) pending: Arc<Portion>,
    pub(super) lag: LastLag,
}

impl Looker {
    /// Never ends.
    pub(super) async fn run(self) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if !self.bus.is_connected() {
                continue;
            }
            // An unavailable server shows in the source itself; an absent consumer is made anew by the next session.
            let Ok(Some(state)) = self.history.regular_look().await else {
                continue;
            };
            self.pending.set(state.pending);
            *self.lag.lock().expect("no holder panics") = Some(Lag {
                stream: self.config.stream.clone(),
                consumer: self.config.consumer.clone(),
                pending: state.pending,
                ack_pending: state.ack_pending,
                ack_floor: state.ack_floor,
            });
        }
    }
}
