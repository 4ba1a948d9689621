//! The loop of decode and batch, in one task: chunks of deliveries come in, batches go out to the sinks of their destination.
//! Nothing is lost: a message is in a batch, with its letters and its ack, before the next one is looked at. A sink that does
//! not take a batch stops the loop, and with it the source.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tracing::error;

use crate::ack::{Ledger, Told};
use crate::batch::{Batch, Batcher, Cut, Limits};
use crate::deadletter::Office;
use crate::decode::Decoder;
use crate::decode::observe::Nobody;
use crate::decode::route::Router;
use crate::delivery::{Attempt, Chunk, Delivery};
use crate::exporter::Exporter;
use crate::exporter::table::Table;
use crate::metrics::Metrics;
use crate::sink::share::{InFlight, Share};
use crate::source::handoff::Intake;
use alone::Alone;

/// What is written down of messages that were delivered too often.
pub mod alone;
/// How they pass.
mod solo;

/// One destination: the open batch, and the sinks that take it.
#[derive(Debug)]
struct Outlet {
    batcher: Batcher,
    sinks: Vec<mpsc::Sender<Share>>,
}

/// Where finished batches and their parts go.
#[derive(Debug)]
pub struct Ways {
    /// For each destination its sinks.
    pub sinks: Vec<Vec<mpsc::Sender<Share>>>,
    /// Dead letters.
    pub office: Office,
    /// Batches that no store takes are settled at once.
    pub settled: mpsc::Sender<Arc<InFlight>>,
    /// Batches that come back for their buffers.
    pub recycled: mpsc::Receiver<Batch>,
    /// Who waits for a verdict.
    pub ledger: Ledger,
}

/// The stage.
#[derive(Debug)]
pub struct Path {
    router: Arc<Router>,
    decoder: Decoder,
    outlets: Vec<Outlet>,
    ways: Ways,
    exporter: Exporter,
    told: Told,
    ack_wait: Duration,
    alone: Option<Alone>,
    /// When the server was told last that messages wait for one that goes alone.
    prolonged: Option<tokio::time::Instant>,
    metrics: Arc<Metrics>,
}

/// Why decode has paused.
enum Halt {
    /// This batch is to be cut.
    Cut(usize, Cut),
    /// The next message was delivered too often to be decoded beside others.
    Often,
}

/// A sink has ended before its input did: what it had is delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sink has ended too early")]
pub struct SinkEnded;

impl Path {
    /// Joins decode for what `router` routes with the ways out. While a sink is slow the server is `told` every third of `ack_wait`.
    pub fn new(
        router: Arc<Router>,
        limits: Limits,
        mut ways: Ways,
        exporter: Exporter,
        (told, ack_wait): (Told, Duration),
        metrics: Arc<Metrics>,
    ) -> Self {
        let sinks = std::mem::take(&mut ways.sinks);
        let outlets = sinks
            .into_iter()
            .map(|sinks| Outlet {
                batcher: Batcher::new(limits),
                sinks,
            })
            .collect();
        Self {
            decoder: Decoder::new(&router),
            router,
            outlets,
            ways,
            exporter,
            told,
            ack_wait,
            alone: None,
            prolonged: None,
            metrics,
        }
    }

    /// Messages that were delivered too often go alone, and are written down there.
    #[must_use]
    pub fn with_alone(mut self, alone: Option<Alone>) -> Self {
        self.alone = alone;
        self
    }

