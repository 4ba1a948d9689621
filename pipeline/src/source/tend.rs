//! What an ack-all lane needs beside its session, as long as anything of it is in hand: the server's word when in doubt, acks that
//! this sets free, and the sign that slow messages are worked on.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, warn};

use super::lane::Lane;
use crate::bus::Bus;
use crate::metrics::Metrics;

/// How often a lane is looked after. A lane that is in doubt acks nothing, so that this is also how long a doubt lasts at least.
const LOOK: Duration = Duration::from_millis(250);
/// For how long the last doubts of a lane that is given back may be waited for: what is left comes again, to its next owner.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Looks after one lane.
#[derive(Debug)]
pub(crate) struct Tender {
    pub(crate) bus: Bus,
    pub(crate) lane: Arc<Lane>,
    pub(crate) stream: String,
    pub(crate) consumer: String,
    pub(crate) ack_wait: Duration,
    pub(crate) metrics: Arc<Metrics>,
}

impl Tender {
    /// Never ends.
    pub(crate) async fn run(&self) {
        let mut looks = interval(LOOK);
        let mut prolong = interval(self.ack_wait / 3);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        prolong.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => self.look().await,
                _ = prolong.tick() => self.prolong().await,
            }
        }
    }

    /// After the last delivery: until everything in hand is stored or given up.
    pub(crate) async fn finish(&self) {
        let all_stored = async {
            while self.lane.held() > 0 {
                tokio::time::sleep(LOOK / 5).await;
            }
        };
        tokio::select! {
            () = self.run() => {}
            () = all_stored => {}
        }
        let deadline = Instant::now() + LAST_WORD;
        while self.lane.asks().is_some() && Instant::now() < deadline {
            self.look().await;
            tokio::time::sleep(LOOK / 5).await;
        }
        self.look().await;
        if let Err(error) = self.bus.flush().await {
            debug!(%error, consumer = self.consumer, "the last ack may not have reached the server");
        }
    }

    async fn look(&self) {
        if let Some(question) = self.lane.asks()
            && self.bus.is_connected()
        {
            match self.bus.counts(&self.stream, &self.consumer).await {
                Ok(counts) => self.lane.confirm(question, counts),
                Err(error) => debug!(%error, "no word on what is pending"),
            }
        }
        let (reply, acked) = self.lane.due();
        if let Some(reply) = reply
            && let Err(error) = self.bus.ack(reply).await
        {
            warn!(%error, "an ack could not be sent: its messages will be delivered again");
            return;
        }
        self.metrics.acked.inc_by(acked);
    }

    async fn prolong(&self) {
        for reply in self.lane.prolong() {
            // A closed connection shows elsewhere; the worst here is a redelivery.
            if self.bus.prolong(reply).await.is_ok() {
                self.metrics.prolonged.inc();
            }
        }
    }
}
