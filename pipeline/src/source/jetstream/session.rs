//! One session: pulls go out on the source's inbox, messages come in and are held for the path. It ends when something goes wrong;
//! what it received stays held, and nothing is lost.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::{Message, StatusCode, Subject};
use futures_util::FutureExt;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Acks, Over, Source};
use crate::bus::{EnsureError, Line};
use crate::delivery::{Ack, CHUNK, Delivery};
use crate::source::era::Era;
use crate::source::handoff::Handoff;
use crate::source::inbox::Inbox;
use crate::source::lane::{Begun, Delivered, Lane};
use crate::source::ledger::Arrival;
use crate::source::plan;
use crate::source::pulls::{self, Pulls, Told};
use crate::source::reply::{self, Reply};
use crate::source::said::Said;

/// Two missed heartbeats: something open here is not open there.
const SILENCE: Duration = Duration::from_secs(1);
/// For how long a stop goes on using up its open pulls, and the pause in the flow that makes it needless.
const LINGER: Duration = Duration::from_secs(2);
const QUIET: Duration = Duration::from_millis(100);
impl Source {
    pub(super) async fn session(
        &self,
        inbox: &mut Option<Inbox>,
        handoff: &mut Handoff,
        stop: &CancellationToken,
    ) -> Result<(), Over> {
        if !self.bus.is_connected() {
            return Err(Over::Disconnected);
        }
        // Before the consumer is looked at: what is found then holds for this connection and for no later one.
        let line = self.bus.line();
        self.ensure().await?;
        if let Acks::All(owned) = &self.acks
            && self.begin(&owned.lane, line.clone()).await? == Begun::Anew
        {
            // What the server had sent of the other one would be taken for this one's.
            *inbox = None;
        }
        let era = self.history.eras().now();
        if inbox.as_ref().is_some_and(|inbox| inbox.era() != era) {
            // What the server had sent of another history is not taken.
            *inbox = None;
        }
        let inbox = match inbox {
            Some(inbox) => inbox,
            None => inbox.insert(Inbox::open(&self.bus, era).await?),
        };
        inbox.start_session();
        let mut pulls = Pulls::new(self.config.prefetch_bytes, self.bus.max_payload());
        let mut watchdog = interval(SILENCE / 4);
        let mut prolong = interval(self.config.ack_wait / 3);
        watchdog.set_missed_tick_behavior(MissedTickBehavior::Delay);
        prolong.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_sign = Instant::now();
        loop {
            self.ask(&mut pulls, handoff.bytes(), inbox.reply()).await?;
            tokio::select! {
                () = stop.cancelled() => {
                    self.take_the_rest(inbox, &mut pulls, handoff).await;
                    return Err(Over::Stopped);
                }
                handed = handoff.hand_over(), if !handoff.is_empty() => handed?,
                message = inbox.next() => {
                    let message = message.ok_or(Over::Disconnected)?;
                    self.take_together(message, inbox, &mut pulls, handoff)?;
                    last_sign = Instant::now();
                }
                _ = watchdog.tick() => {
                    // What was open on a lost connection is open no more, even if there is another one already.
                    if !line.is_up() {
                        return Err(Over::Disconnected);
                    }
                    if self.history.is_gone() {
                        return Err(Over::Gone);
                    }
                    if self.history.eras().is_over(era) {
                        return Err(Over::OtherHistory);
                    }
                    if pulls.expects() && last_sign.elapsed() > SILENCE {
                        return Err(Over::Silence);
                    }
                }
                _ = prolong.tick() => self.prolong(handoff).await?,
            }
            self.held.set(handoff.bytes() as u64);
        }
    }

    /// Asks whether the consumer is still the one whose messages are in hand.
    async fn begin(&self, lane: &Lane, line: Line) -> Result<Begun, Over> {
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        let Some(state) = self.bus.consumer_state(stream, consumer).await? else {
            let what = format!("consumer {consumer}");
            let reason = "it was deleted just now".to_owned();
            return Err(EnsureError::Unavailable { what, reason }.into());
        };
        lane.over(line);
        let begun = lane.begin(&state);
        if begun == Begun::Anew {
            self.metrics.forgotten.inc_by(lane.take_forgotten());
            warn!(
                stream,
                consumer,
                "the consumer is not as it was when messages were received: what is un-acked is read again"
            );
        }
        // Before the first pull nothing is under way: a consumer with nothing pending leaves no doubt, and acks flow from the first
        // batch on. Otherwise it takes so long to agree that the server stops at `max_ack_pending`.
        if let Some(question) = lane.asks() {
            let (counts, _) = self.bus.counts(stream, consumer).await?;
            lane.confirm(question, counts);
        }
        Ok(begun)
    }

    async fn ask(&self, pulls: &mut Pulls, held: usize, reply: &Subject) -> Result<(), Over> {
        while let Some(bytes) = pulls.next(held) {
            let (stream, consumer) = (&self.config.stream, &self.config.consumer);
            let request = pulls::request(bytes);
            self.bus
                .pull(stream, consumer, reply.clone(), request)
                .await?;
        }
        Ok(())
    }