    /// Works until the source has ended and everything is dispatched.
    ///
    /// # Errors
    /// When a sink has ended; everything that is not settled is delivered again.
    pub async fn run(mut self, mut intake: Intake) -> Result<(), SinkEnded> {
        loop {
            let due = self
                .outlets
                .iter()
                .filter_map(|outlet| outlet.batcher.due())
                .min();
            let age = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // What is due goes first: a steady stream must not put it off.
                biased;
                () = age => self.cut_due().await?,
                chunk = intake.next() => match chunk {
                    Some(chunk) => {
                        let emptied = self.work(chunk).await?;
                        intake.give_back(emptied);
                    }
                    None => break,
                },
            }
        }
        self.cut_all(Cut::Drain, &[]).await
    }

    async fn work(&mut self, mut chunk: Chunk) -> Result<Chunk, SinkEnded> {
        let mut deliveries = chunk.drain(..);
        while let Some(halt) = self.step(&mut deliveries) {
            match halt {
                Halt::Cut(destination, cut) => {
                    self.cut(destination, cut, deliveries.as_slice()).await?;
                }
                Halt::Often => {
                    if let Some(delivery) = deliveries.next() {
                        self.go_alone(delivery, deliveries.as_slice()).await?;
                    }
                }
            }
        }
        drop(deliveries);
        Ok(chunk)
    }

    /// Decodes into batches until one is to be cut or there is nothing left. Does not wait for anything, so that the series
    /// table may be held all the way.
    fn step(&mut self, deliveries: &mut std::vec::Drain<'_, Delivery>) -> Option<Halt> {
        let now = Instant::now();
        let exporter = self.exporter.clone();
        let mut table = exporter.lock();
        while let Some(next) = deliveries.as_slice().first() {
            if next.stamp.attempt == Attempt::Often && self.alone.is_some() {
                return Some(Halt::Often);
            }
            let delivery = deliveries.next()?;
            if let Some(halt) = self.take(delivery, &mut table, now) {
                return Some(halt);
            }
        }
        None
    }

    #[inline]
    fn take(&mut self, delivery: Delivery, table: &mut Table, now: Instant) -> Option<Halt> {
        table.begin(&delivery.stamp, now);
        let (destination, lines) = self.decode(&delivery, table);
        self.metrics.decoded.inc();
        self.metrics.lines.inc_by(u64::from(lines));
        let batcher = &mut self.outlets[destination].batcher;
        let cut = batcher.push(delivery, lines, now)?;
        Some(Halt::Cut(destination, cut))
    }

    async fn cut_all(&mut self, cut: Cut, behind: &[Delivery]) -> Result<(), SinkEnded> {
        for destination in 0..self.outlets.len() {
            self.cut(destination, cut, behind).await?;
        }
        Ok(())
    }

    /// Decodes one message into the open batch of its destination; which one that is, and how many lines it got.
    fn decode(&mut self, delivery: &Delivery, table: &mut Table) -> (usize, u32) {
        let Some(route) = self.router.route(&delivery.subject) else {
            let destination = self.router.strays();
            let (_, letters) = self.outlets[destination].batcher.open();
            letters.push(self.router.stray(delivery));
            return (destination, 0);
        };
        let (body, letters) = self.outlets[route.destination].batcher.open();
        let lines = if self.exporter.shows(route.class) {
            self.decoder.decode(delivery, &route, body, table, letters)
        } else {
            self.decoder
                .decode(delivery, &route, body, &mut Nobody, letters)
        };
        (route.destination, lines)
    }

    async fn cut_due(&mut self) -> Result<(), SinkEnded> {
        let now = Instant::now();
        for destination in 0..self.outlets.len() {
            if self.outlets[destination]
                .batcher
                .due()
                .is_some_and(|due| due <= now)
            {
                self.cut(destination, Cut::Age, &[]).await?;
            }
        }
        Ok(())
    }

    /// Sends the open batch of `destination` on its way; `behind` is what waits to be decoded meanwhile.
    async fn cut(
        &mut self,
        destination: usize,
        cut: Cut,
        behind: &[Delivery],
    ) -> Result<(), SinkEnded> {
        let outlet = &mut self.outlets[destination];
        while let Ok(batch) = self.ways.recycled.try_recv() {
            outlet.batcher.recycle(batch);
        }
        let Some(batch) = outlet.batcher.cut() else {
            return Ok(());
        };
        self.metrics
            .batches
            .with_label_values(&[cut.as_str()])
            .inc();
        #[expect(
            clippy::cast_precision_loss,
            reason = "a batch has far fewer than 2^52 lines"
        )]
        self.metrics.batch_lines.observe(batch.lines as f64);

        let sinks: &[_] = if batch.lines == 0 {
            &[]
        } else {
            &self.outlets[destination].sinks
        };
        let letters = usize::from(!batch.letters.is_empty());
        let settled = self.ways.settled.clone();
        let parts = sinks.len() + letters;
        let (in_flight, mut shares) = Share::split(
            batch,
            parts,
            settled,
            Arc::clone(&self.metrics),
            Instant::now(),
        );
        if parts == 0 {
            return self
                .ways
                .settled
                .send(in_flight)
                .await
                .map_err(|_| SinkEnded);
        }
        self.ways.ledger.note(&in_flight);
        drop(in_flight);
        if letters == 1
            && let Some(share) = shares.pop()
        {
            self.ways
                .office
                .keep_of(share)
                .await
                .map_err(|_| SinkEnded)?;
        }
        for (sink, share) in sinks.iter().zip(shares) {
            self.wait_for_room(sink, behind).await?.send(share);
        }
        Ok(())
    }

    /// Waits until `sink` takes a batch, and tells the server meanwhile that what waits here is worked on.
    async fn wait_for_room<'s>(
        &self,
        sink: &'s mpsc::Sender<Share>,
        behind: &[Delivery],
    ) -> Result<mpsc::Permit<'s, Share>, SinkEnded> {
        if let Ok(room) = sink.try_reserve() {
            return Ok(room);
        }
        let mut prolong = interval(self.ack_wait / 3);
        prolong.set_missed_tick_behavior(MissedTickBehavior::Delay);
        prolong.reset();
        loop {
            tokio::select! {
                room = sink.reserve() => return room.map_err(|_| {
                    error!("a sink has ended before its input did");
                    SinkEnded
                }),
                _ = prolong.tick() => self.prolong(behind).await,
            }
        }
    }

    async fn prolong(&self, behind: &[Delivery]) {
        let Told::Server(bus, eras) = &self.told else {
            return;
        };
        let open = self
            .outlets
            .iter()
            .flat_map(|outlet| outlet.batcher.entries())
            .map(|entry| &entry.delivery);
        for reply in open
            .chain(behind)
            .filter_map(|delivery| delivery.ack.reply_in(eras))
        {
            // A closed connection shows elsewhere; the worst here is a redelivery.
            if bus.prolong(reply.clone()).await.is_ok() {
                self.metrics.prolonged.inc();
            }
        }
    }
}
