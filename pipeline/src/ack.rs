//! The last step: batches that every store has come in, acknowledgements go out. Nothing is acknowledged anywhere else.
//! An acknowledgement that gets lost on the way costs a redelivery, which changes nothing.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use async_nats::Subject;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::batch::Batch;
use crate::bus::Bus;
use crate::delivery::Right;
use crate::metrics::Metrics;
use crate::sink::share::InFlight;
use crate::source::era::{Era, Eras};
use crate::source::lane::{Claim, Lane};

/// Who is told: the server, or nobody for sources that wait for no ack.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per process")]
pub enum Told {
    /// The server, over this connection, of messages whose era is not over.
    Server(Bus, Eras),
    /// Nobody.
    Nobody,
}

/// Acknowledges what comes on `settled` until it is closed; gives the batches' buffers to `recycled`.
pub async fn run(
    mut settled: mpsc::Receiver<Arc<InFlight>>,
    told: Told,
    recycled: mpsc::Sender<Batch>,
    metrics: Arc<Metrics>,
) {
    let mut teller = Teller {
        told,
        metrics,
        run: Run::default(),
    };
    while let Some(in_flight) = settled.recv().await {
        match in_flight.into_batch() {
            Ok(mut batch) => {
                for entry in batch.entries.drain(..) {
                    teller.settle(entry.delivery.ack.into_right()).await;
                }
                teller.end_run().await;
                // With enough spare buffers around the batch is simply dropped.
                recycled.try_send(batch).ok();
            }
            // The ledger is looking at it just now.
            Err(shared) => {
                for entry in &shared.batch().entries {
                    teller.settle_shared(entry.delivery.ack.right()).await;
                }
                teller.end_run().await;
            }
        }
    }
    let told = teller.told;
    // Without a connection there is nobody to wait for: what was not acked is delivered again.
    if let Told::Server(bus, _) = &told
        && bus.is_connected()
        && let Err(error) = bus.flush().await
    {
        warn!(%error, "the last acks may not have reached the server");
    }
}

/// Messages of one lane, one behind the other, as they stand in a batch: they are settled under one lock.
#[derive(Default)]
struct Run {
    /// And of which of its ledgers.
    lane: Option<(Arc<Lane>, u64)>,
    streams: Vec<u64>,
}

/// Tells the server what is stored.
struct Teller {
    told: Told,
    metrics: Arc<Metrics>,
    run: Run,
}

impl Teller {
    async fn settle(&mut self, right: Right) {
        match right {
            Right::Reply(reply, era) => self.ack_in(era, reply).await,
            Right::Ticket(ticket) => {
                if let Some((lane, claim)) = ticket.used() {
                    self.note(&lane, claim).await;
                }
            }
            Right::Nobody => self.metrics.acked.inc(),
        }
    }

    async fn settle_shared(&mut self, right: &Right) {
        match right {
            Right::Reply(reply, era) => self.ack_in(*era, reply.clone()).await,
            Right::Ticket(ticket) => {
                if let Some(lane) = ticket.lane() {
                    let lane = Arc::clone(lane);
                    self.note(&lane, ticket.claim()).await;
                }
            }
            Right::Nobody => self.metrics.acked.inc(),
        }
    }

    async fn ack_in(&self, era: Era, reply: Subject) {
        match &self.told {
            Told::Server(_, eras) if eras.is_over(era) => self.metrics.forgotten.inc(),
            Told::Server(..) | Told::Nobody => self.ack(Some(reply), 1).await,
        }
    }

    async fn note(&mut self, lane: &Arc<Lane>, claim: Claim) {
        let same = |(of, generation): &(Arc<Lane>, u64)| {
            Arc::ptr_eq(of, lane) && *generation == claim.generation
        };
        if !self.run.lane.as_ref().is_some_and(same) {
            self.end_run().await;
            self.run.lane = Some((Arc::clone(lane), claim.generation));
        }
        self.run.streams.push(claim.stream);
    }

    async fn end_run(&mut self) {
        if let Some((lane, generation)) = self.run.lane.take() {
            let (subject, acked) = lane.settle(generation, &self.run.streams);
            self.run.streams.clear();
            self.ack(subject, acked).await;
        }
    }

    /// One publish for so many messages.
    async fn ack(&self, reply: Option<Subject>, messages: u64) {
        if let (Told::Server(bus, _), Some(reply)) = (&self.told, reply)
            && let Err(error) = bus.ack(reply).await
        {
            warn!(%error, "an ack could not be sent: its messages will be delivered again");
            return;
        }
        self.metrics.acked.inc_by(messages);
    }
}

/// The batches that wait for a verdict, so that the server can be told that they are worked on.
#[derive(Debug, Default, Clone)]
pub struct Ledger(Arc<Mutex<Vec<Weak<InFlight>>>>);

impl Ledger {
    /// Takes note of a batch that was dispatched.
    pub fn note(&self, in_flight: &Arc<InFlight>) {
        let mut batches = self.0.lock().expect("no holder panics");
        batches.retain(|batch| batch.strong_count() > 0);
        batches.push(Arc::downgrade(in_flight));
    }

    fn waiting(&self, longer_than: Duration) -> Vec<Arc<InFlight>> {
        let batches = self.0.lock().expect("no holder panics");
        let waiting = batches.iter().filter_map(Weak::upgrade);
        waiting
            .filter(|batch| !batch.is_settled() && batch.since().elapsed() > longer_than)
            .collect()
    }

    /// From time to time restarts the server's ack wait for the messages of batches on a slow store. Never ends.
    pub async fn prolong(
        self,
        (bus, eras): (Bus, Eras),
        ack_wait: Duration,
        metrics: Arc<Metrics>,
    ) {
        let every = ack_wait / 3;
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for in_flight in self.waiting(every / 2) {
                for reply in in_flight
                    .batch()
                    .entries
                    .iter()
                    .filter_map(|entry| entry.delivery.ack.reply_in(&eras))
                {
                    // A closed connection shows elsewhere; the worst here is a redelivery.
                    if bus.prolong(reply.clone()).await.is_ok() {
                        metrics.prolonged.inc();
                    }
                }
            }
        }
    }
}