    /// Takes `first` and what else is there already: one turn of the loop and one count for many messages.
    fn take_together(
        &self,
        first: Message,
        inbox: &mut Inbox,
        pulls: &mut Pulls,
        handoff: &mut Handoff,
    ) -> Result<(), Over> {
        let mut tally = Tally::of(self, inbox.era());
        self.take(first, pulls, handoff, &mut tally)?;
        for _ in 1..CHUNK {
            // Without the runtime's budget, which would end it at half of them.
            let there = tokio::task::unconstrained(inbox.next()).now_or_never();
            let Some(Some(message)) = there else { break };
            self.take(message, pulls, handoff, &mut tally)?;
        }
        Ok(())
    }

    fn take(
        &self,
        message: Message,
        pulls: &mut Pulls,
        handoff: &mut Handoff,
        tally: &mut Tally<'_>,
    ) -> Result<(), Over> {
        if let Some(status) = message.status {
            return status_says(status, &message, pulls);
        }
        pulls.arrived(message.length);
        let Some(reply) = message.reply.as_deref().and_then(reply::parse) else {
            warn!(subject = %message.subject, "a message on the pull inbox is not JetStream's; ignored");
            return Ok(());
        };
        tally.add(message.payload.len(), &reply);
        let Some(ack) = self.ack(message.reply, &reply, tally.era)? else {
            self.metrics.duplicates.inc();
            return Ok(());
        };
        let said = Said::by(message.headers.as_ref());
        handoff.hold(Delivery {
            subject: plan::published(message.subject, &self.prefix),
            payload: message.payload,
            declared: said.encoding,
            stamp: said.stamp(reply.stamp),
            ack,
        });
        Ok(())
    }

    /// The right to ack a message; `None` for one that is in hand already.
    fn ack(&self, subject: Option<Subject>, reply: &Reply, era: Era) -> Result<Option<Ack>, Over> {
        let Some(subject) = subject else {
            return Ok(Some(Ack::none()));
        };
        Ok(match (&self.acks, reply.stamp.sequence) {
            (Acks::All(owned), Some(sequence)) => {
                let arrival = Arrival {
                    stream: sequence.get(),
                    consumer: reply.consumer,
                    time: reply.stamp.time,
                    attempt: reply.stamp.attempt,
                };
                match owned.lane.deliver(arrival, &subject) {
                    Delivered::New(ticket) => Some(Ack::by_ticket(ticket)),
                    Delivered::Again => None,
                    Delivered::Stranger => return Err(Over::Stranger(arrival.stream)),
                }
            }
            // No stream counts from 0.
            (Acks::All(_), None) => Some(Ack::none()),
            (Acks::Each, _) => Some(Ack::by_reply(subject, era)),
        })
    }

    async fn prolong(&self, handoff: &Handoff) -> Result<(), Over> {
        let held = handoff.held();
        for reply in held.filter_map(|delivery| delivery.ack.reply_in(self.history.eras())) {
            self.bus.prolong(reply.clone()).await?;
            self.metrics.prolonged.inc();
        }
        Ok(())
    }

    /// After the stop: what the server has already sent is ours to handle, or it would come again only after `ack_wait`. The
    /// same goes for what it is about to send: it has messages on their way that an unsubscribe in full flow leaves with nobody
    /// (up to 77 were seen). So open pulls are first used up, unless the flow has paused.
    async fn take_the_rest(&self, inbox: &mut Inbox, pulls: &mut Pulls, handoff: &mut Handoff) {
        let deadline = Instant::now() + LINGER;
        while pulls.expects() && Instant::now() < deadline {
            let Ok(Some(message)) = tokio::time::timeout(QUIET, inbox.next()).await else {
                break;
            };
            if self.take_together(message, inbox, pulls, handoff).is_err() {
                break;
            }
        }
        if inbox.drain().await.is_err() {
            return;
        }
        while let Ok(Some(message)) = tokio::time::timeout(SILENCE, inbox.next()).await {
            if self.take_together(message, inbox, pulls, handoff).is_err() {
                return;
            }
        }
    }
}

/// Messages that came together; told to the metrics when it is dropped, so that an error behind them hides none.
struct Tally<'s> {
    source: &'s Source,
    era: Era,
    messages: u64,
    bytes: u64,
    again: u64,
    pending: Option<u64>,
}

impl<'s> Tally<'s> {
    fn of(source: &'s Source, era: Era) -> Self {
        Self {
            source,
            era,
            messages: 0,
            bytes: 0,
            again: 0,
            pending: None,
        }
    }

    fn add(&mut self, bytes: usize, reply: &Reply) {
        self.messages += 1;
        self.bytes += bytes as u64;
        self.again += u64::from(reply.stamp.attempt.is_again());
        self.pending = Some(reply.pending);
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        let metrics = &self.source.metrics;
        metrics.received.inc_by(self.messages);
        let came = &self.source.came;
        came.fetch_add(self.messages, Ordering::Relaxed);
        metrics.received_bytes.inc_by(self.bytes);
        metrics.redelivered.inc_by(self.again);
        if let Some(pending) = self.pending {
            self.source.pending.set(pending);
        }
    }
}

/// What a status on the pull inbox means for the account of open pulls.
fn status_says(status: StatusCode, message: &Message, pulls: &mut Pulls) -> Result<(), Over> {
    match pulls.told(status, message) {
        Told::Understood => Ok(()),
        Told::Refused => {
            let description = message.description.as_deref().unwrap_or_default();
            Err(Over::Status(format!("{status} {description}")))
        }
    }
}
