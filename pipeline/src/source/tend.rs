//! What an ack-all lane needs beside its session, as long as anything of it is in hand: the server's word when in doubt, acks that
//! this sets free, and the sign that slow messages are worked on.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, error, warn};

use super::lane::Lane;
use super::ledger::{Counts, Holes, Question};
use super::portion::Portion;
use crate::bus::{Bus, EnsureError};
use crate::metrics::Metrics;

/// How often a lane is looked after. A lane that is in doubt acks nothing, so that this is also how long a doubt lasts at least.
const LOOK: Duration = Duration::from_millis(250);
/// For how long the last doubts of a lane that is given back may be waited for: what is left comes again, to its next owner.
const LAST_WORD: Duration = Duration::from_secs(2);
/// How often a stream is looked through at most: with many subjects this can be a request for each message in hand.
const SEARCH: Duration = Duration::from_secs(1);
/// So many waits for an ack without any sign are no wait any more: what the server has pending comes again after one.
const TOO_LONG: u32 = 2;
/// So many signs go out in one go: their subjects take 80 bytes each.
const PIECE: usize = 1024;

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

/// How long a lane has been in doubt.
struct Doubt {
    /// The signs so far, and when the last one was seen.
    signs: Option<(u64, Instant)>,
    searched: Option<Instant>,
    stuck: Portion,
}

impl Doubt {
    fn new(metrics: &Metrics) -> Self {
        Self {
            signs: None,
            searched: None,
            stuck: Portion::of(&metrics.lanes_stuck),
        }
    }

    fn is_over(&mut self) {
        self.signs = None;
        self.stuck.set(0);
    }

    /// Since when there has been no sign that it goes on for a reason.
    fn since(&mut self, question: Question) -> Instant {
        let now = Instant::now();
        match self.signs {
            Some((signs, since)) if signs == question.signs => since,
            _ => {
                self.signs = Some((question.signs, now));
                self.stuck.set(0);
                now
            }
        }
    }
}

impl Tender {
    /// Never ends.
    pub(crate) async fn run(&self) {
        let mut doubt = Doubt::new(&self.metrics);
        let mut looks = interval(LOOK);
        let mut prolong = interval(self.ack_wait / 3);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        prolong.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => self.look(&mut doubt).await,
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
        let mut doubt = Doubt::new(&self.metrics);
        let deadline = Instant::now() + LAST_WORD;
        while self.lane.asks().is_some() && Instant::now() < deadline {
            self.look(&mut doubt).await;
            tokio::time::sleep(LOOK / 5).await;
        }
        self.look(&mut doubt).await;
        if let Err(error) = self.bus.flush().await {
            debug!(%error, consumer = self.consumer, "the last ack may not have reached the server");
        }
    }

    async fn look(&self, doubt: &mut Doubt) {
        match self.lane.asks() {
            None => doubt.is_over(),
            Some(question) if self.bus.is_connected() => {
                if let Err(error) = self.ask(question, doubt).await {
                    debug!(%error, "no word on what is pending");
                }
            }
            Some(_) => {}
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

    async fn ask(&self, question: Question, doubt: &mut Doubt) -> Result<(), EnsureError> {
        let (counts, filters) = self.bus.counts(&self.stream, &self.consumer).await?;
        self.lane.confirm(question, counts);
        let rested = doubt.searched.is_none_or(|last| last.elapsed() > SEARCH);
        if counts.holes == Holes::Some && self.lane.asks().is_some() && rested {
            // A search that cannot be made, for want of the right to, must not hide that the lane is stuck.
            if let Err(error) = self.search(question, counts, &filters).await {
                warn!(%error, consumer = self.consumer, "what was removed from the stream cannot be looked for");
            }
            doubt.searched = Some(Instant::now());
        }
        if let Some(question) = self.lane.asks() {
            self.say_if_stuck(question, counts, doubt);
        }
        Ok(())
    }

    /// Looks the stream through for what is not known here: messages were removed from it, and counts tell nothing.
    async fn search(
        &self,
        question: Question,
        counts: Counts,
        filters: &[String],
    ) -> Result<(), EnsureError> {
        while let Some(sequence) = self.lane.first_returned(question) {
            let there = self.bus.first_from(&self.stream, sequence, &[]);
            if there.await? == Some(sequence) {
                break;
            }
            self.lane.is_gone(question, sequence);
        }
        // What is under way is not missing.
        let deadline = Instant::now() + LOOK;
        while !self.lane.has_come(counts.delivered) && Instant::now() < deadline {
            tokio::time::sleep(LOOK / 25).await;
        }
        if !self.is_missing(counts, filters).await? {
            self.lane.nothing_is_missing(question, counts);
        }
        Ok(())
    }

    /// Whether the stream has a message of these that was delivered by then, and is neither stored nor in hand.
    async fn is_missing(&self, counts: Counts, filters: &[String]) -> Result<bool, EnsureError> {
        let mut from = counts.floor + 1;
        while let Some(unknown) = self.lane.first_unknown(from, counts.through) {
            let next = self.bus.first_from(&self.stream, unknown, filters);
            match next.await?.filter(|next| *next <= counts.through) {
                None => break,
                Some(next) if self.lane.first_unknown(next, next).is_some() => return Ok(true),
                Some(next) => from = next + 1,
            }
        }
        Ok(false)
    }

    fn say_if_stuck(&self, question: Question, counts: Counts, doubt: &mut Doubt) {
        // While the path is busy, nothing may be asked for, and then nothing comes.
        if self.lane.held() > 0 {
            doubt.is_over();
            return;
        }
        if doubt.since(question).elapsed() > self.ack_wait * TOO_LONG {
            error!(
                stream = self.stream,
                consumer = self.consumer,
                pending = counts.pending,
                in_hand = self.lane.in_hand(),
                "a lane acks nothing, because the server waits for messages that do not come. If no other worker has them, delete \
                 the consumer: it is made again from its last ack, and what then comes twice changes nothing"
            );
            doubt.signs = Some((question.signs, Instant::now()));
            doubt.stuck.set(1);
        }
    }

    async fn prolong(&self) {
        let period = self.lane.end_period();
        let mut above = 0;
        while let Some((replies, last)) = self.lane.prolong(period, above, PIECE) {
            for reply in replies {
                // A closed connection shows elsewhere; the worst here is a redelivery.
                if self.bus.prolong(reply).await.is_ok() {
                    self.metrics.prolonged.inc();
                }
            }
            above = last;
        }
    }
}
